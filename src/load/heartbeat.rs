//! The heartbeat of an execution: it shows that the execution is alive, and renews its leases.

use std::sync::Arc;
use std::time::Duration;

use super::claims::Claims;
use crate::error::Result;
use crate::ledger::batches;
use crate::pg::{Pool, Presence};

/// The longest pause between two renewals of the leases.
const BEAT: Duration = Duration::from_secs(5);
/// How often the lock that shows the execution alive is checked. An execution that lost its connections may
/// look dead for as long.
const CHECK: Duration = Duration::from_secs(1);

/// Renews the leases of an execution and shows that it is alive, until it is dropped.
#[derive(Debug)]
pub struct Heartbeat(tokio::task::JoinHandle<()>);

impl Heartbeat {
    /// Shows that the execution is alive, and starts to beat.
    ///
    /// # Errors
    /// See [`Presence::announce`].
    pub async fn start(pool: Pool, claims: Arc<Claims>) -> Result<Self> {
        let mut presence = Presence::announce(&pool, "load", claims.holder().execution_id.0).await?;
        Ok(Self(tokio::spawn(async move {
            let pause = BEAT.min(claims.holder().lease / 4);
            let mut renewed = tokio::time::Instant::now();
            loop {
                tokio::time::sleep(CHECK.min(pause)).await;
                let beat = async {
                    presence.keep().await?;
                    if renewed.elapsed() < pause {
                        return Ok(());
                    }
                    renewed = tokio::time::Instant::now();
                    batches::renew(&pool, claims.holder(), &claims.held()).await
                };
                // A missed beat costs at most the work of a batch: its fence shows this execution that it
                // lost the claim.
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
