//! The result of a verification of one entity.

use std::collections::BTreeSet;
use std::time::Duration;

use super::depth::VerifyDepth;
use crate::ids::RowKey;
use crate::transform::compare::{CoreMismatch, CoreMismatches};
use crate::verify::{DocumentCounts, Mismatch, MismatchKind, Mismatches, StagingCounts};

/// The result of a verification of one entity.
#[derive(Debug)]
pub(super) struct VerifiedEntity {
    pub entity: String,
    pub depth: VerifyDepth,
    /// Objects that the lake shows.
    pub listed: u64,
    pub staging: StagingCounts,
    pub documents: DocumentCounts,
    /// How long documents were compared.
    pub reading: Duration,
    pub found: Mismatches,
    /// Without what follows from `found`.
    pub core: CoreMismatches,
    /// How long core was compared.
    pub comparing: Duration,
    pub elapsed: Duration,
    /// Rows that are not known to be as a load wrote them, and that were too many to compare.
    pub unread_rows: u64,
}

/// The result of a repair of one entity.
#[derive(Debug, Default)]
pub(super) struct Repaired {
    /// Rows that were deleted from staging.
    pub removed: u64,
    /// Objects that were loaded again.
    pub objects: u64,
    /// Documents that were transformed again.
    pub documents: u64,
    /// Whether the difference between rows and counts was settled.
    pub is_recounted: bool,
}

impl VerifiedEntity {
    /// The words of the kinds that were found and are not accepted, with their counts.
    pub(super) fn wrong(&self, accepted: &[String]) -> Vec<(&'static str, u64)> {
        let rows = self.found.counts().map(|(kind, count)| (kind.word(), count));
        let mut wrong: Vec<(&'static str, u64)> = rows.collect();
        for ((_, kind), count) in &self.core.counts {
            match wrong.iter_mut().find(|(word, _)| *word == kind.word()) {
                Some((_, known)) => *known += count,
                None => wrong.push((kind.word(), *count)),
            }
        }
        wrong.retain(|(word, _)| !accepted.iter().any(|accepted| accepted == word));
        wrong
    }

    /// Those of these kinds.
    pub(super) fn of(&self, kinds: &[MismatchKind]) -> Vec<&Mismatch> {
        self.found.iter().filter(|mismatch| kinds.contains(&mismatch.kind)).collect()
    }

    /// Documents that were not compared with core, because it has not transformed them yet.
    pub(super) fn left_out(&self) -> u64 {
        match self.depth {
            VerifyDepth::Sample(..) => 0,
            VerifyDepth::Quick | VerifyDepth::Deep => self.staging.rows.saturating_sub(self.core.documents),
        }
    }

    /// Whether anything about the rows of staging is wrong.
    pub(super) fn has_wrong_rows(&self) -> bool {
        self.found.counts().any(|(kind, _)| kind.is_about_rows())
    }

    /// Keys of documents whose rows in core have to be compared again after a repair.
    pub(super) fn keys(&self) -> Vec<RowKey> {
        let rows = self.found.iter().filter_map(|mismatch| mismatch.key.clone());
        let core = self.core.named.iter().map(|mismatch| mismatch.parent_key.clone());
        rows.chain(core).collect::<BTreeSet<RowKey>>().into_iter().collect()
    }
}

/// Leaves out what is wrong in core because its document in staging is wrong.
pub(super) fn without_consequences(mut core: CoreMismatches, found: &Mismatches) -> CoreMismatches {
    let keys: BTreeSet<&RowKey> = found.iter().filter_map(|mismatch| mismatch.key.as_ref()).collect();
    let is_consequence = |mismatch: &CoreMismatch| keys.contains(&mismatch.parent_key);
    for mismatch in core.named.iter().filter(|mismatch| is_consequence(mismatch)) {
        if let Some(count) = core.counts.get_mut(&(mismatch.table.clone(), mismatch.kind)) {
            *count = count.saturating_sub(1);
        }
    }
    core.counts.retain(|_, count| *count > 0);
    core.named.retain(|mismatch| !is_consequence(mismatch));
    core
}
