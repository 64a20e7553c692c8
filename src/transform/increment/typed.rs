//! The typed reading in an increment: tried first, behind a savepoint, as long as it works.

use crate::entity::Model;
use crate::error::Result;
use crate::pg::{Connection, Transaction};
use crate::sql::{columns, fill, literal};
use crate::transform::job::EntityJob;
use crate::transform::reading::{AT_SESSION_ZONE, Reading, TypedTries};

/// The typed readings of an entity's models.
#[derive(Debug)]
pub(super) struct TypedModels {
    pub reading: Reading,
    /// One for each model.
    pub models: Vec<TypedModel>,
}

/// The typed reading of a model.
#[derive(Debug)]
pub(super) struct TypedModel(TypedTries);

impl TypedModels {
    /// The readings of a job's models. None is tried where the tables are distributed: the session's time
    /// zone, which such a reading may need, does not reach the servers that run it.
    ///
    /// # Errors
    /// See [`crate::pg`].
    pub(super) async fn read(connection: &Connection, job: &EntityJob) -> Result<Self> {
        let sql = "select current_setting('server_version_num')::int >= 160000";
        let is_plain = connection.query_one(sql, &[]).await?.get(0);
        let tries = || match job.layout.is_distributed() {
            true => TypedTries::none(),
            false => TypedTries::default(),
        };
        let models = job.entity.models.iter().map(|_| TypedModel(tries())).collect();
        Ok(Self { reading: Reading::Typed { is_plain }, models })
    }
}

impl TypedModel {
    /// Runs an insert that reads a model with types. Returns false, and nothing is inserted, if that did not
    /// work: the model as it is written then decides.
    ///
    /// # Errors
    /// See [`crate::pg`].
    pub(super) async fn try_insert(
        &self,
        tx: &Transaction<'_>,
        model: &Model,
        zone: &str,
        insert: &str,
    ) -> Result<bool> {
        if !self.0.are_left() {
            return Ok(false);
        }
        let zone = if insert.contains(AT_SESSION_ZONE) { zone } else { "UTC" };
        tx.batch(&format!("savepoint evo_typed; set local timezone = {}", literal(zone))).await?;
        let inserted = match has_each_key_once(tx, model, insert).await {
            Err(e) if e.kind().is_of_statement() => false,
            inserted => inserted?,
        };
        if inserted {
            tx.batch("release savepoint evo_typed; set local timezone = 'UTC'").await?;
        } else {
            tx.batch("rollback to savepoint evo_typed").await?;
            self.0.fail();
        }
        Ok(inserted)
    }
}

/// Inserts, and returns whether no key came twice. The typed reading of an array does not see to that.
async fn has_each_key_once(tx: &Transaction<'_>, model: &Model, insert: &str) -> Result<bool> {
    if model.select.children().is_none() {
        tx.execute(insert, &[]).await?;
        return Ok(true);
    }
    let values = [("insert", insert), ("key", &columns(&model.key))];
    let counts = tx.query_one(&fill(sql_file!("transform/insert_checked.sql"), &values), &[]).await?;
    Ok(counts.get::<_, i64>(0) == counts.get::<_, i64>(1))
}
