//! Everything that a load of one entity needs.

use std::sync::Arc;

use super::claims::Claims;
use super::object_limit::ObjectLimit;
use crate::bronze::{Lake, Limits};
use crate::entity::Entity;
use crate::error::{Error, Kind, Result};
use crate::ledger::objects::Selection;
use crate::pg::Pool;
use crate::retry::{Policy, retry};
use crate::shutdown::Shutdown;

/// The context of a load of one entity. It does not change while the load runs.
#[derive(Debug)]
pub struct LoadJob {
    /// The lake that holds the objects.
    pub lake: Lake,
    /// The warehouse: ledger and staging tables.
    pub pool: Pool,
    /// The entity to load.
    pub entity: Entity,
    /// Which of its objects to load.
    pub selection: Selection,
    /// Objects per batch; `None` chooses by what they cost.
    pub batch_size: Option<usize>,
    /// How many objects it may begin.
    pub limit: ObjectLimit,
    /// The batches that this execution holds, shared by the jobs of all its entities.
    pub claims: Arc<Claims>,
    /// Batches loaded in parallel; 0 counts as 1.
    pub workers: usize,
    /// How often and how long a failed attempt is repeated.
    pub retry: Policy,
    /// Limits on a line and on compression.
    pub limits: Limits,
    /// Threads that decompress and validate, see [`decoders`].
    pub decoders: Arc<rayon::ThreadPool>,
    /// Whether a signal asked to stop.
    pub shutdown: Shutdown,
}

impl LoadJob {
    /// Repeats `attempt` under the job's retry policy; `what` names it in warnings.
    ///
    /// # Errors
    /// See [`retry`].
    pub(super) async fn retry<T>(&self, what: &str, mut attempt: impl AsyncFnMut() -> Result<T>) -> Result<T> {
        retry(self.retry, &self.shutdown, what, async |_| attempt().await).await
    }
}

/// A pool of `threads` decode threads, at least one.
///
/// # Errors
/// `Internal` when the system refuses to start threads.
pub fn decoders(threads: usize) -> Result<Arc<rayon::ThreadPool>> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads.max(1))
        .thread_name(|i| format!("decode-{i}"))
        .build()
        .map(Arc::new)
        .map_err(|e| Error::new(Kind::Internal, "cannot start the decode threads").caused_by(e))
}
