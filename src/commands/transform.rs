//! `evo transform`: staging into the typed core tables.

mod show;

use serde_json::json;
use show::Report;

use super::warehouse;
use crate::config::Settings;
use crate::entity::{Catalog, Entity};
use crate::error::Result;
use crate::ledger::models;
use crate::ledger::runs::Execution;
use crate::pg::{EntityLock, Purpose};
use crate::report::Outcome;
use crate::shutdown::Shutdown;
use crate::transform::checks::Checks;
use crate::transform::dimension::{self, Dimension, DimensionJob};
use crate::transform::order::{self, Step};
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
    /// members, sales, entries, prospects, branches, employees, one of your own, or all
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
    /// Swap a new generation in although this check has rows (docs/checks.md); may be given again
    #[arg(long, value_name = "CHECK")]
    pub accept: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// When nothing could be begun; an entity that fails is part of the outcome, the others go on.
pub async fn run(args: Args, settings: &Settings) -> Result<Outcome> {
    let workers = warehouse::at_least_one("--workers", args.workers.unwrap_or(settings.workers))?;
    let shutdown = Shutdown::listen()?;
    let catalog = Catalog::load(settings.extend.as_deref())?;
    let dimensions = dimension::all(settings.extend.as_deref(), &catalog)?;
    let checks = Checks::load(settings.extend.as_deref(), &catalog)?.accept(&args.accept)?;
    let (entities, dimensions) = dimension::select(&catalog, &dimensions, &args.entities)?;
    let steps = steps(&entities, &dimensions);
    let lanes = lanes(workers, entities.len().max(dimensions.len()), args.full_refresh);
    let warehouse = warehouse::open(settings, "transform", workers + 2 * lanes + 1).await?;
    let names: Vec<&str> = steps.iter().map(|step| step.name.as_str()).collect();
    let arguments = json!({ "full_refresh": args.full_refresh, "workers": workers, "strict": args.strict });
    let execution = Execution::begin(&warehouse.pool, "transform", &names, &arguments).await?;
    let job = |entity: &Entity| Job {
        pool: warehouse.pool.clone(),
        entity: entity.clone(),
        execution_id: execution.id,
        workers: (workers / lanes).max(1),
        chunk_rows: settings.chunk_rows,
        strict: args.strict,
        checks: checks.clone(),
        retry: warehouse::retry(settings),
        shutdown: shutdown.clone(),
    };
    let dimension_job = |dimension: &Dimension| DimensionJob {
        pool: warehouse.pool.clone(),
        dimension: dimension.clone(),
        execution_id: execution.id,
        full_refresh: args.full_refresh,
        retry: warehouse::retry(settings),
        shutdown: shutdown.clone(),
    };
    let ended = order::run(&steps, lanes, &shutdown, |i| {
        let (job, dimension) = (entities.get(i).map(|e| job(e)), i.checked_sub(entities.len()));
        let dimension = dimension.and_then(|d| dimensions.get(d)).map(|d| dimension_job(d));
        let (step, warehouse, full_refresh) = (&steps[i], &warehouse, args.full_refresh);
        async move {
            let lock = EntityLock::acquire(&warehouse.dsn, &step.name, Purpose::Transform).await?;
            tracing::info!(entity = step.name, full_refresh, "transforming");
            let done = match (&job, &dimension) {
                (Some(job), _) => transform_locked(job, full_refresh).await,
                (None, Some(job)) => job.run().await,
                (None, None) => Ok(Summary::default()),
            };
            lock.release().await;
            done
        }
    })
    .await;
    let report = Report::new(&steps, ended, &shutdown);
    let json = report.json(execution.id);
    execution.finish(&warehouse.pool, &json, report.failure.as_ref()).await;
    Ok(Outcome::new(report.text(), json).failed_with(report.failure))
}

/// The entities, then the dimensions after their sources.
fn steps(entities: &[&Entity], dimensions: &[&Dimension]) -> Vec<Step> {
    let sources = |d: &Dimension| d.sources.iter().map(|s| s.name.clone()).collect();
    let first = entities.iter().map(|e| Step { name: e.name.clone(), after: Vec::new() });
    first.chain(dimensions.iter().map(|d| Step { name: d.name.clone(), after: sources(d) })).collect()
}

/// How many entities are worked on side by side. An increment is one transaction at a time; a full refresh spreads over
/// its share of the workers, which should not be too small: the largest entity is the last to end.
fn lanes(workers: usize, entities: usize, full_refresh: bool) -> usize {
    let lanes = if full_refresh { workers / 4 } else { workers };
    lanes.clamp(1, entities.max(1))
}

async fn transform_locked(job: &Job, full_refresh: bool) -> Result<Summary> {
    if full_refresh {
        let summary = job.full_refresh().await?;
        job.analyze_parents().await?;
        job.record_fill().await?;
        return Ok(summary);
    }
    let pending = models::pending(&*job.pool.get().await?, &job.entity.name).await?;
    let mut summary = job.incremental().await?;
    // Autovacuum never analyzes a partitioned parent; after a large increment its statistics would mislead readers.
    let parent = summary.tables.first();
    if parent.is_some_and(|t| t.inserted + t.updated > 10_000) {
        job.analyze_parents().await?;
    }
    summary.checks = job.check_increment(pending.iter().map(|batch| batch.batch_id).collect()).await?;
    Ok(summary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn increments_share_the_workers_and_a_full_refresh_keeps_a_useful_number_of_them() {
        let shown = |workers, full| (lanes(workers, 4, full), (workers / lanes(workers, 4, full)).max(1));
        assert_eq!([shown(1, false), shown(2, false), shown(8, false)], [(1, 1), (2, 1), (4, 2)]);
        assert_eq!([shown(1, true), shown(4, true), shown(8, true), shown(32, true)], [(1, 1), (1, 4), (2, 4), (4, 8)]);
        assert_eq!(lanes(8, 0, false), 1);
    }
}
