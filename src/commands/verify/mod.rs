//! `evo verify`: is the warehouse right, from the lake to core?

mod args;
mod depth;
mod dimensions;
mod json;
mod remedy;
mod repair;
mod run;
mod show;
mod show_dimensions;
mod verified;
mod work;

pub use args::Args;
pub use run::run;
