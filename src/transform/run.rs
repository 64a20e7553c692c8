//! A transform of one entity, from taking its lock to the checks at the end.

use super::checking::{check_increment, record_fill};
use super::checks::{Changed, Scope};
use super::contract::ContractGate;
use super::crew::Queue;
use super::definitions::Definitions;
use super::generation::full_refresh;
use super::increment::{self, IncrementPlan, increment};
use super::job::EntityJob;
use super::limits;
use super::missing::follow;
use super::refusal;
use super::request::{Mode, Request};
use super::summary::{TableSummary, TransformSummary, add_tables, tally_tables};
use super::transaction::begin;
use crate::citus::Layout;
use crate::entity::Entity;
use crate::error::{Error, Kind, Result};
use crate::ledger::staging;
use crate::meter::Unit;
use crate::pg::explain;
use crate::span::WorkSpan;
use crate::sql::qualified;

/// Brings the entity's core tables up to date.
///
/// Each step is retried by itself while its failure may pass, and no step repeats what another has done.
///
/// # Errors
/// `AlreadyRunning` when another execution has the entity's lock. `Config` when its tables lack something
/// that evo needs. `BadRow` for a value that does not fit, if the job is strict. `CheckFailed` when documents
/// break their contract, or a guard or a check stops a new generation; the old one serves on. Otherwise see
/// [`crate::pg`]. An increment keeps the chunks that were committed before the error.
pub async fn run(job: EntityJob, request: &Request) -> Result<TransformSummary> {
    let span = WorkSpan::begin("transform", &job.entity.name);
    let summary = span.run(run_with_lock(job, request)).await?;
    span.set("mode", summary.mode.word());
    span.set("rows", summary.tables.iter().map(TableSummary::written).sum::<u64>());
    Ok(summary)
}

async fn run_with_lock(mut job: EntityJob, request: &Request) -> Result<TransformSummary> {
    job.lock.take().await?;
    tracing::info!(entity = job.entity.name, mode = request.mode.map(Mode::word), "transforming");
    let done = match job.step("reading the catalog", async || prepare(&job).await).await {
        Ok((entity, layout)) => {
            (job.entity, job.layout) = (entity, layout);
            run_locked(&job, request).await
        }
        Err(error) => Err(error),
    };
    job.lock.release().await;
    match done {
        Err(error) => {
            let mut tables = job.tables();
            tables.push(job.entity.staging.table.clone());
            Err(explain(&job.pool, error, &tables).await)
        }
        done => done,
    }
}

/// Makes sure that staging is as evo needs it. Returns the entity with models whose values fit
/// what the columns and indexes of core can hold, and where its tables are.
async fn prepare(job: &EntityJob) -> Result<(Entity, Layout)> {
    let mut connection = job.pool.get().await?;
    staging::require_fitting(&*connection, std::slice::from_ref(&job.entity)).await?;
    let layout = Layout::read(&mut connection, &job.entity).await?;
    Ok((limits::limited(&connection, &job.entity).await?, layout))
}

async fn run_locked(job: &EntityJob, request: &Request) -> Result<TransformSummary> {
    let gate = ContractGate::new(job, request);
    Box::pin(gate.pass(job, None)).await?;
    failpoint!("transform.after_contract");
    let followed = match request.follows_source {
        true => Box::pin(follow(job, request.refresh.max_shrink)).await?,
        false => None,
    };
    let mut summary = Box::pin(bring_up_to_date(job, request, &gate)).await?;
    summary.contract = gate.into_findings();
    if let Some((missing, done)) = followed {
        summary.missing = Some(missing);
        refusal::add_all(&mut summary.refused, done.refused);
        if summary.mode != Mode::FullRefresh {
            add_tables(&mut summary.tables, &done.tables);
        }
    }
    Ok(summary)
}

