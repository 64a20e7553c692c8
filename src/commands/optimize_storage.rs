//! `evo optimize-storage`: look at the warehouse's storage, and mend it without blocking anybody.

use serde_json::{Value, json};

use super::warehouse;
use crate::config::Settings;
use crate::entity::Entity;
use crate::error::{Error, Kind, Result};
use crate::ledger::runs::Execution;
use crate::report::table::table;
use crate::report::{Outcome, units};
use crate::shutdown::Shutdown;
use crate::storage::{self, Index, Report, Step};

/// Tables of the ledger, looked after together with all entities.
const LEDGER: [&str; 7] =
    ["evo.batches", "evo.issues", "evo.model_batches", "evo.models", "evo.objects", "evo.rejects", "evo.runs"];

/// Shows heap, TOAST and indexes, dead tuples and what to do about them; with --vacuum or --reindex does it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  evo optimize-storage                        look; changes nothing
  evo optimize-storage sales --vacuum         VACUUM (ANALYZE) of its staging and core tables
  evo optimize-storage --vacuum --reindex     everything, as the weekly job does

Loads and readers go on meanwhile: VACUUM is never FULL, and indexes are rebuilt CONCURRENTLY. INVALID leftovers of a
canceled rebuild are dropped first.")]
pub struct Args {
    /// Entities [default: all, and evo's own tables]
    #[arg(value_name = "ENTITY")]
    pub entities: Vec<String>,
    /// Look and change nothing (the default)
    #[arg(long, conflicts_with_all = ["vacuum", "reindex"])]
    pub analyze: bool,
    /// VACUUM (ANALYZE)
    #[arg(long)]
    pub vacuum: bool,
    /// REINDEX CONCURRENTLY
    #[arg(long)]
    pub reindex: bool,
}

/// Runs the command.
///
/// # Errors
/// When nothing could be begun; a table or index that failed is part of the outcome, the others go on.
pub async fn run(args: Args, settings: &Settings) -> Result<Outcome> {
    let warehouse = warehouse::open(settings, "optimize-storage", 2).await?;
    let entities = warehouse.catalog.select(&args.entities)?;
    let everything = entities.len() == warehouse.catalog.all().len();
    let tables = tables(&entities, everything);
    let connection = warehouse.pool.get().await?;
    let report = storage::analyze(&connection, &tables).await?;
    if !args.vacuum && !args.reindex {
        return Ok(Outcome::new(shown(&report) + "\n\nnothing was changed", report_json(&report)));
    }
    let shutdown = Shutdown::listen()?;
    let names: Vec<&str> = entities.iter().map(|e| e.name.as_str()).collect();
    let arguments = json!({ "vacuum": args.vacuum, "reindex": args.reindex });
    let execution = Execution::begin(&warehouse.pool, "optimize-storage", &names, &arguments).await?;
    let work = async {
        let (mut dropped, mut reindexed, mut vacuumed) = (Vec::new(), Vec::new(), Vec::new());
        if args.reindex {
            dropped = storage::drop_leftovers(&connection, &report).await?;
            let indexes: Vec<&Index> = report.indexes.iter().filter(|i| !i.is_leftover).collect();
            reindexed = storage::reindex(&connection, &indexes).await?;
        }
        if args.vacuum {
            vacuumed = storage::vacuum(&connection, &report.tables).await?;
        }
        Ok::<_, Error>((dropped, reindexed, vacuumed))
    };
    // Dropping the connection cancels nothing that is done; what is under way the server rolls back.
    let result = tokio::select! {
        result = work => result,
        () = shutdown.requested() => Err(shutdown.error()),
    };
    let (dropped, reindexed, vacuumed) = match result {
        Ok(done) => done,
        Err(error) => {
            execution.finish(&warehouse.pool, &Value::Null, Some(&error)).await;
            return Err(error);
        }
    };
    let after = storage::analyze(&connection, &tables).await?;
    let json = json!({
        "dropped": dropped, "reindexed": steps_json(&reindexed, "index"), "vacuumed": steps_json(&vacuumed, "table"),
        "tables": report_json(&after)["tables"],
    });
    let failure = failure(reindexed.iter().chain(&vacuumed));
    execution.finish(&warehouse.pool, &json, failure.as_ref()).await;
    Ok(Outcome::new(done_text(&report, &after, &dropped, &[&reindexed, &vacuumed]), json).failed_with(failure))
}

