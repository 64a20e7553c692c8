//! The checks that run inside a transform: before a swap and after an increment.

use super::checks::{self, Finding, Leaf, Scope, When};
use super::job::EntityJob;
use super::statistics;
use super::transaction::begin;
use crate::error::Result;
use crate::ids::BatchId;
use crate::pg::Transaction;

/// At or below this many changed rows, force index lookups: the planner cannot know how few there are.
const FEW_ROWS: i64 = 100_000;

/// Runs the checks on a generation that is about to be swapped in.
///
/// # Errors
/// `CheckFailed` when a check of severity `fail` returned rows; otherwise see [`crate::pg`].
pub(super) async fn check_generation(job: &EntityJob, tables: Vec<Leaf>) -> Result<Vec<Finding>> {
    let findings = check(job, When::Swap, &Scope::Generation(tables)).await?;
    let Some(error) = checks::failure(&findings) else { return Ok(findings) };
    let mut names: Vec<&str> = findings.iter().filter(|f| f.is_failure()).map(|f| f.check.as_str()).collect();
    names.dedup();
    let advice = error.hint_text().map_or(String::new(), |hint| format!("{hint}; "));
    Err(error.hint(format!(
        "{advice}the old generation still serves; if the data is right, repeat with --accept {}",
        names.join(" --accept ")
    )))
}

/// Runs the checks after an increment, on the rows that it may have changed. A finding is no error here.
pub(super) async fn check_increment(job: &EntityJob, changed: &Scope) -> Result<Vec<Finding>> {
    match changed {
        Scope::Changed(changed) if changed.batches.is_empty() => Ok(Vec::new()),
        _ => check(job, When::Increment, changed).await,
    }
}

/// Records the share of values in each column of the serving generation; the next one is compared with it.
pub(super) async fn record_fill(job: &EntityJob) -> Result<()> {
    let connection = job.pool.get().await?;
    let leaves = Scope::Serving.leaves(&job.entity);
    let statistics = statistics::relation(&*connection, &leaves, job.layout).await?;
    let sql = crate::sql::fill(sql_file!("transform/record_fill.sql"), &[("statistics", &statistics)]);
    connection.execute(&sql, &[]).await?;
    Ok(())
}

async fn check(job: &EntityJob, when: When, scope: &Scope) -> Result<Vec<Finding>> {
    let mut connection = job.pool.get().await?;
    let tx = begin(&mut connection).await?;
    tx.batch("set transaction read only").await?;
    if let Scope::Changed(changed) = scope
        && written_rows(&tx, &changed.batches).await? <= FEW_ROWS
    {
        tx.batch("set local enable_hashjoin = off; set local enable_mergejoin = off").await?;
    }
    let findings = checks::run(&tx, &job.checks, (&job.entity, job.layout), when, scope).await?;
    tx.rollback().await?;
    Ok(findings)
}

async fn written_rows(tx: &Transaction<'_>, batches: &Vec<BatchId>) -> Result<i64> {
    Ok(tx.query_one(sql_file!("transform/written_rows.sql"), &[batches]).await?.get(0))
}
