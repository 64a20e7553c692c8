//! `evo optimize-storage`: show the warehouse's storage, vacuum it and rebuild its indexes.

mod advice;
mod args;
mod owners;
mod run;
mod show;

pub use args::Args;
pub use run::run;
