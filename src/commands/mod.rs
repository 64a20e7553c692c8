//! One file per subcommand: its `Args` and its `run`.

pub mod check;
pub mod config;
pub mod db;
pub mod generate;
pub mod load;
mod loading;
pub mod migrate;
pub mod objects;
pub mod optimize_storage;
pub mod rejects;
pub mod status;
pub mod transform;
mod warehouse;
mod which_lake;
