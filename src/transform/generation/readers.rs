//! Readers whose snapshot is older than the new generation.
//!
//! Partitions are looked up as of now, rows as of the snapshot. A transaction whose snapshot is older than
//! the fill, and which comes to a core table for the first time after the swap, would find the new partition
//! and none of its rows. The swap's locks do not help: that transaction holds no lock on core yet. So the
//! swap waits until no such snapshot is left. From then on none can appear: every later snapshot sees the
//! fill.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use crate::error::Result;
use crate::pg::Connection;
use crate::transform::job::EntityJob;

/// Between two looks for older readers.
const PAUSE: Duration = Duration::from_millis(200);

/// The moment after the last commit of the fill.
#[derive(Debug)]
pub(super) struct FillEnd {
    at: DateTime<Utc>,
    /// The first transaction that had not begun then.
    next_transaction: String,
}

impl FillEnd {
    /// This moment.
    pub(super) async fn read(connection: &Connection) -> Result<Self> {
        let row = connection.query_one(sql_file!("transform/generation/fill_end.sql"), &[]).await?;
        Ok(Self { at: row.get(0), next_transaction: row.get(1) })
    }

    /// The sessions whose snapshot is older, each as a line that can be shown.
    async fn older_readers(&self, connection: &Connection) -> Result<Vec<String>> {
        let sql = sql_file!("transform/generation/older_readers.sql");
        let rows = connection.query(sql, &[&self.at, &self.next_transaction]).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    /// Waits until no session has a snapshot older than the fill, for `longest` at most. Returns the sessions
    /// that still have one.
    ///
    /// # Errors
    /// [`Shutdown::error`](crate::shutdown::Shutdown::error) when the job is asked to stop; otherwise see
    /// [`crate::pg`].
    pub(super) async fn wait_for_readers(
        &self,
        job: &EntityJob,
        connection: &Connection,
        longest: Duration,
    ) -> Result<Vec<String>> {
        let started = Instant::now();
        loop {
            let readers = self.older_readers(connection).await?;
            if readers.is_empty() {
                return Ok(readers);
            }
            let left = longest.saturating_sub(started.elapsed());
            if left.is_zero() {
                let sessions = readers.join("; ");
                tracing::warn!(
                    entity = job.entity.name,
                    sessions,
                    "swapping before sessions whose snapshot is older than the new generation: they find it empty"
                );
                return Ok(readers);
            }
            tracing::debug!(sessions = readers.len(), "the swap waits for snapshots older than the new generation");
            job.shutdown.pause(PAUSE.min(left)).await?;
        }
    }
}
