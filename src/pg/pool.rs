//! The pool: bb8 over connections of our own.
//!
//! A manager of our own rather than `bb8-postgres`, because a connection that failed in COPY or was canceled must not
//! go back, and because the cause of a lost connection shows only on the driver's connection task.

use bb8::ManageConnection;

use super::connect::connect;
use super::connection::Connection;
use crate::config::dsn::Dsn;
use crate::error::{Error, Kind, Result};

/// Connections to one database, opened when first needed. Clones share it.
#[derive(Debug, Clone)]
pub struct Pool {
    inner: bb8::Pool<Manager>,
    size: u32,
}

/// A connection on loan from the pool.
pub type Lease<'a> = bb8::PooledConnection<'a, Manager>;

/// Opens and judges the pool's connections.
#[derive(Debug)]
pub struct Manager {
    dsn: Dsn,
    application_name: String,
}

impl ManageConnection for Manager {
    type Connection = Connection;
    type Error = Error;

    async fn connect(&self) -> Result<Connection> {
        Ok(Connection::new(connect(&self.dsn, &self.application_name).await?))
    }

    async fn is_valid(&self, connection: &mut Connection) -> Result<()> {
        connection.batch("").await
    }

    fn has_broken(&self, connection: &mut Connection) -> bool {
        !connection.is_usable()
    }
}

impl Pool {
    /// A pool of at most `size` connections that call themselves `application_name`. Connects nothing yet.
    pub async fn new(dsn: Dsn, application_name: &str, size: usize) -> Result<Self> {
        let manager = Manager { dsn, application_name: application_name.to_owned() };
        let size = u32::try_from(size.max(1)).unwrap_or(u32::MAX);
        let inner = bb8::Pool::builder()
            .max_size(size)
            .retry_connection(false)
            .test_on_check_out(false)
            .connection_timeout(std::time::Duration::from_secs(60))
            .build_unchecked(manager);
        Ok(Self { inner, size })
    }

    /// A connection, opened if none is idle.
    ///
    /// # Errors
    /// As connecting does; `DatabaseBusy` when the pool's connections stay taken for a minute.
    pub async fn get(&self) -> Result<Lease<'_>> {
        // bb8 opens connections behind the caller's back and lets it wait for the whole timeout when that fails. Opened
        // here, the reason comes at once. A rival that fills the pool meanwhile only means that this one is dropped.
        let state = self.inner.state();
        if state.idle_connections == 0 && state.connections < self.size {
            let opened = self.inner.dedicated_connection().await?;
            let _ = self.inner.add(opened);
        }
        self.inner.get().await.map_err(|e| match e {
            bb8::RunError::User(error) => error,
            bb8::RunError::TimedOut => Error::new(Kind::DatabaseBusy, "no connection became free within 60 s"),
        })
    }
}
