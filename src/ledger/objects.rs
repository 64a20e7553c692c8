//! `evo.objects`: every bronze object ever seen, and what became of it.

use chrono::NaiveDate;

use crate::error::Result;
use crate::pg::{Pool, Transaction};

/// An object as a listing of the lake shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Path below the lake's root.
    pub path: String,
    /// Identity of the content.
    pub etag: String,
    /// Compressed size.
    pub size_bytes: i64,
    /// Run in the path; `None` when it has none.
    pub run_id: Option<String>,
    /// Date in the path.
    pub ingestion_date: Option<NaiveDate>,
}

/// An object that waits to be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Its id in the ledger.
    pub object_id: i64,
    /// Path below the lake's root.
    pub path: String,
    /// Identity of the content that was listed.
    pub etag: String,
    /// Compressed size.
    pub size_bytes: i64,
    /// Run that wrote it.
    pub run_id: String,
    /// Date in the path.
    pub ingestion_date: Option<NaiveDate>,
}

/// What to load of what is not yet loaded.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// This run only, exactly.
    pub run_id: Option<String>,
    /// Runs extracted on this day or later.
    pub since: Option<NaiveDate>,
}

/// Records listed objects; known ones (same path and etag) are left alone. Returns how many were new.
///
/// # Errors
/// As the server says.
pub async fn record(pool: &Pool, entity: &str, listed: &[Listed]) -> Result<u64> {
    let connection = pool.get().await?;
    let mut new = 0;
    for chunk in listed.chunks(5_000) {
        let paths: Vec<&str> = chunk.iter().map(|o| o.path.as_str()).collect();
        let etags: Vec<&str> = chunk.iter().map(|o| o.etag.as_str()).collect();
        let sizes: Vec<i64> = chunk.iter().map(|o| o.size_bytes).collect();
        let runs: Vec<Option<String>> = chunk.iter().map(|o| o.run_id.clone()).collect();
        let dates: Vec<Option<NaiveDate>> = chunk.iter().map(|o| o.ingestion_date).collect();
        new += connection
            .execute(sql_file!("ledger/record_objects.sql"), &[&entity, &paths, &etags, &sizes, &runs, &dates])
            .await?;
    }
    Ok(new)
}

/// The objects that wait, oldest run first, in path order inside a run.
///
/// # Errors
/// As the server says.
pub async fn pending(pool: &Pool, entity: &str, selection: &Selection) -> Result<Vec<Pending>> {
    let connection = pool.get().await?;
    let rows = connection
        .query(sql_file!("ledger/pending_objects.sql"), &[&entity, &selection.run_id, &selection.since])
        .await?;
    Ok(rows
        .iter()
        .map(|row| Pending {
            object_id: row.get(0),
            path: row.get(1),
            etag: row.get(2),
            size_bytes: row.get(3),
            run_id: row.get(4),
            ingestion_date: row.get(5),
        })
        .collect())
}

/// Takes the objects for a batch inside its transaction. Fewer than asked for means that another execution has
/// loaded some of them since they were planned: the caller rolls back.
///
/// # Errors
/// As the server says.
pub async fn take(tx: &Transaction<'_>, batch_id: i64, object_ids: &[i64]) -> Result<u64> {
    tx.execute(sql_file!("ledger/take_objects.sql"), &[&batch_id, &object_ids.to_vec()]).await
}

/// Sets an object aside with the reason; it is not tried again until its content changes.
///
/// # Errors
/// As the server says.
pub async fn quarantine(pool: &Pool, object_id: i64, reason: &str) -> Result<()> {
    let connection = pool.get().await?;
    connection.execute(sql_file!("ledger/quarantine_object.sql"), &[&object_id, &reason]).await?;
    Ok(())
}
