//! Everything that a verification of one entity needs.

use std::sync::Arc;

use crate::bronze::{Lake, Limits};
use crate::entity::Entity;
use crate::ids::LakeId;
use crate::meter::Meter;
use crate::pg::Pool;
use crate::shutdown::Shutdown;

/// The context of a verification of one entity. It does not change while the verification runs.
#[derive(Debug)]
pub struct VerifyJob {
    /// The lake that holds the objects.
    pub lake: Lake,
    /// Its id in the ledger.
    pub lake_id: LakeId,
    /// The warehouse: ledger and staging tables.
    pub pool: Pool,
    /// The entity.
    pub entity: Entity,
    /// Objects read in parallel; 0 counts as 1.
    pub workers: usize,
    /// Limits on a line and on compression, as in a load.
    pub limits: Limits,
    /// Threads that decompress and read lines.
    pub decoders: Arc<rayon::ThreadPool>,
    /// Whether a signal asked to stop.
    pub shutdown: Shutdown,
    /// Counts the progress of each phase.
    pub meter: Meter,
}
