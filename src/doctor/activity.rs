//! Who else is at work: transactions that do not end, and servers that do not keep up.

use std::time::Duration;

use super::finding::{DoctorFinding, Gravity};
use super::subject::SCHEMAS;
use crate::error::Result;
use crate::pg::Connection;

/// A prepared transaction, an idle one and any other that is older than this is reported, in seconds.
const PREPARED_S: i64 = 60;
const IDLE_S: i64 = 600;
const ANY_S: i64 = 3_600;
/// A standby or a slot that is behind by more is reported.
const BEHIND_S: i64 = 300;
const BEHIND_BYTES: i64 = 1 << 30;

/// Transactions that have been open for long.
///
/// # Errors
/// See [`crate::pg`].
pub(super) async fn transactions(connection: &Connection) -> Result<Vec<DoctorFinding>> {
    let schemas: Vec<String> = SCHEMAS.map(str::to_owned).to_vec();
    let sql = sql_file!("doctor/transactions.sql");
    let rows = connection.query(sql, &[&PREPARED_S, &IDLE_S, &ANY_S, &schemas]).await?;
    let mut found = Vec::new();
    for row in &rows {
        let (who, gid, pid): (String, Option<String>, Option<i32>) = (row.get(0), row.get(1), row.get(2));
        let age = shown(row.get(3));
        let (gravity, why) = match row.get(4) {
            true => {
                (Gravity::Breaks, "it holds a lock on one of evo's tables: jobs that need it wait and then time out")
            }
            false => (Gravity::Advice, "VACUUM removes no row that died since it began, and index builds wait for it"),
        };
        let finding = DoctorFinding::new(gravity, "transactions.open", format!("{who}, for {age}"), why);
        found.push(match (gid, pid) {
            (Some(gid), _) => finding.decision(format!("rollback prepared {gid};")),
            (None, Some(pid)) => finding.decision(format!("select pg_terminate_backend({pid});")),
            (None, None) => finding,
        });
    }
    Ok(found)
}

/// Standbys and replication slots that are far behind.
///
/// # Errors
/// See [`crate::pg`].
pub(super) async fn replication(connection: &Connection) -> Result<Vec<DoctorFinding>> {
    let rows = connection.query(sql_file!("doctor/replication.sql"), &[]).await?;
    let mut found = Vec::new();
    for row in &rows {
        let (who, is_slot, name): (String, bool, Option<String>) = (row.get(0), row.get(1), row.get(2));
        let (bytes, seconds): (Option<i64>, Option<i64>) = (row.get(3), row.get(4));
        let (is_used, is_lost): (bool, bool) = (row.get(5), row.get(6));
        let is_behind = bytes.is_some_and(|n| n > BEHIND_BYTES) || seconds.is_some_and(|n| n > BEHIND_S);
        if !is_behind && !is_lost {
            continue;
        }
        let by = format!("{:.1} GiB of WAL behind", bytes.unwrap_or_default() as f64 / (1_u64 << 30) as f64);
        let what = match (is_lost, is_used) {
            (true, _) => format!("{who} is lost"),
            (false, false) => format!("{who} is {by} and nobody uses it"),
            (false, true) => format!("{who} is {by}"),
        };
        let why = match is_slot {
            true => "the server keeps that WAL, and its disk fills up",
            false => "after a failover this much is missing, or readers of it see old data",
        };
        let finding = DoctorFinding::new(Gravity::Advice, "replication.behind", what, why);
        found.push(match name.filter(|_| is_slot && !is_used) {
            Some(name) => finding.decision(format!("select pg_drop_replication_slot({name});")),
            None => finding,
        });
    }
    Ok(found)
}

fn shown(seconds: i64) -> String {
    let age = Duration::from_secs(seconds.unsigned_abs() / 60 * 60);
    match seconds {
        ..60 => format!("{seconds} s"),
        _ => humantime::format_duration(age).to_string(),
    }
}
