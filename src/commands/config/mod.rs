//! `evo config`: the effective settings and where each comes from, and every mistake in what people write.

mod check;
mod schema;
mod show;

pub(super) use check::mistakes_of;

use crate::config::Settings;
use crate::error::Result;
use crate::report::Outcome;

/// Shows the effective settings, or every mistake in them; secrets are never shown.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  evo config show       every setting, its value, and where it comes from
  evo config schema settings > evo.schema.json
                        what evo.toml may contain, for editors
  evo config check      every mistake in evo.toml, the environment, and the
                        entities, models, checks, dimensions and migrations
                        of --extend; connects to nothing")]
pub struct Args {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Show every setting, its value and its origin
    Show,
    /// List every mistake in settings and declarations; exit code 3 if there is one
    Check,
    /// Print the JSON schema of evo.toml or entity.toml, for editors
    Schema {
        /// settings: of evo.toml; entity: of entity.toml
        #[arg(value_name = "FILE", value_parser = ["settings", "entity"])]
        of: String,
    },
}

/// Runs the command.
///
/// # Errors
/// None; mistakes are part of the outcome.
pub async fn run(args: Args, settings: &Settings) -> Result<Outcome> {
    Ok(match args.action {
        None | Some(Action::Show) => show::show(settings),
        Some(Action::Check) => check::check(settings),
        Some(Action::Schema { of }) => schema::schema(&of),
    })
}
