//! The swap: one short transaction in which the new generation takes the old one's place.

use std::time::{Duration, Instant};

use super::build::{Build, Key, Keys};
use super::index::BOUND;
use crate::error::{Error, Kind, Result};
use crate::ids::BatchId;
use crate::ledger::models;
use crate::pg::{Connection, Transaction};
use crate::retry::Policy;
use crate::sql::{ident, literal, qualified};
use crate::transform::{Job, TableSummary};

/// How long all the locks together may take: as long as readers who come meanwhile wait in line behind them.
const LOCK_TIMEOUT: &str = "40ms";
/// Time enough for the queries in front to end.
const RETRY: Policy = Policy {
    max_retries: 1000,
    base: Duration::from_millis(100),
    max: Duration::from_secs(5),
    budget: Duration::from_secs(600),
};
/// After how long, and how often, it is said who is in front of the swap.
const SAY_AFTER: Duration = Duration::from_secs(5);
/// A prepared transaction does not end by itself.
const PREPARED_WAIT: Duration = Duration::from_secs(15);
/// The server canceled the statement: a statement_timeout, which is the bound of all locks together.
const CANCELED: &str = "57014";

/// A generation that is ready to serve.
pub(super) struct Ready<'a> {
    pub builds: &'a [Build],
    pub keys: &'a Keys,
    /// The watermark of a whole generation; `None` for a part.
    pub taken: Option<&'a [BatchId]>,
    pub tables: &'a [TableSummary],
    /// Statements that give the new rows what somebody wrote into columns of their own.
    pub carry: &'a [String],
    /// The state of the catalog that the new tables are like.
    pub state: &'a str,
}

impl Job {
    /// Puts the new generation in the old one's place; returns how long readers may have waited, or `None` and has done
    /// nothing if the old tables have changed.
    ///
    /// # Errors
    /// `DatabaseBusy` when the locks were not to be had; as the server says. Nothing has happened then.
    pub(super) async fn swap(&self, connection: &mut Connection, ready: &Ready<'_>) -> Result<Option<Duration>> {
        let mut pauses = RETRY.pauses();
        let (started, mut said) = (Instant::now(), Duration::ZERO);
        loop {
            let error = match self.try_swap(connection, ready).await {
                Ok(None) => return Ok(None),
                Ok(Some((held, generation))) => {
                    failpoint!("transform.after_swap_commit");
                    // The commit did not wait for the disk while it held the locks; this one does, and takes it along.
                    let what = format!("transform of {}: waiting for the disk", self.entity.name);
                    // The lock may be lost from here on: nothing is left to be done that another execution could disturb.
                    if !self.pool.retry(&what, || self.make_durable(generation)).await? {
                        let lost = "the server went down and lost the swap, which has to be done again";
                        return Err(Error::new(Kind::DatabaseUnavailable, lost));
                    }
                    return Ok(Some(held));
                }
                Err(error) => error,
            };
            let again = matches!(error.kind(), Kind::DatabaseBusy | Kind::TransactionConflict)
                || error.sqlstate() == Some(CANCELED)
                // Somebody grants or comments at this moment, which takes no lock on the table.
                || error.message().contains("tuple concurrently");
            let Some(pause) = pauses.next().filter(|_| again && started.elapsed() < self.pool.lock_wait()) else {
                return Err(if again { self.blocked(connection, error).await } else { error });
            };
            if started.elapsed() >= said + SAY_AFTER {
                said = started.elapsed();
                self.say_who_blocks(connection, &error, said).await?;
            }
            tracing::debug!(
                error = error.message(),
                wait_ms = pause.as_millis() as u64,
                "readers are in front of the swap"
            );
            self.shutdown.pause(pause).await?;
        }
    }

