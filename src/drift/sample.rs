//! Samples of staged documents.

use super::place::SampledLine;
use crate::error::Result;
use crate::pg::{Row, Transaction};
use crate::sql::fill;

/// Number of documents to sample.
pub const SAMPLE: u64 = 1000;
/// Documents that the server sends together.
const PORTION: u64 = 100;
/// Characters of a document that are read.
const MAX_DOCUMENT: usize = 1_000_000;
/// Bytes after which no further portion is read.
const MAX_BYTES: usize = 32_000_000;

/// What is read of a staged row. Of a distributed table, the documents become texts where the shards are.
const COLUMNS: &str = "raw_data::text as document, run_id, _source_file, _source_line";

/// The first rows of a staging table, as a subquery. `table` is quoted, `condition` is one on its rows `t`.
pub fn of_first(table: &str, condition: &str) -> String {
    format!("(select {COLUMNS} from {table} t where {condition} limit {SAMPLE})")
}

/// A sample of a staging table, which holds `staged` documents, likewise.
pub fn of_table(table: &str, staged: u64, condition: &str) -> String {
    // A page holds few documents, and a sampled page gives all of them: take twice the pages that should do.
    let percent = (SAMPLE as f64 * 200.0 / staged.max(1) as f64).clamp(0.001, 100.0);
    format!("(select {COLUMNS} from {table} t tablesample system ({percent:.3}) where {condition} limit {SAMPLE})")
}

/// A sample of some rows of staging: one of `every` by the hash of the key. `rows` is an item of a from
/// clause.
pub fn of_rows(rows: &str, hashed_key: &str, every: u64) -> String {
    format!("(select {COLUMNS} from {rows} r where {hashed_key} % {} = 0 limit {SAMPLE})", every.max(1))
}

/// Hands out the documents of a sample, which is a subquery over staging. Sampling again may give others.
///
/// # Errors
/// See [`crate::pg`].
pub async fn read_documents(tx: &Transaction<'_>, sample: &str, mut add: impl FnMut(&str, SampledLine)) -> Result<()> {
    let values = [("sample", sample), ("most", &MAX_DOCUMENT.to_string())];
    let sql = fill(sql_file!("drift/sample.sql"), &values);
    tx.batch(&format!("declare evo_sample no scroll cursor for\n{sql}")).await?;
    let (mut is_over, mut bytes) = (false, 0);
    while !is_over && bytes < MAX_BYTES {
        let mut rows = tx.rows(&format!("fetch {PORTION} from evo_sample"), &[]).await?;
        is_over = true;
        while let Some(row) = rows.next().await? {
            let document: &str = row.get(0);
            add(document, place(&row));
            bytes += document.len();
            is_over = false;
        }
    }
    tx.batch("close evo_sample").await
}

/// Where a document of the sample came from.
fn place(row: &Row) -> SampledLine {
    let text = |i| row.get::<_, Option<String>>(i).unwrap_or_default();
    SampledLine { run_id: text(1), source_file: text(2), source_line: row.get::<_, Option<i64>>(3).unwrap_or_default() }
}
