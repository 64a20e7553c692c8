//! Verdicts: what becomes of each key of the batch, and which documents the server lacks for it.

use super::context::Merge;
use crate::error::Result;
use crate::ids::ObjectNo;
use crate::pg::Param;
use crate::stage::LineSet;

/// Compares the batch's keys with what staging holds, and fills `evo_verdict`.
///
/// # Errors
/// See [`crate::pg`].
pub(super) async fn make(merge: &Merge<'_>) -> Result<()> {
    let (tx, batch) = (merge.tx, &merge.lineage);
    let sql = merge.statements.verdicts();
    let values: [&dyn Param; 5] = [&batch.run_id, &batch.paths, &batch.dates, &batch.newer, &batch.older];
    if let Some(fetch) = merge.statements.fetch_known() {
        tx.batch(&fetch).await?;
        return tx.execute(&sql, &values).await.map(drop);
    }
    tx.batch("set local enable_hashjoin = off; set local enable_mergejoin = off").await?;
    tx.execute(&sql, &values).await?;
    tx.batch("set local enable_hashjoin = on; set local enable_mergejoin = on").await
}

/// The lines of each object whose documents the server does not hold, where only keys were staged.
///
/// # Errors
/// See [`crate::pg`].
pub(super) async fn missing_documents(merge: &Merge<'_>) -> Result<Vec<LineSet>> {
    let mut missing = vec![LineSet::default(); merge.batch.objects.len()];
    let sql = merge.statements.fill(sql_file!("load/missing_documents.sql"));
    let mut rows = merge.tx.rows(&sql, &[]).await?;
    while let Some(row) = rows.next().await? {
        let hash: uuid::Uuid = row.get(2);
        missing[row.get::<_, ObjectNo>(0).index()].insert(row.get(1), hash.as_u128());
    }
    Ok(missing)
}

/// Tells the verdicts where the documents are that were sent after the keys.
///
/// # Errors
/// See [`crate::pg`].
pub(super) async fn locate_documents(merge: &Merge<'_>) -> Result<()> {
    merge.tx.batch(&merge.statements.fill(sql_file!("load/locate.sql"))).await
}
