//! One file per subcommand: its `Args` and its `run`.

pub mod check;
pub mod config;
pub mod db;
pub mod generate;
pub mod load;
mod loading;
pub mod migrate;
pub mod optimize_storage;
pub mod rejects;
pub mod status;
pub mod transform;
mod warehouse;
