//! One core table in one chunk.

use super::changed::changed_table;
use super::typed::TypedModel;
use crate::entity::{Entity, Model};
use crate::error::{Error, Result};
use crate::pg::Transaction;
use crate::sql::{columns, fill, ident, qualified};
use crate::transform::reading::{Reading, select};
use crate::transform::shape::Shape;
use crate::transform::staged::StagedRows;
use crate::transform::summary::TableSummary;

/// An error at one of the entity's tables.
pub(super) struct AtTable {
    pub table: String,
    pub error: Error,
}

/// A core table in a chunk. Three temporary tables belong to it: what the documents give (`fresh`), what core
/// holds for the same parents (`old`), and what differs (`diff`).
pub(super) struct ChunkTable<'a> {
    entity: &'a Entity,
    pub model: &'a Model,
    shape: &'a Shape,
    /// Of a child: its entity's first table.
    parent: Option<&'a Shape>,
}

/// What differs in a core table.
pub(super) struct TableDifference {
    pub summary: TableSummary,
    /// Every row that the documents give has its parent among the rows that they give.
    pub has_parents: bool,
}

impl<'a> ChunkTable<'a> {
    /// The tables of an entity, parent first.
    pub(super) fn all(entity: &'a Entity, shapes: &'a [Shape]) -> Vec<Self> {
        let models = entity.models.iter().zip(shapes).enumerate();
        let parent = |i: usize| if i == 0 { None } else { shapes.first() };
        models.map(|(i, (model, shape))| Self { entity, model, shape, parent: parent(i) }).collect()
    }

    /// Says of an error that it happened at this table.
    pub(super) fn failed(&self, error: Error) -> AtTable {
        let table = self.model.table.clone();
        AtTable { error: error.context(&table), table }
    }

    /// Statements that create the temporary tables.
    pub(super) fn temp_tables_sql(&self) -> String {
        self.sql(sql_file!("transform/increment/temp_tables.sql"))
    }

    /// Statements that empty the temporary tables for the next part of the same transaction.
    pub(super) fn clear_sql(&self) -> String {
        self.sql(sql_file!("transform/increment/clear.sql"))
    }

    /// Compares what the documents give with what core holds, and fills the temporary tables. `changed` is
    /// how many documents the chunk has.
    pub(super) async fn compare(
        &self,
        tx: &Transaction<'_>,
        rows: &StagedRows,
        changed: u64,
        (reading, typed): (Reading, &TypedModel),
    ) -> Result<TableDifference> {
        let is_typed = matches!(reading, Reading::Typed { .. });
        if !is_typed || !typed.try_insert(tx, self.model, &self.entity.zone, &self.fresh_sql(rows, reading)).await? {
            let reading = if is_typed { Reading::Written } else { reading };
            tx.execute(&self.fresh_sql(rows, reading), &[]).await?;
        }
        let old = self.sql(sql_file!("transform/increment/old.sql"));
        tx.execute(&fill(&old, &[("changed_count", &changed.to_string())]), &[]).await?;
        let differing = self.sql(sql_file!("transform/increment/differing.sql"));
        let row = tx.query_one(&fill(&differing, &[("orphans", &self.orphans())]), &[]).await?;
        let [rows, inserted, updated, deleted] = [0, 1, 2, 3].map(|i| row.get::<_, i64>(i).unsigned_abs());
        let summary = TableSummary { table: self.model.table.clone(), rows, inserted, updated, deleted, issues: 0 };
        Ok(TableDifference { summary, has_parents: row.get::<_, Option<i64>>(4) == Some(0) })
    }

    /// The insert of the rows that the documents give.
    fn fresh_sql(&self, rows: &StagedRows, reading: Reading) -> String {
        let model = select(self.entity, self.model, rows, reading);
        fill(&self.sql(sql_file!("transform/increment/fresh.sql")), &[("model", &model)])
    }

    /// Writes what is new or changed. A trigger may leave rows out: the summary counts what was really
    /// written.
    pub(super) async fn upsert(&self, tx: &Transaction<'_>, summary: &mut TableSummary) -> Result<()> {
        let wanted = summary.inserted + summary.updated;
        if wanted == 0 {
            return Ok(());
        }
        let written = tx.execute(&self.sql(sql_file!("transform/increment/upsert.sql")), &[]).await?;
        if written < wanted {
            tracing::warn!(table = summary.table, rows = wanted - written, "a trigger left out rows that evo wrote");
            let row = tx.query_one(&self.sql(sql_file!("transform/increment/inserted.sql")), &[]).await?;
            summary.inserted = row.get::<_, i64>(0).unsigned_abs().min(written);
            summary.updated = written - summary.inserted;
        }
        Ok(())
    }

