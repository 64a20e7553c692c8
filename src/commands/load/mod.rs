//! `evo load`: bronze objects into the staging tables.

mod absence;
mod dry_run;
mod exit;
mod json;
mod limit;
mod named;
mod show;

use chrono::NaiveDate;
use serde_json::json;

use super::failures;
use super::loading::Loading;
use super::threshold::Threshold;
use crate::config::{self, Settings};
use crate::drift::{self, FieldFindings};
use crate::entity::Catalog;
use crate::error::{Error, Kind, Result};
use crate::ids::ExecutionId;
use crate::ledger::objects::{Again, Selection};
use crate::ledger::runs::Execution;
use crate::load::{self, EntityLoad, LoadJob, ObjectLimit};
use crate::meter::Meter;
use crate::report::Outcome;
use crate::report::progress;
use crate::transform::dimension;

/// Loads what is not loaded yet; running it again is safe at any moment, and so is running it several times
/// at once.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  evo load sales                              what is not loaded yet
  evo load members sales --workers 8 --batch-size 10
  evo load all --since 2026-01-01             runs of that day and later
  evo load entries --run-id 20260111T030000Z  one run, even if unfinished
  evo load sales --all-runs                   everything again
  evo load sales --objects '*part-00003*'     only these objects, again
  evo load sales --limit 2                    two objects, to try it out
  evo load all --dry-run                      the plan, and what is skipped

Several processes may load the same entity: they share its batches, and take
over those of a process that died.

Exit codes: 0 everything loaded · 4 lake, or objects that could not be read or
that vanished · 5 database · 6 too many rejects, objects set aside (evo
objects), fewer records than a manifest says, or a broken contract")]
pub struct Args {
    /// members, sales, entries, prospects, one of your own, or all
    #[arg(required = true, value_name = "ENTITY")]
    pub entities: Vec<String>,
    /// Parallel batches, 1 to 64 [env: EVO_WORKERS] [default: one per CPU, at most 8]
    #[arg(long, value_name = "N")]
    pub workers: Option<String>,
    /// Objects per batch, 1 to 10000; a batch is one transaction [env: EVO_BATCH_SIZE] [default: by their
    /// size]
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
    /// Only these objects, again: paths below the lake, * matches anything. Every row that came from them is
    /// written again, also where its content looks unchanged
    #[arg(
        long, value_name = "PATH", num_args = 1.., help_heading = "Which objects",
        conflicts_with_all = ["all_runs", "run_id", "since", "dry_run"]
    )]
    pub objects: Vec<String>,
    /// At most this many objects of each entity, oldest run first, to try something out. Each is loaded
    /// whole; the others wait for the next load
    #[arg(
        long, value_name = "N", help_heading = "Which objects", conflicts_with_all = ["all_runs", "objects"],
        value_parser = config::whole::<usize>(1, 1_000_000)
    )]
    pub limit: Option<usize>,
    /// Exit with 6 if more lines are rejected: a number, or a percentage of the lines read
    #[arg(long, value_name = "N|P%", default_value = "1%")]
    pub max_rejects: Threshold,
    /// contract: load documents that break the entity's contract
    #[arg(long, value_name = "WHAT", value_parser = ["contract"])]
    pub accept: Vec<String>,
    /// Show the plan and load nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// A load of one entity as the command shows it.
#[derive(Debug)]
struct Loaded {
    load: EntityLoad,
    /// Why there was nothing to load, where the lake holds nothing of the entity and nobody named it.
    absence: Option<Error>,
    /// How its documents keep their contract, and what was let through.
    contract: FieldFindings,
}

/// Runs the command.
///
/// # Errors
/// When nothing could be begun. A later failure is part of the outcome, which counts what is committed.
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
    let again = match (args.all_runs, args.objects.as_slice()) {
        (true, _) => Again::All,
        (false, []) => Again::No,
        _ => Again::Named,
    };
    let lake = loading.lake_id(&entities, args.dry_run).await?;
    let objects = named::objects(pool, &entities, lake, &args.objects).await?;
    let selection = Selection { lake, run_id: args.run_id.clone(), since: args.since, again, objects };
    let batch_size = settings.batch_size;
    if args.dry_run {
        let jobs = loading.jobs(&entities, ExecutionId::NONE, &selection, batch_size);
        return dry_run::run(&jobs, names_all(&args), args.limit).await;
    }
    let names: Vec<&str> = entities.iter().map(|e| e.name.as_str()).collect();
    let arguments = json!({
        "workers": settings.workers, "batch_size": batch_size, "run_id": args.run_id, "since": args.since,
        "all_runs": args.all_runs, "objects": args.objects, "limit": args.limit,
    });
    let execution = Execution::begin(pool, "load", &names, &arguments, &settings.machine).await?;
    let mut jobs = loading.jobs(&entities, execution.id, &selection, batch_size);
    jobs.iter_mut().for_each(|job| job.limit = ObjectLimit::new(args.limit));
    let watched = progress::watch(settings);
    let load = async |job: &LoadJob| load_one(job, &watched.meter, &args).await;
    let (mut loaded, failures) = loading.each(&jobs, load).await?;
    drop(watched);
    let json = json::summary(execution.id, &loaded);
    let failure = failures::combined(failures)
        .or_else(|| absence::of_everything(loaded.iter_mut().map(|l| &mut l.absence)))
        .or_else(|| exit::failure(&loaded, args.max_rejects));
    execution.finish(pool, &json, failure.as_ref()).await;
    Ok(Outcome::new(show::summary(&loaded), json).failed_with(failure))
}

/// Refuses a dimension by name, and says where its rows come from.
fn refuse_dimensions(names: &[String], settings: &Settings, catalog: &Catalog) -> Result<()> {
    let dimensions = dimension::all(settings.extend.as_deref(), catalog)?;
    let Some(named) = dimensions.iter().find(|d| names.contains(&d.name)) else { return Ok(()) };
    let name = &named.name;
    Err(Error::new(Kind::Usage, format!("{name} is a dimension: it has no objects to load"))
        .detail(format!("it is derived from {}", named.source_entities().join(", ")))
        .hint(format!("load those, then `evo transform {name}`")))
}

/// Discovers and loads one entity. A failure is returned together with what was loaded before it.
async fn load_one(job: &LoadJob, meter: &Meter, args: &Args) -> Result<(Loaded, Option<Error>)> {
    if job.selection.again == Again::Named {
        load::doubt(job).await?;
    }
    let mut plan = load::discover(job).await?;
    let absence = absence::of_one(&mut plan, names_all(args))?;
    let contract = load::check_contract(job).await?;
    match drift::failure(&job.entity, &contract.breaches, ("load", "loaded")) {
        Some(error) if args.accept.is_empty() => return Err(error),
        _ => {}
    }
    let mut load = load::load(job, plan, meter).await;
    let failure = load.summary.failure.take();
    Ok((Loaded { load, absence, contract }, failure))
}

/// Whether every entity is meant, so that one without objects is no reason to stop.
fn names_all(args: &Args) -> bool {
    args.entities.iter().any(|name| name == "all")
}
