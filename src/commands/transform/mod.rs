//! `evo transform`: staging into the typed core tables.

mod args;
mod lanes;
mod preview;
mod run;
mod show;

pub use args::Args;
pub use run::run;
