//! The entity's turn: an advisory lock that keeps batches apart whose verdicts depend on each other.

use std::time::{Duration, Instant};

use super::statements::Statements;
use crate::error::Result;
use crate::pg::Transaction;
use crate::sql::fill;

/// How much of the turn a batch needs, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Turn {
    /// It only adds rows.
    None,
    /// It finds rows unchanged that an older object wrote.
    Shared,
    /// It changes rows.
    Exclusive,
}

impl Turn {
    /// The most that any verdict of the batch needs.
    ///
    /// # Errors
    /// See [`crate::pg`].
    pub(super) async fn needed(tx: &Transaction<'_>, statements: &Statements) -> Result<Self> {
        let row = tx.query_one(&statements.fill(sql_file!("load/needed_turn.sql")), &[]).await?;
        Ok(match (row.get(0), row.get(1)) {
            (true, _) => Self::Exclusive,
            (false, true) => Self::Shared,
            (false, false) => Self::None,
        })
    }

    /// Takes the turn, and returns how long it waited. The turn ends with the transaction, or with a rollback
    /// to a savepoint from before.
    ///
    /// # Errors
    /// See [`crate::pg`].
    pub(super) async fn take(self, tx: &Transaction<'_>, entity: &str) -> Result<Duration> {
        let shared = match self {
            Self::None => return Ok(Duration::ZERO),
            Self::Shared => "_shared",
            Self::Exclusive => "",
        };
        let started = Instant::now();
        tx.execute(&fill(sql_file!("load/take_turn.sql"), &[("shared", shared)]), &[&entity]).await?;
        Ok(started.elapsed())
    }
}
