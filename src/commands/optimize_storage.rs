//! `evo optimize-storage`: look at the warehouse's storage, and mend it without blocking anybody.

mod advice;
mod show;

use std::time::Duration;

use serde_json::json;

use super::warehouse::{self, Access, Warehouse};
use crate::config::{self, Settings, Share};
use crate::entity::{Catalog, Entity};
use crate::error::{Error, Kind, Result};
use crate::ledger::runs::Execution;
use crate::meter::Unit;
use crate::pg::{EntityLock, Purpose};
use crate::report::Outcome;
use crate::report::progress;
use crate::shutdown::Shutdown;
use crate::storage::{self, Depth, IndexStorage, Maintenance, MaintenanceStep, StepOutcome, StorageReport};

/// Shows heap, TOAST and indexes, dead rows, bloat and what to do about them; with --vacuum or --reindex does it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  evo optimize-storage                           report; changes nothing
  evo optimize-storage entries --partitions      one line per partition
  evo optimize-storage sales --vacuum            VACUUM (ANALYZE) of its staging and core tables
  evo optimize-storage --vacuum --reindex        everything, as the weekly job does
  evo optimize-storage --reindex --min-bloat 30%   only indexes that a rebuild would shrink by 30 %

Loads and readers continue: VACUUM is never FULL, and indexes are rebuilt CONCURRENTLY. A rebuild waits for all older
transactions of the database; if one of them lasts longer than --max-wait, that index stays as it is. INVALID leftovers
of canceled rebuilds are dropped.")]
pub struct Args {
    /// Entities [default: all, and evo's own tables]
    #[arg(value_name = "ENTITY")]
    pub entities: Vec<String>,
    /// Report and change nothing (the default)
    #[arg(long, conflicts_with_all = ["vacuum", "reindex"])]
    pub analyze: bool,
    /// VACUUM (ANALYZE)
    #[arg(long)]
    pub vacuum: bool,
    /// REINDEX CONCURRENTLY
    #[arg(long)]
    pub reindex: bool,
    /// Rebuild only INVALID indexes and those with this much bloat
    #[arg(long, value_name = "SHARE", requires = "reindex", value_parser = config::share)]
    pub min_bloat: Option<Share>,
    /// How long a rebuild waits for older transactions; 0s: without a limit
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = config::time(7 * 86_400))]
    pub max_wait: Duration,
    /// Measure bloat in large tables too: reads every table and index (needs pgstattuple)
    #[arg(long)]
    pub exact: bool,
    /// Show each partition
    #[arg(long)]
    pub partitions: bool,
}

/// Runs the command.
///
/// # Errors
/// When nothing could be begun; a table or index that failed is part of the outcome, the others go on.
pub async fn run(args: Args, settings: &Settings) -> Result<Outcome> {
    let looks_only = args.analyze || !(args.vacuum || args.reindex);
    if args.exact && !looks_only && args.min_bloat.is_none() {
        return Err(Error::new(Kind::Usage, "--exact measures for a look or for --min-bloat")
            .hint("leave it out, or add --min-bloat 30%"));
    }
    let access = if looks_only { Access::Reads } else { Access::Writes(Shutdown::listen()?) };
    let catalog = Catalog::load(settings.extend.as_deref())?;
    let warehouse = warehouse::open(settings, catalog, ("optimize-storage", 2), access).await?;
    let entities: Vec<Entity> = warehouse.catalog.select(&args.entities)?.into_iter().cloned().collect();
    let mut tables = tables(&entities);
    let pool = &warehouse.pool;
    if entities.len() == warehouse.catalog.all().len() {
        let own = async || storage::ledger_tables(&*pool.get().await?).await;
        tables.extend(pool.retry("looking at the tables", own).await?);
    }
    let look = async || {
        let connection = pool.get().await?;
        let mut report = storage::analyze(&connection, &tables).await?;
        if looks_only || args.min_bloat.is_some() {
            storage::gauge(&connection, &mut report, if args.exact { Depth::Exact } else { Depth::Quick }).await?;
        }
        Ok(report)
    };
    let mut report = pool.retry("looking at the storage", look).await?;
    if looks_only {
        let look = show::Look { report: &report, entities: &entities, partitions: args.partitions };
        return Ok(Outcome::new(look.text(), look.json()));
    }
    report.indexes.retain(|i| !i.is_building);
    let job = Job { args: &args, warehouse: &warehouse, entities: &entities, tables: &tables, before: &report };
    job.run(settings).await
}

fn tables(entities: &[Entity]) -> Vec<String> {
    let of_entities = entities
        .iter()
        .flat_map(|e| std::iter::once(e.staging.table.clone()).chain(e.models.iter().map(|m| m.table.clone())));
    of_entities.collect()
}

/// An execution that mends.
struct Job<'a> {
    args: &'a Args,
    warehouse: &'a Warehouse,
    entities: &'a [Entity],
    tables: &'a [String],
    before: &'a StorageReport,
}

