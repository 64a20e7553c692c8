//! `evo transform`: staging into the typed core tables.
//!
//! A model is one select; both modes wrap the same text, so they cannot drift apart.
//!
//! * incremental: the batches that the entity's models have not taken in give the changed rows; what differs is
//!   upserted, children gone from their document are deleted, and the watermark moves, in one transaction a group of
//!   batches. Interrupted, the next run goes on with the groups that are left.
//! * generation: a full refresh builds a new generation beside the serving one, from one snapshot, and swaps all
//!   tables of the entity in one short transaction. Interrupted anywhere before the swap, the old one serves and the
//!   leftovers are dropped by the next run.
//!
//! * dimension: small tables derived from core, written in place.
//! * order, checks: what comes after what, and what must hold before a swap and after an increment.
//!
//! One execution at a time transforms an entity (`pg::EntityLock`); loads go on meanwhile, and what they commit after
//! the snapshot stays pending for the next increment.

mod catalog;
pub mod checks;
pub mod dimension;
mod files;
mod generation;
mod incremental;
mod model;
pub mod order;

use std::time::Duration;

use crate::entity::Entity;
use crate::pg::Pool;
use crate::retry::Policy;
use crate::shutdown::Shutdown;

/// Everything a transform of one entity needs.
#[derive(Debug)]
pub struct Job {
    /// The warehouse.
    pub pool: Pool,
    /// The entity.
    pub entity: Entity,
    /// Execution in `evo.runs`.
    pub execution_id: uuid::Uuid,
    /// Parallel chunks of a full refresh.
    pub workers: usize,
    /// Rows per transaction of an increment, and per chunk of a full refresh; a batch is never split.
    pub chunk_rows: u64,
    /// Fail on a value that does not fit, instead of null and an issue.
    pub strict: bool,
    /// What must hold before a swap and after an increment.
    pub checks: checks::Checks,
    /// Pauses between attempts.
    pub retry: Policy,
    /// Whether to stop.
    pub shutdown: Shutdown,
}

/// What a transform did to one core table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableSummary {
    /// Qualified table.
    pub table: String,
    /// Rows that the model gave.
    pub rows: u64,
    /// New rows.
    pub inserted: u64,
    /// Rows that differed.
    pub updated: u64,
    /// Children gone from their document.
    pub deleted: u64,
    /// Values nulled because they did not fit.
    pub issues: u64,
}

/// What a transform did.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// Entity.
    pub entity: String,
    /// Batches taken in.
    pub batches: u64,
    /// Per core table, parent first.
    pub tables: Vec<TableSummary>,
    /// Wall clock.
    pub elapsed: Duration,
    /// How long readers could have waited for the swap of a full refresh.
    pub swap: Option<Duration>,
    /// What the checks found.
    pub checks: Vec<checks::Finding>,
}
