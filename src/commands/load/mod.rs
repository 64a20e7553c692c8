//! `evo load`: bronze objects into the staging tables.

mod judge;
mod shown;

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde_json::json;

use super::failures;
use super::loading::{self, Loading};
use super::threshold::Threshold;
use crate::bronze::Sample;
use crate::config::{self, Settings};
use crate::entity::Catalog;
use crate::error::{Error, Kind, Result};
use crate::ids::ExecutionId;
use crate::ledger::manifests::Difference;
use crate::ledger::objects::{Again, Selection};
use crate::ledger::runs::Execution;
use crate::load::{Aftermath, EntitySummary, Job, Plan};
use crate::meter::{Meter, Unit};
use crate::report::Outcome;
use crate::report::progress;
use crate::transform::dimension;

/// How often the lake is listed again because objects were replaced while they were loaded.
const ROUNDS: usize = 3;

/// Loads what is not loaded yet; running it again is safe at any moment, and so is running it several times at once.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  evo load sales                                   everything of sales that is not loaded yet
  evo load members sales --workers 8 --batch-size 10
  evo load all --since 2026-01-01                  runs extracted on that day or later
  evo load entries --run-id 20260111T030000Z       exactly one run, even if it is unfinished
  evo load sales --all-runs                        everything in the lake again; correct rows are not touched
  evo load all --dry-run                           the plan: objects, bytes, batches, what is skipped and why

Several processes may load the same entity: they share its batches, and take over those of a process that died.

Exit codes: 0 everything loaded · 4 lake, or objects that could not be read or that vanished · 5 database ·
6 too many rejects, objects set aside (evo objects), or fewer records than a manifest says")]
pub struct Args {
    /// members, sales, entries, prospects, one of your own, or all
    #[arg(required = true, value_name = "ENTITY")]
    pub entities: Vec<String>,
    /// Parallel batches, 1 to 64 [env: EVO_WORKERS] [default: one per CPU, at most 8]
    #[arg(long, value_name = "N")]
    pub workers: Option<String>,
    /// Objects per batch, 1 to 10000; a batch is one transaction [env: EVO_BATCH_SIZE] [default: by their size]
    #[arg(long, value_name = "N")]
    pub batch_size: Option<String>,
    /// Exactly this run
    #[arg(long, value_name = "RUN_ID", help_heading = "Which objects")]
    pub run_id: Option<String>,
    /// Only runs extracted on this day or later
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = config::day, help_heading = "Which objects")]
    pub since: Option<NaiveDate>,
    /// Also objects that are already loaded or set aside
    #[arg(long, help_heading = "Which objects")]
    pub all_runs: bool,
    /// Exit with 6 if more lines are rejected: a number, or a percentage of the lines read
    #[arg(long, value_name = "N|P%", default_value = "1%")]
    pub max_rejects: Threshold,
    /// Show the plan and load nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// What a load of one entity came to.
#[derive(Debug)]
struct Loaded {
    plan: Plan,
    summary: EntitySummary,
    differences: Vec<Difference>,
    /// Why there was nothing to load, where the lake holds nothing of the entity and nobody named it.
    absence: Option<Error>,
    aftermath: Aftermath,
    /// Whether objects were still being replaced when it gave up listing the lake again.
    is_unsettled: bool,
    workers: usize,
}

/// Runs the command.
///
/// # Errors
/// When nothing could be begun; a failure on the way is part of the outcome, which counts what is in.
pub async fn run(args: Args, settings: &Settings) -> Result<Outcome> {
    let catalog = Catalog::load(settings.extend.as_deref())?;
    refuse_dimensions(&args.entities, settings, &catalog)?;
    catalog.select(&args.entities)?;
    let loading = match args.dry_run {
        true => Loading::open_to_read(settings, catalog).await?,
        false => Loading::open(settings, catalog).await?,
    };
    let pool = &loading.warehouse.pool;
    let entities = loading.warehouse.catalog.select(&args.entities)?;
    let again = if args.all_runs { Again::All } else { Again::No };
    let lake = loading.lake_id(&entities, args.dry_run).await?;
    let selection = Selection { lake, run_id: args.run_id.clone(), since: args.since, again };
    let objects = settings.batch_size;
    if args.dry_run {
        return dry_run(&loading.jobs(&entities, ExecutionId::NONE, &selection, objects), names_all(&args)).await;
    }
    let names: Vec<&str> = entities.iter().map(|e| e.name.as_str()).collect();
    let arguments = json!({
        "workers": settings.workers, "batch_size": objects, "run_id": args.run_id, "since": args.since, "all_runs": args.all_runs,
    });
    let execution = Execution::begin(pool, "load", &names, &arguments).await?;
    let jobs = loading.jobs(&entities, execution.id, &selection, objects);
    let watched = progress::watch(settings);
    let load = async |job: &Job| {
        let mut one = load_one(job, &watched.meter, names_all(&args)).await?;
        let failure = one.summary.failure.take();
        Ok((one, failure))
    };
    let (mut loaded, failures) = loading.each(&jobs, load).await?;
    drop(watched);
    let json = shown::to_json(execution.id, &loaded);
    let failure = failures::combined(failures)
        .or_else(|| nothing_at_all(loaded.iter_mut().map(|l| &mut l.absence)))
        .or_else(|| judge::judge(&loaded, args.max_rejects));
    execution.finish(pool, &json, failure.as_ref()).await;
    Ok(Outcome::new(shown::text(&loaded), json).failed_with(failure))
}

