//! `evo.extractions`: the runs of bronze that evo writes itself.
//!
//! At most one extraction of an entity to a lake is open. A process that extracts the entity in the meantime
//! joins it. The process that finds its last window finished writes the manifest and ends it.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value;

use crate::error::Result;
use crate::ids::{ExtractionId, LakeId};
use crate::pg::{Param, Pool, Row, Transaction};

/// An extraction that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extraction {
    /// Id of the extraction.
    pub extraction_id: ExtractionId,
    /// Id of the run in the paths of its objects.
    pub run_id: String,
    /// First day, in the entity's zone.
    pub from_day: NaiveDate,
    /// First day that is not in it.
    pub until_day: NaiveDate,
    /// Date in the paths of its objects.
    pub ingestion_date: NaiveDate,
}

/// How far the extractions of an entity have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    /// Today, in the entity's zone, by the server's clock.
    pub today: NaiveDate,
    /// First day that no finished extraction is known to hold whole; `None` before the first.
    pub mark: Option<NaiveDate>,
}

/// A window to be planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedWindow {
    /// Name of the query; empty for the first.
    pub query: String,
    /// First day, in the entity's zone.
    pub from_day: NaiveDate,
    /// First day that is not in it.
    pub until_day: NaiveDate,
}

/// A finished window, as the manifest describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Finished {
    /// Name of the query; empty for the first.
    pub query: String,
    /// First day, in the entity's zone.
    pub from_day: NaiveDate,
    /// First day that is not in it.
    pub until_day: NaiveDate,
    /// Whether all of it was fetched.
    pub is_complete: bool,
    /// Pages that its objects are made of.
    pub pages: i64,
    /// Requests, repeated ones included.
    pub requests: i64,
    /// Records in its objects.
    pub records: i64,
    /// Its objects: path, records, bytes, sha256.
    pub objects: Value,
    /// Why it failed, if it did.
    pub reason: Option<String>,
    /// Whether it had failed in an earlier extraction.
    pub is_hole: bool,
}

/// A window that may be read again.
#[derive(Debug, Clone, PartialEq)]
pub struct Stale {
    /// First day, in the entity's zone.
    pub from_day: NaiveDate,
    /// First day that is not in it.
    pub until_day: NaiveDate,
    /// Days since its stalest day was read.
    pub days: f64,
}

/// The open extraction of an entity.
///
/// # Errors
/// See [`crate::pg`].
pub async fn open(pool: &Pool, entity: &str, lake: LakeId) -> Result<Option<Extraction>> {
    let connection = pool.get().await?;
    let rows = connection.query(sql_file!("extract/open_extraction.sql"), &[&entity, &lake]).await?;
    Ok(rows.first().map(extraction))
}

fn extraction(row: &Row) -> Extraction {
    Extraction {
        extraction_id: row.get(0),
        run_id: row.get(1),
        from_day: row.get(2),
        until_day: row.get(3),
        ingestion_date: row.get(4),
    }
}

/// An extraction that is to begin.
#[derive(Debug, Clone, Copy)]
pub struct Begin<'a> {
    /// The entity to extract.
    pub entity: &'a str,
    /// The lake that it writes to.
    pub lake: LakeId,
    /// Name of the source that it reads.
    pub source: &'a str,
    /// Time zone of its days.
    pub zone: &'a str,
    /// First day, and the first that is not in it.
    pub days: (NaiveDate, NaiveDate),
}

