//! `evo.windows`: stretches of days that an extraction fetches, claimed one by one.
//!
//! A claim has a fence, like that of a batch (see [`super::batches`]): a process that lost its claim changes
//! nothing here, and learns of the loss at its next step. It may still be writing an object to the lake. The
//! process that now has the claim creates or replaces the object of that number, and at the end removes
//! objects beyond the last.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value;

use super::batches::Holder;
use crate::error::{Error, Kind, Result};
use crate::ids::{ExecutionId, ExtractionId, Fence, WindowId};
use crate::pg::{Param, Pool};

/// A window that this execution holds.
#[derive(Debug, Clone)]
pub struct ClaimedWindow {
    /// Id of the window.
    pub window_id: WindowId,
    /// The fencing token of the claim.
    pub fence: Fence,
    /// Claims so far, this one included.
    pub attempt: i32,
    /// Name of the query; empty for the first.
    pub query: String,
    /// First day, in the entity's zone.
    pub from_day: NaiveDate,
    /// First day that is not in it.
    pub until_day: NaiveDate,
    /// How often it was read again because the set moved.
    pub drifts: i32,
    /// Pages in its finished objects.
    pub pages: i64,
    /// Records in its finished objects.
    pub records: i64,
    /// Path, records, bytes and sha256 of its finished objects.
    pub objects: Value,
    /// Highest number of an object that may have been begun.
    pub parts: i32,
    /// Where the next object begins; `None` at the beginning.
    pub progress: Option<Value>,
    /// Whether another execution had begun it.
    pub is_taken_over: bool,
}

/// The outcome of asking for a window.
#[derive(Debug)]
pub enum NextWindow {
    /// A window to fetch.
    Window(Box<ClaimedWindow>),
    /// Others are fetching the last ones; ask again.
    Wait,
    /// Every window is finished.
    Done,
}

/// How far an extraction has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowProgress {
    /// Windows that are not finished.
    pub open: i64,
    /// All windows, finished or not.
    pub all: i64,
}

/// The state of a window with another finished object.
#[derive(Debug)]
pub struct Advance<'a> {
    /// Pages in its finished objects.
    pub pages: i64,
    /// Records in its finished objects.
    pub records: i64,
    /// Path, records, bytes and sha256 of each.
    pub objects: &'a Value,
    /// Where the next object begins.
    pub progress: &'a Value,
    /// Requests since the last such call.
    pub requests: i64,
}

/// How a window ends.
#[derive(Debug)]
pub struct Finish<'a> {
    /// Why it failed; `None` when it is fetched whole.
    pub reason: Option<String>,
    /// Requests since the last time.
    pub requests: i64,
    /// The newest change in its records, of those with a zone.
    pub newest_at: Option<DateTime<Utc>>,
    /// The day of the newest change, of those without a zone.
    pub newest_local: Option<NaiveDate>,
    /// Zone of the entity.
    pub zone: &'a str,
}

/// Claims the next window of an extraction that is not among those that the execution holds already.
///
/// # Errors
/// See [`crate::pg`].
pub async fn claim(pool: &Pool, extraction_id: ExtractionId, holder: Holder, held: &[WindowId]) -> Result<NextWindow> {
    let connection = pool.get().await?;
    let (seconds, held) = (holder.lease.as_secs_f64(), held.to_vec());
    let values: [&dyn Param; 4] = [&extraction_id, &holder.execution_id, &seconds, &held];
    let rows = connection.query(sql_file!("extract/claim_window.sql"), &values).await?;
    let Some(row) = rows.first() else {
        let open = connection.query_one(sql_file!("extract/open_windows.sql"), &[&extraction_id]).await?;
        return Ok(if open.get::<_, i64>(0) > 0 { NextWindow::Wait } else { NextWindow::Done });
    };
    Ok(NextWindow::Window(Box::new(ClaimedWindow {
        window_id: row.get(0),
        fence: row.get(1),
        attempt: row.get(2),
        query: row.get(3),
        from_day: row.get(4),
        until_day: row.get(5),
        drifts: row.get(6),
        pages: row.get(7),
        records: row.get(8),
        objects: row.get(9),
        parts: row.get(10),
        progress: row.get(11),
        is_taken_over: row.get(12),
    })))
}

