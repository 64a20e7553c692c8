//! One execution at a time works on an entity, or on the warehouse, for one purpose.
//!
//! The lock is a transaction-level advisory lock in a transaction that stays open and does nothing else: it needs no
//! session state (so it works behind PgBouncer), it ends with the connection whatever happens to the process, and an
//! idle READ COMMITTED transaction holds no snapshot, so neither vacuum nor a concurrent rebuild of an index waits for it.

use std::time::{Duration, Instant};

use super::connect::connect;
use super::connection::Connection;
use crate::config::dsn::Dsn;
use crate::error::{Error, Kind, Result};

/// What is locked for. Loads take no lock: they share their batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Staging to core.
    Transform,
    /// Vacuum and reindex of the whole warehouse.
    OptimizeStorage,
}

impl Purpose {
    fn word(self) -> &'static str {
        match self {
            Purpose::Transform => "transform",
            Purpose::OptimizeStorage => "optimize-storage",
        }
    }
}

/// How long to wait for a lock whose holder has just ended: the server notices a closed connection in its own time.
const GRACE: Duration = Duration::from_secs(2);

/// The lock, held until released or dropped.
#[derive(Debug)]
pub struct EntityLock {
    connection: Connection,
}

impl EntityLock {
    /// Takes the lock, or says after a short grace that another execution has it.
    ///
    /// # Errors
    /// `AlreadyRunning`; as connecting does.
    pub async fn acquire(dsn: &Dsn, entity: &str, purpose: Purpose) -> Result<Self> {
        let word = purpose.word();
        let connection = Connection::new(connect(dsn, &format!("evo:{word}:{entity}:lock")).await?);
        connection.batch("begin; set local idle_in_transaction_session_timeout = 0").await?;
        let name = format!("evo:{word}:{entity}");
        let started = Instant::now();
        loop {
            let row =
                connection.query_one("select pg_try_advisory_xact_lock(hashtextextended($1, 0))", &[&name]).await?;
            if row.get(0) {
                // The query's portal would stay open, and its snapshot with it: nothing in the whole database could be
                // vacuumed while the lock is held. The simple protocol's portal takes its place and is closed at once.
                connection.batch("select").await?;
                return Ok(Self { connection });
            }
            if started.elapsed() > GRACE {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err(Error::new(Kind::AlreadyRunning, format!("another execution of {word} works on {entity}"))
            .hint("wait for it, or look for application_name 'evo:%' in pg_stat_activity"))
    }

    /// Releases the lock now. A lost connection has released it already.
    pub async fn release(self) {
        let _ = self.connection.batch("rollback").await;
    }
}
