//! Forgetting an entity: its rows in staging and core, and what the ledger recorded of them.

use crate::entity::Entity;
use crate::error::{Error, Kind, Result};
use crate::pg::{Connection, Transaction};
use crate::sql::qualified;

/// What a reset removes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResetCounts {
    /// Rows of each table.
    pub tables: Vec<(String, u64)>,
    /// Objects of the lake that are forgotten, and will be loaded again.
    pub objects: u64,
    /// Batches.
    pub batches: u64,
    /// Rejected lines.
    pub rejects: u64,
    /// Issues.
    pub issues: u64,
}

/// Empties an entity, or only counts what would be removed.
///
/// # Errors
/// `AlreadyRunning` while a load works on a batch of it; see [`crate::pg`].
pub async fn reset(connection: &mut Connection, entity: &Entity, is_dry: bool) -> Result<ResetCounts> {
    let tx = connection.begin().await?;
    let working: i64 = tx.query_one(sql_file!("ledger/working_batches.sql"), &[&entity.name]).await?.get(0);
    if working > 0 {
        return Err(Error::new(Kind::AlreadyRunning, format!("a load of {} is at work", entity.name))
            .hint("wait for its end: evo status"));
    }
    let mut counts = ResetCounts::default();
    let tables: Vec<&str> =
        entity.models.iter().rev().map(|model| model.table.as_str()).chain([entity.staging.table.as_str()]).collect();
    for table in &tables {
        let row = tx.query_one(&format!("select count(*) from {}", qualified(table)), &[]).await?;
        counts.tables.push(((*table).to_owned(), row.get::<_, i64>(0).unsigned_abs()));
    }
    let names: Vec<String> = tables.iter().map(|table| qualified(table)).collect();
    tx.batch(&format!("truncate {}", names.join(", "))).await?;
    forget(&tx, entity, &mut counts).await?;
    match is_dry {
        true => tx.rollback().await?,
        false => tx.commit().await?,
    }
    Ok(counts)
}

async fn forget(tx: &Transaction<'_>, entity: &Entity, counts: &mut ResetCounts) -> Result<()> {
    let row = tx.query_one(sql_file!("ledger/reset.sql"), &[&entity.name]).await?;
    let [objects, batches, rejects, issues] = [0, 1, 2, 3].map(|i| row.get::<_, i64>(i).unsigned_abs());
    (counts.objects, counts.batches, counts.rejects, counts.issues) = (objects, batches, rejects, issues);
    Ok(())
}
