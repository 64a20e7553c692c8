//! The insert of one part into one new table.

use super::build::Build;
use super::constraint::broken_constraint;
use super::snapshot::Snapshot;
use crate::error::Result;
use crate::pg::{Connection, Transaction};
use crate::sql::{columns, fill, ident, literal};
use crate::transform::job::EntityJob;
use crate::transform::reading::{AT_SESSION_ZONE, Reading, select};
use crate::transform::shape::{OwnColumn, Shape};
use crate::transform::staged::StagedRows;
use crate::transform::transaction::begin;

/// Memoize would hash and compare whole arrays to find two documents with the same one.
const SETTINGS: &str = "set local enable_memoize = off; set local jit = off; set local work_mem = '32MB'";

/// Commits that do not wait for the disk. Nobody reads the new tables yet, and the swap's commit makes
/// everything before it durable. After a crash in between they are dropped in any case.
pub(super) const ASYNCHRONOUS: &str = "set local synchronous_commit = off";

/// Rows of staging to insert into a new table.
#[derive(Clone, Copy)]
pub(super) struct Insert<'a> {
    pub job: &'a EntityJob,
    pub build: &'a Build,
    pub shape: &'a Shape,
    pub rows: &'a StagedRows,
    pub snapshot: &'a Snapshot<'a>,
}

/// The result of one insert.
#[derive(Debug, Default)]
pub(super) struct InsertedPart {
    pub rows: u64,
    /// Values that became null.
    pub issues: u64,
    /// Staged documents of the part; counted only for the parent table.
    pub documents: u64,
    /// Only a unique index can tell whether the typed reading gave a key twice.
    pub is_unproven: bool,
}

impl Insert<'_> {
    /// Inserts and commits. With `is_counted`, `None`, and nothing is inserted, if the typed reading gave a
    /// key twice.
    ///
    /// # Errors
    /// `Refused` when a row breaks a constraint; `BadRow` when a value does not fit; otherwise see
    /// [`crate::pg`].
    pub(super) async fn run(&self, reading: Reading, is_counted: bool) -> Result<Option<InsertedPart>> {
        let mut connection = self.job.pool.get().await?;
        let tx = self.begin(&mut connection, reading).await?;
        let may_repeat = self.may_repeat_keys(reading);
        let Some(rows) = self.execute(&tx, reading, may_repeat && is_counted).await? else { return Ok(None) };
        let documents = self.count_documents(&tx).await?;
        failpoint!("transform.before_fill_commit");
        tx.commit().await?;
        Ok(Some(InsertedPart { rows, documents, issues: 0, is_unproven: may_repeat && !is_counted }))
    }

    /// Begins a transaction that sees the snapshot.
    pub(super) async fn begin<'c>(&self, connection: &'c mut Connection, reading: Reading) -> Result<Transaction<'c>> {
        let tx = begin(connection).await?;
        tx.batch(&format!("{SETTINGS}; {ASYNCHRONOUS}")).await?;
        if self.select(self.rows, reading).contains(AT_SESSION_ZONE) {
            tx.batch(&format!("set local timezone = {}", literal(&self.job.entity.zone))).await?;
        }
        self.snapshot.import(&tx).await?;
        Ok(tx)
    }

    fn select(&self, rows: &StagedRows, reading: Reading) -> String {
        select(&self.job.entity, &self.job.entity.models[self.build.model], rows, reading)
    }

    /// The statement that inserts these rows.
    pub(super) fn sql(&self, rows: &StagedRows, reading: Reading) -> String {
        insert_sql((&self.build.new, &self.build.old.constraint), self.shape, &self.select(rows, reading))
    }

    /// Whether an id that comes twice in an array can become two rows.
    fn may_repeat_keys(&self, reading: Reading) -> bool {
        let model = &self.job.entity.models[self.build.model];
        matches!(reading, Reading::Typed { .. }) && model.select.children().is_some()
    }

    /// Returns how many rows were inserted; `None` if keys are counted and one came twice.
    async fn execute(&self, tx: &Transaction<'_>, reading: Reading, is_counted: bool) -> Result<Option<u64>> {
        let model = &self.job.entity.models[self.build.model];
        let insert = self.sql(self.rows, reading);
        if !is_counted {
            return Ok(Some(tx.execute(&insert, &[]).await.map_err(broken_constraint)?));
        }
        let values = [("insert", insert.as_str()), ("key", &columns(&model.key))];
        let sql = fill(sql_file!("transform/insert_checked.sql"), &values);
        let counts = tx.query_one(&sql, &[]).await.map_err(broken_constraint)?;
        let (rows, keys): (i64, i64) = (counts.get(0), counts.get(1));
        Ok((keys == rows).then_some(rows.unsigned_abs()))
    }

    /// The documents of the part. Every document is counted once: for the parent table, in the first of the
    /// partitions that share it.
    async fn count_documents(&self, tx: &Transaction<'_>) -> Result<u64> {
        if self.build.model != 0 || !self.build.is_first {
            return Ok(0);
        }
        let within = if self.job.entity.partition.is_some() { &self.build.old.top_constraint } else { "true" };
        let sql = format!("select count(*) from {} s where {within}", self.rows.shown(&self.job.entity).sql());
        Ok(tx.query_one(&sql, &[]).await?.get::<_, i64>(0).unsigned_abs())
    }
}

/// The statement that inserts what a model gives into a table, as far as it fulfils the constraint.
pub(super) fn insert_sql((new, constraint): (&str, &str), shape: &Shape, model: &str) -> String {
    let given = columns(&shape.columns);
    let own = identities(shape, |own, _| ident(&own.name));
    let values = identities(shape, |_, sequence| format!("nextval({})", literal(sequence)));
    fill(
        sql_file!("transform/generation/insert.sql"),
        &[
            ("new", new),
            ("columns", &format!("{given}{own}")),
            ("values", &format!("{given}{values}")),
            ("model", model),
            ("constraint", constraint),
        ],
    )
}

/// A text for each identity column of the user's own. A table that is no partition yet has no identity, so
/// the insert takes the next value itself.
fn identities(shape: &Shape, text: impl Fn(&OwnColumn, &str) -> String) -> String {
    let texts = shape.own.iter().filter_map(|own| Some(text(own, own.sequence.as_deref()?)));
    texts.map(|text| format!(", {text}")).collect()
}
