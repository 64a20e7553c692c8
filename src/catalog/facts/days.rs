//! What was loaded on each day, what was rejected and why, and which days were extracted.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::pg::{Ask, Row};

/// Days of a plot, at most.
const DAYS: i64 = 90;

/// Windows of an entity that are shown, at most.
const WINDOWS: i64 = 400;

/// What was loaded of an entity on a day, UTC.
#[derive(Debug, Clone)]
pub(in crate::catalog) struct DayVolume {
    pub(in crate::catalog) day: String,
    pub(in crate::catalog) batches: i64,
    pub(in crate::catalog) lines: i64,
    pub(in crate::catalog) inserted: i64,
    pub(in crate::catalog) updated: i64,
    pub(in crate::catalog) unchanged: i64,
    pub(in crate::catalog) superseded: i64,
    pub(in crate::catalog) rejected: i64,
    pub(in crate::catalog) bytes: i64,
    /// Seconds in which something was loading.
    pub(in crate::catalog) busy_s: f64,
    /// Milliseconds in which half, 95 % and 99 % of the batches were done.
    pub(in crate::catalog) taken_ms: [Option<f64>; 3],
    /// Hours since the last batch of an earlier day.
    pub(in crate::catalog) waited_h: Option<f64>,
}

impl DayVolume {
    /// Lines per second while something was loading.
    pub(in crate::catalog) fn lines_per_s(&self) -> Option<f64> {
        (self.busy_s > 0.0).then(|| self.lines as f64 / self.busy_s)
    }
}

/// How often something was rejected, or did not fit its column, and why.
#[derive(Debug, Clone)]
pub(in crate::catalog) struct Reason {
    /// Otherwise an issue.
    pub(in crate::catalog) is_reject: bool,
    pub(in crate::catalog) table: Option<String>,
    pub(in crate::catalog) column: Option<String>,
    pub(in crate::catalog) reason: String,
    pub(in crate::catalog) count: i64,
    /// Rejects that nobody has resolved.
    pub(in crate::catalog) open: i64,
}

/// A stretch of days that an extraction has read, or could not read.
#[derive(Debug, Clone)]
pub(in crate::catalog) struct WindowFact {
    pub(in crate::catalog) query: String,
    pub(in crate::catalog) from: String,
    pub(in crate::catalog) until: String,
    pub(in crate::catalog) state: String,
    pub(in crate::catalog) records: i64,
    pub(in crate::catalog) requests: i64,
    pub(in crate::catalog) attempts: i32,
    pub(in crate::catalog) finished_at: Option<String>,
}

/// By entity.
fn grouped<T>(rows: &[Row], read: impl Fn(&Row) -> T) -> BTreeMap<String, Vec<T>> {
    let mut found: BTreeMap<String, Vec<T>> = BTreeMap::new();
    for row in rows {
        found.entry(row.get(0)).or_default().push(read(row));
    }
    found
}

pub(super) async fn days(on: &impl Ask) -> Result<BTreeMap<String, Vec<DayVolume>>> {
    let rows = on.query(sql_file!("catalog/days.sql"), &[&DAYS]).await?;
    Ok(grouped(&rows, |row| DayVolume {
        day: row.get(1),
        batches: row.get(2),
        lines: row.get(3),
        inserted: row.get(4),
        updated: row.get(5),
        unchanged: row.get(6),
        superseded: row.get(7),
        rejected: row.get(8),
        bytes: row.get(9),
        busy_s: row.get::<_, Option<f64>>(10).unwrap_or(0.0),
        taken_ms: [row.get(11), row.get(12), row.get(13)],
        waited_h: row.get(14),
    }))
}

pub(super) async fn reasons(on: &impl Ask) -> Result<BTreeMap<String, Vec<Reason>>> {
    let rows = on.query(sql_file!("catalog/reasons.sql"), &[]).await?;
    Ok(grouped(&rows, |row| Reason {
        is_reject: row.get::<_, String>(1) == "reject",
        table: row.get(2),
        column: row.get(3),
        reason: row.get(4),
        count: row.get(5),
        open: row.get(6),
    }))
}

pub(super) async fn windows(on: &impl Ask) -> Result<BTreeMap<String, Vec<WindowFact>>> {
    let rows = on.query(sql_file!("catalog/windows.sql"), &[&WINDOWS]).await?;
    Ok(grouped(&rows, |row| WindowFact {
        query: row.get(1),
        from: row.get(2),
        until: row.get(3),
        state: row.get(4),
        records: row.get(5),
        requests: row.get(6),
        attempts: row.get(7),
        finished_at: row.get(8),
    }))
}
