//! A few of the objects that wait to be loaded.

use super::selection::Selection;
use crate::error::Result;
use crate::pg::Ask;

/// Path and etag of some objects of the selection that are planned and not loaded, at most this many: of each
/// run in turn one, newest run first. Which ones has nothing to do with the order of their names.
///
/// # Errors
/// See [`crate::pg`].
pub async fn some(on: &impl Ask, entity: &str, selection: &Selection, most: i64) -> Result<Vec<(String, String)>> {
    let Selection { lake, run_id, since, .. } = selection;
    let rows = on.query(sql_file!("ledger/sample_objects.sql"), &[&entity, lake, run_id, since, &most]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}
