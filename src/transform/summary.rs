//! The results of a transform.

use std::time::Duration;

use super::checks::Finding;
use super::drift::Drift;
use super::refusal::Refusal;
use super::request::Mode;
use crate::entity::Entity;
use crate::meter::{Counted, tally};

/// The result of a transform for one core table. Only rows that were really written count as inserted,
/// updated or deleted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableSummary {
    /// Qualified name: `core.evo_sales`.
    pub table: String,
    /// Rows that the model gave, different from those in core or not.
    pub rows: u64,
    /// Rows that were not there before.
    pub inserted: u64,
    /// Rows that were there and differed.
    pub updated: u64,
    /// Child rows that their document no longer has.
    pub deleted: u64,
    /// Values that did not fit their column and became null.
    pub issues: u64,
}

impl TableSummary {
    /// An empty summary for each core table of an entity, parent first.
    pub(super) fn of(entity: &Entity) -> Vec<Self> {
        let empty = |table: &str| Self { table: table.to_owned(), ..Self::default() };
        entity.models.iter().map(|model| empty(&model.table)).collect()
    }

    /// Rows that were inserted, updated or deleted.
    pub(super) fn written(&self) -> u64 {
        self.inserted + self.updated + self.deleted
    }

    fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        self.inserted += other.inserted;
        self.updated += other.updated;
        self.deleted += other.deleted;
        self.issues += other.issues;
    }
}

/// Counts in the process's tally what was written; the parent table's rows are the documents.
pub(super) fn tally_tables(entity: &str, tables: &[TableSummary]) {
    let sum = |of: fn(&TableSummary) -> u64| tables.iter().map(of).sum();
    tally().count(
        entity,
        &[
            (Counted::Documents, tables.first().map_or(0, |parent| parent.rows)),
            (Counted::Inserted, sum(|table| table.inserted)),
            (Counted::Updated, sum(|table| table.updated)),
            (Counted::Deleted, sum(|table| table.deleted)),
            (Counted::Issues, sum(|table| table.issues)),
        ],
    );
}

/// Whether any row of any table was written.
pub(super) fn has_changes(tables: &[TableSummary]) -> bool {
    tables.iter().any(|table| table.written() > 0)
}

/// Adds the summaries of a part of the work to the totals; both list the same tables in the same order.
pub(super) fn add_tables(totals: &mut [TableSummary], part: &[TableSummary]) {
    totals.iter_mut().zip(part).for_each(|(total, part)| total.add(part));
}

/// The result of a transform of an entity or a dimension.
#[derive(Debug, Clone, Default)]
pub struct TransformSummary {
    /// Name of the entity or dimension.
    pub entity: String,
    /// The mode that was asked for or chosen.
    pub mode: Mode,
    /// Batches that were added to the watermark.
    pub batches: u64,
    /// Documents in staging; `None` for a dimension and for a single year.
    pub staged: Option<u64>,
    /// The core tables, parent first.
    pub tables: Vec<TableSummary>,
    /// Wall-clock time.
    pub elapsed: Duration,
    /// The longest time that a reader can have waited for the swap of a full refresh.
    pub swap: Option<Duration>,
    /// Sessions whose snapshot is older than the new generation and that the swap did not wait for.
    pub older_readers: Vec<String>,
    /// Fields that the documents did not have before, or not of that type.
    pub drift: Vec<Drift>,
    /// The finding of each check.
    pub checks: Vec<Finding>,
    /// Columns that a model gives and its table lacks: `core.evo_members.nickname`. They were left out.
    pub absent_columns: Vec<String>,
    /// Core tables whose definition had changed since their rows were made: `core.evo_members`.
    pub changed_definitions: Vec<String>,
    /// Whether every row was made again. If not, rows of these tables are still as an older definition made
    /// them.
    pub has_all_rows: bool,
    /// Columns that a model has filled and fills no more: `core.evo_members.nickname`. They keep their
    /// values.
    pub unfilled_columns: Vec<String>,
    /// Documents that a constraint, a trigger or a column's type refused.
    pub refused: Vec<Refusal>,
}
