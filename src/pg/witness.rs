//! The second connection that asks the server what it does for a silent session, and what follows from the
//! answers.

use std::time::{Duration, Instant};

use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use super::connect::connect_for;
use super::holders::Holders;
use super::open::Connected;
use super::settings::alone;
use super::suitable::Demand;
use crate::config::dsn::Dsn;
use crate::error::Kind;

/// How often the log repeats which lock is waited for.
const REPEAT: Duration = Duration::from_secs(60);
/// A prepared transaction does not end by itself: if it is not committed soon, waiting longer is useless.
const PREPARED_WAIT: Duration = Duration::from_secs(20);

/// The server's view of a session: whether it works, and for which lock it waits.
pub(super) struct Activity {
    /// Whether it works. What cannot be seen counts as work.
    pub(super) works: bool,
    /// Whether there is a session of that name at all.
    pub(super) is_found: bool,
    /// Who holds the lock that it waits for.
    waits_for: Option<Holders>,
    /// The event that it waits for, as the server calls it: `IO/DataFileRead`.
    event: Option<String>,
}

/// The connection that asks, opened when first needed.
#[derive(Default)]
pub(super) struct Witness(Option<Connected>);

impl Witness {
    /// Asks the server about the session of this name, in this process if that is known: sessions of other
    /// executions have the same names. `None` when the server cannot be asked.
    pub(super) async fn ask(&mut self, dsn: &Dsn, application_name: &str, pid: Option<i32>) -> Option<Activity> {
        if self.0.is_none() {
            match connect_for(dsn, "evo:witness", Demand::AnyServer).await {
                Ok(connected) => self.0 = Some(connected),
                Err(error) if error.kind() == Kind::DatabaseUnavailable => return None,
                // It answers, if only to refuse: nothing says that the statement has stopped.
                Err(_) => return Some(Activity { works: true, is_found: true, waits_for: None, event: None }),
            }
        }
        let connected = self.0.as_ref()?;
        let session: [(&(dyn ToSql + Sync), Type); 2] = [(&application_name, Type::TEXT), (&pid, Type::INT4)];
        let asked = connected.client.query_typed(sql_file!("pg/is_working.sql"), &session);
        // As the role that signed in: what a session does is hidden from a role that was set later.
        let prologue = format!("{}; set local role none", connected.prologue);
        let asked = alone(&connected.client, &prologue, asked);
        let rows: Result<Vec<Row>, _> = tokio::time::timeout(dsn.stall_timeout, asked).await.ok()?;
        match rows {
            Ok(rows) => rows.first().map(|row| Activity {
                works: row.get(0),
                is_found: row.get(3),
                waits_for: row.get::<_, Option<String>>(1).map(|by| Holders { by, gid: row.get(2) }),
                event: row.get(4),
            }),
            Err(_) => {
                self.0 = None;
                None
            }
        }
    }
}

/// Says that a statement takes long: after a while, and again each time that it has taken twice as long.
pub(super) struct StillWorking {
    next: Duration,
}

impl StillWorking {
    /// Says nothing before `first`.
    pub(super) fn after(first: Duration) -> Self {
        Self { next: first }
    }

    /// Logs that a statement has taken this long, if it is time to.
    pub(super) fn update(&mut self, seen: Option<&Activity>, session: &str, taken: Duration) {
        let Some(seen) = seen.filter(|seen| seen.works && seen.waits_for.is_none()) else { return };
        if taken < self.next {
            return;
        }
        self.next = taken * 2;
        let (taken_s, waits_for) = (taken.as_secs(), seen.event.as_deref().unwrap_or("nothing"));
        match seen.event.as_deref() {
            Some("IPC/SyncRep") => {
                tracing::warn!(session, taken_s, "a commit waits for a standby: see synchronous_standby_names");
            }
            _ => tracing::info!(session, taken_s, waits_for, "the server still works on a statement"),
        }
    }
}

/// A statement that has waited for a lock for too long.
pub(super) struct Blocked {
    pub(super) holders: Holders,
    pub(super) waited: Duration,
}

/// How long a statement has been waiting for a lock, for whom, and when that was last logged.
#[derive(Default)]
pub(super) struct LockWait {
    since: Option<Instant>,
    logged: Option<Instant>,
    holders: Option<Holders>,
}

impl LockWait {
    /// Whether the statement was waiting for a lock when last seen.
    pub(super) fn is_waiting(&self) -> bool {
        self.since.is_some()
    }

    /// For whom the statement was waiting when last seen.
    pub(super) fn into_holders(self) -> Option<Holders> {
        self.holders
    }

    /// Logs whom a statement waits for, again from time to time. Returns the holder once it has waited for
    /// `limit`.
    pub(super) fn update(&mut self, seen: Option<&Activity>, session: &str, limit: Duration) -> Option<Blocked> {
        let Some(holders) = seen.and_then(|seen| seen.waits_for.as_ref()) else {
            *self = Self::default();
            return None;
        };
        self.holders = Some(holders.clone());
        let waited = self.since.get_or_insert_with(Instant::now).elapsed();
        let limit = if holders.gid.is_some() { limit.min(PREPARED_WAIT) } else { limit };
        if waited >= limit {
            return Some(Blocked { holders: holders.clone(), waited });
        }
        if self.logged.is_none_or(|logged| logged.elapsed() >= REPEAT) {
            self.logged = Some(Instant::now());
            let left_s = (limit - waited).as_secs();
            tracing::warn!(session, held_by = holders.by, left_s, "waiting for a lock");
        }
        None
    }
}
