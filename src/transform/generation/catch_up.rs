//! Swaps a generation whose old tables were changed while it was built: they got an index, a grant, a view, a
//! column.
//!
//! The swap finds under its locks that the state of the catalog is another one, and lets the locks go. Then
//! the new tables are given what the old ones got, and the swap is tried again. What cannot be added to a
//! table that is already there makes the refresh start over.

use std::time::Duration;

use super::apply::run_on;
use super::build::Build;
use super::catalog_state::changed;
use super::exchange::Ready;
use super::plan::builds;
use super::statement::Statement;
use super::{catalog_state, foreign_keys, guard};
use crate::error::{Error, Kind, Result};
use crate::pg::Connection;
use crate::transform::job::EntityJob;

/// How often a swap that found its tables changed is tried again.
const ROUNDS: u32 = 20;

/// Swaps as soon as the tables stop changing. `given` are the statements that each new table was given.
/// Returns how long readers can have waited.
///
/// # Errors
/// As [`super::swap::swap`]; `TransactionConflict` when the tables were changed too much to go on;
/// `DatabaseBusy` when they do not stop changing.
pub(super) async fn swap(
    job: &EntityJob,
    connection: &mut Connection,
    before: &Ready<'_>,
    mut given: Vec<Vec<Statement>>,
    year: Option<i32>,
) -> Result<Duration> {
    let mut known: Option<Vec<Build>> = None;
    for _ in 0..ROUNDS {
        let state = catalog_state::read(connection, &job.entity).await?;
        let now = builds(job, connection, year).await?;
        catch_up(job, connection, known.as_deref().unwrap_or(before.builds), (&now, &mut given)).await?;
        let keys = foreign_keys::read(connection, &job.entity).await?;
        guard::require_references(connection, &now, &keys).await?;
        let ready = Ready { builds: &now, keys: &keys, state: &state, ..*before };
        if let Some(held) = super::swap::swap(job, connection, &ready).await? {
            return Ok(held);
        }
        known = Some(now);
    }
    let message = format!("the core tables of {} are being changed all the time", job.entity.name);
    Err(Error::new(Kind::DatabaseBusy, message).given_up())
}

/// Gives the new tables what the old ones got since `builds` were read; `now` are the same builds, read
/// again.
///
/// # Errors
/// `TransactionConflict` when the tables are too different to go on.
async fn catch_up(
    job: &EntityJob,
    connection: &mut Connection,
    builds: &[Build],
    (now, given): (&[Build], &mut [Vec<Statement>]),
) -> Result<()> {
    if now.len() != builds.len() {
        return Err(changed(&job.entity.name));
    }
    for ((build, now), given) in builds.iter().zip(now).zip(given) {
        let all = now.statements(connection, job).await?.all();
        let is_gone = |statement: &&Statement| !statement.is_repeated && !all.contains(statement);
        if !build.is_like(now) || given.iter().any(|statement| is_gone(&statement)) {
            return Err(changed(&now.old.name));
        }
        let is_missing = |statement: &&Statement| statement.is_repeated || !given.contains(statement);
        let missing: Vec<Statement> = all.iter().filter(is_missing).cloned().collect();
        if missing.iter().any(|statement| !statement.is_repeated) {
            tracing::info!(
                table = now.old.name,
                statements = missing.len(),
                "the table got something new meanwhile; its successor gets it too"
            );
        }
        run_on(job, now, &missing).await?;
        *given = all;
    }
    Ok(())
}
