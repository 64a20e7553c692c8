//! The claims of an execution: asking for batches, and keeping those that it has.
//!
//! What this process holds is known here, not in the ledger alone: a claim whose answer was lost on the way is one of this
//! execution that none of its workers holds, and is taken by the next that asks. So that a worker cannot mistake the claim
//! of another, whose answer is still under way, for such a one, they ask one after the other.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::Load;
use crate::error::Result;
use crate::ids::{BatchId, ExecutionId};
use crate::ledger::batches::{self, Claimed, Holder, Next};
use crate::pg::{Pool, Presence};
use crate::retry::retry;

/// How long is waited before asking again while others load the rest of a run: at first, and at most.
const WAITS: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(320));
/// The longest pause between two renewals of the leases.
const BEAT: Duration = Duration::from_secs(5);
/// How often the lock that shows it alive is looked after: so long an execution may look dead after its connections were lost.
const LOOK: Duration = Duration::from_secs(1);

/// The batches that an execution holds. Shared by its workers, over all its entities, and its heartbeat.
#[derive(Debug)]
pub struct Claims {
    execution_id: ExecutionId,
    lease: Duration,
    held: Mutex<BTreeSet<BatchId>>,
    asking: tokio::sync::Mutex<()>,
}

impl Claims {
    /// None yet. A claim holds for `lease` without being renewed.
    pub fn new(execution_id: ExecutionId, lease: Duration) -> Arc<Self> {
        Arc::new(Self { execution_id, lease, held: Mutex::default(), asking: tokio::sync::Mutex::default() })
    }

    /// Who holds them, and for how long.
    pub fn holder(&self) -> Holder {
        Holder { execution_id: self.execution_id, lease: self.lease }
    }

    fn held(&self) -> Vec<BatchId> {
        self.held.lock().map(|held| held.iter().copied().collect()).unwrap_or_default()
    }

    /// Forgets a batch that is committed, released or lost.
    pub(super) fn drop_claim(&self, batch_id: BatchId) {
        if let Ok(mut held) = self.held.lock() {
            held.remove(&batch_id);
        }
    }

    /// Lets go of every claim, so that nobody waits for its lease to end. A failure is logged: the lease ends anyway.
    pub async fn release_all(&self, pool: &Pool) {
        if let Err(error) = batches::release(pool, self.execution_id, None).await {
            tracing::debug!(error = error.message(), "the claims could not be released; their lease ends by itself");
        }
    }
}

impl Load<'_> {
    /// The next batch of the selection; `None` when everything is in, or when this job is to stop.
    pub(super) async fn next_batch(&self) -> Result<Option<Claimed>> {
        let job = self.job;
        let mut wait = WAITS.0;
        loop {
            if self.is_stopping.load(Ordering::Relaxed) || job.shutdown.is_requested() {
                return Ok(None);
            }
            match retry(job.retry, &job.shutdown, "asking for a batch", |_| self.claim()).await? {
                Next::Batch(batch) => {
                    if batch.is_taken_over {
                        tracing::warn!(
                            batch = batch.batch_id.0,
                            attempt = batch.attempt,
                            "took over a batch of an execution that is gone or stalled"
                        );
                    }
                    return Ok(Some(batch));
                }
                Next::Done => return Ok(None),
                // A stop that is asked for meanwhile is seen at the head of the loop.
                Next::Wait if job.shutdown.pause(wait).await.is_ok() => wait = WAITS.1.min(wait * 2),
                Next::Wait => {}
            }
        }
    }

    async fn claim(&self) -> Result<Next> {
        let (job, claims) = (self.job, &self.job.claims);
        let _turn = claims.asking.lock().await;
        let held = claims.held();
        let next = batches::claim(&job.pool, &job.entity.name, &job.selection, claims.holder(), &held).await?;
        if let (Next::Batch(batch), Ok(mut held)) = (&next, claims.held.lock()) {
            held.insert(batch.batch_id);
        }
        failpoint!("load.after_claim");
        Ok(next)
    }
}

/// Renews the leases of an execution, and shows that it is alive, until it is dropped.
#[derive(Debug)]
pub struct Heartbeat(tokio::task::JoinHandle<()>);

impl Heartbeat {
    /// Shows that the execution is alive, and starts to beat.
    ///
    /// # Errors
    /// As connecting does.
    pub async fn start(pool: Pool, claims: Arc<Claims>) -> Result<Self> {
        let mut presence = Presence::announce(&pool, "load", claims.execution_id.0).await?;
        Ok(Self(tokio::spawn(async move {
            let pause = BEAT.min(claims.lease / 4);
            let mut renewed = tokio::time::Instant::now();
            loop {
                tokio::time::sleep(LOOK.min(pause)).await;
                let beat = async {
                    presence.keep().await?;
                    if renewed.elapsed() < pause {
                        return Ok(());
                    }
                    renewed = tokio::time::Instant::now();
                    batches::renew(&pool, claims.holder(), &claims.held()).await
                };
                // A beat that is missed costs at most the work of a batch: its fence tells this execution that it lost it.
                if let Err(error) = beat.await {
                    tracing::debug!(error = error.message(), "the claims could not be renewed");
                }
            }
        })))
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.0.abort();
    }
}
