//! Which rows of staging a statement reads.
//!
//! Where staging keeps each version of a document, rows are always those of whole documents: all versions, or
//! none. A model of versions reads all of them, any other model the newest.

use super::range::Range;
use crate::entity::{Entity, History, MissingRows, Model};
use crate::ids::BatchId;
use crate::sql::{fill, ident, qualified};

/// Rows of a staging table, or of one of its partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StagedRows {
    /// Name of the table, qualified and quoted.
    table: String,
    conditions: Vec<String>,
}

impl StagedRows {
    /// The rows whose present content came with one of these batches and whose key lies in the range; where
    /// staging keeps versions, all versions of these documents.
    pub(super) fn of_batches(entity: &Entity, ids: &[BatchId], keys: &Range) -> Self {
        let mut rows = Self::of_keys(entity, keys);
        rows.conditions.insert(0, format!("_batch_id = any({})", array(ids)));
        match entity.history {
            None => rows,
            Some(_) => {
                let key = ident(&entity.staging.key_column);
                let changed = format!("{key} in (select c.{key} from {} c)", rows.sql());
                Self::of_keys(entity, keys).and(changed)
            }
        }
    }

    /// The rows whose key lies in the range.
    pub(super) fn of_keys(entity: &Entity, keys: &Range) -> Self {
        Self::of_part(&qualified(&entity.staging.table), &entity.staging.key_column, keys)
    }

    /// The rows of any table whose `column` lies in the range; `table` is qualified and quoted.
    pub(super) fn of_part(table: &str, column: &str, range: &Range) -> Self {
        Self { table: table.to_owned(), conditions: range.conditions(column) }
    }

    /// The rows of the first documents by key, at most so many documents.
    pub(super) fn first(entity: &Entity, most: u64) -> Self {
        let (table, key) = (qualified(&entity.staging.table), ident(&entity.staging.key_column));
        if entity.history.is_some() {
            let first = format!("{key} in (select {key} from {table} group by {key} order by {key} limit {most})");
            return Self { table, conditions: vec![first] };
        }
        Self { table: format!("(select * from {table} order by {key} limit {most}) first"), conditions: Vec::new() }
    }

    /// These rows, restricted to those whose `column` lies in the range.
    pub(super) fn within(&self, column: &str, range: &Range) -> Self {
        let mut rows = self.clone();
        rows.conditions.extend(range.conditions(column));
        rows
    }

    /// Those of these rows that also fulfil a condition.
    pub(super) fn and(mut self, condition: String) -> Self {
        self.conditions.push(condition);
        self
    }

    /// Those of these rows that core shows as documents: all, those that the source still has, or the newest
    /// versions.
    pub(super) fn shown(&self, entity: &Entity) -> Self {
        let rows = self.clone();
        match (&entity.history, entity.missing) {
            (Some(history), _) => rows.and(self.is_newest(entity, history)),
            (None, MissingRows::Keep | MissingRows::Mark) => rows,
            (None, MissingRows::Delete) => rows.and("_deleted_at is null".to_owned()),
        }
    }

    /// What a model of the entity reads of these rows, as a relation.
    pub(super) fn of_model(&self, entity: &Entity, model: &Model) -> String {
        let history = entity.history.as_ref().filter(|_| model.is_history);
        let Some(history) = history else { return self.shown(entity).sql() };
        fill(
            sql_file!("transform/versions/source.sql").trim_end(),
            &[
                ("rows", &self.sql()),
                ("all", &self.table),
                ("key", &ident(&entity.staging.key_column)),
                ("time", &ident(&history.column)),
            ],
        )
    }

    /// The condition that no later version of a row's document is there.
    fn is_newest(&self, entity: &Entity, history: &History) -> String {
        let (table, key, time) = (&self.table, ident(&entity.staging.key_column), ident(&history.column));
        format!(
            "not exists (select 1 from {table} later where later.{key} = {table}.{key} \
             and later.{time} > {table}.{time})"
        )
    }

    /// A subquery in brackets, for a from clause.
    pub(super) fn sql(&self) -> String {
        let condition = if self.conditions.is_empty() { "true".to_owned() } else { self.conditions.join(" and ") };
        format!("(select * from {} where {condition})", self.table)
    }
}

/// Ids as an array that SQL reads: `'{4,5}'::bigint[]`.
pub(super) fn array(ids: &[impl ToString]) -> String {
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    format!("'{{{}}}'::bigint[]", ids.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entity::Catalog;

    #[test]
    fn rows_are_a_subquery_with_all_conditions() {
        let entity = Catalog::load(None).unwrap().select(&["sales".into()]).unwrap()[0].clone();
        let keys = Range { after: Some("3".to_owned()), up_to: Some("9".to_owned()), only: None };
        assert_eq!(
            StagedRows::of_batches(&entity, &[1, 2].map(BatchId), &keys).sql(),
            "(select * from \"stg_evo\".\"sales_raw\" where _batch_id = any('{1,2}'::bigint[]) \
             and \"sale_id\" > '3' and \"sale_id\" <= '9')"
        );
        assert_eq!(StagedRows::of_part("a", "x", &Range::default()).sql(), "(select * from a where true)");
    }

    #[test]
    fn versions_are_read_together_and_only_a_history_reads_all_of_them() {
        let mut entity = Catalog::load(None).unwrap().select(&["sales".into()]).unwrap()[0].clone();
        entity.history = Some(History { column: "since".to_owned(), fields: vec!["changed".to_owned()] });
        let rows = StagedRows::of_batches(&entity, &[BatchId(1)], &Range::default());
        let table = "\"stg_evo\".\"sales_raw\"";
        let of_batches = format!(
            "\"sale_id\" in (select c.\"sale_id\" \
             from (select * from {table} where _batch_id = any('{{1}}'::bigint[])) c)"
        );
        assert_eq!(rows.sql(), format!("(select * from {table} where {of_batches})"));
        let mut model = entity.models[0].clone();
        let newest = format!(
            "not exists (select 1 from {table} later where later.\"sale_id\" = {table}.\"sale_id\" \
             and later.\"since\" > {table}.\"since\")"
        );
        assert_eq!(rows.of_model(&entity, &model), format!("(select * from {table} where {of_batches} and {newest})"));
        model.is_history = true;
        let all = rows.of_model(&entity, &model);
        assert!(all.starts_with(&format!("(select r.*, later.evo_until\nfrom {}", rows.sql())), "{all}");
    }
}
