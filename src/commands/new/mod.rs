//! `evo new`: an entity from samples of its files.

mod args;
mod place;
mod run;
mod samples;
mod scratch;
mod shapes;
mod show;
mod trial;
mod update;
mod update_show;
mod write;
mod written;

pub use args::Args;
pub use run::run;
pub(super) use update_show::{changed, changed_json, shown_differences};
pub(super) use write::earlier_migrations;
pub(super) use written::{FileDiff, differences, written};
