//! Cutting a table into ranges without reading it.

use super::Job;
use super::model::Range;
use crate::error::Result;
use crate::pg::Connection;
use crate::sql::{fill, ident};

/// Values looked at to find one bound.
const SAMPLES_PER_RANGE: u64 = 50;

struct Size {
    rows: u64,
    blocks: u64,
    /// Ranges.
    wanted: u64,
}

impl Job {
    async fn size(&self, connection: &Connection, table: &str) -> Result<Size> {
        let row = connection.query_one(sql_file!("transform/generation/size.sql"), &[&table]).await?;
        let [known, bytes, blocks] = [0, 1, 2].map(|i| row.get::<_, i64>(i).unsigned_abs());
        // Never analyzed: as if a document had 4 KB.
        let rows = if known > 0 { known } else { bytes / 4096 };
        Ok(Size { rows, blocks, wanted: rows.div_ceil(self.chunk_rows.max(1)).min(10_000) })
    }

    /// Cuts a table by the blocks of its file, as ranges of `ctid`. The last one is open: the table may grow.
    pub(super) async fn block_ranges(&self, connection: &Connection, table: &str) -> Result<Vec<Range>> {
        let Size { blocks, wanted, .. } = self.size(connection, table).await?;
        let step = blocks.div_ceil(wanted.max(1)).max(1);
        let bounds: Vec<String> =
            (1..wanted).map(|i| i * step).filter(|b| *b < blocks).map(|b| format!("({b},0)")).collect();
        Ok(Range::between(&bounds))
    }

    /// Cuts a table by the values of a column, found in a sample of its pages.
    pub(super) async fn ranges(&self, connection: &Connection, table: &str, column: &str) -> Result<Vec<Range>> {
        let Size { rows, wanted, .. } = self.size(connection, table).await?;
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