    /// Deletes the child rows that their document no longer has. A trigger may keep some: the summary counts
    /// the others.
    pub(super) async fn delete(&self, tx: &Transaction<'_>, summary: &mut TableSummary) -> Result<()> {
        if summary.deleted == 0 {
            return Ok(());
        }
        let deleted = tx.execute(&self.sql(sql_file!("transform/increment/delete.sql")), &[]).await?;
        if deleted < summary.deleted {
            let rows = summary.deleted - deleted;
            tracing::warn!(table = summary.table, rows, "a trigger kept rows that evo deleted");
        }
        summary.deleted = deleted;
        Ok(())
    }

    /// A select that counts the rows without a parent; null where the parent cannot be found by that column.
    fn orphans(&self) -> String {
        let key = &self.model.parent_key;
        let of_parent = self.parent.filter(|parent| {
            let kind = parent.type_of(key);
            kind.is_some() && kind == self.shape.type_of(key)
        });
        of_parent.map_or("null".to_owned(), |parent| {
            fill(
                sql_file!("transform/increment/orphans.sql"),
                &[
                    ("fresh", &temp("fresh", self.shape)),
                    ("parent_fresh", &temp("fresh", parent)),
                    ("parent_key", &ident(key)),
                ],
            )
        })
    }

    /// How core's rows are found for the changed keys. The parent is found by the whole staging key, because
    /// two entries may share an id; children are found by their parent's id.
    fn changed_match(&self) -> String {
        let mut conditions = vec![format!("t.{} = c.key", ident(&self.model.parent_key))];
        if let (None, Some(partition)) = (self.parent, &self.entity.partition) {
            conditions.push(format!("t.{} = c.event_at", ident(&partition.column)));
        }
        conditions.join(" and ")
    }

    /// The columns that an upsert may change: all that the model fills, except the key.
    fn values(&self) -> Vec<String> {
        self.shape.columns.iter().filter(|column| !self.model.key.contains(column)).cloned().collect()
    }

    /// The action of an upsert on a row that exists.
    fn on_conflict(&self) -> String {
        let mut assignments: Vec<String> =
            self.values().iter().map(|column| format!("{0} = excluded.{0}", ident(column))).collect();
        if let Some(time) = self.shape.updated_at {
            assignments.push(format!("_updated_at = {time}"));
        }
        match assignments.is_empty() {
            true => "nothing".to_owned(),
            false => format!("update set {}", assignments.join(", ")),
        }
    }

    fn sql(&self, template: &str) -> String {
        let (key, values) = (&self.model.key, self.values());
        let picked: Vec<String> = (self.shape.columns.iter())
            .map(|column| if key.contains(column) { ident(column) } else { format!("f.{}", ident(column)) })
            .collect();
        // In a table whose columns are all in its key, no row ever differs from the one with its key.
        let differs = match values.is_empty() {
            true => "false".to_owned(),
            false => format!("row({}) is distinct from row({})", of("f", &values), of("t", &values)),
        };
        fill(
            template,
            &[
                ("changed", &changed_table(self.entity)),
                ("fresh", &temp("fresh", self.shape)),
                ("old", &temp("old", self.shape)),
                ("diff", &temp("diff", self.shape)),
                ("table", &qualified(&self.model.table)),
                ("columns", &columns(&self.shape.columns)),
                ("table_columns", &of("t", &self.shape.columns)),
                ("changed_match", &self.changed_match()),
                ("key", &columns(key)),
                ("table_key", &of("t", key)),
                ("first_key", &ident(&key[0])),
                ("picked", &picked.join(", ")),
                ("differs", &differs),
                ("on_conflict", &self.on_conflict()),
            ],
        )
    }
}

/// The name of a table's temporary table of this kind.
fn temp(kind: &str, shape: &Shape) -> String {
    format!("evo_{kind}_{}", shape.fingerprint)
}

/// Columns of an alias: `t."a", t."b"`.
fn of(alias: &str, names: &[String]) -> String {
    names.iter().map(|name| format!("{alias}.{}", ident(name))).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entity::Catalog;
    use crate::transform::shape::time_of_update;

    #[test]
    fn an_upsert_of_changed_rows_calls_no_function() {
        let catalog = Catalog::load(None).unwrap();
        for entity in catalog.all() {
            for model in &entity.models {
                let shape = Shape {
                    columns: model.select.columns().iter().map(|column| column.name.clone()).collect(),
                    types: Vec::new(),
                    absent: Vec::new(),
                    own: Vec::new(),
                    updated_at: Some(time_of_update(true)),
                    has_key: true,
                    fingerprint: String::new(),
                };
                let table = ChunkTable { entity, model, shape: &shape, parent: None };
                assert!(table.on_conflict().ends_with(", _updated_at = excluded._updated_at"), "{}", model.table);
                assert!(!table.on_conflict().contains('('), "{}", table.on_conflict());
            }
        }
    }
}
