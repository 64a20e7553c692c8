//! A load of one entity, from its plan to what is left over.

use std::collections::BTreeSet;

use super::aftermath::{Aftermath, aftermath};
use super::discover::{discover, plan_chosen};
use super::job::LoadJob;
use super::plan::LoadPlan;
use super::summary::EntitySummary;
use super::workers;
use crate::error::Result;
use crate::ledger::objects::Again;
use crate::meter::{Meter, Unit};
use crate::span::WorkSpan;

/// How often the plan is loaded and the lake listed again, because objects were replaced while they were
/// loaded.
const ROUNDS: usize = 3;

/// The outcome of a load of one entity.
#[derive(Debug)]
pub struct EntityLoad {
    /// The plan; of the last listing, where there were several.
    pub plan: LoadPlan,
    /// The loaded batches, summed up, and why the load ended early, if it did.
    pub summary: EntitySummary,
    /// Objects that remain after the load; empty after a failure.
    pub aftermath: Aftermath,
    /// Whether objects were still being replaced when the lake was listed for the last time.
    pub is_unsettled: bool,
    /// Batches loaded in parallel.
    pub workers: usize,
    /// Objects that wait only because it has begun as many as it may.
    pub beyond_limit: u64,
}

impl EntityLoad {
    /// Objects that wait because their runs were left alone.
    pub fn left_alone(&self) -> u64 {
        let pending: u64 = self.plan.left_alone.iter().map(|run| run.pending).sum();
        pending.min(self.aftermath.count("pending", true))
    }

    /// Objects that wait for no other reason than the limit, once it is reached.
    fn beyond(&self) -> u64 {
        let waiting = self.aftermath.count("pending", true) - self.left_alone();
        waiting.saturating_sub(self.summary.not_loaded.unreadable.count)
    }
}

/// Loads what is planned. While objects turn out to be replaced or deleted, lists the lake again and loads
/// what is new, a few times. A failure is part of the summary, which counts what was committed before it.
pub async fn load(job: &LoadJob, plan: LoadPlan, meter: &Meter) -> EntityLoad {
    let summary = EntitySummary::new(&job.entity.name);
    let aftermath = Aftermath::default();
    let mut load = EntityLoad { plan, summary, aftermath, is_unsettled: false, workers: job.workers, beyond_limit: 0 };
    let span = WorkSpan::begin("load", &job.entity.name);
    if let Err(error) = span.run(load_rounds(job, &mut load, meter)).await {
        load.summary.failure = load.summary.failure.take().or(Some(error));
    }
    if let Some(error) = &load.summary.failure {
        span.fail(error);
    }
    if job.limit.is_reached() {
        load.beyond_limit = load.beyond();
    }
    load
}

async fn load_rounds(job: &LoadJob, load: &mut EntityLoad, meter: &Meter) -> Result<()> {
    let mut runs = BTreeSet::new();
    for round in 1..=ROUNDS {
        runs.extend(load.plan.runs.iter().map(|run| run.run_id.clone()));
        let part = load_planned(job, &load.plan, meter).await;
        // What was left out in the round before was planned, and tried, again.
        load.summary.not_loaded.unreadable = load.plan.unreadable.clone();
        let is_changed = part.not_loaded.gone > 0;
        load.summary.add(part);
        if load.summary.failure.is_some() {
            return Ok(());
        }
        // Objects that were named are not named again under another version.
        if !is_changed || job.selection.again == Again::Named {
            break;
        }
        let listed_again = discover(job).await?;
        if round == ROUNDS {
            load.is_unsettled = listed_again.objects() > 0;
        } else {
            load.plan = listed_again;
        }
    }
    let runs: Vec<String> = runs.into_iter().collect();
    load.aftermath = aftermath(job, &load.summary.not_loaded, &runs).await?;
    Ok(())
}

/// Loads what is planned, once. The summary is true also when it carries a failure: what it counts is
/// committed.
pub async fn load_planned(job: &LoadJob, plan: &LoadPlan, meter: &Meter) -> EntitySummary {
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
    // Which objects the limit lets through is not known before they are claimed.
    let total = if job.limit.is_set() { 0 } else { bytes };
    let phase = meter.phase(format!("{}: loading", job.entity.name), total, Unit::Bytes);
    workers::run(job, &phase).await
}

/// Loads the objects with open rejects again, with corrected texts in the place of rejected lines.
///
/// # Errors
/// See [`crate::pg`]: nothing could be planned. A later failure is part of the summary.
pub async fn replay(job: &LoadJob, meter: &Meter) -> Result<EntitySummary> {
    let plan = plan_chosen(job).await?;
    let phase = meter.phase(format!("{}: loading again", job.entity.name), plan.bytes(), Unit::Bytes);
    Ok(workers::run(job, &phase).await)
}
