//! The results of a load of one entity.

use std::time::Duration;

use super::outcome::{LoadedBatch, PhaseTimes};
use super::refused::{self, RefusedLines};
use crate::bronze::{Sample, Unreadable};
use crate::error::Error;
use crate::ids::ObjectId;
use crate::ledger::batches::Counts;

/// Objects that turned out not to be loadable in the course of a load.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NotLoaded {
    /// Path and reason of each object that was quarantined.
    pub quarantined: Vec<(String, String)>,
    /// Files and folders that could not be listed or read. Such objects stay pending, and the next execution
    /// tries them again.
    pub unreadable: Sample<Unreadable>,
    /// How often an object turned out to be replaced or deleted after it had been listed.
    pub gone: u64,
    /// Ledger ids of these objects, as far as they are known.
    pub gone_ids: Vec<ObjectId>,
}

/// Counts of one entity. All of it is committed, also when the load failed later.
#[derive(Debug, Default)]
pub struct EntitySummary {
    /// Name of the entity.
    pub entity: String,
    /// Committed batches.
    pub batches: u64,
    /// Objects in these batches.
    pub objects: u64,
    /// Compressed bytes read.
    pub bytes: u64,
    /// Decompressed bytes read.
    pub inflated_bytes: u64,
    /// Lines by what became of them.
    pub counts: Counts,
    /// Where the workers' time went.
    pub times: PhaseTimes,
    /// Wall clock.
    pub elapsed: Duration,
    /// The objects that were not loaded.
    pub not_loaded: NotLoaded,
    /// Rejected lines whose rows the staging table refused, by reason.
    pub refused: Vec<RefusedLines>,
    /// Why the load ended early, if it did.
    pub failure: Option<Error>,
}

impl EntitySummary {
    /// Nothing done yet.
    pub fn new(entity: &str) -> Self {
        Self { entity: entity.to_owned(), ..Self::default() }
    }

    pub(super) fn count(&mut self, batch: &LoadedBatch) {
        self.batches += 1;
        self.objects += batch.objects;
        self.bytes += batch.bytes;
        self.inflated_bytes += batch.inflated_bytes;
        self.counts.add(&batch.counts);
        self.times.add(&batch.times);
        refused::add_all(&mut self.refused, batch.refused.clone());
    }

    /// Adds what another worker or another round did. The first failure wins.
    pub(super) fn add(&mut self, other: Self) {
        self.batches += other.batches;
        self.objects += other.objects;
        self.bytes += other.bytes;
        self.inflated_bytes += other.inflated_bytes;
        self.counts.add(&other.counts);
        self.times.add(&other.times);
        self.not_loaded.quarantined.extend(other.not_loaded.quarantined);
        self.not_loaded.unreadable.extend(other.not_loaded.unreadable);
        self.not_loaded.gone += other.not_loaded.gone;
        self.not_loaded.gone_ids.extend(other.not_loaded.gone_ids);
        refused::add_all(&mut self.refused, other.refused);
        self.elapsed += other.elapsed;
        self.failure = self.failure.take().or(other.failure);
    }
}
