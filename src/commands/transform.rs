//! `evo transform`: staging into the typed core tables.

use serde_json::{Value, json};

use super::warehouse::{self, Warehouse};
use crate::config::Settings;
use crate::error::Result;
use crate::ledger::runs::Execution;
use crate::pg::{EntityLock, Purpose};
use crate::report::table::table;
use crate::report::{Outcome, units};
use crate::shutdown::Shutdown;
use crate::transform::{Job, Summary};

/// Brings the core tables up to date with staging; readers always see a complete generation.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  evo transform all                      what changed since the last transform
  evo transform members --full-refresh   build a new generation beside the old one and swap it in
  evo transform sales --strict           stop at a value that does not fit its column

A value that does not fit its column becomes null and a row in evo.issues; the rest of the record lives.")]
pub struct Args {
    /// members, sales, entries, prospects, one of your own, or all
    #[arg(required = true, value_name = "ENTITY")]
    pub entities: Vec<String>,
    /// Rebuild everything from staging; the old generation serves until the swap
    #[arg(long)]
    pub full_refresh: bool,
    /// Parallel chunks of a full refresh [default: one per CPU, at most 8]
    #[arg(long, value_name = "N")]
    pub workers: Option<usize>,
    /// Fail on a value that does not fit its column
    #[arg(long)]
    pub strict: bool,
}

/// Runs the command.
///
/// # Errors
/// When nothing could be begun; an entity that fails is part of the outcome, the others go on.
pub async fn run(args: Args, settings: &Settings) -> Result<Outcome> {
    let workers = warehouse::at_least_one("--workers", args.workers.unwrap_or(settings.workers))?;
    let shutdown = Shutdown::listen()?;
    crate::entity::Catalog::load(settings.extend.as_deref())?.select(&args.entities)?;
    let warehouse = warehouse::open(settings, "transform", workers + 2).await?;
    let entities = warehouse.catalog.select(&args.entities)?;
    let names: Vec<&str> = entities.iter().map(|e| e.name.as_str()).collect();
    let arguments = json!({ "full_refresh": args.full_refresh, "workers": workers, "strict": args.strict });
    let execution = Execution::begin(&warehouse.pool, "transform", &names, &arguments).await?;
    let mut summaries = Vec::new();
    let mut failures = Vec::new();
    for entity in &entities {
        let job = Job {
            pool: warehouse.pool.clone(),
            entity: (*entity).clone(),
            execution_id: execution.id,
            workers,
            chunk_rows: settings.chunk_rows,
            strict: args.strict,
            retry: warehouse::retry(settings),
            shutdown: shutdown.clone(),
        };
        match transform_one(&job, &warehouse, args.full_refresh).await {
            Ok(summary) => summaries.push(summary),
            Err(error) => failures.push((entity.name.clone(), error)),
        }
        if shutdown.is_requested() {
            break;
        }
    }
    let json = json!({ "execution_id": execution.id.to_string(), "entities": summaries.iter().map(to_json).collect::<Vec<_>>() });
    let failure = warehouse::first_failure(failures);
    execution.finish(&warehouse.pool, &json, failure.as_ref()).await;
    Ok(Outcome::new(text(&summaries), json).failed_with(failure))
}

async fn transform_one(job: &Job, warehouse: &Warehouse, full_refresh: bool) -> Result<Summary> {
    let lock = EntityLock::acquire(&warehouse.dsn, &job.entity.name, Purpose::Transform).await?;
    let done = transform_locked(job, full_refresh).await;
    lock.release().await;
    done
}

async fn transform_locked(job: &Job, full_refresh: bool) -> Result<Summary> {
    tracing::info!(entity = job.entity.name, full_refresh, "transforming");
    if full_refresh {
        let summary = job.full_refresh().await?;
        job.analyze_parents().await?;
        return Ok(summary);
    }
    let summary = job.incremental().await?;
    // Autovacuum never analyzes a partitioned parent; after a large increment its statistics would mislead readers.
    let parent = summary.tables.first();
    if parent.is_some_and(|t| t.inserted + t.updated > 10_000) {
        job.analyze_parents().await?;
    }
    Ok(summary)
}

fn text(summaries: &[Summary]) -> String {
    if summaries.is_empty() {
        return String::new();
    }
    let rows = summaries.iter().flat_map(|s| {
        s.tables.iter().enumerate().map(|(i, t)| {
            vec![
                t.table.clone(),
                units::count(t.rows),
                units::count(t.inserted),
                units::count(t.updated),
                units::count(t.deleted),
                units::count(t.issues),
                if i == 0 { format!("{:.1}", s.elapsed.as_secs_f64()) } else { String::new() },
            ]
        })
    });
    let mut text = table(&["table", ">rows", ">inserted", ">updated", ">deleted", ">issues", ">seconds"], rows);
    for s in summaries {
        match s.swap {
            Some(swap) => {
                text += &format!(
                    "\n{}: new generation swapped in; readers waited {} at most",
                    s.entity,
                    units::duration(swap)
                );
            }
            None if s.batches == 0 => {
                text += &format!("\n{}: nothing changed in staging since the last transform", s.entity)
            }
            None => {}
        }
        let issues: u64 = s.tables.iter().map(|t| t.issues).sum();
        if issues > 0 {
            text +=
                &format!("\n{}: {} values did not fit and became null; see evo.issues", s.entity, units::count(issues));
        }
    }
    text
}

fn to_json(s: &Summary) -> Value {
    json!({
        "entity": s.entity, "batches": s.batches, "elapsed_ms": s.elapsed.as_millis() as u64,
        "swap_ms": s.swap.map(|d| d.as_millis() as u64),
        "tables": s.tables.iter().map(|t| json!({
            "table": t.table, "rows": t.rows, "inserted": t.inserted, "updated": t.updated, "deleted": t.deleted, "issues": t.issues,
        })).collect::<Vec<_>>(),
    })
}
