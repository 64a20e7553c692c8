//! `evo transform`: staging into the typed core tables.

mod forecast;
mod show;

use std::time::Duration;

use serde_json::json;
use show::Report;

use super::warehouse::{self, Access};
use crate::config::{self, Settings, Share};
use crate::entity::{Catalog, Entity};
use crate::error::{Context, Result};
use crate::ledger::runs::Execution;
use crate::meter::Unit;
use crate::pg::{EntityLock, Pool, Purpose};
use crate::report::{Outcome, progress};
use crate::shutdown::Shutdown;
use crate::transform::checks::Checks;
use crate::transform::dimension::{self, Dimension, DimensionJob};
use crate::transform::order::{self, Step};
use crate::transform::{Job, Mode, Refresh, Request, Summary};

/// Brings the core tables up to date with staging; readers always see a complete generation.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  evo transform all                      what changed since the last transform
  evo transform members --full-refresh   build a new generation next to the old one and swap it in
  evo transform entries --full-refresh --year 2025
  evo transform sales --dry-run          what it would do, and how much disk it would need
  evo transform sales --in-place         compare everything and write the differences; no second generation on disk
  evo transform sales --strict           stop at a value that does not fit its column

Without --full-refresh, --incremental or --in-place: transforms what changed since the last time, or builds a new
generation if at least half of 100,000 or more documents are new or changed.

A value that does not fit its column becomes null and a row in evo.issues; the rest of the record is kept.")]
pub struct Args {
    /// members, sales, entries, prospects, branches, employees, one of your own, or all
    #[arg(required = true, value_name = "ENTITY")]
    pub entities: Vec<String>,
    /// Rebuild everything from staging; the old generation serves until the swap
    #[arg(long)]
    pub full_refresh: bool,
    /// Only what changed, however much it is
    #[arg(long, conflicts_with_all = ["full_refresh", "in_place"])]
    pub incremental: bool,
    /// Compare all of core with staging and write the differences; needs no disk for a second generation
    #[arg(long, conflicts_with = "full_refresh")]
    pub in_place: bool,
    /// With --full-refresh: only the partition of this year
    #[arg(long, value_name = "YEAR", requires = "full_refresh", value_parser = config::whole::<i32>(1, 9999))]
    pub year: Option<i32>,
    /// Share of its rows that a table may lose in a full refresh; beyond that, an error and no swap
    #[arg(long, value_name = "SHARE", default_value = "20%", value_parser = config::share)]
    pub max_shrink: Share,
    /// How long the swap of a full refresh waits for sessions whose snapshot is older than the new generation
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = config::time(86_400))]
    pub reader_wait: Duration,
    /// Show what would be done and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Parallel chunks, 1 to 64 [env: EVO_WORKERS] [default: one per CPU, at most 8]
    #[arg(long, value_name = "N")]
    pub workers: Option<String>,
    /// Fail on a value that does not fit its column
    #[arg(long)]
    pub strict: bool,
    /// Swap in a new generation although this check returns rows (docs/checks.md); repeatable
    #[arg(long, value_name = "CHECK")]
    pub accept: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// When nothing could be begun; an entity that fails is part of the outcome, the others go on.
