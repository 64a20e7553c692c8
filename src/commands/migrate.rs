//! Placeholder.

use crate::config::Settings;
use crate::error::Result;
use crate::report::Outcome;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs the command.
///
/// # Errors
/// What the command could not do.
pub async fn run(_args: Args, _settings: &Settings) -> Result<Outcome> {
    Ok(Outcome::default())
}