impl Job<'_> {
    async fn run(&self, settings: &Settings) -> Result<Outcome> {
        let shutdown = Shutdown::listen()?;
        let (args, pool) = (self.args, &self.warehouse.pool);
        let names: Vec<&str> = self.entities.iter().map(|e| e.name.as_str()).collect();
        // Two of them would wait for each other's rebuilds, and each would take the other's for leftovers.
        let lock = EntityLock::new(pool, "the warehouse", Purpose::OptimizeStorage);
        lock.take().await?;
        let arguments = json!({
            "vacuum": args.vacuum, "reindex": args.reindex, "min_bloat": args.min_bloat.map(Share::fraction),
        });
        let execution = Execution::begin(pool, "optimize-storage", &names, &arguments).await?;

        let wanted = self.wanted();
        let total =
            if args.reindex { wanted.len() } else { 0 } + if args.vacuum { self.before.tables.len() } else { 0 };
        let watched = progress::watch(settings);
        let phase = watched.meter.phase("optimizing storage", total as u64, Unit::Things("steps"));
        let heard = |step: &MaintenanceStep| {
            phase.add(1);
            log(step, settings.progress == config::Progress::Bars);
        };
        let mut maintenance = Maintenance::new(pool, &lock, &shutdown, args.max_wait, &heard);
        if args.reindex {
            maintenance.drop_leftovers(&self.before.indexes).await;
            maintenance.reindex(wanted).await;
            self.drop_own_leftovers(&mut maintenance, &shutdown).await;
        }
        if args.vacuum {
            maintenance.vacuum(&self.before.tables).await;
        }
        let stopped = maintenance.stopped_by();
        let steps = maintenance.into_steps();
        drop((phase, watched));
        let after = self.look_again(&shutdown).await;
        let done =
            show::Done { before: self.before, after: after.as_ref(), steps: &steps, partitions: args.partitions };
        let failure = failure(&steps, stopped);
        let json = done.json(execution.id);
        execution.finish(pool, &json, failure.as_ref()).await;
        lock.release().await;
        Ok(Outcome::new(done.text(), json).failed_with(failure))
    }

    /// The indexes to rebuild.
    fn wanted(&self) -> Vec<&IndexStorage> {
        let bloated = |index: &IndexStorage| match self.args.min_bloat {
            None => true,
            Some(share) => {
                !index.is_valid || index.bloat.is_none_or(|b| b.bytes as f64 >= share.fraction() * index.bytes as f64)
            }
        };
        self.before.indexes.iter().filter(|i| !i.is_leftover && i.is_rebuildable && bloated(i)).collect()
    }

    /// A rebuild that failed leaves its half-built index behind, too. A server that does not answer keeps it until the
    /// next time.
    async fn drop_own_leftovers(&self, maintenance: &mut Maintenance<'_>, shutdown: &Shutdown) {
        if let Some(now) = self.look_again(shutdown).await {
            match shutdown.is_requested() {
                true => maintenance.drop_leftovers_quickly(&now.indexes).await,
                false => maintenance.drop_leftovers(&now.indexes).await,
            }
        }
    }

    async fn look_again(&self, shutdown: &Shutdown) -> Option<StorageReport> {
        let pool = &self.warehouse.pool;
        let look = async || storage::analyze(&*pool.get().await?, self.tables).await;
        // After a signal once only: the retry would end before it began.
        let report = if shutdown.is_requested() { look().await } else { pool.retry("looking again", look).await };
        report.inspect_err(|e| tracing::warn!(error = e.message(), "the storage could not be looked at again")).ok()
    }
}

fn log(step: &MaintenanceStep, has_bar: bool) {
    let (action, elapsed_ms) = (show::verb(step.action), step.elapsed.as_millis() as u64);
    match &step.outcome {
        StepOutcome::Failed(error) => {
            tracing::warn!(action, name = step.name, elapsed_ms, error = error.message(), "not done");
        }
        // Lines between the redraws of a bar are hard to read; the summary says it all.
        _ if has_bar => {}
        StepOutcome::Gone => tracing::info!(action, name = step.name, "dropped meanwhile"),
        StepOutcome::Done => {
            let (before_bytes, after_bytes) = (step.before_bytes, step.after_bytes);
            tracing::info!(action, name = step.name, before_bytes, after_bytes, elapsed_ms, "done");
        }
    }
}

/// What the exit code tells: a signal or whatever else ended the work early, or else the first step that failed.
fn failure(steps: &[MaintenanceStep], stopped: Option<Error>) -> Option<Error> {
    let failed: Vec<(&MaintenanceStep, &Error)> = steps
        .iter()
        .filter_map(|step| match &step.outcome {
            StepOutcome::Failed(error) => Some((step, error)),
            StepOutcome::Done | StepOutcome::Gone => None,
        })
        .collect();
    if let Some(error) = stopped {
        return Some(match failed.last() {
            Some((step, _)) => error.detail(format!("at {}; what is in the summary is done", step.name)),
            None => error,
        });
    }
    let (_, first) = failed.first()?;
    let lines: Vec<String> =
        failed.iter().map(|(step, e)| format!("{} {}: {e}", show::verb(step.action), step.name)).collect();
    let error = Error::new(first.kind(), format!("{} of {} steps failed", failed.len(), steps.len()));
    let hint = match first.kind() {
        Kind::DatabaseBusy => {
            "the others are done. Something held a transaction or lock for too long: look for old ones in pg_stat_activity \
             (order by xact_start), then run the same command again, or with a longer --max-wait"
        }
        Kind::AccessDenied => "the others are done. Run it as the owner of the tables, or grant evo's role that role",
        _ => "the others are done; run the same command again",
    };
    Some(error.detail(lines.join("\n")).hint(hint))
}
