//! `evo distribute`: the tables over the servers of a Citus cluster.

use serde_json::json;

use super::warehouse::{self, Access};
use crate::citus::{self, DistributedTable};
use crate::config::Settings;
use crate::entity::Catalog;
use crate::error::Result;
use crate::report::table::table;
use crate::report::{Outcome, units};
use crate::transform::dimension;

/// Distributes staging and core tables over the servers of a Citus cluster, by the key of the documents, and
/// copies dimensions to every server.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  evo distribute --dry-run        what would be distributed, and how
  evo distribute
  evo distribute entries --shards 64

Rows move in one transaction per entity, which needs its disk space twice;
readers wait until it ends. No job may be at work. What is distributed stays
so; run it again after a migration that makes tables. Settings that differ on
the servers are set for evo's role in this database. One server is enough
for a billion documents and more: see docs/scale.md first.")]
pub struct Args {
    /// members, sales, entries, prospects, one of your own, or all
    #[arg(value_name = "ENTITY", default_value = "all", hide_default_value = true)]
    pub entities: Vec<String>,
    /// Shards of an entity: four or more for each server that the cluster may once have
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub shards: u32,
    /// Show what would be distributed and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Runs the command.
///
/// # Errors
/// `Usage` for an unknown entity; `Config` without a cluster, or for a table that Citus refuses;
/// `AlreadyRunning` while a job is at work; see [`crate::pg`]. Entities before the error stay distributed.
pub async fn run(args: Args, settings: &Settings) -> Result<Outcome> {
    let catalog = Catalog::load(settings.extend.as_deref())?;
    let entities: Vec<_> = catalog.select(&args.entities)?.into_iter().cloned().collect();
    let dimensions = dimension::all(settings.extend.as_deref(), &catalog)?;
    let warehouse = warehouse::open(settings, catalog, ("distribute", 1), Access::of(!args.dry_run)?).await?;
    let mut connection = warehouse.pool.get().await?;
    let servers = citus::require_cluster(&connection).await?;
    let settings = citus::adapt(&connection, args.dry_run).await?;
    if !args.dry_run {
        citus::send_functions(&connection).await?;
    }
    let mut placements = Vec::new();
    for entity in &entities {
        placements.extend(citus::distribute(&mut connection, entity, (args.shards, args.dry_run)).await?);
    }
    for dimension in &dimensions {
        placements.push(citus::replicate(&mut connection, &dimension.table, args.dry_run).await?);
    }
    Ok(outcome(&args, servers, &settings, &placements))
}

fn outcome(args: &Args, servers: u32, settings: &[String], placements: &[DistributedTable]) -> Outcome {
    let state = |placement: &DistributedTable| match (placement.is_done, args.dry_run) {
        (true, _) => "as before",
        (false, true) => "would be",
        (false, false) => "done",
    };
    let row = |placement: &DistributedTable| {
        let how = match &placement.column {
            Some(column) => format!("by {column}"),
            None => "on every server".to_owned(),
        };
        vec![placement.table.clone(), how, state(placement).to_owned()]
    };
    let mut text = table(&["table", "distributed", ""], placements.iter().map(row));
    let on = units::counted(u64::from(servers), "server", "servers");
    text += &match (args.dry_run, placements.iter().any(|placement| !placement.is_done)) {
        (true, true) => format!("\n\n{} shards on {on}; nothing was changed (--dry-run)", args.shards),
        (false, true) => format!("\n\n{} shards on {on}", args.shards),
        (_, false) => "\n\neverything is distributed".to_owned(),
    };
    let set = if args.dry_run { "would be set" } else { "set" };
    text += &settings.iter().map(|statement| format!("\n{set}: {statement}")).collect::<String>();
    let tables: Vec<_> = placements
        .iter()
        .map(|p| json!({ "table": p.table, "column": p.column, "was_distributed": p.is_done }))
        .collect();
    let json = json!({
        "servers": servers, "shards": args.shards, "dry_run": args.dry_run, "tables": tables, "settings": settings,
    });
    Outcome::new(text, json)
}
