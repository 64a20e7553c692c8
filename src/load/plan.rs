//! The plan of a load: the objects of one entity that are to be loaded, and those that are not.

use crate::bronze::{Sample, Unreadable};
use crate::error::Error;
use crate::ledger::batches::OpenRun;
use crate::ledger::listing::ListingCounts;
use crate::ledger::objects::StateCount;

/// The plan of a load of one entity.
#[derive(Debug, Default)]
pub struct LoadPlan {
    /// Data objects in the listing.
    pub listed: u64,
    /// Their states in the ledger before the listing.
    pub seen: ListingCounts,
    /// How many objects are in which state once everything is planned.
    pub standing: Vec<StateCount>,
    /// Runs with batches that are not committed, oldest first; also those that other executions have planned
    /// or begun.
    pub runs: Vec<OpenRun>,
    /// Runs that are not loaded because they are not finished.
    pub left_alone: Vec<LeftAlone>,
    /// Warnings about the runs for an operator, a line each.
    pub warnings: Vec<String>,
    /// Objects with endings that evo does not read.
    pub others: Sample<String>,
    /// Files and folders that could not be listed.
    pub unreadable: Sample<Unreadable>,
    /// Why there is nothing at all to load, when the lake holds nothing of what was asked for.
    pub absence: Option<Error>,
}

/// A run that is not loaded unless it is asked for by its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftAlone {
    /// Id of the run.
    pub run_id: String,
    /// Its objects so far.
    pub objects: u64,
    /// How many of them are not loaded.
    pub pending: u64,
    /// Why it counts as not finished.
    pub reason: String,
}

impl LoadPlan {
    /// Objects in batches.
    pub fn objects(&self) -> u64 {
        self.runs.iter().map(|run| run.objects).sum()
    }

    /// Compressed bytes in batches.
    pub fn bytes(&self) -> u64 {
        self.runs.iter().map(|run| run.bytes).sum()
    }

    /// Number of batches.
    pub fn batches(&self) -> u64 {
        self.runs.iter().map(|run| run.batches).sum()
    }
}
