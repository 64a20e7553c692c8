//! The results of a transform.

use std::time::Duration;

use super::checks::Finding;
use super::refusal::Refusal;
use super::request::Mode;
use super::unknown_fields::Drift;
use crate::counted::{count, counted};
use crate::drift::FieldFindings;
use crate::entity::{Entity, MissingRows};
use crate::error::{Error, Kind};
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

/// The rows that the source no longer has, as a transform found them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MissingSummary {
    /// What becomes of them.
    pub rule: MissingRows,
    /// The newest whole run: with it they were compared.
    pub run_id: String,
    /// Rows that were found missing.
    pub lost: u64,
    /// Rows that were missing and are there again.
    pub returned: u64,
    /// Rows that had been found missing before.
    pub still: u64,
    /// Rows that were there before.
    pub shown: u64,
    /// The largest share of those that may be lost, 0 to 1.
    pub max_shrink: f64,
}

impl MissingSummary {
    /// Whether more rows are missing than may be.
    pub fn is_refused(&self) -> bool {
        self.lost as f64 > self.shown as f64 * self.max_shrink
    }

    /// The error when more rows are missing than may be, `CheckFailed`: none was touched then. `None` if all
    /// is well.
    pub fn failure(&self, entity: &str) -> Option<Error> {
        let Self { run_id, lost, shown, max_shrink, rule, .. } = self;
        self.is_refused().then(|| {
            let (rows, allowed) = (counted(*shown, "row", "rows"), max_shrink * 100.0);
            let percent = *lost as f64 * 100.0 / *shown as f64;
            let message = format!(
                "{entity}: run {run_id} lacks {} of {rows}: {percent:.0} %, more than --max-shrink {allowed:.0}% \
                 allows",
                count(*lost)
            );
            let done = if *rule == MissingRows::Delete { "deleted" } else { "marked" };
            Error::new(Kind::CheckFailed, message)
                .detail(format!("none of them was {done}; everything else is transformed"))
                .hint(format!("check the run, or say: evo transform {entity} --max-shrink 100%"))
        })
    }
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
    /// How the documents keep their contract, and what was let through.
    pub contract: FieldFindings,
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
    /// Rows that the source no longer has; `None` if they were not looked for.
    pub missing: Option<MissingSummary>,
}
