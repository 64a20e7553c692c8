//! A range of keys in staging and in core, without what core has not transformed yet.

use crate::entity::Entity;
use crate::error::Result;
use crate::ids::BatchId;
use crate::ledger::models;
use crate::pg::{Connection, Transaction};
use crate::sql::{ident, qualified};
use crate::transform::job::EntityJob;
use crate::transform::range::Range;
use crate::transform::staged::{StagedRows, array};

/// Reads only, under one snapshot: a load or a transform that commits in between would look like a
/// difference.
const BEGIN: &str = "set transaction isolation level repeatable read, read only; set local work_mem = '32MB'; \
                     set local enable_memoize = off";

/// A range of an entity's keys.
pub(super) struct KeyRange<'a> {
    pub entity: &'a Entity,
    range: &'a Range,
    /// A select of the keys that are left out, because core has not transformed them yet; `None` if it has
    /// all.
    excluded: Option<String>,
}

/// Begins a transaction that sees one snapshot.
pub(super) async fn begin(connection: &mut Connection) -> Result<Transaction<'_>> {
    let tx = connection.begin().await?;
    tx.batch(BEGIN).await?;
    Ok(tx)
}

/// Of distributed tables the snapshot of the rows is taken after the ledger's. Adds the batches that may
/// commit in between, and returns the newest one of all: those to come have greater ids. Then waits for the
/// rows that the ledger speaks of.
async fn later(tx: &Transaction<'_>, job: &EntityJob, pending: &mut Vec<BatchId>) -> Result<BatchId> {
    let row = tx.query_one(sql_file!("transform/compare/uncommitted.sql"), &[&job.entity.name]).await?;
    pending.extend(row.get::<_, Vec<BatchId>>(0));
    job.layout.wait_for_rows(tx).await?;
    Ok(row.get(1))
}

impl<'a> KeyRange<'a> {
    /// The range as the snapshot of this transaction has it.
    pub(super) async fn read(tx: &Transaction<'_>, job: &'a EntityJob, range: &'a Range) -> Result<Self> {
        let entity = &job.entity;
        let mut pending: Vec<BatchId> = models::pending(tx, &entity.name).await?;
        let newest = match job.layout.is_distributed() {
            true => Some(later(tx, job, &mut pending).await?),
            false => None,
        };
        let staging = &entity.staging;
        let excluded = (!pending.is_empty() || newest.is_some()).then(|| {
            let mut conditions = range.conditions(&staging.key_column);
            let later = newest.map_or(String::new(), |newest| format!(" or _batch_id > {newest}"));
            conditions.insert(0, format!("(_batch_id = any({}){later})", array(&pending)));
            let (key, table) = (ident(&staging.key_column), qualified(&staging.table));
            format!("select {key} from {table} where {}", conditions.join(" and "))
        });
        Ok(Self { entity, range, excluded })
    }

    /// The staged rows of the range.
    pub(super) fn staged(&self) -> StagedRows {
        let rows = StagedRows::of_keys(self.entity, self.range);
        match &self.excluded {
            Some(excluded) => rows.and(format!("{} not in ({excluded})", ident(&self.entity.staging.key_column))),
            None => rows,
        }
    }

    /// The condition that the rows of a core table in the range fulfil; `column` holds the parent's key.
    pub(super) fn within(&self, column: &str) -> String {
        let mut conditions = self.range.conditions(column);
        conditions.extend(self.excluded.iter().map(|excluded| format!("{} not in ({excluded})", ident(column))));
        if conditions.is_empty() { "true".to_owned() } else { conditions.join(" and ") }
    }
}
