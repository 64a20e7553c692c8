//! One file or folder per subcommand: its `Args` and its `run`. What several share is private: `warehouse`,
//! `addresses`, `contract`, `database`, `loading`, `which_lake`, `failures`, `threshold`, `measured`,
//! `patterns`.

mod addresses;
pub mod catalog;
pub mod check;
pub mod completions;
pub mod config;
mod contract;
mod database;
pub mod db;
pub mod distribute;
pub mod doctor;
pub mod drift;
pub mod extract;
mod failures;
pub mod generate;
pub mod load;
mod loading;
pub mod man;
mod measured;
pub mod migrate;
pub mod new;
pub mod objects;
pub mod optimize_storage;
mod patterns;
pub mod preview;
pub mod rejects;
pub mod reset;
pub mod runs;
pub mod status;
pub mod test;
mod threshold;
pub mod transform;
pub mod verify;
mod warehouse;
mod which_lake;
