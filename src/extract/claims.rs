//! The windows that an execution holds, and the beat that keeps them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::error::Result;
use crate::ids::{ExecutionId, ExtractionId, WindowId};
use crate::ledger::batches::Holder;
use crate::ledger::windows::{self, NextWindow};
use crate::pg::{Pool, Presence};

/// The longest pause between two renewals of the leases.
const BEAT: Duration = Duration::from_secs(5);
/// How often the lock that shows the execution alive is looked after.
const LOOK: Duration = Duration::from_secs(1);

/// The windows of an execution. Shared by its workers, over all entities, and its heartbeat.
#[derive(Debug)]
pub struct WindowClaims {
    execution_id: ExecutionId,
    lease: Duration,
    held: Mutex<BTreeSet<WindowId>>,
    asking: tokio::sync::Mutex<()>,
}

impl WindowClaims {
    /// None yet. A claim holds for `lease` without being renewed.
    pub fn new(execution_id: ExecutionId, lease: Duration) -> Arc<Self> {
        Arc::new(Self { execution_id, lease, held: Mutex::default(), asking: tokio::sync::Mutex::default() })
    }

    fn holder(&self) -> Holder {
        Holder { execution_id: self.execution_id, lease: self.lease }
    }

    fn held(&self) -> Vec<WindowId> {
        self.held.lock().iter().copied().collect()
    }

    /// WindowClaims the next window. Workers ask one after the other, so that none takes the claim of
    /// another whose answer is still on its way for one that was lost.
    pub(super) async fn next(&self, pool: &Pool, extraction_id: ExtractionId) -> Result<NextWindow> {
        let _turn = self.asking.lock().await;
        let next = windows::claim(pool, extraction_id, self.holder(), &self.held()).await?;
        if let NextWindow::Window(window) = &next {
            self.held.lock().insert(window.window_id);
        }
        Ok(next)
    }

    /// Forgets a window that is finished, released or lost.
    pub(super) fn forget(&self, window_id: WindowId) {
        self.held.lock().remove(&window_id);
    }

    /// Lets go of every claim. A failure is logged: the leases end by themselves.
    pub async fn release_all(&self, pool: &Pool) {
        if let Err(error) = windows::release(pool, self.execution_id).await {
            tracing::debug!(
                error = error.message(),
                "the claims could not be released; their leases end by themselves"
            );
        }
    }
}

/// Renews the leases of an execution, and shows that it is alive, until it is dropped.
#[derive(Debug)]
pub struct Beat(tokio::task::JoinHandle<()>);

impl Beat {
    /// Shows that the execution is alive, and starts to beat.
    ///
    /// # Errors
    /// As connecting does.
    pub async fn start(pool: Pool, claims: Arc<WindowClaims>) -> Result<Self> {
        let mut presence = Presence::announce(&pool, "extract", claims.execution_id.0).await?;
        Ok(Self(tokio::spawn(async move {
            let pause = BEAT.min(claims.lease / 4);
            let mut renewed = tokio::time::Instant::now();
            let mut ticks = tokio::time::interval(LOOK.min(pause));
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let beat = async {
                    presence.keep().await?;
                    if renewed.elapsed() < pause {
                        return Ok(());
                    }
                    renewed = tokio::time::Instant::now();
                    windows::renew(&pool, claims.holder(), &claims.held()).await
                };
                // A beat that is missed costs at most the pages of an object: the fence says that the claim
                // is lost.
                if let Err(error) = beat.await {
                    tracing::debug!(error = error.message(), "the claims could not be renewed");
                }
            }
        })))
    }
}

impl Drop for Beat {
    fn drop(&mut self) {
        self.0.abort();
    }
}
