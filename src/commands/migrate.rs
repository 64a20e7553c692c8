//! `evo migrate`: the schemas evo, stg_evo and core.

use serde_json::json;

use super::database;
use crate::config::Settings;
use crate::entity::Catalog;
use crate::error::Result;
use crate::ledger::{migrations, zones};
use crate::pg::{Pool, Transaction};
use crate::report::Outcome;
use crate::report::table::table;
use crate::transform::{dimension, require_fitting_models};

/// Creates or upgrades the schemas, all or nothing; running it again changes nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  evo migrate --dry-run     what would be applied
  evo migrate

What others have in the schemas stg_evo and core is never touched, and is no
obstacle unless it has the name of something that evo creates: evo names it and
stops.")]
pub struct Args {
    /// Show what would be applied and apply nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Runs the command.
///
/// # Errors
/// `Config` when this evo cannot upgrade the schema; see [`crate::pg`].
pub async fn run(args: Args, settings: &Settings) -> Result<Outcome> {
    let list = migrations::all(settings.extend.as_deref())?;
    let catalog = Catalog::load(settings.extend.as_deref())?;
    let pool = match args.dry_run {
        true => Pool::new(database::as_it_is(settings)?, "evo:migrate", 1),
        false => Pool::for_writing(database::started(settings)?, "evo:migrate", 1, None),
    };
    let mut connection = pool.get().await?;
    zones::require_known(&connection, catalog.all()).await?;
    let models_fit = async |tx: &Transaction<'_>| require_fitting_models(tx, catalog.all()).await;
    let applied = migrations::apply_for(&mut connection, &list, catalog.all(), args.dry_run, models_fit).await?;
    if !args.dry_run {
        for dimension in dimension::all(settings.extend.as_deref(), &catalog)? {
            dimension.require_table(&connection).await?;
        }
    }
    let rows = applied.steps.iter().map(|(version, name, ms)| {
        vec![
            format!("{version:04}"),
            name.clone(),
            if args.dry_run { "would be applied".to_owned() } else { format!("{ms} ms") },
        ]
    });
    let text = match (applied.steps.is_empty(), args.dry_run) {
        (true, _) => format!("the schema is up to date (migration {:04})", applied.version),
        (false, true) => format!("{}\n\nnothing was applied (--dry-run)", table(&["migration", "name", ""], rows)),
        (false, false) => format!(
            "{}\n\nthe schema is at migration {:04}",
            table(&["migration", "name", ">took"], rows),
            applied.version
        ),
    };
    let steps: Vec<_> =
        applied.steps.iter().map(|(version, name, ms)| json!({ "version": version, "name": name, "ms": ms })).collect();
    Ok(Outcome::new(text, json!({ "version": applied.version, "dry_run": args.dry_run, "applied": steps })))
}
