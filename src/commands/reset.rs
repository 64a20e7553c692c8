//! `evo reset`: an entity from the beginning.

use serde_json::json;

use super::warehouse::{self, Access};
use crate::config::Settings;
use crate::counted::counted;
use crate::entity::Catalog;
use crate::error::{Error, Kind, Result};
use crate::ledger::reset::{ResetCounts, reset};
use crate::pg::{EntityLock, Purpose};
use crate::report::{Outcome, units};

/// Empties the staging and core tables of an entity and forgets what was loaded, so that everything is loaded
/// again.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  evo reset sales             what would be removed
  evo reset sales --yes
  evo load sales && evo transform sales

The tables stay, and so do the lake and what evo extracted. Readers find the
core tables empty until the next transform: to read everything again without
that, use evo load --all-runs and evo transform --full-refresh.")]
pub struct Args {
    /// The entity
    #[arg(value_name = "ENTITY")]
    pub entity: String,
    /// Confirm
    #[arg(long)]
    pub yes: bool,
}

/// Runs the command.
///
/// # Errors
/// `Usage` for an unknown entity, and without --yes where something would be removed; `AlreadyRunning` while
/// a load or a transform works on it; see [`crate::pg`].
pub async fn run(args: Args, settings: &Settings) -> Result<Outcome> {
    let catalog = Catalog::load(settings.extend.as_deref())?;
    let entity = catalog.select(std::slice::from_ref(&args.entity))?;
    let [entity] = entity[..] else {
        return Err(Error::new(Kind::Usage, "evo reset takes one entity").hint("for example `evo reset visits`"));
    };
    let entity = entity.clone();
    let warehouse = warehouse::open(settings, catalog, ("reset", 2), Access::of(true)?).await?;
    let lock = EntityLock::new(&warehouse.pool, &entity.name, Purpose::Transform);
    lock.take().await?;
    let done = async {
        let mut connection = warehouse.pool.get().await?;
        reset(&mut connection, &entity, !args.yes).await
    };
    let done = done.await;
    lock.release().await;
    let counts = done?;
    let removed = removed(&counts);
    if !args.yes && !removed.is_empty() {
        return Err(Error::new(Kind::Usage, format!("this empties {}", entity.name))
            .detail(removed.join(", "))
            .hint(format!("if that is what you want: evo reset {} --yes", entity.name)));
    }
    let text = match removed.is_empty() {
        true => format!("{} is empty already", entity.name),
        false => format!("removed {}\nthe next `evo load {}` loads all objects", removed.join(", "), entity.name),
    };
    let tables: Vec<_> = counts.tables.iter().map(|(table, rows)| json!({ "table": table, "rows": rows })).collect();
    let json = json!({
        "entity": entity.name, "tables": tables, "objects": counts.objects, "batches": counts.batches,
        "rejects": counts.rejects, "issues": counts.issues,
    });
    Ok(Outcome::new(text, json))
}

fn removed(counts: &ResetCounts) -> Vec<String> {
    let rows = counts.tables.iter().filter(|(_, rows)| *rows > 0);
    let mut parts: Vec<String> =
        rows.map(|(table, rows)| format!("{} of {table}", units::counted(*rows, "row", "rows"))).collect();
    for (n, one, many) in [
        (counts.objects, "object", "objects"),
        (counts.batches, "batch", "batches"),
        (counts.rejects, "reject", "rejects"),
        (counts.issues, "issue", "issues"),
    ] {
        if n > 0 {
            parts.push(counted(n, one, many));
        }
    }
    parts
}
