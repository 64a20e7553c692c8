//! `--dry-run`: what a transform would do, from the ledger and the catalog; where the entity follows its
//! source, also from the keys in staging.

use super::definitions::Definitions;
use super::generation::require_year;
use super::increment;
use super::job::EntityJob;
use super::missing;
use super::partitions::{TableSize, key_ranges, leaves, of_year};
use super::request::{Mode, Request};
use super::summary::MissingSummary;
use crate::error::Result;
use crate::pg::Connection;
use crate::sql::qualified;

/// The work that a transform of an entity would do.
#[derive(Debug, Clone)]
pub struct TransformPreview {
    /// Name of the entity.
    pub entity: String,
    /// The mode that was asked for or would be chosen.
    pub mode: Mode,
    /// Batches that core does not have yet.
    pub batches: u64,
    /// Documents that these batches wrote and no later batch has overwritten.
    pub changed: u64,
    /// Documents in staging, as the ledger counted them.
    pub staged: u64,
    /// Transactions of an increment.
    pub chunks: u64,
    /// The core tables, parent first.
    pub tables: Vec<TablePreview>,
    /// Core tables whose definition has changed since their rows were made.
    pub changed_definitions: Vec<String>,
    /// Rows that the source no longer has; `None` if they would not be looked for.
    pub missing: Option<MissingSummary>,
}

/// The work that a transform would do on one core table.
#[derive(Debug, Clone)]
pub struct TablePreview {
    /// Qualified name: `core.evo_sales`.
    pub table: String,
    /// Partitions that would be rebuilt; for an increment, all of them.
    pub partitions: u64,
    /// Rows in them now, as the planner knows them.
    pub rows: u64,
    /// Bytes of them now, with indexes.
    pub bytes: u64,
    /// Bytes of a new generation, needed beside the old one until that is dropped; `None` if it cannot be
    /// estimated.
    pub needs_bytes: Option<u64>,
}

/// Says what [`run`](super::run()) would do with this request. Changes nothing and takes no lock of the
/// entity.
///
/// # Errors
/// `Usage` for a year that cannot be refreshed alone; otherwise see [`crate::pg`].
pub async fn preview(job: &EntityJob, request: &Request) -> Result<TransformPreview> {
    let missing = match request.follows_source {
        true => missing::preview(job, request.refresh.max_shrink).await?,
        false => None,
    };
    let connection = job.pool.get().await?;
    let plan = increment::plan(&connection, job, job.chunk_rows.max(1)).await?;
    let made = Definitions::read(&*connection, &job.entity).await?;
    let is_refresh = plan.prefers_refresh() || (!made.changed.is_empty() && plan.staged > 0);
    let mode = request.mode.unwrap_or(if is_refresh { Mode::FullRefresh } else { Mode::Incremental });
    let year = request.refresh.year.filter(|_| mode == Mode::FullRefresh);
    if let Some(year) = year {
        require_year(job, &connection, year).await?;
    }
    let mut tables = Vec::new();
    for table in job.tables() {
        tables.push(table_preview(&connection, job, table, year).await?);
    }
    if mode == Mode::FullRefresh {
        estimate_needs(&mut tables, if year.is_some() { None } else { Some(plan.staged) });
    }
    let chunks = match mode {
        Mode::InPlace => {
            let staging = &job.entity.staging;
            let table = qualified(&staging.table);
            key_ranges(&*connection, &table, &staging.key_column, job.chunk_rows).await?.len()
        }
        _ => plan.chunks(),
    };
    Ok(TransformPreview {
        entity: job.entity.name.clone(),
        mode,
        batches: plan.batches(),
        changed: plan.changed,
        staged: plan.staged,
        chunks: chunks as u64,
        tables,
        changed_definitions: made.changed,
        missing,
    })
}

async fn table_preview(
    connection: &Connection,
    job: &EntityJob,
    table: String,
    year: Option<i32>,
) -> Result<TablePreview> {
    let wanted = match year {
        Some(year) => Some(of_year(connection, &job.entity, &table, year).await?),
        None => None,
    };
    let mut preview = TablePreview { table, partitions: 0, rows: 0, bytes: 0, needs_bytes: None };
    for leaf in leaves(connection, &preview.table).await? {
        if wanted.as_ref().is_none_or(|names| names.contains(&leaf.top)) {
            let size = TableSize::read(connection, &leaf.name).await?;
            preview.partitions += 1;
            preview.rows += size.rows;
            preview.bytes += size.bytes;
        }
    }
    Ok(preview)
}

/// Estimates that a document takes as many bytes in the new generation as in the old one. `documents` is how
/// many there will be; `None` is as many as now.
fn estimate_needs(tables: &mut [TablePreview], documents: Option<u64>) {
    let rows = tables.first().map_or(0, |parent| parent.rows);
    let growth = documents.unwrap_or(rows) as f64 / rows.max(1) as f64;
    for table in tables.iter_mut().filter(|table| rows > 0 && table.rows > 0) {
        table.needs_bytes = Some((table.bytes as f64 * growth) as u64);
    }
}
