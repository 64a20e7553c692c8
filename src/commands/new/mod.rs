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

pub use args::Args;
pub use run::run;
pub(super) use update::{added_lines, written};
pub(super) use update_show::{added, changed, changed_json};
pub(super) use write::earlier_migrations;
