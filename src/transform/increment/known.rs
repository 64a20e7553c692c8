//! What an increment knows of the rows that it has brought up to date, so that checks need not read them.

use super::chunk::ChunkResult;
use super::plan::IncrementPlan;
use crate::error::Result;
use crate::transform::checks::Changed;
use crate::transform::job::EntityJob;
use crate::transform::summary::TableSummary;

/// The rows that a finished increment may have changed.
///
/// Core holds exactly what the documents give, in all tables of the entity: so a child has its parent if it
/// has one among the rows that they give, and a row that was not inserted was there before. Neither is
/// certain where documents were refused, or where a trigger writes or leaves out rows.
///
/// # Errors
/// See [`crate::pg`].
pub(super) async fn known(
    job: &EntityJob,
    plan: &IncrementPlan,
    results: &[ChunkResult],
    tables: &[TableSummary],
) -> Result<Changed> {
    let batches = plan.ids();
    let is_refused = results.iter().any(|result| !result.refused.is_empty());
    let children = tables.get(1..).unwrap_or_default();
    if plan.is_whole || is_refused || children.is_empty() || has_triggers(job).await? {
        return Ok(Changed { batches, ..Changed::default() });
    }
    let may_lack = |table: &TableSummary| results.iter().any(|result| result.may_lack_parents.contains(&table.table));
    // An execution that was interrupted may have inserted rows of a batch that it had cut.
    let is_cut = plan.groups.iter().any(|group| group.chunks.len() > 1);
    let names = |is_known: &dyn Fn(&TableSummary) -> bool| -> Vec<String> {
        children.iter().filter(|table| is_known(table)).map(|table| table.table.clone()).collect()
    };
    Ok(Changed {
        batches,
        with_parents: names(&|table| !may_lack(table)),
        without_new_rows: names(&|table| !is_cut && table.inserted == 0),
    })
}

/// Whether a trigger may write or leave out rows of the entity's tables.
async fn has_triggers(job: &EntityJob) -> Result<bool> {
    let sql = sql_file!("transform/increment/has_triggers.sql");
    Ok(job.pool.get().await?.query_one(sql, &[&job.tables()]).await?.get(0))
}
