//! One execution at a time works on an entity for one purpose.
//!
//! The lock is a transaction-level advisory lock in a transaction that stays open and does nothing else: it needs no
//! session state (so it works behind PgBouncer), it ends with the connection whatever happens to the process, and an
//! idle READ COMMITTED transaction holds no snapshot, so neither vacuum nor a concurrent rebuild of an index waits for it.

use super::connect::connect;
use super::connection::Connection;
use crate::config::dsn::Dsn;
use crate::error::{Error, Kind, Result};

/// What an entity is locked for. A load and a transform of one entity may run side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Bronze to staging.
    Load,
    /// Staging to core.
    Transform,
    /// Vacuum and reindex of the whole warehouse.
    OptimizeStorage,
}

impl Purpose {
    fn word(self) -> &'static str {
        match self {
            Purpose::Load => "load",
            Purpose::Transform => "transform",
            Purpose::OptimizeStorage => "optimize-storage",
        }
    }
}

/// The lock, held until dropped.
#[derive(Debug)]
pub struct EntityLock {
    _connection: Connection,
}

impl EntityLock {
    /// Takes the lock or says at once that another execution has it.
    ///
    /// # Errors
    /// `AlreadyRunning`; as connecting does.
    pub async fn acquire(dsn: &Dsn, entity: &str, purpose: Purpose) -> Result<Self> {
        let word = purpose.word();
        let connection = Connection::new(connect(dsn, &format!("evo:{word}:{entity}:lock")).await?);
        connection.batch("begin; set local idle_in_transaction_session_timeout = 0").await?;
        let row = connection
            .query_one("select pg_try_advisory_xact_lock(hashtextextended($1, 0))", &[&format!("evo:{word}:{entity}")])
            .await?;
        if !row.get::<_, bool>(0) {
            return Err(Error::new(Kind::AlreadyRunning, format!("another execution of {word} works on {entity}"))
                .hint("wait for it, or look for application_name 'evo:%' in pg_stat_activity"));
        }
        // The portal of that query stays open, and with it its snapshot: for as long as the lock is held nothing in the whole
        // database could be vacuumed. The simple protocol's portal takes its place and is closed at once.
        connection.batch("select").await?;
        Ok(Self { _connection: connection })
    }
}
