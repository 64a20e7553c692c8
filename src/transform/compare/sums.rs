//! Sums over a range of keys: documents against parents, elements of arrays against children.

use super::range::{KeyRange, begin};
use crate::entity::Entity;
use crate::error::Result;
use crate::pg::Transaction;
use crate::sql::{fill, ident, literal, qualified};
use crate::transform::job::EntityJob;
use crate::transform::range::Range;

/// The result for a range.
#[derive(Debug)]
pub(super) struct RangeSums {
    /// Documents that were compared.
    pub documents: u64,
    /// Indexes of the models whose rows have to be compared, because their sums differ.
    pub differing: Vec<usize>,
}

/// Sums up a range on both sides.
///
/// # Errors
/// See [`crate::pg`].
pub(super) async fn compare(job: &EntityJob, range: &Range) -> Result<RangeSums> {
    let mut connection = job.pool.get().await?;
    let tx = begin(&mut connection).await?;
    let keys = KeyRange::read(&tx, job, range).await?;
    let staged = staged(&tx, &keys).await?;
    let (_, hash) = job.entity.key_type().hashes();
    let mut differing = Vec::new();
    let mut arrays = staged.elements.iter();
    for (i, model) in job.entity.models.iter().enumerate() {
        let sql = fill(
            sql_file!("transform/compare/core_sums.sql"),
            &[
                ("hash", hash),
                ("table", &qualified(&model.table)),
                ("parent", &ident(&model.parent_key)),
                ("within", &keys.within(&model.parent_key)),
            ],
        );
        let row = tx.query_one(&sql, &[]).await?;
        let (rows, sum): (i64, String) = (row.get(0), row.get(1));
        let is_equal = match (i, model.select.children()) {
            // Other models than these may give any number of rows.
            _ if model.is_history => false,
            (0, None) => rows == staged.documents && sum == staged.sum,
            (_, Some(_)) => arrays.next() == Some(&rows),
            (_, None) => false,
        };
        if !is_equal {
            differing.push(i);
        }
    }
    tx.rollback().await?;
    Ok(RangeSums { documents: staged.documents.unsigned_abs(), differing })
}

/// Counts the documents of a range that are compared.
///
/// # Errors
/// See [`crate::pg`].
pub(super) async fn documents(job: &EntityJob, range: &Range) -> Result<u64> {
    let mut connection = job.pool.get().await?;
    let tx = begin(&mut connection).await?;
    let keys = KeyRange::read(&tx, job, range).await?;
    let (rows, key) = (keys.staged().shown(&job.entity).sql(), ident(&job.entity.staging.key_column));
    let (_, hash) = job.entity.key_type().hashes();
    let sql =
        fill(sql_file!("transform/compare/documents.sql"), &[("hash", hash), ("rows", &rows), ("staging_key", &key)]);
    let documents: i64 = tx.query_one(&sql, &[]).await?.get(0);
    tx.rollback().await?;
    Ok(documents.unsigned_abs())
}

/// Sums over staged documents.
struct StagedSums {
    documents: i64,
    sum: String,
    /// Elements of the arrays, by model that reads one.
    elements: Vec<i64>,
}

async fn staged(tx: &Transaction<'_>, keys: &KeyRange<'_>) -> Result<StagedSums> {
    let (rows, key) = (keys.staged().shown(keys.entity).sql(), ident(&keys.entity.staging.key_column));
    let arrays = arrays(keys.entity);
    let (_, hash) = keys.entity.key_type().hashes();
    let known = [("hash", hash), ("rows", rows.as_str()), ("staging_key", key.as_str())];
    if arrays.is_empty() {
        let row = tx.query_one(&fill(sql_file!("transform/compare/documents.sql"), &known), &[]).await?;
        return Ok(StagedSums { documents: row.get(0), sum: row.get(1), elements: Vec::new() });
    }
    let mut names: Vec<&String> = arrays.iter().collect();
    names.sort();
    names.dedup();
    let record: Vec<String> = names.iter().map(|name| format!("{} jsonb", ident(name))).collect();
    let length = |name: &String| {
        let array = format!("d.{}", ident(name));
        let is_array = format!("jsonb_typeof({array}) = {}", literal("array"));
        format!("coalesce(sum(case when {is_array} then jsonb_array_length({array}) end), 0)")
    };
    let lengths: Vec<String> = arrays.iter().map(length).collect();
    let (record, lengths) = (record.join(", "), lengths.join(", "));
    let values = [&known[..], &[("record", record.as_str()), ("lengths", lengths.as_str())]].concat();
    let row = tx.query_one(&fill(sql_file!("transform/compare/sums.sql"), &values), &[]).await?;
    Ok(StagedSums { documents: row.get(0), sum: row.get(1), elements: row.get(2) })
}

/// The arrays that models unnest, one for each such model.
fn arrays(entity: &Entity) -> Vec<String> {
    let of_documents = entity.models.iter().filter(|model| !model.is_history);
    of_documents.filter_map(|model| Some(model.select.children()?.array.clone())).collect()
}
