//! Everything that a transform of one entity needs.

use super::checks::Checks;
use super::crew::Crew;
use crate::citus::Layout;
use crate::entity::Entity;
use crate::error::Result;
use crate::ids::{ExecutionId, RowKey};
use crate::meter::{Meter, Phase, Unit};
use crate::pg::{EntityLock, Pool};
use crate::shutdown::Shutdown;

/// Everything that a transform of one entity needs. Used by [`run`](super::run()) and
/// [`preview`](super::preview()).
#[derive(Debug)]
pub struct EntityJob {
    /// Connections to the warehouse.
    pub pool: Pool,
    /// The entity's lock, not taken yet: [`run`](super::run()) takes and releases it, a preview needs none.
    pub lock: EntityLock,
    /// The entity to transform.
    pub entity: Entity,
    /// Where the entity's tables are, once [`run`](super::run()) has read it.
    pub layout: Layout,
    /// The execution's id in `evo.runs`.
    pub execution_id: ExecutionId,
    /// How many transactions work side by side; 0 counts as 1.
    pub workers: usize,
    /// Only documents with these keys, changed or not; empty for all. They are compared in place.
    pub keys: Vec<RowKey>,
    /// Documents per transaction of an increment and per part of a full refresh; 0 counts as 1.
    pub chunk_rows: u64,
    /// Fail on a value that does not fit its column. Otherwise it becomes null and an issue.
    pub strict: bool,
    /// The checks that run before a swap and after an increment.
    pub checks: Checks,
    /// Whether the job was asked to stop.
    pub shutdown: Shutdown,
    /// Counts the progress of each phase.
    pub meter: Meter,
}

impl EntityJob {
    /// Begins a phase of `total` units, shown under the entity's name; it ends when the value is dropped.
    pub(super) fn phase(&self, what: &str, total: usize, unit: Unit) -> Phase {
        self.meter.phase(format!("{}: {what}", self.entity.name), total as u64, unit)
    }

    /// Runs one step of the job, and repeats it while its error may pass by itself. Every attempt begins by
    /// making sure of the entity's lock.
    ///
    /// # Errors
    /// As [`EntityLock::retry`].
    pub(super) async fn step<T>(&self, what: &str, attempt: impl AsyncFnMut() -> Result<T>) -> Result<T> {
        self.lock.retry(&format!("transform of {}: {what}", self.entity.name), attempt).await
    }

    /// The workers of this job; at least one.
    pub(super) fn crew(&self) -> Crew<'_> {
        Crew::new(self.workers, &self.shutdown)
    }

    /// The names of the entity's core tables, parent first.
    pub(super) fn tables(&self) -> Vec<String> {
        self.entity.models.iter().map(|model| model.table.clone()).collect()
    }
}
