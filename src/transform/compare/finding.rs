//! What a comparison of core finds.

use std::collections::BTreeMap;

/// Of each table this many rows are kept by name; the others are counted.
const NAMED: usize = 1_000;

/// What is wrong with a core row.
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
    /// What is wrong.
    pub kind: CoreMismatchKind,
    /// Its key columns, joined by commas.
    pub key: String,
    /// Key of its document.
    pub parent_key: i64,
    /// The columns that differ.
    pub columns: Vec<String>,
    /// Object and line that the document came from; `None` where staging has no such document.
    pub source: Option<(String, i64)>,
}

/// What a comparison of an entity's core tables found.
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
    /// Adds what a range came to.
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