pub async fn run(args: Args, settings: &Settings) -> Result<Outcome> {
    let workers = settings.workers;
    let (shutdown, access) = match args.dry_run {
        true => (Shutdown::never(), Access::Reads),
        false => {
            let shutdown = Shutdown::listen()?;
            (shutdown.clone(), Access::Writes(shutdown))
        }
    };
    let catalog = Catalog::load(settings.extend.as_deref())?;
    let dimensions = dimension::all(settings.extend.as_deref(), &catalog)?;
    let checks = Checks::load(settings.extend.as_deref(), &catalog)?.accept(&args.accept)?;
    let known = catalog.clone();
    let (entities, dimensions) = dimension::select(&known, &dimensions, &args.entities)?;
    let steps = steps(&entities, &dimensions);
    let request = args.request();
    let full_refresh = request.mode == Some(Mode::FullRefresh);
    let lanes = lanes(workers, entities.len().max(dimensions.len()), full_refresh);
    let warehouse = warehouse::open(settings, catalog, ("transform", workers + 2 * lanes + 1), access).await?;
    let (workers, lanes, request) = match args.dry_run {
        true => (workers, lanes, request),
        false => fit(&warehouse.pool, (workers, lanes), request).await?,
    };
    let names: Vec<&str> = steps.iter().map(|step| step.name.as_str()).collect();
    let watched = progress::watch(settings);
    let lock = |name: &str| EntityLock::new(&warehouse.pool, name, Purpose::Transform);
    let job = |entity: &Entity, execution_id| Job {
        pool: warehouse.pool.clone(),
        lock: lock(&entity.name),
        entity: entity.clone(),
        execution_id,
        workers: (workers / lanes).max(1),
        chunk_rows: settings.chunk_rows,
        strict: args.strict,
        checks: checks.clone(),
        shutdown: shutdown.clone(),
        meter: watched.meter.clone(),
    };
    if args.dry_run {
        let mut forecasts = Vec::new();
        for entity in &entities {
            forecasts.push(job(entity, uuid::Uuid::nil()).forecast(&request).await.context(&entity.name)?);
        }
        return Ok(forecast::outcome(&forecasts));
    }
    warehouse.require_temporary().await?;
    let arguments = json!({
        "mode": request.mode.map(Mode::word), "year": args.year, "max_shrink": args.max_shrink.fraction(),
        "reader_wait_ms": args.reader_wait.as_millis() as u64, "workers": workers,
        "strict": args.strict, "accept": args.accept,
    });
    let execution = Execution::begin(&warehouse.pool, "transform", &names, &arguments).await?;
    let dimension_job = |dimension: &Dimension| DimensionJob {
        pool: warehouse.pool.clone(),
        lock: lock(&dimension.name),
        dimension: dimension.clone(),
        execution_id: execution.id,
        full_refresh: full_refresh || request.mode == Some(Mode::InPlace),
    };
    let ended = order::run(&steps, lanes, &shutdown, |i| {
        let (job, dimension) = (entities.get(i).map(|e| job(e, execution.id)), i.checked_sub(entities.len()));
        let dimension = dimension.and_then(|d| dimensions.get(d)).map(|d| dimension_job(d));
        let (request, meter) = (&request, &watched.meter);
        async move {
            match (job, dimension) {
                (Some(job), _) => job.run(request).await,
                (None, Some(job)) => {
                    let _phase = meter.phase(format!("{}: building", job.dimension.name), 0, Unit::Nothing);
                    job.run().await
                }
                (None, None) => Ok(Summary::default()),
            }
        }
    })
    .await;
    drop(watched);
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

/// Connections of an increment: one has the lock, one works. A new generation is built beside one that keeps the snapshot.
const LEAST_ROOM: (usize, usize) = (2, 3);

/// Fewer workers, one entity at a time, where the server leaves few connections; no new generation unless it was asked for.
async fn fit(pool: &Pool, (workers, lanes): (usize, usize), mut request: Request) -> Result<(usize, usize, Request)> {
    let (what, least) = match request.mode {
        Some(Mode::FullRefresh) => ("a full refresh", LEAST_ROOM.1),
        _ => ("a transform", LEAST_ROOM.0),
    };
    let wanted = workers + 2 * lanes;
    let room = pool.room(what, least, wanted).await?;
    if room >= wanted {
        return Ok((workers, lanes, request));
    }
    if request.mode.is_none() && room < LEAST_ROOM.1 {
        request.mode = Some(Mode::Incremental);
    }
    Ok((workers.min(room.saturating_sub(LEAST_ROOM.0)).max(1), 1, request))
}

impl Args {
    fn request(&self) -> Request {
        let modes = [
            (self.full_refresh, Mode::FullRefresh),
            (self.incremental, Mode::Incremental),
            (self.in_place, Mode::InPlace),
        ];
        Request {
            mode: modes.into_iter().find_map(|(is_given, mode)| is_given.then_some(mode)),
            refresh: Refresh { year: self.year, max_shrink: self.max_shrink.fraction(), reader_wait: self.reader_wait },
        }
    }
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
