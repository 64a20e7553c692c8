//! The swap's transaction: everything between its first statement and its commit.

use std::time::{Duration, Instant};

use super::build::Build;
use super::catalog_state;
use super::foreign_keys::ForeignKey;
use super::index::BOUND;
use crate::error::Result;
use crate::ids::BatchId;
use crate::ledger::models;
use crate::pg::{Connection, Transaction};
use crate::sql::{fill, ident, qualified};
use crate::transform::definitions::{self, Definitions};
use crate::transform::job::EntityJob;
use crate::transform::summary::TableSummary;

/// The attempts that look for a moment in which nearly nobody reads.
pub(super) const SHORT_ATTEMPTS: u32 = 24;

/// The longest that all the locks together may take in an attempt. Readers who come meanwhile queue behind
/// them for that long, so the first attempts look for a moment in which nearly nobody reads; later ones have
/// to interrupt readers who are always there. Where the tables are distributed, every server has to be asked.
fn lock_timeout(job: &EntityJob, attempt: u32) -> Duration {
    Duration::from_millis(match attempt {
        _ if job.layout.is_distributed() => 500,
        ..12 => 10,
        12..SHORT_ATTEMPTS => 20,
        _ => 40,
    })
}

/// A generation that is ready to serve, and what the swap writes with it.
pub(super) struct Ready<'a> {
    pub builds: &'a [Build],
    pub keys: &'a [ForeignKey],
    /// The new watermark; `None` when only one year was rebuilt.
    pub watermark: Option<&'a [BatchId]>,
    pub tables: &'a [TableSummary],
    /// TableStatements that give the new rows what the user wrote into columns of their own.
    pub carry: &'a [String],
    /// The state of the catalog that the new tables are like.
    pub state: &'a str,
}

/// A committed swap that may not be on disk yet.
pub(super) struct Exchanged {
    /// How long the locks were held.
    pub held: Duration,
    /// The number of the parent table's generation that serves now.
    pub generation: i64,
}

/// Puts the new generation in the old one's place. `None`, and nothing is changed, if the old tables are no
/// longer what the new ones are like. `attempt` counts from 0.
///
/// # Errors
/// `DatabaseBusy`, or `StatementCanceled` with SQLSTATE 57014, when the locks took too long; otherwise see
/// [`crate::pg`].
pub(super) async fn exchange(
    job: &EntityJob,
    connection: &mut Connection,
    ready: &Ready<'_>,
    attempt: u32,
) -> Result<Option<Exchanged>> {
    let script = script(ready.builds, ready.keys);
    let tables = locked_tables(job, ready);
    let tx = connection.begin().await?;
    end_vacuums(&tx, &tables).await?;
    // The server must not wait for the disk, or for a standby, while it holds the locks.
    let limit_ms = lock_timeout(job, attempt).as_millis();
    tx.batch(&format!("set local synchronous_commit = off; set local lock_timeout = {limit_ms}")).await?;
    // Write the ledger before locking: nobody reads these rows, and the locks are held for less time.
    let generation = write_ledger(job, &tx, ready).await?;
    carry_over(job, &tx, ready).await?;
    let ask_state = catalog_state::prepare(&tx, &job.entity).await?;
    let started = Instant::now();
    lock_tables(&tx, &tables, limit_ms).await?;
    // If this execution lost the entity's lock, another one may have dropped these tables and created its own
    // under the same names. Check here: from now on that one would wait for the locks above.
    job.lock.assert_held(&tx).await?;
    let state: String = tx.query_one(&ask_state, &[]).await?.get(0);
    if state != ready.state {
        tx.rollback().await?;
        return Ok(None);
    }
    match job.layout.is_distributed() {
        // Citus refuses several commands in one message.
        true => {
            for statement in &script {
                tx.batch(statement).await?;
            }
        }
        false => tx.batch(&script.join(";\n")).await?,
    }
    failpoint!("transform.before_swap_commit");
    tx.commit().await?;
    Ok(Some(Exchanged { held: started.elapsed(), generation }))
}

/// The user's own columns were copied before; copies what was written into them since, while nobody can write
/// and everybody can read.
async fn carry_over(job: &EntityJob, tx: &Transaction<'_>, ready: &Ready<'_>) -> Result<()> {
    if ready.carry.is_empty() {
        return Ok(());
    }
    let tables: Vec<String> = job.entity.models.iter().map(|m| qualified(&m.table)).collect();
    tx.batch(&format!("lock table {} in share row exclusive mode", tables.join(", "))).await?;
    for statement in ready.carry {
        tx.batch(statement).await?;
    }
    Ok(())
}

