//! Cutting a table into ranges without reading it.

use super::Job;
use super::model::Range;
use crate::error::Result;
use crate::pg::Connection;
use crate::sql::{fill, ident};

/// Values looked at to find one bound. They come in pages of a few, so that fifty are a dozen places.
const SAMPLES_PER_RANGE: u64 = 200;

impl Job {
    /// Cuts a table by the values of a column, found in a sample of its pages.
    pub(super) async fn ranges(&self, connection: &Connection, table: &str, column: &str) -> Result<Vec<Range>> {
        let row = connection.query_one(sql_file!("transform/generation/size.sql"), &[&table]).await?;
        let (known, bytes): (i64, i64) = (row.get(0), row.get(1));
        // Never analyzed: as if a document had 4 KB.
        let rows = if known > 0 { known.unsigned_abs() } else { bytes.unsigned_abs() / 4096 };
        let wanted = rows.div_ceil(self.chunk_rows.max(1)).min(10_000);
        if wanted <= 1 {
            return Ok(vec![Range::default()]);
        }
        let percent = ((wanted * SAMPLES_PER_RANGE) as f64 * 100.0 / rows as f64).clamp(0.0001, 100.0);
        let sql = fill(
            sql_file!("transform/generation/sample.sql"),
            &[("column", &ident(column)), ("table", table), ("percent", &format!("{percent:.4}"))],
        );
        let sample: Vec<String> = connection.query(&sql, &[]).await?.iter().map(|row| row.get(0)).collect();
        let step = sample.len().div_ceil(usize::try_from(wanted).unwrap_or(usize::MAX)).max(1);
        let mut bounds: Vec<String> = sample.into_iter().skip(step).step_by(step).collect();
        bounds.dedup();
        Ok(Range::between(&bounds))
    }
}
