//! What others do to the serving tables while their successors are built: an index, a grant, a view, a column.
//!
//! The state of the catalog is noted before anything is read from it, and looked at again behind the swap's locks, when
//! nobody can change it any more. If it is another one the swap lets go of its locks, the new tables are given what was
//! added, and the swap is tried again. What cannot be added to a table that is there makes the refresh begin anew.

use std::time::Duration;

use super::build::{Build, Keys, Statement};
use super::swap::Ready;
use super::{Refresh, guard};
use crate::error::{Error, Kind, Result};
use crate::pg::{Connection, Transaction};
use crate::sql::{fill, literal};
use crate::transform::Job;

/// How often a swap that found its tables changed is tried again.
const ROUNDS: u32 = 20;

impl Job {
    /// Swaps a generation whose tables have changed, as soon as they have stopped to. Returns as [`Job::swap`].
    ///
    /// # Errors
    /// As [`Job::swap`]; as [`Job::catch_up`]; `DatabaseBusy` when they do not stop.
    pub(super) async fn swap_changed(
        &self,
        connection: &mut Connection,
        before: &Ready<'_>,
        mut given: Vec<Vec<Statement>>,
        refresh: &Refresh,
    ) -> Result<Duration> {
        let mut known: Option<Vec<Build>> = None;
        for _ in 0..ROUNDS {
            let state = self.state(connection).await?;
            let builds =
                self.catch_up(connection, known.as_deref().unwrap_or(before.builds), &mut given, refresh).await?;
            let keys = Keys::read(connection, &self.entity).await?;
            guard::orphans(connection, &builds, &keys).await?;
            let ready = Ready { builds: &builds, keys: &keys, state: &state, ..*before };
            if let Some(swap) = self.swap(connection, &ready).await? {
                return Ok(swap);
            }
            known = Some(builds);
        }
        let restless = format!("the core tables of {} are changed all the time", self.entity.name);
        Err(Error::new(Kind::DatabaseBusy, restless).given_up())
    }

    /// A text that changes with whatever is done to the core tables of the entity.
    pub(super) async fn state(&self, connection: &mut Connection) -> Result<String> {
        let tx = connection.begin().await?;
        let state = tx.query_one(&self.state_sql(), &[]).await?.get(0);
        tx.commit().await?;
        Ok(state)
    }

    /// Has the same question planned in this session, which takes longer than its answer; returns the statement that asks it.
    pub(super) async fn prepare_state(&self, tx: &Transaction<'_>) -> Result<String> {
        let sql = self.state_sql();
        let name = format!("evo_state_{:016x}", xxhash_rust::xxh3::xxh3_64(sql.as_bytes()));
        let known = "select exists (select from pg_prepared_statements where name = $1)";
        if !tx.query_one(known, &[&name]).await?.get::<_, bool>(0) {
            tx.batch(&format!("prepare {name} as {sql}")).await?;
        }
        let ask = format!("execute {name}");
        tx.query_one(&ask, &[]).await?;
        Ok(ask)
    }

    fn state_sql(&self) -> String {
        let tables: Vec<String> = self.entity.models.iter().map(|model| literal(&model.table)).collect();
        fill(sql_file!("transform/generation/state.sql"), &[("tables", &tables.join(", "))])
    }

    /// Gives the new tables what the old ones got since; `given` is what they have been given. Returns the builds as they
    /// are now.
    ///
    /// # Errors
    /// `TransactionConflict` when the tables are too different to go on; as [`Build::read`].
    async fn catch_up(
        &self,
        connection: &mut Connection,
        builds: &[Build],
        given: &mut [Vec<Statement>],
        refresh: &Refresh,
    ) -> Result<Vec<Build>> {
        let now = self.builds(connection, refresh.year).await?;
        if now.len() != builds.len() {
            return Err(changed(&self.entity.name));
        }
        for ((build, now), given) in builds.iter().zip(&now).zip(given) {
            let (indexes, then) = self.statements(connection, now).await?;
            let all = [indexes, then].concat();
            let is_gone = |statement: &&Statement| !statement.is_repeated && !all.contains(statement);
            if !build.is_like(now) || given.iter().any(|statement| is_gone(&statement)) {
                return Err(changed(&now.old.name));
            }
            let missing: Vec<Statement> =
                all.iter().filter(|statement| statement.is_repeated || !given.contains(statement)).cloned().collect();
            if missing.iter().any(|statement| !statement.is_repeated) {
                tracing::info!(
                    table = now.old.name,
                    statements = missing.len(),
                    "the table was given something meanwhile; its successor gets it too"
                );
            }
            self.run_on(now, &missing).await?;
            *given = all;
        }
        Ok(now)
    }
}

fn changed(what: &str) -> Error {
    Error::new(Kind::TransactionConflict, format!("{what} was changed while its next generation was built"))
        .hint("run it again when nobody alters the core tables")
}
