//! An execution shows that it is alive by an advisory lock on its id, held as in [`super::EntityLock`].
//!
//! An execution that finds a claim of another one without that lock (`evo.is_running`) may take over its
//! batches without waiting for the lease to end. A wrong answer costs work, never rows: the fencing token
//! decides who commits.

use super::connection::Connection;
use super::pool::Pool;
use crate::error::Result;

/// The lock on the id of an execution, held until dropped.
#[derive(Debug)]
pub struct Presence {
    pool: Pool,
    application_name: String,
    execution_id: uuid::Uuid,
    connection: Connection,
}

impl Presence {
    /// Shows that `execution_id` is alive, on a connection in addition to those of `pool`.
    ///
    /// # Errors
    /// See [`crate::pg`].
    pub async fn announce(pool: &Pool, command: &str, execution_id: uuid::Uuid) -> Result<Self> {
        let application_name = format!("evo:{command}:presence");
        let connection = announced(pool, &application_name, execution_id).await?;
        Ok(Self { pool: pool.clone(), application_name, execution_id, connection })
    }

    /// Takes the lock again if its connection was lost, for example in a failover.
    ///
    /// # Errors
    /// See [`crate::pg`].
    pub async fn keep(&mut self) -> Result<()> {
        if !self.connection.is_usable() || self.connection.ping().await.is_err() {
            self.connection = announced(&self.pool, &self.application_name, self.execution_id).await?;
        }
        Ok(())
    }
}

async fn announced(pool: &Pool, application_name: &str, execution_id: uuid::Uuid) -> Result<Connection> {
    let connection = pool.dedicated(application_name).await?;
    connection.hold().await?;
    let name = format!("evo:execution:{execution_id}");
    connection.held_query_one("select pg_advisory_xact_lock_shared(hashtextextended($1, 0))", &[&name]).await?;
    // Closes the portal and with it the snapshot: vacuum must not wait for this transaction.
    connection.ping().await?;
    Ok(connection)
}