/// Returns the number of the parent table's new generation.
async fn write_ledger(job: &EntityJob, tx: &Transaction<'_>, ready: &Ready<'_>) -> Result<i64> {
    let entity = &job.entity.name;
    let sql = fill(sql_file!("transform/generation/forget_issues.sql"), &[("within", &stale_issues(job, ready))]);
    tx.execute(&sql, &[entity, &job.execution_id]).await?;
    match ready.watermark {
        Some(batches) => {
            models::reset(tx, entity, batches).await?;
            definitions::note_current(tx, &job.entity).await?;
        }
        None => Definitions::read(tx, &job.entity).await?.note_part(tx, &job.entity).await?,
    }
    let mut generations = Vec::new();
    for table in ready.tables {
        let rows = ready.watermark.and(i64::try_from(table.rows).ok());
        generations.push(models::record_refresh(tx, &table.table, entity, job.execution_id, rows).await?);
    }
    Ok(generations.first().copied().unwrap_or_default())
}

/// A condition on the issues that the new generation replaces. With `--year` only one year was rebuilt: the
/// issues of the others stay. (The batches stay pending for the same reason: they may hold rows of other
/// years.)
fn stale_issues(job: &EntityJob, ready: &Ready<'_>) -> String {
    let (None, Some(partition)) = (ready.watermark, &job.entity.partition) else { return "true".to_owned() };
    let parts: Vec<String> = ready.builds.iter().map(|b| format!("({})", b.old.top_constraint)).collect();
    fill(
        sql_file!("transform/generation/stale_issues.sql").trim_end(),
        &[("column", &ident(&partition.column)), ("parts", &parts.join(" or "))],
    )
}

/// Everything that the swap touches, parents first and always in the same order: no later statement waits.
fn locked_tables(job: &EntityJob, ready: &Ready<'_>) -> String {
    let mut tables: Vec<String> = job.entity.models.iter().map(|model| qualified(&model.table)).collect();
    for build in ready.builds {
        // A partition that somebody has partitioned further.
        if build.old.top != build.old.relname && !tables.contains(&build.old.parent) {
            tables.push(build.old.parent.clone());
        }
    }
    tables.extend(ready.builds.iter().map(|build| build.old.name.clone()));
    tables.extend(ready.keys.iter().map(|key| key.table.clone()));
    tables.extend(ready.builds.iter().map(|build| build.new.clone()));
    let only: Vec<String> = tables.iter().map(|table| format!("only {table}")).collect();
    only.join(", ")
}

/// Waits until nobody vacuums or analyzes these tables; readers and writers pass meanwhile.
///
/// The server cancels an autovacuum for a session that has waited `deadlock_timeout` for its lock, which no
/// attempt of [`lock_timeout`] ever does: an autovacuum of hours would keep the swap waiting for hours.
async fn end_vacuums(tx: &Transaction<'_>, tables: &str) -> Result<()> {
    tx.query_one(sql_file!("transform/generation/vacuum_wait.sql"), &[]).await?;
    tx.batch(&format!("lock table {tables} in share update exclusive mode")).await
}

async fn lock_tables(tx: &Transaction<'_>, tables: &str, limit_ms: u128) -> Result<()> {
    // lock_timeout is about one lock, statement_timeout about all of them.
    tx.batch(&format!("set local statement_timeout = {limit_ms}")).await?;
    tx.batch(&format!("lock table {tables} in access exclusive mode")).await?;
    tx.batch("set local statement_timeout = 0").await
}

/// Everything that happens under the locks. The default partition is detached first and attached last: it
/// never makes another one scan it.
fn script(builds: &[Build], keys: &[ForeignKey]) -> Vec<String> {
    let mut sql: Vec<String> = keys.iter().map(ForeignKey::drop_sql).collect();
    for build in builds.iter().rev() {
        let (parent, old) = (&build.old.parent, &build.old.name);
        sql.push(format!("alter table {parent} detach partition {old}"));
        sql.push(format!("alter table {old} set schema evo_old"));
        for (schema, name) in &build.statistics {
            sql.push(format!("alter statistics {}.{} set schema evo_old", ident(schema), ident(name)));
        }
    }
    for build in builds {
        let (parent, name, bound) = (&build.old.parent, &build.old.name, &build.old.bound);
        sql.push(format!("alter table {} set schema {}", build.new, ident(&build.old.schema)));
        for (schema, name) in &build.statistics {
            sql.push(format!("alter statistics evo_next.{} set schema {}", ident(name), ident(schema)));
        }
        sql.push(format!("alter table {parent} attach partition {name} {bound}"));
        sql.push(format!("alter table {name} drop constraint {BOUND}"));
        sql.extend(build.views.iter().cloned());
    }
    sql.extend(keys.iter().flat_map(ForeignKey::add_sql));
    sql
}
