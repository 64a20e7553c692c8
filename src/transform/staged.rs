//! Which rows of staging a statement reads.

use super::range::Range;
use crate::entity::{Entity, MissingRows};
use crate::ids::BatchId;
use crate::sql::{ident, qualified};

/// Rows of a staging table, or of one of its partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StagedRows {
    /// Name of the table, qualified and quoted.
    table: String,
    conditions: Vec<String>,
}

impl StagedRows {
    /// The rows whose present content came with one of these batches and whose key lies in the range.
    pub(super) fn of_batches(entity: &Entity, ids: &[BatchId], keys: &Range) -> Self {
        let mut rows = Self::of_keys(entity, keys);
        rows.conditions.insert(0, format!("_batch_id = any({})", array(ids)));
        rows
    }

    /// The rows whose key lies in the range.
    pub(super) fn of_keys(entity: &Entity, keys: &Range) -> Self {
        Self::of_part(&qualified(&entity.staging.table), &entity.staging.key_column, keys)
    }

    /// The rows of any table whose `column` lies in the range; `table` is qualified and quoted.
    pub(super) fn of_part(table: &str, column: &str, range: &Range) -> Self {
        Self { table: table.to_owned(), conditions: range.conditions(column) }
    }

    /// The first rows by key, at most so many.
    pub(super) fn first(entity: &Entity, most: u64) -> Self {
        let (table, key) = (qualified(&entity.staging.table), ident(&entity.staging.key_column));
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

    /// Those of these rows that core shows: all, or those that the source still has.
    pub(super) fn shown(&self, entity: &Entity) -> Self {
        match entity.missing {
            MissingRows::Keep | MissingRows::Mark => self.clone(),
            MissingRows::Delete => self.clone().and("_deleted_at is null".to_owned()),
        }
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
}
