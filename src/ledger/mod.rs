//! The ledger: durable state in schema `evo`. Whatever a job must remember is here, never in the process
//! alone.

pub mod activity;
pub mod batches;
mod counts;
mod created;
pub mod definitions;
pub mod extractions;
pub mod followed;
pub mod history;
pub mod lakes;
pub mod listing;
pub mod manifests;
pub mod migrations;
pub mod models;
pub mod objects;
pub mod pace;
pub mod preview;
pub mod rejects;
pub mod reset;
pub mod rights;
pub mod runs;
pub mod seen;
mod selection;
mod sent;
mod sign_of_life;
pub mod staging;
pub mod waiting;
pub mod windows;
pub mod zones;
