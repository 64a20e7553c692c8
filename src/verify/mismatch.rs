//! The findings of a verification.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use chrono::NaiveDate;

use crate::bronze::order::Precedence;
use crate::ids::RowKey;

/// Of each kind this many mismatches are kept by name; the others are counted.
const NAMED: usize = 1_000;

/// The way in which a row or an object is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MismatchKind {
    /// The lake holds another version of an object than the one that was loaded.
    ObjectReplaced,
    /// The lake no longer holds an object that was loaded.
    ObjectGone,
    /// An object that was loaded cannot be read any more.
    ObjectUnreadable,
    /// An object has another number of lines than were loaded.
    ObjectLines,
    /// Staging has fewer or more rows than the ledger has counted.
    RowCount,
    /// A row that a line gives is missing in staging.
    RowMissing,
    /// A row is no longer what its line gives.
    RowAltered,
    /// A row is that of an older line than the newest one of its key.
    RowOutdated,
    /// A row that no line gives.
    RowAdded,
}

impl MismatchKind {
    /// Every kind, in the order in which they are declared.
    pub const ALL: [Self; 9] = [
        MismatchKind::ObjectReplaced,
        MismatchKind::ObjectGone,
        MismatchKind::ObjectUnreadable,
        MismatchKind::ObjectLines,
        MismatchKind::RowCount,
        MismatchKind::RowMissing,
        MismatchKind::RowAltered,
        MismatchKind::RowOutdated,
        MismatchKind::RowAdded,
    ];

    /// As summaries and `--accept` write it.
    pub fn word(self) -> &'static str {
        match self {
            MismatchKind::ObjectReplaced => "object-replaced",
            MismatchKind::ObjectGone => "object-gone",
            MismatchKind::ObjectUnreadable => "object-unreadable",
            MismatchKind::ObjectLines => "object-lines",
            MismatchKind::RowCount => "row-count",
            MismatchKind::RowMissing => "row-missing",
            MismatchKind::RowAltered => "row-altered",
            MismatchKind::RowOutdated => "row-outdated",
            MismatchKind::RowAdded => "row-added",
        }
    }

    /// Whether it is about the rows of staging rather than about an object of the lake.
    pub fn is_about_rows(self) -> bool {
        self >= MismatchKind::RowCount
    }
}

/// Where a line is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Date in the object's path.
    pub ingestion_date: Option<NaiveDate>,
    /// Run in the object's path.
    pub run_id: String,
    /// The object.
    pub path: String,
    /// Number of the line, from 1; 0 is the object as a whole.
    pub line: i64,
}

impl Place {
    fn age(&self) -> (Precedence<'_>, i64) {
        let Self { ingestion_date, run_id, path, line } = self;
        (Precedence { ingestion_date: *ingestion_date, run_id, path }, *line)
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The way in which it is wrong.
    pub kind: MismatchKind,
    /// Key of the row.
    pub key: Option<RowKey>,
    /// The line that gives the right row, or the object; the newest one where there are several.
    pub place: Option<Place>,
    /// Path and line that the wrong row itself says it came from.
    pub row: Option<(Option<String>, Option<i64>)>,
    /// More about it, in a few words; empty if there is nothing to add.
    pub detail: String,
}

impl Mismatch {
    /// About a row with this key.
    pub(super) fn of_row(kind: MismatchKind, key: RowKey, place: Option<Place>) -> Self {
        Self { kind, key: Some(key), place, row: None, detail: String::new() }
    }

    /// About an object.
    pub(super) fn of_object(kind: MismatchKind, place: Place, detail: String) -> Self {
        Self { kind, key: None, place: Some(place), row: None, detail }
    }

    /// About numbers of rows.
    pub(super) fn of_counts(detail: String) -> Self {
        Self { kind: MismatchKind::RowCount, key: None, place: None, row: None, detail }
    }

