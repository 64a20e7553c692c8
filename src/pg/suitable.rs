//! Whether a new session leads to the server that is wanted, asked in the session itself: the address may
//! still lead to the old primary.

use tokio_postgres::SimpleQueryMessage;

use super::connect_error::{cannot_connect, read_only};
use super::health::Backend;
use super::open::Connected;
use super::settings::Inherited;
use crate::config::dsn::{Dsn, TargetSession};
use crate::error::{Error, Kind, Result};

/// Which servers a connection may lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Demand {
    /// Reading: any server that answers, unless the address says otherwise.
    AnyServer,
    /// Writing: only a server that takes writes.
    Writable,
}

/// Facts about a new session, as the server reports them.
pub(super) struct SessionFacts {
    /// The server process that answered.
    pub(super) backend: Option<Backend>,
    pub(super) inherited: Inherited,
    /// Whether the server limits the duration of transactions, which versions before 17 cannot.
    pub(super) has_transaction_timeout: bool,
}

/// Asks a new session what it is and refuses a server that is not wanted.
///
/// A server that is read-only and not a standby has been made so: Azure does that when 95 % of the storage
/// are used.
///
/// # Errors
/// `DatabaseUnavailable` for a server of the wrong role, `DatabaseFull` for a read-only primary; see
/// [`crate::pg`].
pub(super) async fn check(connected: &Connected, demand: Demand, target: TargetSession) -> Result<SessionFacts> {
    let dsn = &connected.dsn;
    // Without evo's settings: the statement asks how the session is set.
    let sql = concat!(
        "begin isolation level read committed, not deferrable;\n",
        "set local search_path = pg_catalog, pg_temp; set local statement_timeout = 0;\n",
        sql_file!("pg/takes_writes.sql"),
        ";\ncommit"
    );
    let messages = connected.client.simple_query(sql).await.map_err(|e| cannot_connect(dsn, e))?;
    let answer = messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let Some(answer) = answer else {
        return Err(Error::new(Kind::Internal, "the server did not answer whether it takes writes"));
    };
    let (is_standby, is_read_only) = (answer.get(0) == Some("t"), answer.get(1) == Some("on"));
    let reads_by_default = answer.get(4) == Some("t");
    if demand == Demand::Writable && is_standby {
        return Err(standby(dsn));
    }
    if demand == Demand::Writable && is_read_only && !reads_by_default {
        return Err(read_only(dsn));
    }
    if !is_target(target, is_standby, is_read_only) {
        let (shown, target) = (dsn.shown_servers(), target.name());
        let message = format!("{shown} is not what target_session_attrs={target} asks for");
        return Err(Error::new(Kind::DatabaseUnavailable, message));
    }
    Ok(SessionFacts {
        backend: answer.get(2).and_then(|pid| pid.parse().ok()).map(|pid| Backend {
            pid,
            started_at: answer.get(3).and_then(|at| at.parse().ok()),
            application_name: connected.application_name.clone(),
        }),
        inherited: Inherited {
            reads_by_default,
            is_replica: answer.get(5).is_some_and(|role| role != "origin"),
            commits_early: answer.get(6) == Some("off"),
        },
        has_transaction_timeout: answer.get(7).is_some_and(|timeout| timeout != "0"),
    })
}

fn is_target(target: TargetSession, is_standby: bool, is_read_only: bool) -> bool {
    match target {
        TargetSession::Any | TargetSession::PreferStandby => true,
        TargetSession::ReadWrite => !is_standby && !is_read_only,
        TargetSession::ReadOnly => is_standby || is_read_only,
        TargetSession::Primary => !is_standby,
        TargetSession::Standby => is_standby,
    }
}

fn standby(dsn: &Dsn) -> Error {
    let message = format!("{} is a standby: it takes no writes until it is promoted", dsn.shown_servers());
    Error::new(Kind::DatabaseUnavailable, message)
        .hint("name the primary in --database-url, or all servers separated by commas")
}