/// Begins an extraction with its windows, or finds the one that a rival has begun in the meantime.
///
/// # Errors
/// See [`crate::pg`].
pub async fn begin(pool: &Pool, begin: &Begin<'_>, wanted: &[PlannedWindow]) -> Result<Option<Extraction>> {
    let Begin { entity, lake, source, zone, days: (from, until) } = begin;
    let mut connection = pool.get().await?;
    let tx = connection.begin().await?;
    let values: [&dyn Param; 6] = [entity, lake, source, from, until, zone];
    let begun = tx.query(sql_file!("extract/begin_extraction.sql"), &values).await?;
    if let Some(row) = begun.first() {
        let id: ExtractionId = row.get(0);
        let queries: Vec<String> = wanted.iter().map(|w| w.query.clone()).collect();
        let from_days: Vec<NaiveDate> = wanted.iter().map(|w| w.from_day).collect();
        let until_days: Vec<NaiveDate> = wanted.iter().map(|w| w.until_day).collect();
        tx.execute(sql_file!("extract/plan_windows.sql"), &[&id, &queries, &from_days, &until_days]).await?;
    }
    tx.commit().await?;
    drop(connection);
    open(pool, entity, *lake).await
}

/// How far the extractions of an entity have come.
///
/// # Errors
/// See [`crate::pg`].
pub async fn reached(pool: &Pool, entity: &str, lake: LakeId, zone: &str) -> Result<Reached> {
    let connection = pool.get().await?;
    let row = connection.query_one(sql_file!("extract/today.sql"), &[&entity, &lake, &zone]).await?;
    Ok(Reached { today: row.get(0), mark: row.get(1) })
}

/// Locks an open extraction whose windows are all finished, to end it; with the seconds since it began.
///
/// # Errors
/// See [`crate::pg`].
pub async fn lock(tx: &Transaction<'_>, extraction_id: ExtractionId) -> Result<Option<f64>> {
    let rows = tx.query(sql_file!("extract/lock_extraction.sql"), &[&extraction_id]).await?;
    Ok(rows.first().map(|row| row.get(4)))
}

/// The finished windows of an extraction.
///
/// # Errors
/// See [`crate::pg`].
pub async fn finished(tx: &Transaction<'_>, extraction_id: ExtractionId) -> Result<Vec<Finished>> {
    let rows = tx.query(sql_file!("extract/windows_of.sql"), &[&extraction_id]).await?;
    let window = |row: &Row| Finished {
        query: row.get(0),
        from_day: row.get(1),
        until_day: row.get(2),
        is_complete: row.get::<_, &str>(3) == "complete",
        pages: row.get(4),
        requests: row.get(5),
        records: row.get(6),
        objects: row.get(7),
        reason: row.get(8),
        is_hole: row.get(9),
    };
    Ok(rows.iter().map(window).collect())
}

/// Ends an extraction whose manifest is written. `since` names the queries that ask for everything since a
/// day.
///
/// # Errors
/// See [`crate::pg`].
pub async fn end(
    tx: &Transaction<'_>,
    extraction_id: ExtractionId,
    manifest: &str,
    windows: &[Finished],
    since: &[String],
) -> Result<()> {
    let has_failed = windows.iter().any(|w| !w.is_complete);
    let records: i64 = windows.iter().map(|w| w.records).sum();
    let objects: usize = windows.iter().filter_map(|w| w.objects.as_array().map(Vec::len)).sum();
    let objects = i64::try_from(objects).unwrap_or(i64::MAX);
    let sql = sql_file!("extract/end_extraction.sql");
    let since = since.to_vec();
    tx.execute(sql, &[&extraction_id, &has_failed, &manifest, &records, &objects, &since]).await?;
    Ok(())
}

/// Notes the source's time at which an extraction has begun.
///
/// # Errors
/// See [`crate::pg`].
pub async fn note_clock(pool: &Pool, extraction_id: ExtractionId, at: DateTime<Utc>, zone: &str) -> Result<()> {
    pool.get().await?.execute(sql_file!("extract/note_clock.sql"), &[&extraction_id, &at, &zone]).await?;
    Ok(())
}

/// How a run stands, whichever processes fetched it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunTotals {
    /// `open`, `complete` or `incomplete`.
    pub state: String,
    /// All windows.
    pub windows: i64,
    /// Windows that are fetched whole.
    pub complete: i64,
    /// Windows that failed.
    pub failed: i64,
    /// Records in finished objects.
    pub records: i64,
    /// Finished objects.
    pub objects: i64,
}