/// How far an extraction has come.
///
/// # Errors
/// See [`crate::pg`].
pub async fn progress(pool: &Pool, extraction_id: ExtractionId) -> Result<WindowProgress> {
    let connection = pool.get().await?;
    let row = connection.query_one(sql_file!("extract/open_windows.sql"), &[&extraction_id]).await?;
    Ok(WindowProgress { open: row.get(0), all: row.get(1) })
}

/// Renews the claims of an execution.
///
/// # Errors
/// See [`crate::pg`].
pub async fn renew(pool: &Pool, holder: Holder, held: &[WindowId]) -> Result<()> {
    let connection = pool.get().await?;
    let (seconds, held) = (holder.lease.as_secs_f64(), held.to_vec());
    connection.execute(sql_file!("extract/renew_windows.sql"), &[&holder.execution_id, &seconds, &held]).await?;
    Ok(())
}

/// Releases all claims of an execution.
///
/// # Errors
/// See [`crate::pg`].
pub async fn release(pool: &Pool, execution_id: ExecutionId) -> Result<()> {
    pool.get().await?.execute(sql_file!("extract/release_windows.sql"), &[&execution_id]).await?;
    Ok(())
}

/// Notes that object `part` of a window is about to be written.
///
/// # Errors
/// `AlreadyRunning` when the claim is lost; otherwise see [`crate::pg`].
pub async fn begin_part(pool: &Pool, window: &ClaimedWindow, part: i32) -> Result<()> {
    held(pool, sql_file!("extract/begin_part.sql"), &[&window.window_id, &window.fence, &part]).await
}

/// Notes that another object of a window is in the lake.
///
/// # Errors
/// As [`begin_part`].
pub async fn advance(pool: &Pool, window: &ClaimedWindow, to: &Advance<'_>) -> Result<()> {
    let values: [&dyn Param; 7] =
        [&window.window_id, &window.fence, &to.pages, &to.records, to.objects, to.progress, &to.requests];
    held(pool, sql_file!("extract/advance_window.sql"), &values).await
}

/// Begins a window again; returns how often the set has moved by now.
///
/// # Errors
/// As [`begin_part`].
pub async fn restart(pool: &Pool, window: &ClaimedWindow, requests: i64) -> Result<i32> {
    let connection = pool.get().await?;
    let values: [&dyn Param; 3] = [&window.window_id, &window.fence, &requests];
    let rows = connection.query(sql_file!("extract/restart_window.sql"), &values).await?;
    rows.first().map(|row| row.get(0)).ok_or_else(claim_lost)
}

/// Cuts a window in two at `day`; the claim keeps the days before it.
///
/// # Errors
/// As [`begin_part`].
pub async fn split(pool: &Pool, window: &ClaimedWindow, day: NaiveDate, requests: i64) -> Result<()> {
    held(pool, sql_file!("extract/split_window.sql"), &[&window.window_id, &window.fence, &day, &requests]).await
}

/// Marks a window as fetched whole or, with a reason, as failed.
///
/// # Errors
/// As [`begin_part`].
pub async fn finish(pool: &Pool, window: &ClaimedWindow, how: &Finish<'_>) -> Result<()> {
    let values: [&dyn Param; 7] =
        [&window.window_id, &window.fence, &how.reason, &how.requests, &how.newest_at, &how.newest_local, &how.zone];
    held(pool, sql_file!("extract/finish_window.sql"), &values).await
}

async fn held(pool: &Pool, sql: &str, values: &[&dyn Param]) -> Result<()> {
    match pool.get().await?.query(sql, values).await?.is_empty() {
        true => Err(claim_lost()),
        false => Ok(()),
    }
}

fn claim_lost() -> Error {
    Error::new(Kind::AlreadyRunning, "another execution has taken the window over")
}
