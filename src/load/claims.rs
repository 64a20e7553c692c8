//! The claims of an execution: the batches that it holds.
//!
//! The ledger may say that this execution holds a batch that none of its workers knows about: the claim
//! committed, but its reply was lost. The next worker that asks gets it. Workers ask one at a time, so that a
//! claim whose reply is still in flight cannot be mistaken for a lost one.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::error::Result;
use crate::ids::{BatchId, ExecutionId};
use crate::ledger::batches::{self, Holder, Next};
use crate::ledger::objects::Selection;
use crate::pg::Pool;

/// The batches that an execution holds. Shared by its workers, over all its entities, and its heartbeat.
#[derive(Debug)]
pub struct Claims {
    holder: Holder,
    held: Mutex<BTreeSet<BatchId>>,
    asking: tokio::sync::Mutex<()>,
}

/// A claim that a worker works on; it is forgotten when this is dropped.
#[derive(Debug)]
#[must_use = "the claim is forgotten when this is dropped"]
pub(super) struct HeldClaim<'a> {
    claims: &'a Claims,
    batch_id: BatchId,
}

impl Drop for HeldClaim<'_> {
    fn drop(&mut self) {
        self.claims.held.lock().remove(&self.batch_id);
    }
}

impl Claims {
    /// None yet. A claim that is not renewed ends after `lease`.
    pub fn new(execution_id: ExecutionId, lease: Duration) -> Arc<Self> {
        let holder = Holder { execution_id, lease };
        Arc::new(Self { holder, held: Mutex::default(), asking: tokio::sync::Mutex::default() })
    }

    /// The execution that holds them, and the length of its leases.
    pub fn holder(&self) -> Holder {
        self.holder
    }

    /// Ids of the batches held at this moment.
    pub(super) fn held(&self) -> Vec<BatchId> {
        self.held.lock().iter().copied().collect()
    }

    /// Claims the next batch of the selection. A batch that it returns stays held until
    /// [`Claims::working_on`] ends.
    ///
    /// # Errors
    /// See [`batches::claim`].
    pub(super) async fn next(&self, pool: &Pool, entity: &str, selection: &Selection) -> Result<Next> {
        let _one_at_a_time = self.asking.lock().await;
        let next = batches::claim(pool, entity, selection, self.holder, &self.held()).await?;
        if let Next::Batch(batch) = &next {
            self.held.lock().insert(batch.batch_id);
        }
        failpoint!("load.after_claim");
        Ok(next)
    }

    /// Marks the time in which a worker works on a claimed batch: the claim is forgotten at its end, whether
    /// the batch is committed, released or lost.
    pub(super) fn working_on(&self, batch_id: BatchId) -> HeldClaim<'_> {
        HeldClaim { claims: self, batch_id }
    }

    /// Releases one claim, so that nobody has to wait for its lease to end. A failure is only logged: the
    /// lease ends anyway.
    pub(super) async fn release(&self, pool: &Pool, batch_id: BatchId) {
        self.release_in_ledger(pool, Some(batch_id)).await;
    }

    /// Releases every claim of the execution, as `Claims::release` does.
    pub async fn release_all(&self, pool: &Pool) {
        self.release_in_ledger(pool, None).await;
    }

    async fn release_in_ledger(&self, pool: &Pool, batch_id: Option<BatchId>) {
        if let Err(error) = batches::release(pool, self.holder.execution_id, batch_id).await {
            tracing::debug!(error = error.message(), "claims could not be released; their lease ends anyway");
        }
    }
}