fn tables(entities: &[&Entity], everything: bool) -> Vec<String> {
    let of_entities = entities
        .iter()
        .flat_map(|e| std::iter::once(e.staging.table.clone()).chain(e.models.iter().map(|m| m.table.clone())));
    let ledger = LEDGER.iter().filter(|_| everything).map(|t| (*t).to_owned());
    of_entities.chain(ledger).collect()
}

fn failure<'a>(steps: impl Iterator<Item = &'a Step>) -> Option<Error> {
    let failed: Vec<(&str, &Error)> = steps.filter_map(|s| Some((s.name.as_str(), s.failure.as_ref()?))).collect();
    let (_, first) = failed.first()?;
    let kind = if first.kind() == Kind::Internal { Kind::Internal } else { first.kind() };
    Some(
        Error::new(kind, format!("{} of the tables and indexes could not be mended", failed.len()))
            .detail(failed.iter().map(|(name, e)| format!("{name}: {e}")).collect::<Vec<_>>().join("\n"))
            .hint("the others are done; run the same command again"),
    )
}

fn shown(report: &Report) -> String {
    let rows = report.by_parent().into_iter().map(|t| {
        vec![
            t.name.clone(),
            units::bytes(t.heap_bytes),
            units::bytes(t.toast_bytes),
            units::bytes(t.index_bytes),
            units::count(t.live_tuples),
            units::count(t.dead_tuples),
            t.last_vacuum.clone().unwrap_or_else(|| "never".to_owned()),
            t.last_analyze.clone().unwrap_or_else(|| "never".to_owned()),
            report.recommendation(&t).to_owned(),
        ]
    });
    let headers =
        ["table", ">heap", ">toast", ">indexes", ">~live", ">~dead", "vacuumed (UTC)", "analyzed (UTC)", "recommended"];
    let mut text = table(&headers, rows);
    for index in report.invalid() {
        text += &format!(
            "\nINVALID index {} ({}): serves nobody and costs every write",
            index.name,
            units::bytes(index.bytes)
        );
    }
    let unused = report.unused();
    if !unused.is_empty() {
        let since = report.statistics_since.clone().unwrap_or_else(|| "the server was made".to_owned());
        text += &format!("\nnot scanned since {since} on this server (a standby's readers do not count here):");
        for index in unused {
            text += &format!("\n  {} ({})", index.name, units::bytes(index.bytes));
        }
    }
    text + "\n~ is an estimate of the statistics, which a failover resets"
}

fn done_text(before: &Report, after: &Report, dropped: &[String], steps: &[&[Step]]) -> String {
    let sums = before.by_parent().into_iter().zip(after.by_parent());
    let rows = sums.map(|(was, is)| {
        vec![
            is.name.clone(),
            units::bytes(was.total_bytes()),
            units::bytes(is.total_bytes()),
            units::count(was.dead_tuples),
            units::count(is.dead_tuples),
        ]
    });
    let mut text = table(&["table", ">before", ">after", ">~dead before", ">~dead after"], rows);
    for name in dropped {
        text += &format!("\ndropped the INVALID leftover {name}");
    }
    for (list, verb) in steps.iter().zip(["indexes rebuilt", "tables vacuumed and analyzed"]) {
        if !list.is_empty() {
            let good = list.iter().filter(|s| s.failure.is_none()).count();
            text += &format!("\n{good} {verb} in {}", units::duration(list.iter().map(|s| s.elapsed).sum()));
        }
    }
    text
}

fn steps_json(steps: &[Step], what: &str) -> Vec<Value> {
    steps
        .iter()
        .map(|s| {
            json!({
                what: s.name, "before_bytes": s.before_bytes, "after_bytes": s.after_bytes,
                "elapsed_ms": s.elapsed.as_millis() as u64, "failure": s.failure.as_ref().map(ToString::to_string),
            })
        })
        .collect()
}

fn report_json(report: &Report) -> Value {
    let tables: Vec<Value> = report
        .by_parent()
        .iter()
        .map(|t| {
            json!({
                "table": t.name, "heap_bytes": t.heap_bytes, "toast_bytes": t.toast_bytes, "index_bytes": t.index_bytes,
                "live_tuples": t.live_tuples, "dead_tuples": t.dead_tuples, "last_vacuum": t.last_vacuum,
                "last_analyze": t.last_analyze, "recommendation": report.recommendation(t),
            })
        })
        .collect();
    let names = |list: Vec<&Index>| list.iter().map(|i| i.name.clone()).collect::<Vec<_>>();
    json!({ "tables": tables, "invalid_indexes": names(report.invalid()), "unused_indexes": names(report.unused()) })
}
