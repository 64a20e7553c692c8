//! Who holds the locks that the swap waits for.

use std::time::Duration;

use crate::error::{Error, Kind, Result};
use crate::pg::Connection;
use crate::sql::literal;
use crate::transform::job::EntityJob;

/// How long the swap waits before it says for whom; it says so again every minute.
pub(super) const SAY_AFTER: Duration = Duration::from_secs(5);
/// A prepared transaction does not end by itself.
const PREPARED_WAIT: Duration = Duration::from_secs(15);

/// The sessions and prepared transactions that hold locks on the core tables.
struct LockHolders {
    /// A line for each, without its statement.
    names: Vec<String>,
    /// The name of a prepared transaction among them.
    gid: Option<String>,
}

impl LockHolders {
    /// Empty if the server cannot be asked.
    async fn read(job: &EntityJob, connection: &Connection) -> Self {
        let sql = sql_file!("transform/generation/blockers.sql");
        let rows = connection.query(sql, &[&job.tables()]).await.unwrap_or_default();
        Self { names: rows.iter().map(|row| row.get(0)).collect(), gid: rows.iter().find_map(|row| row.get(2)) }
    }

    /// The swap has waited for long: to build another generation would end in the same wait, so the error is
    /// final.
    fn no_locks(self, error: &Error) -> Error {
        let hint = match self.gid.as_deref().map(literal) {
            Some(gid) => format!(
                "the old generation still serves; the transaction's owner or a superuser ends it with: \
                 rollback prepared {gid}; or commit prepared {gid}"
            ),
            None => "the old generation still serves; end the long transactions that read the core tables, then run \
                     it again"
                .to_owned(),
        };
        let message = format!("the swap did not get its locks: {}", error.message());
        let error = Error::new(Kind::DatabaseBusy, message).hint(hint).given_up();
        if self.names.is_empty() { error } else { error.detail(self.names.join("\n")) }
    }
}

/// Logs who keeps the swap waiting, after it has `waited`.
///
/// # Errors
/// `DatabaseBusy` when it is a prepared transaction and the swap has waited for a while: it does not end by
/// itself.
pub(super) async fn report(job: &EntityJob, connection: &Connection, error: &Error, waited: Duration) -> Result<()> {
    let holders = LockHolders::read(job, connection).await;
    if holders.gid.is_some() && waited >= PREPARED_WAIT.min(job.pool.lock_wait()) {
        return Err(holders.no_locks(error));
    }
    let is_due = waited < 2 * SAY_AFTER || waited.as_secs() % 60 < SAY_AFTER.as_secs();
    if is_due && !holders.names.is_empty() {
        let sessions = holders.names.join("; ");
        tracing::warn!(entity = job.entity.name, sessions, "the swap waits for locks on the core tables");
    }
    Ok(())
}

/// The error of a swap that stops waiting.
pub(super) async fn no_locks(job: &EntityJob, connection: &Connection, error: &Error) -> Error {
    LockHolders::read(job, connection).await.no_locks(error)
}