    /// Two of the same identity are one mismatch, found at two places. A row that was altered is not that of
    /// a newer line with its content either.
    fn identity(&self) -> (MismatchKind, Option<RowKey>, String) {
        let object = match (&self.key, &self.row, &self.place) {
            (Some(_), Some((path, line)), _) => format!("{path:?} {line:?}"),
            (None, _, Some(place)) => place.path.clone(),
            (None, _, None) => self.detail.clone(),
            _ => String::new(),
        };
        let kind = if self.kind == MismatchKind::RowAltered { MismatchKind::RowOutdated } else { self.kind };
        (kind, self.key.clone(), object)
    }
}

/// The mismatches of a verification: a limited number of each kind by name, and how many there are.
#[derive(Debug, Clone, Default)]
pub struct Mismatches {
    named: BTreeMap<(MismatchKind, Option<RowKey>, String), Mismatch>,
    counts: BTreeMap<MismatchKind, u64>,
}

impl Mismatches {
    /// Adds a mismatch. One that is known is kept with the newer of its places.
    pub fn add(&mut self, found: Mismatch) {
        let is_full = self.count(found.kind) >= NAMED as u64;
        match self.named.entry(found.identity()) {
            Entry::Occupied(mut known) => {
                if newer(&found.place, &known.get().place) == Ordering::Greater {
                    let kind = found.kind;
                    let before = known.insert(found).kind;
                    self.recount(before, kind);
                }
            }
            Entry::Vacant(_) if is_full => *self.counts.entry(found.kind).or_default() += 1,
            Entry::Vacant(place) => {
                *self.counts.entry(found.kind).or_default() += 1;
                place.insert(found);
            }
        }
    }

    /// Counts one as another kind than before.
    fn recount(&mut self, before: MismatchKind, now: MismatchKind) {
        if let Some(count) = self.counts.get_mut(&before) {
            *count -= 1;
        }
        *self.counts.entry(now).or_default() += 1;
        self.counts.retain(|_, count| *count > 0);
    }

    /// Adds all of `others`.
    pub fn extend(&mut self, others: impl IntoIterator<Item = Mismatch>) {
        others.into_iter().for_each(|found| self.add(found));
    }

    /// Those that are named, by kind and key.
    pub fn iter(&self) -> impl Iterator<Item = &Mismatch> {
        self.named.values()
    }

    /// How many of a kind there are. Beyond those that are named, one that was found at several places counts
    /// more than once.
    pub fn count(&self, kind: MismatchKind) -> u64 {
        self.counts.get(&kind).copied().unwrap_or_default()
    }

    /// The kinds with their counts.
    pub fn counts(&self) -> impl Iterator<Item = (MismatchKind, u64)> {
        self.counts.iter().map(|(kind, count)| (*kind, *count))
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }
}

fn newer(a: &Option<Place>, b: &Option<Place>) -> Ordering {
    a.as_ref().map(Place::age).cmp(&b.as_ref().map(Place::age))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(run_id: &str, line: i64) -> Option<Place> {
        Some(Place { ingestion_date: None, run_id: run_id.to_owned(), path: "a".to_owned(), line })
    }

    #[test]
    fn a_row_that_is_missing_in_several_runs_is_one_mismatch_at_its_newest_line() {
        let mut found = Mismatches::default();
        for (run, line) in [("9", 4), ("10", 2), ("8", 7)] {
            found.add(Mismatch::of_row(MismatchKind::RowMissing, RowKey::Integer(5), at(run, line)));
        }
        found.add(Mismatch::of_row(MismatchKind::RowMissing, RowKey::Integer(6), at("8", 1)));
        assert_eq!(found.count(MismatchKind::RowMissing), 2);
        assert_eq!(found.iter().next().unwrap().place, at("10", 2));
    }

    #[test]
    fn a_row_that_was_altered_is_one_mismatch_also_where_a_newer_line_has_its_content() {
        let of_row = |kind, run| {
            let mut mismatch = Mismatch::of_row(kind, RowKey::Integer(5), at(run, 1));
            mismatch.row = Some((Some("a".to_owned()), Some(1)));
            mismatch
        };
        let altered = || of_row(MismatchKind::RowAltered, "8");
        let outdated = || of_row(MismatchKind::RowOutdated, "9");
        for both in [[altered(), outdated()], [outdated(), altered()]] {
            let mut found = Mismatches::default();
            found.extend(both);
            assert_eq!(found.counts().collect::<Vec<_>>(), [(MismatchKind::RowOutdated, 1)]);
            assert_eq!(found.iter().collect::<Vec<_>>(), [&outdated()]);
        }
    }

    #[test]
    fn what_is_beyond_the_limit_is_counted() {
        let mut found = Mismatches::default();
        let added = |key| Mismatch::of_row(MismatchKind::RowAdded, RowKey::Integer(key), None);
        found.extend((0..NAMED as i64 + 7).map(added));
        assert_eq!((found.iter().count(), found.count(MismatchKind::RowAdded)), (NAMED, NAMED as u64 + 7));
    }
}
