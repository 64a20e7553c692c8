//! What an interrupted refresh left behind.

use super::build::{Build, Keys};
use crate::error::{Context, Error, Result};
use crate::pg::Connection;
use crate::transform::Job;

/// Something depends on what is to be dropped.
const DEPENDENTS: &str = "2BP01";

impl Job {
    /// Drops the tables that an interrupted refresh left. A replaced one means that the interruption came after the swap:
    /// foreign keys may wait for their validation.
    ///
    /// # Errors
    /// Of the server: with the replaced table there, its successor could not make room for the next.
    pub(super) async fn collect_leftovers(&self, connection: &Connection, builds: &[Build]) -> Result<()> {
        let names: Vec<String> = builds.iter().map(|b| b.old.relname.clone()).collect();
        let found = connection.query(sql_file!("transform/generation/leftovers.sql"), &[&names]).await?;
        for row in &found {
            let (name, was_set_aside): (String, bool) = (row.get(0), row.get(2));
            tracing::info!(table = name, "dropping what an interrupted refresh left behind");
            match connection.batch(&format!("drop table if exists {name}")).await {
                Err(error) if error.sqlstate() == Some(DEPENDENTS) => {
                    self.set_aside(connection, &name, was_set_aside, &error).await?;
                }
                dropped => dropped.context(&name)?,
            }
        }
        if found.iter().any(|row| row.get::<_, bool>(1)) {
            let mut other = self.pool.get().await?;
            let keys = Keys::read(&mut other, &self.entity).await?;
            self.validate(connection, &keys, |key| !key.was_validated).await;
        }
        Ok(())
    }

    /// A leftover that somebody reads by now is emptied, and its names are taken away from it: it stands in nobody's way,
    /// and every full refresh tries again to drop it.
    async fn set_aside(&self, connection: &Connection, name: &str, was_set_aside: bool, error: &Error) -> Result<()> {
        tracing::warn!(
            table = name,
            dependents = error.detail_text().unwrap_or_default(),
            "a leftover of an interrupted refresh is kept, because something of your own reads it: drop that, or let it \
             read the core table"
        );
        if was_set_aside {
            return Ok(());
        }
        let statements = connection.query(sql_file!("transform/generation/set_aside.sql"), &[&name]).await?;
        let mut script: Vec<String> = statements.iter().map(|row| row.get(0)).collect();
        script.insert(0, format!("truncate {name}"));
        connection.batch(&script.join("; ")).await.context(name)
    }

    /// Drops what was built, as well as it can be. Without its lock this execution drops nothing: tables of these names may
    /// be those that another one builds. The locks of the drops keep a newcomer waiting while it is asked.
    pub(super) async fn discard(&self, connection: &mut Connection, builds: &[Build]) {
        let names: Vec<&str> = builds.iter().map(|build| build.new.as_str()).collect();
        let dropped = async {
            let tx = connection.begin().await?;
            tx.batch(crate::transform::SESSION).await?;
            tx.batch(&format!("drop table if exists {}", names.join(", "))).await?;
            self.lock.assert_held(&tx).await?;
            tx.commit().await
        };
        if let Err(error) = dropped.await {
            tracing::warn!(error = error.message(), "what was built is left for the next full refresh to drop");
        }
    }

    /// Drops the replaced generation and validates the foreign keys. Readers are served by the new one already: a failure
    /// is a warning, and the next full refresh tries again.
    pub(super) async fn drop_replaced(&self, connection: &Connection, builds: &[Build], keys: &Keys) {
        self.validate(connection, keys, |key| key.was_validated && !key.is_partitioned).await;
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

    async fn validate(&self, connection: &Connection, keys: &Keys, wanted: impl Fn(&super::build::Key) -> bool) {
        for key in keys.list.iter().filter(|key| wanted(key)) {
            if let Err(error) = connection.batch(&key.validate_sql()).await {
                tracing::warn!(
                    table = key.table,
                    constraint = key.name,
                    error = error.message(),
                    "the foreign key does not hold for all its rows any more; it is kept NOT VALID"
                );
            }
        }
    }
}
