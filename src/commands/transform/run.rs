//! Running `evo transform`: entities side by side, then the dimensions that depend on them.

use serde_json::{Value, json};

use super::args::Args;
use super::lanes::Lanes;
use super::preview;
use super::show::TransformReport;
use crate::citus::Layout;
use crate::commands::warehouse::{self, Access, Warehouse};
use crate::config::Settings;
use crate::entity::{Catalog, Entity};
use crate::error::{Context, Result};
use crate::ids::{ExecutionId, RowKey};
use crate::ledger::runs::Execution;
use crate::meter::{Meter, Unit};
use crate::pg::{EntityLock, Purpose};
use crate::report::{Outcome, progress};
use crate::shutdown::Shutdown;
use crate::transform::checks::Checks;
use crate::transform::dimension::{self, Dimension, DimensionJob};
use crate::transform::order::{self, Task};
use crate::transform::{self, EntityJob, Mode, Request, TransformSummary};

/// Runs the command.
///
/// # Errors
/// When nothing could be begun. An entity that fails is part of the outcome, and the others continue.
pub async fn run(args: Args, settings: &Settings) -> Result<Outcome> {
    let access = Access::of(!args.dry_run)?;
    let shutdown = access.shutdown();
    let catalog = Catalog::load(settings.extend.as_deref())?;
    let dimensions = dimension::all(settings.extend.as_deref(), &catalog)?;
    let checks = Checks::load(settings.extend.as_deref(), &catalog)?.accept(&args.accepted_checks())?;
    let known = catalog.clone();
    let (entities, dimensions) = dimension::select(&known, &dimensions, &args.entities)?;
    let keys = args.keys(&entities, dimensions.len())?;
    let request = args.request();
    let full_refresh = request.mode == Some(Mode::FullRefresh);
    let lanes = Lanes::new(settings.workers, (entities.len(), dimensions.len()), full_refresh);
    let warehouse = warehouse::open(settings, catalog, ("transform", lanes.connections() + 1), access).await?;
    let work = Work { args: &args, keys, settings, warehouse: &warehouse, checks, shutdown };
    match args.dry_run {
        true => work.preview(&entities, lanes, &request).await,
        false => {
            let (lanes, request) = lanes.fit(&warehouse.pool, request).await?;
            warehouse.require_temporary().await?;
            work.transform((&entities, &dimensions), lanes, &request).await
        }
    }
}

/// The inputs that all entities and dimensions of the command share.
struct Work<'a> {
    args: &'a Args,
    keys: Vec<RowKey>,
    settings: &'a Settings,
    warehouse: &'a Warehouse,
    checks: Checks,
    shutdown: Shutdown,
}

impl Work<'_> {
    async fn preview(&self, entities: &[&Entity], lanes: Lanes, request: &Request) -> Result<Outcome> {
        let mut previews = Vec::new();
        for entity in entities {
            let job = self.job(entity, ExecutionId::NONE, lanes, &Meter::default());
            previews.push(transform::preview(&job, request).await.context(&entity.name)?);
        }
        Ok(preview::outcome(&previews))
    }

    async fn transform(
        &self,
        (entities, dimensions): (&[&Entity], &[&Dimension]),
        lanes: Lanes,
        request: &Request,
    ) -> Result<Outcome> {
        let pool = &self.warehouse.pool;
        let tasks = tasks(entities, dimensions);
        let names: Vec<&str> = tasks.iter().map(|task| task.name.as_str()).collect();
        let (arguments, machine) = (self.arguments(lanes, request), &self.settings.machine);
        let execution = Execution::begin(pool, "transform", &names, &arguments, machine).await?;
        let watched = progress::watch(self.settings);
        let from_scratch = matches!(request.mode, Some(Mode::FullRefresh | Mode::InPlace));
        let ended = order::run(&tasks, lanes.tasks, &self.shutdown, |i| {
            let job = entities.get(i).map(|entity| self.job(entity, execution.id, lanes, &watched.meter));
            let dimension = i.checked_sub(entities.len()).and_then(|d| dimensions.get(d));
            let dimension = dimension.map(|dimension| self.dimension_job(dimension, execution.id, from_scratch));
            let meter = &watched.meter;
            async move {
                match (job, dimension) {
                    (Some(job), _) => transform::run(job, request).await,
                    (None, Some(job)) => {
                        let _phase = meter.phase(format!("{}: building", job.dimension.name), 0, Unit::Nothing);
                        job.run().await
                    }
                    (None, None) => Ok(TransformSummary::default()),
                }
            }
        })
        .await;
        drop(watched);
        let report = TransformReport::new(&tasks, ended, &self.shutdown);
        let json = report.json(execution.id);
        execution.finish(pool, &json, report.failure.as_ref()).await;
        Ok(Outcome::new(report.text(), json).failed_with(report.failure))
    }

    fn job(&self, entity: &Entity, execution_id: ExecutionId, lanes: Lanes, meter: &Meter) -> EntityJob {
        EntityJob {
            pool: self.warehouse.pool.clone(),
            lock: self.lock(&entity.name),
            entity: entity.clone(),
            layout: Layout::default(),
            execution_id,
            workers: lanes.workers_each(),
            keys: self.keys.clone(),
            chunk_rows: self.settings.chunk_rows,
            strict: self.args.strict,
            checks: self.checks.clone(),
            shutdown: self.shutdown.clone(),
            meter: meter.clone(),
        }
    }

    fn dimension_job(&self, dimension: &Dimension, execution_id: ExecutionId, full_refresh: bool) -> DimensionJob {
        DimensionJob {
            pool: self.warehouse.pool.clone(),
            lock: self.lock(&dimension.name),
            dimension: dimension.clone(),
            execution_id,
            full_refresh,
        }
    }

    fn lock(&self, name: &str) -> EntityLock {
        EntityLock::new(&self.warehouse.pool, name, Purpose::Transform)
    }

    /// The arguments as `evo.runs` keeps them.
    fn arguments(&self, lanes: Lanes, request: &Request) -> Value {
        let args = self.args;
        json!({
            "mode": request.mode.map(Mode::word), "year": args.year, "max_shrink": args.max_shrink.fraction(),
            "reader_wait_ms": args.reader_wait.as_millis() as u64, "workers": lanes.workers, "keys": args.keys,
            "strict": args.strict, "accept": args.accept,
        })
    }
}

/// The entities, then the dimensions after their sources.
fn tasks(entities: &[&Entity], dimensions: &[&Dimension]) -> Vec<Task> {
    let sources = |d: &Dimension| d.source_entities();
    let first = entities.iter().map(|e| Task { name: e.name.clone(), after: Vec::new() });
    first.chain(dimensions.iter().map(|d| Task { name: d.name.clone(), after: sources(d) })).collect()
}
