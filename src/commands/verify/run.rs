//! Running `evo verify`, one entity after the other.

use serde_json::{Value, json};

use super::args::Args;
use super::depth::VerifyDepth;
use super::dimensions::VerifiedDimension;
use super::repair::RepairedEntity;
use super::verified::Repaired;
use super::work::VerifyWork;
use super::{json, show};
use crate::commands::failures;
use crate::commands::loading::Loading;
use crate::commands::warehouse::Access;
use crate::config::Settings;
use crate::entity::{Catalog, Entity};
use crate::error::{Error, Kind, Result};
use crate::ids::ExecutionId;
use crate::ledger::models;
use crate::ledger::objects::Selection;
use crate::ledger::runs::Execution;
use crate::load::LoadJob;
use crate::meter::Meter;
use crate::report::{Outcome, progress};
use crate::transform::checks::Checks;
use crate::transform::dimension::{self, Dimension};
use crate::verify::{self, Cost};

/// Runs the command.
///
/// # Errors
/// When nothing could be begun. An entity that fails is part of the outcome, and the others continue.
pub async fn run(args: Args, settings: &Settings) -> Result<Outcome> {
    let catalog = Catalog::load(settings.extend.as_deref())?;
    let checks = Checks::load(settings.extend.as_deref(), &catalog)?;
    let dimensions = dimension::all(settings.extend.as_deref(), &catalog)?;
    let known = catalog.clone();
    let (entities, dimensions) = dimension::select(&known, &dimensions, &args.entities)?;
    require_deep(&args, &entities, &dimensions)?;
    let loading = Loading::open_as("verify", settings, catalog, Access::of(args.repair)?).await?;
    // Any entity can show which lake this is.
    let lake = loading.lake_id(&known.all().iter().collect::<Vec<_>>(), !args.repair).await?;
    let selection = Selection { lake, ..Selection::default() };
    let execution_id = ExecutionId::new();
    let depth = VerifyDepth::of(&args, execution_id.0.as_u128() as u64);
    let jobs = loading.jobs(&entities, execution_id, &selection, settings.batch_size);
    let mut work = VerifyWork {
        settings,
        loading: &loading,
        entities: entities.iter().map(|entity| entity.name.clone()).collect(),
        accepted: &args.accept,
        checks,
        execution_id,
        meter: Meter::default(),
    };
    if args.dry_run {
        return costs(&work, &jobs, depth).await;
    }
    let execution = match args.repair {
        true => Some(begin(&args, settings, &loading, (&entities, &dimensions)).await?),
        false => None,
    };
    work.execution_id = execution.as_ref().map_or(execution_id, |execution| execution.id);
    let watched = progress::watch(settings);
    work.meter = watched.meter.clone();
    let (done, mut failures) = each(&work, &jobs, depth, args.repair).await;
    let compared = each_dimension(&work, &dimensions, depth, (&done, args.repair), &mut failures).await;
    drop(watched);
    let verified = (done.as_slice(), compared.as_slice());
    let json = json::summary(verified, &args.accept);
    let failure = failures::combined(failures).or_else(|| show::failure(verified, &args.accept));
    if let Some(execution) = execution {
        execution.finish(&loading.warehouse.pool, &json, failure.as_ref()).await;
    }
    Ok(Outcome::new(show::text(verified, &args.accept), json).failed_with(failure))
}

/// Refuses to verify a dimension otherwise than as a whole.
fn require_deep(args: &Args, entities: &[&Entity], dimensions: &[&Dimension]) -> Result<()> {
    let Some(dimension) = dimensions.first().filter(|_| entities.is_empty() && !args.deep && !args.dry_run) else {
        return Ok(());
    };
    let message = format!("{} is a dimension, and only --deep compares dimensions", dimension.name);
    Err(Error::new(Kind::Usage, message).hint(format!("evo verify {} --deep", dimension.name)))
}

async fn each(
    work: &VerifyWork<'_>,
    jobs: &[LoadJob],
    depth: VerifyDepth,
    repair: bool,
) -> (Vec<RepairedEntity>, Vec<(String, Error)>) {
    let (mut done, mut failures) = (Vec::new(), Vec::new());
    for job in jobs {
        if job.shutdown.is_requested() {
            failures.push((job.entity.name.clone(), job.shutdown.error()));
            break;
        }
        let verified = match repair {
            true => work.repair(job, depth).await,
            false => work.verify(job, depth).await.map(untouched),
        };
        match verified {
            Ok(one) => done.push(one),
            Err(error) => failures.push((job.entity.name.clone(), error)),
        }
    }
    (done, failures)
}

async fn each_dimension(
    work: &VerifyWork<'_>,
    dimensions: &[&Dimension],
    depth: VerifyDepth,
    (done, repair): (&[RepairedEntity], bool),
    failures: &mut Vec<(String, Error)>,
) -> Vec<VerifiedDimension> {
    let mut compared = Vec::new();
    for dimension in dimensions {
        if work.loading.is_stopping() {
            break;
        }
        match work.dimension(dimension, depth, (done, repair)).await {
            Ok(one) => compared.push(one),
            Err(error) => failures.push((dimension.name.clone(), error)),
        }
    }
    compared
}

fn untouched(first: super::verified::VerifiedEntity) -> RepairedEntity {
    RepairedEntity { first, last: None, repaired: Repaired::default() }
}

async fn begin(
    args: &Args,
    settings: &Settings,
    loading: &Loading,
    (entities, dimensions): (&[&Entity], &[&Dimension]),
) -> Result<Execution> {
    let names = entities.iter().map(|e| e.name.as_str()).chain(dimensions.iter().map(|d| d.name.as_str()));
    let names: Vec<&str> = names.collect();
    let arguments = json!({
        "deep": args.deep, "sample": args.sample.map(|share| share.fraction()), "repair": true, "accept": args.accept,
    });
    Execution::begin(&loading.warehouse.pool, "verify", &names, &arguments, &settings.machine).await
}

/// `--dry-run`.
async fn costs(work: &VerifyWork<'_>, jobs: &[LoadJob], depth: VerifyDepth) -> Result<Outcome> {
    let mut costs: Vec<(String, Cost, u64)> = Vec::new();
    for job in jobs {
        let cost = match depth {
            VerifyDepth::Quick => Cost::default(),
            _ => verify::cost(&work.verify_job(job)).await?,
        };
        let staged = models::staged(&*job.pool.get().await?, &job.entity.name).await?;
        costs.push((job.entity.name.clone(), share_of(cost, depth), staged));
    }
    let entry = |(entity, cost, staged): &(String, Cost, u64)| {
        json!({
            "entity": entity, "mode": depth.word(), "objects": cost.objects, "bytes": cost.bytes,
            "lines": cost.lines, "documents": staged,
        })
    };
    let json: Value = json!({ "entities": costs.iter().map(entry).collect::<Vec<_>>() });
    Ok(Outcome::new(show::costs(&costs, depth.word()), json))
}

fn share_of(cost: Cost, depth: VerifyDepth) -> Cost {
    let VerifyDepth::Sample(share, _) = depth else { return cost };
    let of = |n: u64| (n as f64 * share).ceil() as u64;
    Cost { objects: of(cost.objects), bytes: of(cost.bytes), lines: of(cost.lines) }
}
