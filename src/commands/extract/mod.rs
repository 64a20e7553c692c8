//! `evo extract`: from an API to bronze.

mod allowance;
mod args;
mod run;
mod shown;
mod sources;
mod trial;

use serde_json::json;

use self::allowance::allowances;
pub use self::args::Args;
use self::run::{Extracted, Run};
use self::sources::{declared, open_lake};
use super::warehouse::{self, Access, Warehouse};
use super::{failures, which_lake};
use crate::config::Settings;
use crate::counted::counted;
use crate::entity::{Catalog, Entity};
use crate::error::{Error, Kind, Result};
use crate::extract::{self, DayRange};
use crate::ids::LakeId;
use crate::ledger::runs::Execution;
use crate::report::Outcome;

/// Runs the command.
///
/// # Errors
/// When nothing could be begun; a failure on the way is part of the outcome, which counts what is in the
/// lake.
pub async fn run(args: Args, settings: &Settings) -> Result<Outcome> {
    let catalog = Catalog::load(settings.extend.as_deref())?;
    let entities: Vec<Entity> = declared(&catalog, &args.entities)?.into_iter().cloned().collect();
    let range = args.range()?;
    if args.is_trial {
        return trial::run(&entities, range, settings).await;
    }
    let access = Access::of(!args.dry_run)?;
    let shutdown = access.shutdown();
    let lake = open_lake(settings, args.dry_run)?.until(shutdown.clone());
    let connections = settings.workers + 4;
    let warehouse = warehouse::open(settings, catalog, ("extract", connections), access).await?;
    let refs: Vec<&Entity> = entities.iter().collect();
    let lake_id = which_lake::find(&warehouse.pool, &lake, &refs, args.dry_run).await?;
    if args.dry_run {
        return dry_run(&args, settings, (&warehouse, lake_id), (&entities, range)).await;
    }
    let names: Vec<&str> = entities.iter().map(|entity| entity.name.as_str()).collect();
    let arguments = json!({
        "workers": settings.workers, "from": args.from, "to": args.to, "year": args.year, "last_days": args.last,
        "budget": args.budget,
    });
    let execution = Execution::begin(&warehouse.pool, "extract", &names, &arguments, &settings.machine).await?;
    let run = Run { args: &args, settings, warehouse: &warehouse, lake, lake_id, shutdown, execution_id: execution.id };
    let (extracted, failures) = run.all(&entities, range).await?;
    let json = shown::to_json(execution.id, &extracted);
    let failure = failures::combined(failures).or_else(|| failed_windows(&extracted));
    execution.finish(&warehouse.pool, &json, failure.as_ref()).await;
    Ok(Outcome::new(shown::text(&extracted), json).failed_with(failure))
}

fn failed_windows(extracted: &[Extracted]) -> Option<Error> {
    let failed: Vec<String> = extracted
        .iter()
        .flat_map(|one| one.summary.failed.iter().map(|reason| format!("{}: {reason}", one.entity)))
        .collect();
    (!failed.is_empty()).then(|| {
        Error::new(
            Kind::SourceUnavailable,
            counted(failed.len() as u64, "window could not be extracted", "windows could not be extracted"),
        )
        .detail(failed.join("\n"))
        .hint("everything else is in the lake; the next extraction fetches them first")
    })
}

async fn dry_run(
    args: &Args,
    settings: &Settings,
    (warehouse, lake): (&Warehouse, LakeId),
    (entities, range): (&[Entity], DayRange),
) -> Result<Outcome> {
    let mut plans = Vec::new();
    let allowances = allowances(&warehouse.pool, (entities, lake), range, args.budget).await;
    for (entity, allowance) in entities.iter().zip(allowances) {
        let name = entity.queries.first().map(|query| query.source.as_str()).unwrap_or_default();
        let source = settings.sources.iter().find(|source| source.name == name);
        let rates = args.rate.map(|rate| vec![rate]).or_else(|| Some(source?.rates.clone())).unwrap_or_default();
        let plan = extract::plan(&warehouse.pool, entity, lake, range, allowance).await?;
        plans.push((entity.name.as_str(), plan, rates));
    }
    Ok(shown::dry_run(&plans))
}
