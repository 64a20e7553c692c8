//! Tables that are to be dropped: those of an interrupted refresh, of a failed one, and the replaced
//! generation.

use super::build::Build;
use super::foreign_keys::{self, ForeignKey, validate};
use crate::error::{Context, Error, Result};
use crate::pg::Connection;
use crate::pg::sqlstate::DEPENDENTS_EXIST;
use crate::transform::job::EntityJob;
use crate::transform::transaction::begin;

/// Drops the tables that an interrupted refresh left. If there is a replaced one, the interruption came after
/// the swap: foreign keys may still be waiting for their validation.
///
/// # Errors
/// See [`crate::pg`]. A replaced table that stays would be in the way of the next one.
pub(super) async fn collect(job: &EntityJob, connection: &Connection, builds: &[Build]) -> Result<()> {
    let names: Vec<String> = builds.iter().map(|b| b.old.relname.clone()).collect();
    let found = connection.query(sql_file!("transform/generation/leftovers.sql"), &[&names]).await?;
    for row in &found {
        let (name, was_set_aside): (String, bool) = (row.get(0), row.get(2));
        tracing::info!(table = name, "dropping what an interrupted refresh left");
        match connection.batch(&format!("drop table if exists {name}")).await {
            Err(error) if error.sqlstate() == Some(DEPENDENTS_EXIST) => {
                set_aside(job, &name, was_set_aside, &error).await?;
            }
            dropped => dropped.context(&name)?,
        }
    }
    if found.iter().any(|row| row.get::<_, bool>(1)) {
        let keys = foreign_keys::read(&mut *job.pool.get().await?, &job.entity).await?;
        validate(connection, &keys, |key| !key.was_validated).await;
    }
    Ok(())
}

/// Empties and renames a leftover that something of the user's own depends on. It is in nobody's way then,
/// and every full refresh tries again to drop it.
async fn set_aside(job: &EntityJob, name: &str, was_set_aside: bool, error: &Error) -> Result<()> {
    tracing::warn!(
        table = name,
        dependents = error.detail_text().unwrap_or_default(),
        "a leftover of an interrupted refresh is kept, because something of your own depends on it: drop that, or let \
         it read the core table"
    );
    if was_set_aside {
        return Ok(());
    }
    let mut connection = job.pool.get().await?;
    let tx = begin(&mut connection).await?;
    tx.batch(&format!("truncate {name}")).await.context(name)?;
    // One after the other: Citus refuses several of them in one message.
    for row in tx.query(sql_file!("transform/generation/set_aside.sql"), &[&name]).await? {
        tx.batch(row.get(0)).await.context(name)?;
    }
    tx.commit().await
}

/// Drops the new tables of a refresh that failed; a failure is only a warning. Without its lock this
/// execution drops nothing: tables of these names may be another execution's. The locks of the drops keep
/// that one waiting while the server is asked.
pub(super) async fn discard(job: &EntityJob, connection: &mut Connection, tables: &[String]) {
    let dropped = async {
        let tx = begin(connection).await?;
        tx.batch(&format!("drop table if exists {}", tables.join(", "))).await?;
        job.lock.assert_held(&tx).await?;
        tx.commit().await
    };
    if let Err(error) = dropped.await {
        tracing::warn!(error = error.message(), "the new tables are left for the next full refresh to drop");
    }
}

/// Drops the replaced generation and validates the foreign keys that the swap added. Readers are already
/// served by the new one: a failure is a warning, and the next full refresh tries again.
pub(super) async fn drop_replaced(connection: &Connection, builds: &[Build], keys: &[ForeignKey]) {
    validate(connection, keys, |key| key.was_validated && !key.is_partitioned).await;
    for build in builds {
        if let Err(error) = connection.batch(&format!("drop table if exists {}", build.replaced)).await {
            tracing::warn!(
                table = build.replaced,
                error = error.message(),
                "the replaced generation could not be dropped; the next full refresh tries again"
            );
        }
    }
}
