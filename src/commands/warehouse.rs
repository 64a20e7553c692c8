//! The way from settings to an open warehouse.

use super::database;
use crate::config::{Database, Settings};
use crate::entity::Catalog;
use crate::error::Result;
use crate::ledger::{migrations, rights, zones};
use crate::pg::{Diagnosis, Pool, Reconnect};
use crate::shutdown::Shutdown;

/// An open warehouse: the entities and the connections to the database, whose schema is current.
#[derive(Debug)]
pub(super) struct Warehouse {
    pub(super) catalog: Catalog,
    pub(super) pool: Pool,
}

impl Warehouse {
    /// Refuses a role that may not create temporary tables.
    ///
    /// # Errors
    /// `AccessDenied` with the missing grant; as [`Pool::retry`].
    pub(super) async fn require_temporary(&self) -> Result<()> {
        let check = async || rights::require_temporary(&*self.pool.get().await?).await;
        self.pool.retry("checking the role's rights", check).await
    }
}

/// Whether a command reads or changes the warehouse.
#[derive(Debug)]
pub(super) enum Access {
    /// Read it. Any server will do, a standby too. An unavailable one is reported immediately. Nothing is
    /// created, started or upgraded.
    Reads,
    /// Change it. Only a server that takes writes will do, and the job waits for one until it is asked to
    /// stop. The private server is created, started and upgraded as necessary, because nobody else uses it.
    Writes(Shutdown),
}

impl Access {
    /// For a command that changes something, or only reads. One that changes something listens for signals
    /// from now on.
    ///
    /// # Errors
    /// Those of [`Shutdown::listen`].
    pub(super) fn of(writes: bool) -> Result<Self> {
        Ok(if writes { Access::Writes(Shutdown::listen()?) } else { Access::Reads })
    }

    /// The handle that asks the command to stop. It never stops one that only reads: a signal simply ends
    /// that.
    pub(super) fn shutdown(&self) -> Shutdown {
        match self {
            Access::Reads => Shutdown::never(),
            Access::Writes(shutdown) => shutdown.clone(),
        }
    }
}

/// Opens the warehouse for a command of this name, with at most this many connections.
///
/// # Errors
/// `Config` when the schema is missing, older or newer than this evo, or when the server does not know the
/// zone of an entity; `AccessDenied` with the grant for a role that is to write and may not; see
/// [`crate::pg`].
pub(super) async fn open(
    settings: &Settings,
    catalog: Catalog,
    (command, connections): (&str, usize),
    access: Access,
) -> Result<Warehouse> {
    let migrations = migrations::all(settings.extend.as_deref())?;
    let name = format!("evo:{command}");
    let is_private = matches!(settings.database, Database::Embedded);
    let upgrades = is_private && matches!(access, Access::Writes(_));
    let writes = matches!(access, Access::Writes(_));
    let pool = match access {
        Access::Writes(shutdown) => {
            let reconnect = Reconnect {
                policy: settings.retry,
                first_connect: settings.first_connect,
                diagnosis: is_private.then(|| full_disk(settings)),
                shutdown,
            };
            Pool::for_writing(database::started(settings)?, &name, connections, Some(reconnect))
        }
        Access::Reads => Pool::new(database::as_it_is(settings)?, &name, connections),
    };
    pool.retry("checking the schema", async || {
        let mut connection = pool.get().await?;
        match upgrades {
            true => migrations::apply(&mut connection, &migrations, false).await.map(drop)?,
            false => migrations::require_current(&mut connection, &migrations).await?,
        }
        if writes {
            rights::require_writable(&connection, catalog.all()).await?;
            zones::require_known(&connection, catalog.all()).await?;
        }
        Ok(())
    })
    .await?;
    Ok(Warehouse { catalog, pool })
}

/// A private server that ended because its disk is full does not come back: waiting for it is useless.
fn full_disk(settings: &Settings) -> Diagnosis {
    let cluster = database::cluster(settings);
    Diagnosis::new(move || cluster.ended_by_full_disk())
}
