//! A dimension against what its sources give. Changes nothing.

use std::collections::BTreeMap;

use super::job::DimensionJob;
use super::statements::compare_sql;
use crate::citus::wait_for_all_rows;
use crate::error::Result;
use crate::pg::{Row, Transaction};
use crate::sql::{fill, qualified};
use crate::transform::compare::CoreMismatchKind;

/// A row of a dimension that is not what its sources give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DimensionMismatch {
    /// What is wrong.
    pub kind: CoreMismatchKind,
    /// The id, as text.
    pub key: String,
    /// The columns that differ.
    pub columns: Vec<String>,
    /// Core table and key of the row that names it best; `None` where no row names it.
    pub source: Option<(String, String)>,
}

/// What comparing a dimension came to.
#[derive(Debug, Clone, Default)]
pub struct ComparedDimension {
    /// Its sources have something that it has not: there is nothing to compare it with. The rest is empty
    /// then.
    pub is_behind: bool,
    /// Rows of the dimension.
    pub rows: u64,
    /// A limited number by name.
    pub named: Vec<DimensionMismatch>,
    /// How many there are, by kind.
    pub counts: BTreeMap<CoreMismatchKind, u64>,
}

impl DimensionJob {
    /// Elects every row again and compares it with what the dimension holds. Of the job it uses no lock, and
    /// takes any server that answers.
    ///
    /// # Errors
    /// See [`crate::pg`].
    pub async fn compare(&self) -> Result<ComparedDimension> {
        let what = format!("comparing {}", self.dimension.name);
        self.pool.retry(&what, async || self.try_compare().await).await
    }

    async fn try_compare(&self) -> Result<ComparedDimension> {
        let mut connection = self.pool.get().await?;
        let tx = self.begin(&mut connection).await?;
        if self.is_stale(&tx).await? || !self.batches(&tx, false).await?.is_empty() {
            tx.rollback().await?;
            return Ok(ComparedDimension { is_behind: true, ..ComparedDimension::default() });
        }
        let compared = self.compared(&tx).await?;
        tx.rollback().await?;
        Ok(compared)
    }

    async fn compared(&self, tx: &Transaction<'_>) -> Result<ComparedDimension> {
        let mut compared = ComparedDimension::default();
        let is_cluster = wait_for_all_rows(tx).await?;
        let count = fill("select count(*) from {table}", &[("table", &qualified(&self.dimension.table))]);
        compared.rows = tx.query_one(&count, &[]).await?.get::<_, i64>(0).unsigned_abs();
        for row in tx.query(&compare_sql(&self.dimension, is_cluster), &[]).await? {
            let mismatch = mismatch(&row);
            compared.counts.insert(mismatch.kind, row.get::<_, i64>(5).unsigned_abs());
            compared.named.push(mismatch);
        }
        Ok(compared)
    }
}

fn mismatch(row: &Row) -> DimensionMismatch {
    let kind = match row.get::<_, &str>(1) {
        "missing" => CoreMismatchKind::Missing,
        "added" => CoreMismatchKind::Added,
        _ => CoreMismatchKind::Differs,
    };
    let source = row.get::<_, Option<String>>(3).zip(row.get::<_, Option<String>>(4));
    DimensionMismatch { kind, key: row.get(0), columns: row.get(2), source }
}
