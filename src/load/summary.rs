//! What a load of one entity did.

use std::time::Duration;

use super::batch::Done;
use crate::error::Error;
use crate::ledger::batches::Counts;

/// An object that was set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// Its path.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// Counts of one entity; all of it is committed.
#[derive(Debug, Default)]
pub struct EntitySummary {
    /// Entity.
    pub entity: String,
    /// Committed batches.
    pub batches: u64,
    /// Their objects.
    pub objects: u64,
    /// Compressed bytes read.
    pub bytes: u64,
    /// Decompressed bytes read.
    pub inflated_bytes: u64,
    /// Lines by what became of them.
    pub counts: Counts,
    /// Worker time in download, decode and COPY.
    pub stream: Duration,
    /// Worker time in the merge.
    pub merge: Duration,
    /// Worker time in the ledger and COMMIT.
    pub commit: Duration,
    /// Wall clock.
    pub elapsed: Duration,
    /// Objects set aside.
    pub quarantined: Vec<Quarantined>,
    /// Why it ended early, if it did.
    pub failure: Option<Error>,
}

impl EntitySummary {
    pub(super) fn new(entity: &str) -> Self {
        Self { entity: entity.to_owned(), ..Self::default() }
    }

    pub(super) fn take(&mut self, done: &Done) {
        self.batches += 1;
        self.objects += done.objects;
        self.bytes += done.bytes;
        self.inflated_bytes += done.inflated_bytes;
        self.counts.add(&done.counts);
        self.stream += done.stream;
        self.merge += done.merge;
        self.commit += done.commit;
    }

    pub(super) fn add(&mut self, other: Self) {
        self.batches += other.batches;
        self.objects += other.objects;
        self.bytes += other.bytes;
        self.inflated_bytes += other.inflated_bytes;
        self.counts.add(&other.counts);
        self.stream += other.stream;
        self.merge += other.merge;
        self.commit += other.commit;
        self.quarantined.extend(other.quarantined);
    }
}
