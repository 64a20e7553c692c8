//! Where the rows of an entity's tables are.

use super::prepared::wait_until_visible;
use super::settings::require_settings;
use crate::entity::Entity;
use crate::error::{Error, Kind, Result};
use crate::pg::{Ask, Connection, Transaction};
use crate::sql::qualified;

/// Where the rows of an entity's tables are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    /// In this server.
    #[default]
    Local,
    /// In shards, which Citus keeps on several servers.
    Distributed,
}

impl Layout {
    /// Reads where the tables of an entity are. While somebody distributes them, it waits for the outcome.
    ///
    /// # Errors
    /// `Config` when only some are distributed, or not by the document's key, or when the servers that have
    /// the shards are set otherwise than evo relies on; see [`crate::pg`].
    pub async fn read(connection: &mut Connection, entity: &Entity) -> Result<Self> {
        if !is_installed(connection).await? {
            return Ok(Self::Local);
        }
        let tx = connection.begin().await?;
        let tables: Vec<String> = tables(entity).iter().map(|(table, _)| qualified(table)).collect();
        tx.batch(&format!("lock table {} in access share mode", tables.join(", "))).await?;
        let layout = Self::read_locked(&tx, entity).await?;
        tx.rollback().await?;
        if layout.is_distributed() {
            require_settings(connection).await?;
        }
        Ok(layout)
    }

    /// The same in a transaction that has locked the tables.
    ///
    /// # Errors
    /// As [`Layout::read`].
    pub async fn read_in(tx: &Transaction<'_>, entity: &Entity) -> Result<Self> {
        if is_installed(tx).await? { Self::read_locked(tx, entity).await } else { Ok(Self::Local) }
    }

    async fn read_locked(tx: &Transaction<'_>, entity: &Entity) -> Result<Self> {
        let found = Table::of_entity(tx, entity).await?;
        if found.iter().all(Table::is_local) {
            return Ok(Self::Local);
        }
        if found.iter().all(Table::is_by_key) {
            return Ok(Self::Distributed);
        }
        let detail: Vec<String> = found.iter().map(Table::describe).collect();
        let message = format!("the tables of {} are not distributed alike", entity.name);
        Err(Error::new(Kind::Config, message)
            .detail(detail.join("\n"))
            .hint(format!("evo distribute {} distributes those that are local", entity.name)))
    }

    /// Whether they are in shards.
    pub fn is_distributed(self) -> bool {
        self == Self::Distributed
    }

    /// Makes the rest of a transaction use, and leave open, a few connections to each server that has shards.
    ///
    /// # Errors
    /// See [`crate::pg`].
    pub async fn keep_connections(self, tx: &Transaction<'_>) -> Result<()> {
        match self {
            Self::Local => Ok(()),
            Self::Distributed => tx.batch(sql_file!("citus/connections.sql")).await,
        }
    }

    /// Waits until the rows of every batch that the ledger has shown can be seen. To be called after the
    /// ledger was read, and before staging or core is: Citus shows a commit on the coordinator before the
    /// other servers have made it.
    ///
    /// # Errors
    /// `DatabaseBusy` when a server has not made a commit after half a minute, `DatabaseUnavailable` when one
    /// does not answer; see [`crate::pg`].
    pub async fn wait_for_rows(self, ask: &impl Ask) -> Result<()> {
        match self {
            Self::Local => Ok(()),
            Self::Distributed => wait_until_visible(ask).await,
        }
    }
}

/// Waits until the rows of every batch that the ledger has shown can be seen, whatever tables they are in.
/// Returns whether the database has Citus; immediately where it does not.
///
/// # Errors
/// As [`Layout::wait_for_rows`].
pub async fn wait_for_all_rows(ask: &impl Ask) -> Result<bool> {
    let is_cluster = is_installed(ask).await?;
    if is_cluster {
        wait_until_visible(ask).await?;
    }
    Ok(is_cluster)
}

/// How a table of an entity is distributed.
pub(super) struct Table {
    pub name: String,
    /// The column by which it should be distributed; empty for a table that should be on every server.
    pub key: String,
    /// The distribution column; empty for a reference table, `None` where the table is local.
    column: Option<String>,
}

impl Table {
    /// The tables of an entity, staging first.
    pub(super) async fn of_entity(ask: &impl Ask, entity: &Entity) -> Result<Vec<Self>> {
        Self::read(ask, &tables(entity)).await
    }

    /// Tables, given with their keys.
    pub(super) async fn read(ask: &impl Ask, tables: &[(&str, &str)]) -> Result<Vec<Self>> {
        let names: Vec<&str> = tables.iter().map(|(name, _)| *name).collect();
        let rows = ask.query(sql_file!("citus/tables.sql"), &[&names]).await?;
        let found = tables.iter().zip(rows);
        let table = |((name, key), row): (&(&str, &str), crate::pg::Row)| Self {
            name: (*name).to_owned(),
            key: (*key).to_owned(),
            column: row.get(1),
        };
        Ok(found.map(table).collect())
    }

    pub(super) fn is_local(&self) -> bool {
        self.column.is_none()
    }

    pub(super) fn is_by_key(&self) -> bool {
        self.column.as_ref() == Some(&self.key)
    }

    pub(super) fn describe(&self) -> String {
        match self.column.as_deref() {
            None => format!("{} is local", self.name),
            Some("") => format!("{} is a reference table", self.name),
            Some(column) => format!("{} is distributed by {column}", self.name),
        }
    }
}

/// Whether tables of this database may be distributed.
pub(super) async fn is_installed(ask: &impl Ask) -> Result<bool> {
    let rows = ask.query(sql_file!("citus/installed.sql"), &[]).await?;
    Ok(rows.first().is_some_and(|row| row.get(0)))
}

/// The tables of an entity, staging first, with the column that holds the document's key.
pub(super) fn tables(entity: &Entity) -> Vec<(&str, &str)> {
    let staging = (entity.staging.table.as_str(), entity.staging.key_column.as_str());
    let core = entity.models.iter().map(|model| (model.table.as_str(), model.parent_key.as_str()));
    std::iter::once(staging).chain(core).collect()
}
