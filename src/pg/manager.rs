//! How bb8 opens and checks the pool's connections.
//!
//! A manager of our own rather than `bb8-postgres`, because a connection that failed in COPY or was canceled
//! must not be used again, and because the cause of a lost connection is seen only by the driver's connection
//! task.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bb8::ManageConnection;

use super::connect::connect_for;
use super::connection::Connection;
use super::health::Health;
use super::suitable::Demand;
use crate::config::dsn::Dsn;
use crate::error::{Error, Kind, Result};

/// Opens numbered connections (`evo:load:1`, `evo:load:2`, …) and records in the pool's [`Health`] how that
/// went.
#[derive(Debug)]
pub struct Manager {
    dsn: Dsn,
    application_name: String,
    demand: Demand,
    health: Arc<Health>,
    opened: AtomicU32,
}

impl Manager {
    pub(super) fn new(dsn: Dsn, application_name: &str, demand: Demand, health: Arc<Health>) -> Self {
        Self { dsn, application_name: application_name.to_owned(), demand, health, opened: AtomicU32::new(0) }
    }
}

impl ManageConnection for Manager {
    type Connection = Connection;
    type Error = Error;

    async fn connect(&self) -> Result<Connection> {
        let number = self.opened.fetch_add(1, Ordering::Relaxed) + 1;
        open(&self.dsn, &format!("{}:{number}", self.application_name), self.demand, &self.health).await
    }

    async fn is_valid(&self, connection: &mut Connection) -> Result<()> {
        connection.ping().await
    }

    fn has_broken(&self, connection: &mut Connection) -> bool {
        !connection.is_usable()
    }
}

/// Opens a connection of the current epoch. If no server can be reached the epoch is over.
///
/// # Errors
/// See [`connect_for`].
pub(super) async fn open(
    dsn: &Dsn,
    application_name: &str,
    demand: Demand,
    health: &Arc<Health>,
) -> Result<Connection> {
    let epoch = health.epoch();
    let connected = connect_for(dsn, application_name, demand).await.inspect_err(|error| {
        if error.kind() == Kind::DatabaseUnavailable {
            health.fell(epoch, error.message());
        }
    })?;
    health.reached();
    Ok(Connection::new(connected, Arc::clone(health), epoch))
}
