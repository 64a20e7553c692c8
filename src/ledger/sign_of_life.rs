//! A running execution shows in its row of `evo.runs` that it is alive, and what it has done so far.
//!
//! One small update every few seconds, on a connection that no work needs at that moment. Without a spare
//! connection it is left out: a person who watches sees older figures, and the job is not slowed down.

use std::time::Duration;

use tokio::time::MissedTickBehavior;

use crate::error::Result;
use crate::ids::ExecutionId;
use crate::meter::snapshot;
use crate::pg::{Ask, Pool};

/// How often the row is written.
const EVERY: Duration = Duration::from_secs(5);

/// Writes the row until this is dropped.
#[derive(Debug)]
pub(super) struct SignOfLife(tokio::task::JoinHandle<()>);

impl SignOfLife {
    /// Begins to write the row of this execution. The first time is in a few seconds: it has just been made.
    pub(super) fn show(pool: Pool, id: ExecutionId) -> Self {
        Self(tokio::spawn(async move {
            let mut beat = tokio::time::interval(EVERY);
            beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
            beat.tick().await;
            loop {
                beat.tick().await;
                let Some(connection) = pool.spare().await else { continue };
                if let Err(error) = write(&*connection, id).await {
                    tracing::debug!(error = error.message(), "evo.runs does not show what this execution does");
                }
            }
        }))
    }
}

async fn write(connection: &impl Ask, id: ExecutionId) -> Result<u64> {
    connection.execute(sql_file!("ledger/show_run.sql"), &[&id, &snapshot()]).await
}

impl Drop for SignOfLife {
    fn drop(&mut self) {
        self.0.abort();
    }
}
