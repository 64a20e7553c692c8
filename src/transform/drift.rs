//! Drift: fields that documents did not have before, or not of that type.
//!
//! Each transform looks at a sample of what it takes in and adds to `evo.fields`. A field of which no sampled document is
//! goes unnoticed here; a value that does not fit its column is an issue in any case.

use super::model::{Range, Source};
use super::{Job, SESSION};
use crate::error::Result;
use crate::sql::{fill, ident, qualified};

/// Documents looked at.
const SAMPLE: u64 = 1000;

/// A field that is new, or has a type that it never had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// `saleItens[].itemValue`.
    pub path: String,
    /// Its JSON type.
    pub json_type: String,
    /// The types that it had; empty for a new field.
    pub known_types: Vec<String>,
    /// Object in which it was first seen.
    pub source_file: String,
    /// The line there.
    pub source_line: i64,
}

impl Job {
    /// Looks at documents of these batches, `changed` rows.
    pub(super) async fn drift_of_batches(&self, ids: &[i64], changed: u64) -> Result<Vec<Drift>> {
        if changed == 0 {
            return Ok(Vec::new());
        }
        let source = Source::batches(&self.entity, ids, &Range::default());
        let key = ident(&self.entity.staging.key_column);
        let every = changed.div_ceil(SAMPLE);
        self.drift(&format!("(select * from {} r where hashint8({key}) % {every} = 0 limit {SAMPLE})", source.sql()))
            .await
    }

    /// Looks at documents of the whole staging table, which holds `staged`.
    pub(super) async fn drift_of_all(&self, staged: u64) -> Result<Vec<Drift>> {
        let table = qualified(&self.entity.staging.table);
        // A page holds few documents, and a sampled page gives all of them: twice as many pages as should be needed.
        let percent = (SAMPLE as f64 * 200.0 / staged.max(1) as f64).clamp(0.001, 100.0);
        self.drift(&format!("(select * from {table} tablesample system ({percent:.3}) limit {SAMPLE})")).await
    }

    /// The first look at an entity finds everything new, which is no drift.
    async fn drift(&self, sample: &str) -> Result<Vec<Drift>> {
        let mut connection = self.pool.get().await?;
        let tx = connection.begin().await?;
        tx.batch(SESSION).await?;
        let sql = "select exists (select from evo.fields where entity = $1)";
        let has_looked: bool = tx.query_one(sql, &[&self.entity.name]).await?.get(0);
        let sql = fill(sql_file!("transform/drift.sql"), &[("sample", sample)]);
        let rows = tx.query(&sql, &[&self.entity.name, &self.execution_id]).await?;
        tx.commit().await?;
        let rows = rows.iter().filter(|_| has_looked);
        Ok(rows
            .map(|row| Drift {
                path: row.get(0),
                json_type: row.get(1),
                known_types: row.get(2),
                source_file: row.get(3),
                source_line: row.get(4),
            })
            .collect())
    }
}
