//! Running `evo optimize-storage`: analyze, then vacuum and rebuild without blocking anybody.

use serde_json::json;

use super::args::Args;
use super::owners::Owners;
use super::show;
use crate::commands::warehouse::{self, Access, Warehouse};
use crate::config::{self, Settings, Share};
use crate::counted::counted;
use crate::entity::Catalog;
use crate::error::{Error, Kind, Result};
use crate::ledger::runs::Execution;
use crate::meter::Unit;
use crate::pg::{EntityLock, Purpose};
use crate::report::{Outcome, progress};
use crate::shutdown::Shutdown;
use crate::storage::{self, Depth, IndexStorage, Maintenance, MaintenanceStep, StepOutcome, StorageReport};
use crate::transform::dimension;

/// Runs the command.
///
/// # Errors
/// `Usage` for flags that do not go together; otherwise when nothing could be begun. A table or index that
/// fails is part of the outcome, and the others continue.
pub async fn run(args: Args, settings: &Settings) -> Result<Outcome> {
    args.check()?;
    let only_shows = args.only_shows();
    let access = Access::of(!only_shows)?;
    let shutdown = access.shutdown();
    let catalog = Catalog::load(settings.extend.as_deref())?;
    let dimensions = dimension::all(settings.extend.as_deref(), &catalog)?;
    let known = catalog.clone();
    let owners = Owners::of(dimension::select(&known, &dimensions, &args.entities)?);
    let warehouse = warehouse::open(settings, catalog, ("optimize-storage", 2), access).await?;
    let mut tables = owners.tables();
    let pool = &warehouse.pool;
    if owners.entities.len() == warehouse.catalog.all().len() {
        let own = async || storage::ledger_tables(&*pool.get().await?).await;
        tables.extend(pool.retry("listing the tables", own).await?);
    }
    let analyze = async || {
        let connection = pool.get().await?;
        let mut report = storage::analyze(&connection, &tables).await?;
        if only_shows || args.min_bloat.is_some() {
            storage::gauge(&connection, &mut report, if args.exact { Depth::Exact } else { Depth::Quick }).await?;
        }
        Ok(report)
    };
    let mut report = pool.retry("analyzing the storage", analyze).await?;
    if only_shows {
        let found = show::Inspection { report: &report, owners: &owners, partitions: args.partitions };
        return Ok(Outcome::new(found.text(), found.json()));
    }
    report.indexes.retain(|i| !i.is_building);
    let job = Job { args: &args, warehouse: &warehouse, owners: &owners, tables: &tables, before: &report };
    job.run(settings, &shutdown).await
}

/// An execution that vacuums and rebuilds.
struct Job<'a> {
    args: &'a Args,
    warehouse: &'a Warehouse,
    owners: &'a Owners<'a>,
    tables: &'a [String],
    before: &'a StorageReport,
}

