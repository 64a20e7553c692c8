//! A load under way: what its workers share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use tokio::sync::OnceCell;

use super::forecast::Forecast;
use super::job::LoadJob;
use super::pace::Pace;
use crate::citus::Layout;
use crate::error::Result;
use crate::ledger::batches::Counts;
use crate::ledger::staging;
use crate::meter::Phase;
use crate::sql::{fill, qualified};
use crate::stage::ZoneOffsets;

/// The state that the workers of a load share.
#[derive(Debug)]
pub(super) struct Load<'a> {
    pub job: &'a LoadJob,
    /// How far the load is, in compressed bytes.
    pub progress: &'a Phase,
    pub layout: Layout,
    /// Compression of documents in the staging table, as a column clause.
    pub compression: &'static str,
    pub forecast: Forecast,
    pub pace: Pace,
    /// See [`super::zone`].
    pub zone: OnceCell<Arc<ZoneOffsets>>,
    is_stopping: AtomicBool,
    /// Objects that were refused since a row was written last.
    refused_objects: AtomicU32,
}

impl<'a> Load<'a> {
    /// Checks the staging table and prepares a load into it.
    ///
    /// # Errors
    /// `Config` if the table is not as evo needs it; see [`crate::pg`].
    pub(super) async fn begin(job: &'a LoadJob, progress: &'a Phase) -> Result<Self> {
        let table = job.entity.staging.table.as_str();
        let sql = fill(sql_file!("load/target.sql"), &[("target", &qualified(table))]);
        let check = async || {
            let mut connection = job.pool.get().await?;
            staging::require_fitting(&*connection, std::slice::from_ref(&job.entity)).await?;
            let row = connection.query_one(&sql, &[&table]).await?;
            let layout = Layout::read(&mut connection, &job.entity).await?;
            Ok((layout, row.get::<_, bool>(0), row.get::<_, Option<String>>(1)))
        };
        let (layout, holds_rows, compression) = job.retry("checking the staging table", check).await?;
        let compression = match compression.as_deref() {
            Some("l") => "compression lz4",
            Some("p") => "compression pglz",
            _ => "",
        };
        let (forecast, zone) = (Forecast::new(holds_rows), OnceCell::new());
        Ok(Self {
            job,
            progress,
            layout,
            compression,
            forecast,
            pace: Pace::default(),
            zone,
            is_stopping: AtomicBool::new(false),
            refused_objects: AtomicU32::new(0),
        })
    }

    /// Counts an object whose rows were refused. Returns how many there were since a row was written last.
    pub(super) fn refuse_object(&self) -> u32 {
        self.refused_objects.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Notes that a batch was committed: if it has written rows, not everything is refused.
    pub(super) fn accept(&self, counts: &Counts) {
        if counts.inserted + counts.updated > 0 {
            self.refused_objects.store(0, Ordering::Relaxed);
        }
    }

    /// Whether no worker should begin another batch.
    pub(super) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Relaxed) || self.job.shutdown.is_requested()
    }

    /// Lets no worker begin another batch: what time cannot heal would fail the others as well.
    pub(super) fn stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }
}