    /// Returns how long the locks were held, and the generation of the parent table that serves now; `None` if the old
    /// tables are not those any more that the new ones are like.
    async fn try_swap(&self, connection: &mut Connection, ready: &Ready<'_>) -> Result<Option<(Duration, i64)>> {
        let script = swap_sql(ready.builds, ready.keys);
        let tx = connection.begin().await?;
        // The server must not wait for the disk, or for a standby, while it holds the locks.
        tx.batch(&format!(
            "set local synchronous_commit = off; set local search_path = pg_catalog, pg_temp; set local timezone = 'UTC'; set local statement_timeout = 0; \
             set local lock_timeout = '{LOCK_TIMEOUT}'"
        ))
        .await?;
        // The ledger first: nobody reads these rows, and the locks below are held the shorter.
        let generation = self.write_ledger(&tx, ready).await?;
        self.carry_over(&tx, ready).await?;
        let ask_state = self.prepare_state(&tx).await?;
        let started = Instant::now();
        self.lock_tables(&tx, ready.builds, ready.keys).await?;
        // Whoever began meanwhile has cleared the new tables away and may have made others of their names. From here on it
        // would wait for the locks on these.
        self.lock.assert_held(&tx).await?;
        let state: String = tx.query_one(&ask_state, &[]).await?.get(0);
        if state != ready.state {
            tx.rollback().await?;
            return Ok(None);
        }
        tx.batch(&script).await?;
        failpoint!("transform.before_swap_commit");
        tx.commit().await?;
        Ok(Some((started.elapsed(), generation)))
    }

    /// Columns of somebody's own have been copied once already. What was written into them since is copied while nobody
    /// can write and everybody can read.
    async fn carry_over(&self, tx: &Transaction<'_>, ready: &Ready<'_>) -> Result<()> {
        if ready.carry.is_empty() {
            return Ok(());
        }
        let tables: Vec<String> = self.entity.models.iter().map(|m| qualified(&m.table)).collect();
        tx.batch(&format!("lock table {} in share row exclusive mode", tables.join(", "))).await?;
        for statement in ready.carry {
            tx.batch(statement).await?;
        }
        Ok(())
    }

    /// Returns the parent table's new generation.
    async fn write_ledger(&self, tx: &Transaction<'_>, ready: &Ready<'_>) -> Result<i64> {
        let Ready { builds, taken, tables, .. } = *ready;
        // Of a part, the other parts' issues stay, and the batches stay pending: they may concern other parts too.
        let stale = match (taken, &self.entity.partition) {
            (None, Some(partition)) => {
                let parts: Vec<String> = builds.iter().map(|b| format!("({})", b.old.top_constraint)).collect();
                let column = ident(&partition.column);
                format!(
                    " and exists (select from (select split_part(key_text, ',', 2)::timestamptz as {column}) k where {})",
                    parts.join(" or ")
                )
            }
            _ => String::new(),
        };
        let sql = format!("delete from evo.issues where entity = $1 and execution_id <> $2{stale}");
        tx.execute(&sql, &[&self.entity.name, &self.execution_id]).await?;
        if let Some(batches) = taken {
            models::reset(tx, &self.entity.name, batches).await?;
        }
        let mut generations = Vec::new();
        for table in tables {
            let rows = taken.and(i64::try_from(table.rows).ok());
            let name = &self.entity.name;
            generations.push(models::record_refresh(tx, &table.table, name, self.execution_id, rows).await?);
        }
        Ok(generations.first().copied().unwrap_or_default())
    }

    /// Locks everything that the swap touches, parents first and in order: nothing behind waits.
    async fn lock_tables(&self, tx: &Transaction<'_>, builds: &[Build], keys: &Keys) -> Result<()> {
        let mut tables: Vec<String> = Vec::new();
        for model in &self.entity.models {
            tables.push(qualified(&model.table));
        }
        for build in builds {
            // A partition that somebody has cut further.
            let parent = build.old.parent.clone();
            if build.old.top != build.old.relname && !tables.contains(&parent) {
                tables.push(parent);
            }
        }
        tables.extend(builds.iter().map(|b| b.old.name.clone()));
        tables.extend(keys.list.iter().map(|k| k.table.clone()));
        tables.extend(builds.iter().map(|b| b.new.clone()));
        let only: Vec<String> = tables.iter().map(|t| format!("only {t}")).collect();
        // lock_timeout is for one lock, statement_timeout for all of them.
        tx.batch(&format!("set local statement_timeout = '{LOCK_TIMEOUT}'")).await?;
        tx.batch(&format!("lock table {} in access exclusive mode", only.join(", "))).await?;
        tx.batch("set local statement_timeout = 0").await
    }

