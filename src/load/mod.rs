//! `evo load`: bronze objects into the staging tables.
//!
//! Discover → plan → per batch: stream, stage, merge, commit. A batch is one COPY stream and one transaction:
//!
//! ```text
//! claim token · take objects · COPY into a temp table · last of each key · what staging holds · upsert · rejects · counts · COMMIT
//! ```
//!
//! **Exactly once.** The batch's row with its unique token is the first statement. A retry looks the token up first; a
//! retry that starts while the first attempt still runs waits on the token. Two executions that planned the same
//! objects meet at `take_objects`: the second gets none and rolls back.
//!
//! **Newer beats older.** Runs go oldest first with a barrier between them; inside a run batches run in parallel, and a
//! row's lineage (run, path) decides. See `sql/load/verdicts.sql`.

mod batch;
mod merge;
mod plan;
mod stream;
mod summary;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Instant;

pub use plan::{Batch, Plan, discover};
pub use summary::{EntitySummary, Quarantined};

use crate::bronze::{Lake, Limits};
use crate::entity::Entity;
use crate::error::{Error, Result};
use crate::pg::Pool;
use crate::retry::Policy;
use crate::shutdown::Shutdown;

/// Everything a load needs besides its plan.
#[derive(Debug)]
pub struct Job {
    /// Where the objects are.
    pub lake: Lake,
    /// Where they go.
    pub pool: Pool,
    /// The entity.
    pub entity: Entity,
    /// Execution in `evo.runs`.
    pub execution_id: uuid::Uuid,
    /// Parallel batches.
    pub workers: usize,
    /// Pauses between attempts.
    pub retry: Policy,
    /// What an object may ask of its reader.
    pub limits: Limits,
    /// Threads that decompress and judge.
    pub decoders: Arc<rayon::ThreadPool>,
    /// Whether to stop.
    pub shutdown: Shutdown,
}

/// Called with what a batch did, as soon as it is in.
pub type OnBatch<'a> = &'a (dyn Fn(&batch::Done) + Sync);

impl Job {
    /// Loads the plan: runs one after the other, the batches of a run on `workers` at once.
    ///
    /// The summary is true also when it carries a failure: what it counts is committed.
    pub async fn run(&self, plan: Plan, on_batch: OnBatch<'_>) -> EntitySummary {
        let started = Instant::now();
        let mut summary = EntitySummary::new(&self.entity.name);
        for (_, batches) in plan.runs {
            let queue = Mutex::new(VecDeque::from(batches));
            let workers = (0..self.workers.max(1)).map(|_| self.work(&queue, on_batch));
            for (part, failure) in futures_util::future::join_all(workers).await {
                summary.add(part);
                summary.failure = summary.failure.take().or(failure);
            }
            if summary.failure.is_some() {
                break;
            }
        }
        summary.elapsed = started.elapsed();
        summary
    }

    async fn work(&self, queue: &Mutex<VecDeque<Batch>>, on_batch: OnBatch<'_>) -> (EntitySummary, Option<Error>) {
        let mut summary = EntitySummary::new(&self.entity.name);
        loop {
            if self.shutdown.is_requested() {
                return (summary, Some(self.shutdown.error()));
            }
            let next = queue.lock().ok().and_then(|mut q| q.pop_front());
            let Some(batch) = next else { return (summary, None) };
            match self.load_batch(batch, &mut summary.quarantined).await {
                Ok(Some(done)) => {
                    on_batch(&done);
                    summary.take(&done);
                }
                Ok(None) => {}
                Err(error) => {
                    // Nobody begins another batch: what time cannot heal would fail the others as well.
                    if let Ok(mut q) = queue.lock() {
                        q.clear();
                    }
                    return (summary, Some(error));
                }
            }
        }
    }
}

/// A pool of `threads` decode threads.
///
/// # Errors
/// `Internal` when the system gives no threads.
pub fn decoders(threads: usize) -> Result<Arc<rayon::ThreadPool>> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads.max(1))
        .thread_name(|i| format!("decode-{i}"))
        .build()
        .map(Arc::new)
        .map_err(|e| Error::new(crate::error::Kind::Internal, "cannot start the decode threads").caused_by(e))
}