/// A dimension is no unknown word: it is said where its rows come from.
fn refuse_dimensions(names: &[String], settings: &Settings, catalog: &Catalog) -> Result<()> {
    let dimensions = dimension::all(settings.extend.as_deref(), catalog)?;
    let Some(named) = dimensions.iter().find(|d| names.contains(&d.name)) else { return Ok(()) };
    let sources: Vec<&str> = named.sources.iter().map(|source| source.name.as_str()).collect();
    let name = &named.name;
    Err(Error::new(Kind::Usage, format!("{name} is a dimension: it has no objects to load"))
        .detail(format!("it is derived from {}", sources.join(", ")))
        .hint(format!("load those, then `evo transform {name}`")))
}

/// Discovers and loads, and again while objects were replaced under our hands.
async fn load_one(job: &Job, meter: &Meter, may_be_absent: bool) -> Result<Loaded> {
    let mut summary = EntitySummary::new(&job.entity.name);
    let mut plan = job.discover(false).await?;
    let absence = absence(&mut plan, may_be_absent)?;
    let mut runs: BTreeSet<String> = plan.runs.iter().map(|run| run.run_id.clone()).collect();
    let mut is_unsettled = false;
    for round in 1.. {
        let part = load_planned(job, &plan, meter).await;
        // What was left out before was planned again, and tried again.
        summary.aside.unreadable = plan.unreadable.clone();
        let is_changed = part.aside.gone > 0 && part.failure.is_none();
        summary.add(part);
        if !is_changed {
            break;
        }
        let relisted = job.discover(false).await?;
        if round == ROUNDS {
            is_unsettled = relisted.objects() > 0;
            break;
        }
        plan = relisted;
        runs.extend(plan.runs.iter().map(|run| run.run_id.clone()));
    }
    if summary.failure.is_some() {
        let (differences, aftermath) = (Vec::new(), Aftermath::default());
        return Ok(Loaded { plan, summary, differences, aftermath, is_unsettled, absence, workers: job.workers });
    }
    let differences = job.differences(&runs.into_iter().collect::<Vec<_>>()).await?;
    let aftermath = job.aftermath(&summary.aside).await?;
    Ok(Loaded { plan, summary, differences, aftermath, is_unsettled, absence, workers: job.workers })
}

/// Whether every entity is meant, so that one without objects is nothing to stop for.
fn names_all(args: &Args) -> bool {
    args.entities.iter().any(|name| name == "all")
}

/// What the lake does not hold at all is a warning where nobody named it.
fn absence(plan: &mut Plan, may_be_absent: bool) -> Result<Option<Error>> {
    match plan.absence.take() {
        // What could not be read says more than that nothing was found.
        Some(absence) if may_be_absent || !plan.unreadable.is_empty() => {
            plan.warnings.push(absence.message().to_owned());
            Ok(Some(absence))
        }
        Some(absence) => Err(absence),
        None => Ok(None),
    }
}

/// A lake that holds nothing of any entity is not the right one.
fn nothing_at_all<'a>(mut absences: impl Iterator<Item = &'a mut Option<Error>>) -> Option<Error> {
    let first = absences.next()?;
    let all_absent = first.is_some() && absences.all(|absence| absence.is_some());
    first.take().filter(|_| all_absent)
}

async fn load_planned(job: &Job, plan: &Plan, meter: &Meter) -> EntitySummary {
    let bytes = plan.bytes();
    tracing::info!(
        entity = job.entity.name,
        listed = plan.listed,
        new = plan.seen.new,
        to_load = plan.objects(),
        bytes,
        batches = plan.batches(),
        "planned"
    );
    for run in &plan.left_alone {
        tracing::warn!(entity = job.entity.name, run = run.run_id, reason = run.reason, "run left alone");
    }
    let phase = meter.phase(format!("{}: loading", job.entity.name), bytes, Unit::Bytes);
    let summary = job
        .run(&|done| {
            phase.add(done.bytes);
            tracing::debug!(entity = job.entity.name, objects = done.objects, lines = done.counts.lines, "batch is in");
        })
        .await;
    drop(phase);
    summary
}

async fn dry_run(jobs: &[Job], may_be_absent: bool) -> Result<Outcome> {
    let (mut plans, mut absences, mut unreadable) = (Vec::new(), Vec::new(), Sample::default());
    for job in jobs {
        let mut plan = job.discover(true).await?;
        absences.push(absence(&mut plan, may_be_absent)?);
        unreadable.extend(plan.unreadable.clone());
        plans.push((job.entity.name.as_str(), plan));
    }
    let failure = loading::unreadable(&unreadable).or_else(|| nothing_at_all(absences.iter_mut()));
    Ok(shown::dry_run(&plans, jobs.iter().any(|job| job.selection.again == Again::All)).failed_with(failure))
}
