//! How a transaction of a transform begins and ends.

use crate::error::{Error, Kind, Result};
use crate::pg::{Connection, Transaction};

/// A lock that somebody holds for longer is reported as `DatabaseBusy`, and the step is repeated later.
const LOCK_TIMEOUT: &str = "set local lock_timeout = '30s'";

/// Begins a transaction that waits for a lock for 30 s at most.
///
/// # Errors
/// See [`crate::pg`].
pub(super) async fn begin(connection: &mut Connection) -> Result<Transaction<'_>> {
    let tx = connection.begin().await?;
    tx.batch(LOCK_TIMEOUT).await?;
    Ok(tx)
}

/// The result of an attempt whose commit was never answered. If the next attempt finds nothing left to write,
/// that commit went through, and this is the result to report.
#[derive(Debug)]
pub(super) struct Unconfirmed<T>(Option<T>);

impl<T> Unconfirmed<T> {
    pub(super) fn none() -> Self {
        Self(None)
    }

    /// Commits an attempt with its result; `wrote` says whether it wrote any row.
    ///
    /// # Errors
    /// As [`Transaction::commit`].
    pub(super) async fn commit(&mut self, tx: Transaction<'_>, result: T, wrote: bool) -> Result<T> {
        match tx.commit().await {
            Ok(()) => Ok(self.0.take().filter(|_| !wrote).unwrap_or(result)),
            Err(error) => {
                if wrote && is_unconfirmed(&error) {
                    self.0 = Some(result);
                }
                Err(error)
            }
        }
    }
}

fn is_unconfirmed(error: &Error) -> bool {
    error.kind() == Kind::CommitUnknown
}
