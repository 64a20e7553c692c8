//! What is to be loaded of one entity, and what is not.

use crate::bronze::{Sample, Unreadable};
use crate::error::Error;
use crate::ledger::batches::OpenRun;
use crate::ledger::objects::{ListingCounts, StateCount};

/// The plan of a load of one entity.
#[derive(Debug, Default)]
pub struct LoadPlan {
    /// Data objects in the listing.
    pub listed: u64,
    /// What the ledger knew about them at that moment.
    pub seen: ListingCounts,
    /// How many objects are in which state once everything is planned.
    pub standing: Vec<StateCount>,
    /// What waits in batches, oldest run first; includes what other executions have planned or begun.
    pub runs: Vec<OpenRun>,
    /// Runs that are not loaded because they are not finished.
    pub left_alone: Vec<LeftAlone>,
    /// What an operator should know about the runs, a line each.
    pub warnings: Vec<String>,
    /// Objects with endings that evo does not read.
    pub others: Sample<String>,
    /// What could not be listed.
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