async fn bring_up_to_date(job: &EntityJob, request: &Request, gate: &ContractGate<'_>) -> Result<TransformSummary> {
    let read = async || Definitions::read(&*job.pool.get().await?, &job.entity).await;
    let made = job.step("reading definitions", read).await?;
    let (mut summary, changed) = match request.mode {
        Some(Mode::FullRefresh) => (refreshed(job, request, gate).await?, None),
        Some(Mode::InPlace) => {
            let plan = job.step("planning", async || increment::whole(job, &*job.pool.get().await?).await).await?;
            gate.pass(job, Some(&plan.ids())).await?;
            let (summary, _) = by_increment(job, &plan, &made).await?;
            let scope = if job.keys.is_empty() { Scope::Serving } else { Scope::Changed(Changed::default()) };
            (summary, Some(scope))
        }
        mode => {
            let rows = job.chunk_rows.max(1);
            let plan = async || {
                let connection = job.pool.get().await?;
                match mode {
                    None => increment::plan_unless_refreshed(&connection, job, rows).await,
                    Some(_) => increment::plan(&connection, job, rows).await,
                }
            };
            let plan = job.step("planning", plan).await?;
            if mode.is_none() && plan.prefers_refresh() {
                let (changed, staged) = (plan.changed, plan.staged);
                tracing::info!(changed, staged, "most documents are new or changed: building a new generation");
                (refreshed(job, request, gate).await?, None)
            } else if mode.is_none() && !made.changed.is_empty() && plan.staged > 0 {
                let tables = made.changed.join(", ");
                tracing::warn!(
                    tables,
                    "the definition has changed since the rows were made: building a new generation"
                );
                (refreshed(job, request, gate).await?, None)
            } else {
                gate.pass(job, Some(&plan.ids())).await?;
                let (summary, rows) = by_increment(job, &plan, &made).await?;
                (summary, Some(Scope::Changed(rows)))
            }
        }
    };
    made.report(&mut summary);
    analyze(job, &summary.tables).await;
    match changed {
        Some(scope) => {
            let _phase = job.phase("checking", 0, Unit::Nothing);
            summary.checks = job.step("checking", async || check_increment(job, &scope).await).await?;
        }
        None => job.step("recording fill rates", async || record_fill(job).await).await?,
    }
    Ok(summary)
}

/// An increment, or a comparison of everything. What it does to the definitions is recorded before its first
/// row: it may be interrupted after any of them. Returns also which rows it may have changed.
async fn by_increment(
    job: &EntityJob,
    plan: &IncrementPlan,
    made: &Definitions,
) -> Result<(TransformSummary, Changed)> {
    if plan.chunks() > 0 {
        job.step("recording definitions", async || made.begin(job).await).await?;
    }
    increment(job, plan).await
}

/// A full refresh. A repeated one starts over, and drops the tables that the failed attempt left.
async fn refreshed(job: &EntityJob, request: &Request, gate: &ContractGate<'_>) -> Result<TransformSummary> {
    let build = async || full_refresh(job, &request.refresh, gate).await;
    let built = job.step("building a new generation", build).await?;
    tally_tables(&job.entity.name, &built.tables);
    Ok(built)
}

/// Renews the statistics of the partitioned parents. The data is committed: a failure is only a warning.
async fn analyze(job: &EntityJob, tables: &[TableSummary]) {
    if tables.iter().all(|table| table.written() == 0) {
        return;
    }
    let analyzed =
        job.step("analyzing", async || analyze_parents(job, tables).await.map_err(not_worth_waiting_for)).await;
    if let Err(error) = analyzed {
        tracing::warn!(%error, "the statistics of the partitioned tables could not be renewed; ANALYZE them");
    }
}

/// Nothing else analyzes a partitioned parent, and without statistics readers' joins are planned badly.
async fn analyze_parents(job: &EntityJob, tables: &[TableSummary]) -> Result<()> {
    let names: Vec<String> = tables.iter().map(|table| qualified(&table.table)).collect();
    let written: Vec<i64> = tables.iter().map(|table| i64::try_from(table.written()).unwrap_or(i64::MAX)).collect();
    let stale = job.pool.get().await?.query(sql_file!("transform/stale_parents.sql"), &[&names, &written]).await?;
    let queue = Queue::new(stale.iter().map(|row| row.get::<_, String>(0)));
    let analyze = async |table: String| {
        let mut connection = job.pool.get().await?;
        let tx = begin(&mut connection).await?;
        tx.batch(&format!("analyze {table}")).await?;
        tx.commit().await
    };
    job.crew().work_off(&queue, analyze).await.map(drop)
}

/// Somebody else analyzes or vacuums the table right now.
fn not_worth_waiting_for(error: Error) -> Error {
    if error.kind() == Kind::DatabaseBusy { error.given_up() } else { error }
}
