//! What a load of one entity did.

use std::time::Duration;

use super::batch::{Done, Phases};
use crate::bronze::{Sample, Unreadable};
use crate::error::Error;
use crate::ids::ObjectId;
use crate::ledger::batches::Counts;

/// Objects that were not loaded, in the course of a load.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Aside {
    /// Path and reason of the unreadable ones.
    pub quarantined: Vec<(String, String)>,
    /// What could not be listed or read, and is tried again by the next execution.
    pub unreadable: Sample<Unreadable>,
    /// How often an object turned out to be replaced or deleted after it had been listed.
    pub gone: u64,
    /// Those of them that are known by their ids in the ledger.
    pub gone_ids: Vec<ObjectId>,
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
    /// Where the workers' time went.
    pub phases: Phases,
    /// Wall clock.
    pub elapsed: Duration,
    /// What was not loaded.
    pub aside: Aside,
    /// Why it ended early, if it did.
    pub failure: Option<Error>,
}

impl EntitySummary {
    /// Nothing done yet.
    pub fn new(entity: &str) -> Self {
        Self { entity: entity.to_owned(), ..Self::default() }
    }

    pub(super) fn take(&mut self, done: &Done) {
        self.batches += 1;
        self.objects += done.objects;
        self.bytes += done.bytes;
        self.inflated_bytes += done.inflated_bytes;
        self.counts.add(&done.counts);
        self.phases.add(&done.phases);
    }

    /// Adds what another worker, or another round, did.
    pub fn add(&mut self, other: Self) {
        self.batches += other.batches;
        self.objects += other.objects;
        self.bytes += other.bytes;
        self.inflated_bytes += other.inflated_bytes;
        self.counts.add(&other.counts);
        self.phases.add(&other.phases);
        self.aside.quarantined.extend(other.aside.quarantined);
        self.aside.gone += other.aside.gone;
        self.aside.unreadable.extend(other.aside.unreadable);
        self.aside.gone_ids.extend(other.aside.gone_ids);
        self.elapsed += other.elapsed;
        self.failure = self.failure.take().or(other.failure);
    }
}
