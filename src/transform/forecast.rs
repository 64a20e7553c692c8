//! What a transform would do, without doing it.

use super::catalog::{of_year, partitions};
use super::{Job, Mode, Request, increment};
use crate::error::Result;
use crate::sql::qualified;

/// What a transform of an entity would do.
#[derive(Debug, Clone)]
pub struct Forecast {
    /// Entity.
    pub entity: String,
    /// How it would go about it.
    pub mode: Mode,
    /// Batches that core has not taken in.
    pub batches: u64,
    /// Documents that they wrote and that no later batch has rewritten.
    pub changed: u64,
    /// Documents in staging, as the ledger counted them.
    pub staged: u64,
    /// Transactions of an increment.
    pub chunks: u64,
    /// Per core table, parent first.
    pub tables: Vec<TableForecast>,
}

/// What is known about one core table.
#[derive(Debug, Clone)]
pub struct TableForecast {
    /// Qualified table.
    pub table: String,
    /// Partitions that would be rebuilt; all of them in an increment.
    pub partitions: u64,
    /// Rows that they have now, as the planner knows them.
    pub rows: u64,
    /// Bytes that they have now, with indexes.
    pub bytes: u64,
    /// Bytes that a new generation takes beside them until the old one is dropped; `None` when nothing tells.
    pub needs_bytes: Option<u64>,
}

impl Job {
    /// Reads the ledger and the catalog; changes nothing.
    ///
    /// # Errors
    /// Of the server.
    pub async fn forecast(&self, request: &Request) -> Result<Forecast> {
        let connection = self.pool.get().await?;
        let plan = increment::plan(&connection, &self.entity, self.chunk_rows.max(1)).await?;
        let mode = request.mode.unwrap_or(if plan.prefers_refresh() { Mode::FullRefresh } else { Mode::Incremental });
        let year = request.refresh.year.filter(|_| mode == Mode::FullRefresh);
        let mut tables = Vec::new();
        for model in &self.entity.models {
            let mut table =
                TableForecast { table: model.table.clone(), partitions: 0, rows: 0, bytes: 0, needs_bytes: None };
            let wanted = match year {
                Some(year) => Some(of_year(&connection, &self.entity, &model.table, year).await?),
                None => None,
            };
            for part in partitions(&connection, &model.table).await? {
                if wanted.as_ref().is_none_or(|names| names.contains(&part.top)) {
                    let size = connection.query_one(sql_file!("transform/generation/size.sql"), &[&part.name]).await?;
                    table.partitions += 1;
                    table.rows += size.get::<_, i64>(0).unsigned_abs();
                    table.bytes += size.get::<_, i64>(1).unsigned_abs();
                }
            }
            tables.push(table);
        }
        let staged = plan.staged;
        if mode == Mode::FullRefresh {
            // As large per document as what serves; of a part, as large as that part.
            let documents = tables.first().map_or(0, |t| if year.is_some() { t.rows } else { staged });
            let rows = tables.first().map_or(0, |t| t.rows);
            for table in tables.iter_mut().filter(|t| rows > 0 && t.rows > 0) {
                table.needs_bytes = Some((table.bytes as f64 * documents as f64 / rows as f64) as u64);
            }
        }
        let chunks = match mode {
            Mode::InPlace => {
                let staging = &self.entity.staging;
                self.ranges(&connection, &qualified(&staging.table), &staging.key_column).await?.len()
            }
            _ => plan.units.iter().map(increment::Unit::size).sum(),
        };
        Ok(Forecast {
            entity: self.entity.name.clone(),
            mode,
            batches: plan.batches(),
            changed: plan.changed,
            staged,
            chunks: chunks as u64,
            tables,
        })
    }
}
