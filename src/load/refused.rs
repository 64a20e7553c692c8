//! Lines whose rows the warehouse refuses: by a constraint, an index or a trigger that somebody added to the
//! staging table.

use crate::error::{Error, Kind};
use crate::ids::ObjectNo;

/// The most reasons that are kept apart.
const MAX_REASONS: usize = 20;

/// Whether the error may be due to one of the rows that a statement writes.
pub(super) fn is_of_a_row(error: &Error) -> bool {
    // A row of the ledger, which a constraint of somebody's own refuses, is none of the batch.
    if error.named().table.as_ref().is_some_and(|(schema, _)| schema == "evo") {
        return false;
    }
    let class = error.sqlstate().and_then(|code| code.get(..2)).unwrap_or_default();
    match error.kind() {
        Kind::Refused | Kind::BadRow => !class.is_empty(),
        // A feature that an expression of an index or a generated column lacks for this value.
        Kind::SchemaChanged => class == "0A",
        _ => false,
    }
}

/// A line whose row was refused.
#[derive(Debug, Clone)]
pub(super) struct RefusedLine {
    pub object_no: ObjectNo,
    pub path: String,
    pub line_no: i64,
    /// Table, and what refused the row; no values.
    pub reason: String,
    pub sqlstate: String,
}

/// Lines refused for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedLines {
    /// Why: names of tables, constraints and functions, no values.
    pub reason: String,
    /// How many.
    pub lines: u64,
    /// The object of the first one that was found, and its line.
    pub first: (String, i64),
}

/// Counts lines by reason.
pub(super) fn grouped(refused: Vec<RefusedLine>) -> Vec<RefusedLines> {
    let mut groups = Vec::new();
    for line in refused {
        let one = RefusedLines { reason: line.reason, lines: 1, first: (line.path, line.line_no) };
        add_all(&mut groups, vec![one]);
    }
    groups
}

/// Adds groups to others, by reason. Reasons beyond the first 20 are counted with the last one.
pub(super) fn add_all(sums: &mut Vec<RefusedLines>, more: Vec<RefusedLines>) {
    for group in more {
        let is_full = sums.len() >= MAX_REASONS;
        match sums.iter_mut().find(|sum| sum.reason == group.reason) {
            Some(sum) => sum.lines += group.lines,
            None if is_full => sums[MAX_REASONS - 1].lines += group.lines,
            None => sums.push(group),
        }
    }
}
