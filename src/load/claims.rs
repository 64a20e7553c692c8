//! The claims of an execution: asking for batches, and keeping those that it has.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{Job, Load};
use crate::config::Dsn;
use crate::error::Result;
use crate::ledger::batches::{self, Holder, Next};
use crate::pg::{Pool, Presence};
use crate::retry::retry;

/// How long is waited before asking again while others load the rest of a run: at first, and at most.
const WAITS: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(320));

impl Job {
    /// Who this job is to the ledger.
    pub fn holder(&self) -> Holder {
        Holder { execution_id: self.execution_id, lease: self.lease }
    }
}

impl Load<'_> {
    /// The next batch of the selection; `None` when everything is in, or when this job is to stop.
    pub(super) async fn next_batch(&self) -> Result<Option<batches::Claimed>> {
        let job = self.job;
        let mut wait = WAITS.0;
        loop {
            if self.is_stopping.load(Ordering::Relaxed) || job.shutdown.is_requested() {
                return Ok(None);
            }
            let asked = retry(job.retry, &job.shutdown, "asking for a batch", |_| {
                batches::claim(&job.pool, &job.entity.name, &job.selection, job.holder())
            })
            .await?;
            match asked {
                Next::Batch(batch) => {
                    if batch.is_taken_over {
                        tracing::warn!(
                            batch = batch.batch_id,
                            attempt = batch.attempt,
                            "took over a batch of an execution that is gone or stalled"
                        );
                    }
                    return Ok(Some(batch));
                }
                Next::Done => return Ok(None),
                Next::Wait => tokio::select! {
                    () = tokio::time::sleep(wait) => wait = WAITS.1.min(wait * 2),
                    () = job.shutdown.requested() => {}
                },
            }
        }
    }
}

/// Renews the leases of an execution, and shows that it is alive, until it is dropped.
#[derive(Debug)]
pub struct Heartbeat(tokio::task::JoinHandle<()>);

impl Heartbeat {
    /// Shows that the execution is alive, and starts to beat, four times a lease.
    ///
    /// # Errors
    /// As connecting does.
    pub async fn start(dsn: &Dsn, pool: Pool, holder: Holder) -> Result<Self> {
        let mut presence = Presence::announce(dsn, "load", holder.execution_id).await?;
        Ok(Self(tokio::spawn(async move {
            loop {
                tokio::time::sleep(holder.lease / 4).await;
                let beat = async {
                    presence.keep().await?;
                    batches::renew(&pool, holder).await
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