/// How a run stands.
///
/// # Errors
/// See [`crate::pg`].
pub async fn totals(pool: &Pool, extraction_id: ExtractionId) -> Result<RunTotals> {
    let row = pool.get().await?.query_one(sql_file!("extract/run_totals.sql"), &[&extraction_id]).await?;
    Ok(RunTotals {
        state: row.get(0),
        windows: row.get(1),
        complete: row.get(2),
        failed: row.get(3),
        records: row.get(4),
        objects: row.get(5),
    })
}

/// Those of the windows of an entity's first query that were read whole, the one read longest ago first.
///
/// # Errors
/// See [`crate::pg`].
pub async fn stalest(pool: &Pool, entity: &str, lake: LakeId, windows: &[PlannedWindow]) -> Result<Vec<Stale>> {
    let connection = pool.get().await?;
    let from: Vec<NaiveDate> = windows.iter().map(|window| window.from_day).collect();
    let until: Vec<NaiveDate> = windows.iter().map(|window| window.until_day).collect();
    let sql = sql_file!("extract/stalest_windows.sql");
    let rows = connection.query(sql, &[&entity, &lake, &from, &until]).await?;
    let stale = |row: &Row| Stale { from_day: row.get(0), until_day: row.get(1), days: row.get(2) };
    Ok(rows.iter().map(stale).collect())
}

/// The first day that an entity's extractions to a lake hold.
///
/// # Errors
/// See [`crate::pg`].
pub async fn first_day(pool: &Pool, entity: &str, lake: LakeId) -> Result<Option<NaiveDate>> {
    let connection = pool.get().await?;
    let sql = "select min(from_day) from evo.extractions where entity = $1 and lake_id = $2 and state <> 'open'";
    Ok(connection.query_one(sql, &[&entity, &lake]).await?.get(0))
}

/// Requests that a day of a query took in earlier extractions.
///
/// # Errors
/// See [`crate::pg`].
pub async fn requests_per_day(pool: &Pool, entity: &str, lake: LakeId, query: &str) -> Result<Option<f64>> {
    let connection = pool.get().await?;
    let row = connection.query_one(sql_file!("extract/expected_requests.sql"), &[&entity, &lake, &query]).await?;
    Ok(row.get(0))
}

/// How far the extractions of an entity have come, in the lake of the latest one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The lake.
    pub lake: LakeId,
    /// First day that a finished extraction asked for.
    pub first_day: Option<NaiveDate>,
    /// First day that no finished extraction is known to hold whole.
    pub mark: Option<NaiveDate>,
    /// Windows of an open extraction that are still to be fetched.
    pub open: i64,
    /// Windows that failed and are fetched first the next time.
    pub failed: i64,
    /// Days between the first one and the mark that were never fetched.
    pub missing_days: i64,
}

/// How far the extractions of an entity have come; `None` before the first.
///
/// # Errors
/// See [`crate::pg`].
pub async fn standing(pool: &Pool, entity: &str) -> Result<Option<Standing>> {
    let rows = pool.get().await?.query(sql_file!("extract/standing.sql"), &[&entity]).await?;
    Ok(rows.first().map(|row| Standing {
        lake: row.get(0),
        first_day: row.get(1),
        mark: row.get(2),
        open: row.get(3),
        failed: row.get(4),
        missing_days: row.get(5),
    }))
}

/// The entities and the budget of the latest extraction of an entity that had a budget.
///
/// # Errors
/// See [`crate::pg`].
pub async fn latest_budget(pool: &Pool, entity: &str) -> Result<Option<(Vec<String>, i64)>> {
    let rows = pool.get().await?.query(sql_file!("extract/latest_budget.sql"), &[&entity]).await?;
    Ok(rows.first().map(|row| (row.get(0), row.get(1))))
}
