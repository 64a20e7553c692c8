//! The exported snapshot from which all new tables are filled.

use crate::error::{Error, Kind, Result};
use crate::pg::sqlstate::INVALID_PARAMETER_VALUE;
use crate::pg::{Connection, Transaction};
use crate::sql::literal;
use crate::transform::transaction::begin;

/// A snapshot. It ends when this is dropped, because its transaction does.
pub(super) struct Snapshot<'a> {
    tx: Transaction<'a>,
    id: String,
}

impl<'a> Snapshot<'a> {
    /// Takes a snapshot and exports it. Its transaction is idle for as long as the fill takes, so it alone
    /// has no idle timeout.
    pub(super) async fn export(connection: &'a mut Connection) -> Result<Self> {
        let tx = begin(connection).await?;
        tx.batch("set transaction isolation level repeatable read; set local idle_in_transaction_session_timeout = 0")
            .await?;
        let id = tx.query_one("select pg_export_snapshot()", &[]).await?.get(0);
        Ok(Self { tx, id })
    }

    /// The transaction that holds the snapshot: queries on it see the snapshot.
    pub(super) fn tx(&self) -> &Transaction<'a> {
        &self.tx
    }

    /// Ends it.
    pub(super) async fn end(self) -> Result<()> {
        self.tx.commit().await
    }

    /// Makes a transaction, which must not have run a query yet, see this snapshot.
    ///
    /// # Errors
    /// `TransactionConflict` when the snapshot has ended with the connection that exported it: the refresh
    /// starts over. The server calls that an invalid value, but nothing is wrong with a row.
    pub(super) async fn import(&self, tx: &Transaction<'_>) -> Result<()> {
        let id = literal(&self.id);
        let sql = format!("set transaction isolation level repeatable read; set transaction snapshot {id}");
        tx.batch(&sql).await.map_err(|error| match error.sqlstate() {
            Some(INVALID_PARAMETER_VALUE) => {
                Error::new(Kind::TransactionConflict, "the snapshot of this generation ended with its connection")
                    .with_sqlstate(INVALID_PARAMETER_VALUE)
                    .caused_by(error)
            }
            _ => error,
        })
    }
}
