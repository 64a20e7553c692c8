//! `evo load`: bronze objects into the staging tables.
//!
//! Discover → plan in the ledger → claim a batch, stream it, stage it, merge it, commit it → the next.
//!
//! ```text
//! claim · begin · COPY into a temp table · last of each key · what staging holds · upsert · rejects · counts · fence · commit
//! ```
//!
//! **Exactly once.** Batches live in `evo.batches`; workers of any number of processes claim them one by one. A claim has a
//! fence, and the last statement of the batch's transaction commits it under that fence or not at all: see
//! [`crate::ledger::batches`]. An attempt whose commit was not answered is settled by raising the fence.
//!
//! **Newer beats older.** A run is begun when the one before it is in; inside a run batches go in parallel, and a row's
//! lineage (date, run, path) decides. See `merge.rs`.
//!
//! **Bounded.** Every joint is a channel of chunks of one size, documents never collect in memory, keys travel as bit sets.

mod aftermath;
mod batch;
mod claims;
mod direct;
mod forecast;
mod left_out;
mod manifest;
mod merge;
mod notes;
mod plan;
mod stream;
mod summary;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

pub use aftermath::Aftermath;
pub use batch::Done;
pub use claims::{Claims, Heartbeat};
pub use plan::{LeftAlone, Plan};
pub use stream::Spent;
pub use summary::{Aside, EntitySummary};

use crate::bronze::{Lake, Limits};
use crate::entity::Entity;
use crate::error::{Error, Result};
use crate::ledger::objects::Selection;
use crate::pg::{Pool, explain};
use crate::retry::{Policy, retry};
use crate::shutdown::Shutdown;
use crate::sql::{fill, qualified};
use forecast::Forecast;

/// A load of one entity.
#[derive(Debug)]
pub struct Job {
    /// Where the objects are.
    pub lake: Lake,
    /// Where they go.
    pub pool: Pool,
    /// The entity.
    pub entity: Entity,
    /// Which objects.
    pub selection: Selection,
    /// Objects per batch; `None` chooses by their size.
    pub batch_size: Option<usize>,
    /// What this execution holds.
    pub claims: Arc<Claims>,
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
pub type OnBatch<'a> = &'a (dyn Fn(&Done) + Sync);

impl Job {
    /// Loads what is planned: the runs one after the other, the batches of a run on `workers` at once, together with any
    /// other execution that does the same.
    ///
    /// The summary is true also when it carries a failure: what it counts is committed.
    pub async fn run(&self, on_batch: OnBatch<'_>) -> EntitySummary {
        let started = Instant::now();
        let mut summary = EntitySummary::new(&self.entity.name);
        match self.begin().await {
            Ok(load) => {
                let workers = (0..self.workers.max(1)).map(|_| load.work(on_batch));
                for (part, failure) in futures_util::future::join_all(workers).await {
                    summary.add(part);
                    summary.failure = summary.failure.take().or(failure);
                }
            }
            Err(error) => summary.failure = Some(error),
        }
        if let Some(error) = summary.failure.take() {
            let tables = [self.entity.staging.table.clone()];
            summary.failure = Some(explain(&self.pool, error, &tables).await);
        }
        summary.elapsed = started.elapsed();
        summary
    }

    async fn begin(&self) -> Result<Load<'_>> {
        let table = self.entity.staging.table.as_str();
        let sql = fill(sql_file!("load/target.sql"), &[("target", &qualified(table))]);
        let (holds_rows, compression) = retry(self.retry, &self.shutdown, "looking at the staging table", |_| async {
            let connection = self.pool.get().await?;
            let row = connection.query_one(&sql, &[&table]).await?;
            Ok((row.get::<_, bool>(0), row.get::<_, Option<String>>(1)))
        })
        .await?;
        let compression = match compression.as_deref() {
            Some("l") => "compression lz4",
            Some("p") => "compression pglz",
            _ => "",
        };
        Ok(Load {
            job: self,
            compression,
            forecast: Forecast::new(holds_rows, self.entity.partition.is_none()),
            is_stopping: AtomicBool::new(false),
        })
    }
}

/// A load under way: what its workers share.
#[derive(Debug)]
struct Load<'a> {
    job: &'a Job,
    /// Compression of documents in the staging table, as a column clause.
    compression: &'static str,
    forecast: Forecast,
    is_stopping: AtomicBool,
}

impl Load<'_> {
    async fn work(&self, on_batch: OnBatch<'_>) -> (EntitySummary, Option<Error>) {
        let mut summary = EntitySummary::new(&self.job.entity.name);
        loop {
            let worked = match self.next_batch().await {
                Ok(None) => return (summary, self.job.shutdown.is_requested().then(|| self.job.shutdown.error())),
                Ok(Some(batch)) => self.load_batch(batch, &mut summary.aside).await,
                Err(error) => Err(error),
            };
            match worked {
                Ok(Some(done)) => {
                    on_batch(&done);
                    summary.take(&done);
                }
                Ok(None) => {}
                Err(error) => {
                    // Nobody begins another batch: what time cannot heal would fail the others as well.
                    self.is_stopping.store(true, Ordering::Relaxed);
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
