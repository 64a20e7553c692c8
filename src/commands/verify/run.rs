//! Running `evo verify`, one entity after the other.

use serde_json::{Value, json};

use super::args::Args;
use super::depth::VerifyDepth;
use super::repair::RepairedEntity;
use super::verified::Repaired;
use super::work::VerifyWork;
use super::{json, show};
use crate::commands::failures;
use crate::commands::loading::Loading;
use crate::commands::warehouse::Access;
use crate::config::Settings;
use crate::entity::{Catalog, Entity};
use crate::error::{Error, Result};
use crate::ids::ExecutionId;
use crate::ledger::models;
use crate::ledger::objects::Selection;
use crate::ledger::runs::Execution;
use crate::load::LoadJob;
use crate::meter::Meter;
use crate::report::{Outcome, progress};
use crate::transform::checks::Checks;
use crate::verify::{self, Cost};

/// Runs the command.
///
/// # Errors
/// When nothing could be begun. An entity that fails is part of the outcome, and the others continue.
pub async fn run(args: Args, settings: &Settings) -> Result<Outcome> {
    let catalog = Catalog::load(settings.extend.as_deref())?;
    let checks = Checks::load(settings.extend.as_deref(), &catalog)?;
    catalog.select(&args.entities)?;
    let loading = Loading::open_as("verify", settings, catalog, Access::of(args.repair)?).await?;
    let entities = loading.warehouse.catalog.select(&args.entities)?;
    let lake = loading.lake_id(&entities, !args.repair).await?;
    let selection = Selection { lake, ..Selection::default() };
    let execution_id = ExecutionId::new();
    let depth = VerifyDepth::of(&args, execution_id.0.as_u128() as u64);
    let jobs = loading.jobs(&entities, execution_id, &selection, settings.batch_size);
    let mut work = VerifyWork { settings, loading: &loading, checks, execution_id, meter: Meter::default() };
    if args.dry_run {
        return costs(&work, &jobs, depth).await;
    }
    let execution = match args.repair {
        true => Some(begin(&args, settings, &loading, &entities).await?),
        false => None,
    };
    work.execution_id = execution.as_ref().map_or(execution_id, |execution| execution.id);
    let watched = progress::watch(settings);
    work.meter = watched.meter.clone();
    let (done, failures) = each(&work, &jobs, depth, args.repair).await;
    drop(watched);
    let json = json::summary(&done, &args.accept);
    let failure = failures::combined(failures).or_else(|| show::failure(&done, &args.accept));
    if let Some(execution) = execution {
        execution.finish(&loading.warehouse.pool, &json, failure.as_ref()).await;
    }
    Ok(Outcome::new(show::text(&done, &args.accept), json).failed_with(failure))
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

fn untouched(first: super::verified::VerifiedEntity) -> RepairedEntity {
    RepairedEntity { first, last: None, repaired: Repaired::default() }
}

async fn begin(args: &Args, settings: &Settings, loading: &Loading, entities: &[&Entity]) -> Result<Execution> {
    let names: Vec<&str> = entities.iter().map(|e| e.name.as_str()).collect();
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
