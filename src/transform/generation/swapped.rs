//! The last step of a full refresh: the new generation serves, and the replaced one is dropped.

use std::time::Duration;

use super::check::Checked;
use super::exchange::Ready;
use super::{catch_up, leftovers, swap};
use crate::error::Result;
use crate::meter::Unit;
use crate::pg::Connection;
use crate::transform::job::EntityJob;
use crate::transform::request::Refresh;

/// A generation that serves.
pub(super) struct Swapped {
    pub checked: Checked,
    /// The longest time that a reader can have waited.
    pub held: Duration,
    /// Sessions whose snapshot is older than the generation, which they find empty.
    pub older_readers: Vec<String>,
}

impl Checked {
    /// Swaps the generation in, and drops the replaced one.
    ///
    /// # Errors
    /// `DatabaseBusy` when the locks were not to be had; `TransactionConflict` when somebody changed the core
    /// tables so that the refresh must start over; otherwise see [`crate::pg`]. The old generation serves on
    /// then.
    pub(super) async fn swap(self, job: &EntityJob, connection: &mut Connection, refresh: &Refresh) -> Result<Swapped> {
        let _phase = job.phase("swapping", 0, Unit::Nothing);
        let filled = &self.indexed.filled;
        let older_readers = filled.end.wait_for_readers(job, connection, refresh.reader_wait).await?;
        let carry = filled.plan.carry_sql(job);
        let ready = Ready {
            builds: &filled.plan.builds,
            keys: &self.keys,
            watermark: if refresh.year.is_none() { Some(&filled.batches) } else { None },
            tables: &filled.tables,
            carry: &carry,
            state: &filled.plan.state,
        };
        let held = match swap::swap(job, connection, &ready).await? {
            Some(held) => held,
            None => catch_up::swap(job, connection, &ready, self.indexed.given.clone(), refresh.year).await?,
        };
        failpoint!("transform.after_swap");
        leftovers::drop_replaced(connection, &filled.plan.builds, &self.keys).await;
        Ok(Swapped { checked: self, held, older_readers })
    }
}
