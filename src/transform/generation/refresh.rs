//! A full refresh from its plan to its summary.

use std::time::Instant;

use super::leftovers;
use super::plan::GenerationPlan;
use super::swapped::Swapped;
use crate::error::Result;
use crate::pg::Connection;
use crate::transform::contract::ContractGate;
use crate::transform::job::EntityJob;
use crate::transform::request::{Mode, Refresh};
use crate::transform::shape::absent_columns;
use crate::transform::summary::TransformSummary;
use crate::transform::unknown_fields::Drift;

/// Rebuilds the core tables of the entity and swaps them in.
///
/// # Errors
/// `CheckFailed` when documents break their contract, or a guard or a check does not let the new generation
/// through; `Refused` when it breaks a constraint; `BadRow` for a value that does not fit, if the job is
/// strict; otherwise see [`crate::pg`]. The old generation serves on in every case.
pub(in crate::transform) async fn full_refresh(
    job: &EntityJob,
    refresh: &Refresh,
    gate: &ContractGate<'_>,
) -> Result<TransformSummary> {
    let started = Instant::now();
    let mut connection = job.pool.get().await?;
    let plan = GenerationPlan::read(job, &mut connection, refresh.year).await?;
    let absent_columns = absent_columns(&job.entity, &plan.shapes);
    let tables: Vec<String> = plan.builds.iter().map(|build| build.new.clone()).collect();
    match build_and_swap(job, &mut connection, plan, (refresh, gate)).await {
        Ok(swapped) => {
            let summary = summary(job, swapped, refresh).await;
            Ok(TransformSummary { elapsed: started.elapsed(), absent_columns, ..summary })
        }
        Err(error) => {
            // On another connection: this one may be why it failed. What is not dropped now, the next refresh
            // drops.
            if let Ok(mut connection) = job.pool.get().await {
                leftovers::discard(job, &mut connection, &tables).await;
            }
            Err(error)
        }
    }
}

async fn build_and_swap(
    job: &EntityJob,
    connection: &mut Connection,
    plan: GenerationPlan,
    (refresh, gate): (&Refresh, &ContractGate<'_>),
) -> Result<Swapped> {
    let built = plan.build(job, connection, gate).await?;
    let filled = match job.layout.is_distributed() {
        true => Box::pin(built.fill_shards(job)).await?,
        false => built.fill(job).await?.prove(job).await?,
    };
    let checked = filled.index(job).await?.check(job, connection, refresh.max_shrink).await?;
    checked.swap(job, connection, refresh).await
}

async fn summary(job: &EntityJob, swapped: Swapped, refresh: &Refresh) -> TransformSummary {
    let Swapped { checked, held, older_readers } = swapped;
    let filled = checked.indexed.filled;
    let is_whole = refresh.year.is_none();
    let unknown_fields = match checked.unknown_fields {
        Ok(fields) => fields.record(job).await,
        Err(error) => Err(error),
    };
    TransformSummary {
        entity: job.entity.name.clone(),
        mode: Mode::FullRefresh,
        batches: if is_whole { filled.batches.len() as u64 } else { 0 },
        staged: is_whole.then_some(filled.documents),
        has_all_rows: is_whole,
        tables: filled.tables,
        swap: Some(held),
        older_readers,
        drift: unknown_fields.unwrap_or_else(no_drift),
        checks: checked.findings,
        ..TransformSummary::default()
    }
}

/// The generation serves: that new fields could not be looked for is only a warning.
fn no_drift(error: crate::error::Error) -> Vec<Drift> {
    tracing::warn!(%error, "new fields are not reported this time; the next full refresh looks for them again");
    Vec::new()
}
