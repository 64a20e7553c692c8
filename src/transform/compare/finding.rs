//! The findings of a comparison of core.

use std::collections::BTreeMap;

use crate::ids::RowKey;

/// Of each table this many rows are kept by name; the others are counted.
const NAMED: usize = 1_000;

/// The way in which a core row is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CoreMismatchKind {
    /// Its document gives it, and it is not there.
    Missing,
    /// It is there, and no document gives it.
    Added,
    /// Its document gives other values.
    Differs,
}

impl CoreMismatchKind {
    /// Every kind, in the order in which they are declared.
    pub const ALL: [Self; 3] = [CoreMismatchKind::Missing, CoreMismatchKind::Added, CoreMismatchKind::Differs];

    /// As summaries and `--accept` write it.
    pub fn word(self) -> &'static str {
        match self {
            CoreMismatchKind::Missing => "core-missing",
            CoreMismatchKind::Added => "core-added",
            CoreMismatchKind::Differs => "core-differs",
        }
    }
}

/// A core row that is not what its document gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoreMismatch {
    /// Qualified core table.
    pub table: String,
    /// The way in which it is wrong.
    pub kind: CoreMismatchKind,
    /// Its key columns, joined by commas.
    pub key: String,
    /// Key of its document.
    pub parent_key: RowKey,
    /// The columns that differ.
    pub columns: Vec<String>,
    /// Object and line that the document came from; `None` where staging has no such document.
    pub source: Option<(String, i64)>,
}

/// The findings of a comparison of an entity's core tables.
#[derive(Debug, Clone, Default)]
pub struct CoreMismatches {
    /// A limited number by name, parent table first.
    pub named: Vec<CoreMismatch>,
    /// How many there are, by table and kind.
    pub counts: BTreeMap<(String, CoreMismatchKind), u64>,
    /// Staged documents that were compared.
    pub documents: u64,
    /// Ranges of keys that were compared row by row.
    pub ranges: u64,
}

impl CoreMismatches {
    /// Adds the findings of a range.
    pub(super) fn add(&mut self, other: Self) {
        for found in other.named {
            let known = self.named.iter().filter(|known| known.table == found.table).count();
            if known < NAMED {
                self.named.push(found);
            }
        }
        for (key, count) in other.counts {
            *self.counts.entry(key).or_default() += count;
        }
        self.documents += other.documents;
        self.ranges += other.ranges;
    }

    /// How many rows are wrong.
    pub fn count(&self) -> u64 {
        self.counts.values().sum()
    }
}