    /// Waits until the swap that made this generation is safe. Returns false if a server that went down before lost it.
    async fn make_durable(&self, generation: i64) -> Result<bool> {
        let mut connection = self.pool.get().await?;
        let tx = connection.begin().await?;
        tx.batch("set local synchronous_commit = on").await?;
        // Any change of its own makes the commit wait for the log, up to here and so past the swap.
        tx.execute("update evo.runs set entities = entities where execution_id = $1", &[&self.execution_id]).await?;
        let table = self.entity.models.first().map(|parent| parent.table.as_str());
        let sql = "select generation >= $2 from evo.models where table_name = $1";
        let serves = tx.query(sql, &[&table, &generation]).await?.first().is_some_and(|row| row.get(0));
        tx.commit().await?;
        Ok(serves)
    }

    /// Says who keeps the swap waiting.
    ///
    /// # Errors
    /// `DatabaseBusy` when a prepared transaction does, and has for a while: it does not end by itself.
    async fn say_who_blocks(&self, connection: &Connection, error: &Error, waited: Duration) -> Result<()> {
        let (names, gid) = self.in_front(connection).await;
        if gid.is_some() && waited >= PREPARED_WAIT.min(self.pool.lock_wait()) {
            return Err(no_locks(error, &names, gid));
        }
        let is_news = waited < 2 * SAY_AFTER || waited.as_secs() % 60 < SAY_AFTER.as_secs();
        if is_news && !names.is_empty() {
            let sessions = names.join("; ");
            tracing::warn!(entity = self.entity.name, sessions, "the swap waits for locks on the core tables");
        }
        Ok(())
    }

    async fn blocked(&self, connection: &Connection, error: Error) -> Error {
        let (names, gid) = self.in_front(connection).await;
        no_locks(&error, &names, gid)
    }

    /// Who holds locks on the core tables, and the name of a prepared transaction among them.
    async fn in_front(&self, connection: &Connection) -> (Vec<String>, Option<String>) {
        let tables: Vec<String> = self.entity.models.iter().map(|m| m.table.clone()).collect();
        let sql = sql_file!("transform/generation/blockers.sql");
        let found = connection.query(sql, &[&tables]).await.unwrap_or_default();
        (found.iter().map(|row| row.get(0)).collect(), found.iter().find_map(|row| row.get(2)))
    }
}

/// The swap has waited long; a generation more would wait for the same.
fn no_locks(error: &Error, names: &[String], gid: Option<String>) -> Error {
    let hint = match gid.as_deref().map(literal) {
        Some(gid) => format!(
            "the old generation still serves; the transaction's owner or a superuser ends it with: rollback prepared {gid}; or \
             commit prepared {gid}"
        ),
        None => {
            "the old generation still serves; end the long transactions that read the core tables, then run it again"
                .to_owned()
        }
    };
    let error =
        Error::new(Kind::DatabaseBusy, format!("the swap did not get its locks: {}", error.message())).hint(hint);
    if names.is_empty() { error.given_up() } else { error.detail(names.join("\n")).given_up() }
}

/// Everything between the locks and the commit. The default partition is detached first and attached last, so that it
/// never makes another one scan it.
fn swap_sql(builds: &[Build], keys: &Keys) -> String {
    let mut sql: String = keys.list.iter().map(Key::drop_sql).collect();
    for build in builds.iter().rev() {
        let old = &build.old.name;
        sql +=
            &format!("alter table {} detach partition {old};\nalter table {old} set schema evo_old;\n", build.parent);
        for (schema, name) in &build.statistics {
            sql += &format!("alter statistics {}.{} set schema evo_old;\n", ident(schema), ident(name));
        }
    }
    for build in builds {
        let name = &build.old.name;
        sql += &format!("alter table {} set schema {};\n", build.new, ident(&build.old.schema));
        for (schema, name) in &build.statistics {
            sql += &format!("alter statistics evo_next.{} set schema {};\n", ident(name), ident(schema));
        }
        sql += &format!("alter table {} attach partition {name} {};\n", build.parent, build.old.bound);
        sql += &format!("alter table {name} drop constraint {BOUND};\n");
        sql += &build.views.iter().map(|view| format!("{view};\n")).collect::<String>();
    }
    sql += &keys.list.iter().map(Key::add_sql).collect::<String>();
    sql
}