impl Job<'_> {
    async fn run(&self, settings: &Settings, shutdown: &Shutdown) -> Result<Outcome> {
        let (args, pool) = (self.args, &self.warehouse.pool);
        let names = self.owners.names();
        // Two executions would wait for each other's rebuilds, and take them for leftovers.
        let lock = EntityLock::new(pool, "the warehouse", Purpose::OptimizeStorage);
        lock.take().await?;
        let arguments = json!({
            "vacuum": args.vacuum, "reindex": args.reindex, "min_bloat": args.min_bloat.map(Share::fraction),
        });
        let execution = Execution::begin(pool, "optimize-storage", &names, &arguments, &settings.machine).await?;

        let wanted = self.wanted();
        let total =
            if args.reindex { wanted.len() } else { 0 } + if args.vacuum { self.before.tables.len() } else { 0 };
        let watched = progress::watch(settings);
        let phase = watched.meter.phase("optimizing storage", total as u64, Unit::Things("steps"));
        let report = |step: &MaintenanceStep| {
            phase.add(1);
            log(step, settings.progress == config::Progress::Bars);
        };
        let mut maintenance = Maintenance::new(pool, &lock, shutdown, args.max_wait, &report);
        if args.reindex {
            maintenance.drop_leftovers(&self.before.indexes).await;
            maintenance.reindex(wanted).await;
            self.drop_own_leftovers(&mut maintenance, shutdown).await;
        }
        if args.vacuum {
            maintenance.vacuum(&self.before.tables).await;
        }
        let stopped = maintenance.stopped_by();
        let steps = maintenance.into_steps();
        drop((phase, watched));
        let after = self.analyze_again(shutdown).await;
        let partitions = args.partitions;
        let done = show::MaintenanceReport { before: self.before, after: after.as_ref(), steps: &steps, partitions };
        let failure = failure(&steps, stopped);
        let json = done.json(execution.id);
        execution.finish(pool, &json, failure.as_ref()).await;
        lock.release().await;
        Ok(Outcome::new(done.text(), json).failed_with(failure))
    }

    /// The indexes that the flags select for a rebuild.
    fn wanted(&self) -> Vec<&IndexStorage> {
        let bloated = |index: &IndexStorage| match self.args.min_bloat {
            None => true,
            Some(share) => {
                !index.is_valid || index.bloat.is_none_or(|b| b.bytes as f64 >= share.fraction() * index.bytes as f64)
            }
        };
        self.before.indexes.iter().filter(|i| !i.is_leftover && i.is_rebuildable && bloated(i)).collect()
    }

    /// Drops the half-built indexes that failed rebuilds of this execution left. If the server does not
    /// answer they stay until the next time.
    async fn drop_own_leftovers(&self, maintenance: &mut Maintenance<'_>, shutdown: &Shutdown) {
        if let Some(now) = self.analyze_again(shutdown).await {
            match shutdown.is_requested() {
                true => maintenance.drop_leftovers_quickly(&now.indexes).await,
                false => maintenance.drop_leftovers(&now.indexes).await,
            }
        }
    }

    async fn analyze_again(&self, shutdown: &Shutdown) -> Option<StorageReport> {
        let pool = &self.warehouse.pool;
        let analyze = async || storage::analyze(&*pool.get().await?, self.tables).await;
        // Once only after a signal: the retry would end before it began.
        let report = match shutdown.is_requested() {
            true => analyze().await,
            false => pool.retry("analyzing the storage again", analyze).await,
        };
        report.inspect_err(|e| tracing::warn!(error = e.message(), "the storage could not be analyzed again")).ok()
    }
}

fn log(step: &MaintenanceStep, has_bar: bool) {
    let (action, elapsed_ms) = (show::verb(step.action), step.elapsed.as_millis() as u64);
    match &step.outcome {
        StepOutcome::Failed(error) => {
            tracing::warn!(action, name = step.name, elapsed_ms, error = error.message(), "not done");
        }
        // Lines between the redraws of a bar are hard to read, and the summary has everything.
        _ if has_bar => {}
        StepOutcome::Gone => tracing::info!(action, name = step.name, "dropped in the meantime"),
        StepOutcome::Done => {
            let (before_bytes, after_bytes) = (step.before_bytes, step.after_bytes);
            tracing::info!(action, name = step.name, before_bytes, after_bytes, elapsed_ms, "done");
        }
    }
}

/// The error that gives the exit code: the one that ended the work early, such as a signal, or else the first
/// failed step's.
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
            Some((step, _)) => error.detail(format!("at {}; the steps in the summary are done", step.name)),
            None => error,
        });
    }
    let (_, first) = failed.first()?;
    let lines: Vec<String> =
        failed.iter().map(|(step, e)| format!("{} {}: {e}", show::verb(step.action), step.name)).collect();
    let error = Error::new(
        first.kind(),
        format!("{} of {} failed", failed.len(), counted(steps.len() as u64, "step", "steps")),
    );
    let hint = match first.kind() {
        Kind::DatabaseBusy => match failed.iter().find_map(|(_, error)| error.hint_text()) {
            Some(hint) => format!("the others are done; {hint}, or with a longer --max-wait"),
            None => "the others are done. Something held a transaction or lock for too long: look for old ones in \
                     pg_stat_activity (order by xact_start) and pg_prepared_xacts, then run the same command again, \
                     or with a longer --max-wait"
                .to_owned(),
        },
        Kind::AccessDenied => {
            "the others are done. Run it as the owner of the tables, or grant evo's role that role".to_owned()
        }
        _ => "the others are done; run the same command again".to_owned(),
    };
    Some(error.detail(lines.join("\n")).hint(hint))
}
