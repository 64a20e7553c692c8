//! `evo new`: an entity from samples of its files.

mod args;
mod run;
mod samples;
mod show;
mod trial;
mod write;

pub use args::Args;
pub use run::run;
