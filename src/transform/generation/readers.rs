//! Readers with a snapshot from before the new generation was filled.
//!
//! Partitions are looked up as of now, rows as of the snapshot. A transaction whose snapshot is older than the fill, and
//! which comes to a core table after the swap for the first time, would find the new partition and none of its rows. The
//! locks do not help: it holds none on core yet. So the swap waits until no such snapshot is left. Once there is none
//! there will be none: every later snapshot sees the fill.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use crate::error::Result;
use crate::pg::Connection;
use crate::transform::Job;

/// How often the server is asked.
const PAUSE: Duration = Duration::from_millis(200);

/// When the fill was committed.
#[derive(Debug)]
pub(super) struct FillEnd {
    at: DateTime<Utc>,
    next_transaction: String,
}

impl FillEnd {
    /// Now, after the last commit of the fill.
    pub(super) async fn read(connection: &Connection) -> Result<Self> {
        let row = connection.query_one(sql_file!("transform/generation/fill_end.sql"), &[]).await?;
        Ok(Self { at: row.get(0), next_transaction: row.get(1) })
    }

    async fn older_readers(&self, connection: &Connection) -> Result<Vec<String>> {
        let sql = sql_file!("transform/generation/older_readers.sql");
        let rows = connection.query(sql, &[&self.at, &self.next_transaction]).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }
}

impl Job {
    /// Waits until nobody has a snapshot older than the fill, for `patience` at most. Returns who has one still.
    ///
    /// # Errors
    /// Of the server; `Interrupted`.
    pub(super) async fn wait_for_older_readers(
        &self,
        connection: &Connection,
        fill: &FillEnd,
        patience: Duration,
    ) -> Result<Vec<String>> {
        let started = Instant::now();
        loop {
            let readers = fill.older_readers(connection).await?;
            if readers.is_empty() {
                return Ok(readers);
            }
            let left = patience.saturating_sub(started.elapsed());
            if left.is_zero() {
                let sessions = readers.join("; ");
                tracing::warn!(
                    entity = self.entity.name,
                    sessions,
                    "swapping before sessions whose snapshot is older than the new generation: they find it empty"
                );
                return Ok(readers);
            }
            tracing::debug!(sessions = readers.len(), "the swap waits for snapshots older than the new generation");
            self.shutdown.pause(PAUSE.min(left)).await?;
        }
    }
}
