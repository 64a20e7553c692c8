//! Where discovering keeps what it finds: in the ledger, or, for a dry run, in memory.

use chrono::{DateTime, Utc};

use super::job::LoadJob;
use crate::error::Result;
use crate::ledger::batches::{self, Grouping, OpenRun};
use crate::ledger::listing::{self, Listed, ListingCounts};
use crate::ledger::manifests::{self, Manifest, WaitingRun};
use crate::ledger::objects::{self, StateCount};
use crate::ledger::preview::Preview;

/// The questions that discovering asks of the ledger, and the notes that it makes there.
pub(super) trait Notes {
    /// The server's time, at which a listing begins.
    async fn now(&self) -> Result<DateTime<Utc>>;
    /// The states of the objects of these pages, when none of them has to be recorded.
    async fn all_known(&self, pages: &[Vec<Listed>]) -> Result<Option<ListingCounts>>;
    /// Records a page of the listing that began at `began`.
    async fn record(&mut self, listed: &[Listed], began: DateTime<Utc>) -> Result<ListingCounts>;
    /// Records that the listing was complete.
    async fn settle(&mut self, began: DateTime<Utc>) -> Result<()>;
    /// Whether a manifest is known in this version.
    async fn knows_manifest(&self, path: &str, etag: &str) -> Result<bool>;
    /// Records what the manifest of a run says.
    async fn record_manifest(&mut self, run_id: &str, manifest: &Manifest) -> Result<()>;
    /// The selected runs with objects that wait.
    async fn waiting_runs(&self) -> Result<Vec<WaitingRun>>;
    /// Groups what waits into batches.
    async fn plan(&mut self, grouping: &Grouping) -> Result<Vec<OpenRun>>;
    /// How many objects are in which state.
    async fn outlook(&self) -> Result<Vec<StateCount>>;
}

/// Notes in the ledger. Each step is a transaction of its own, and is repeated when the database fails.
pub(super) struct Recorded<'a>(pub &'a LoadJob);

/// One step on a connection of its own, repeated under the job's retry policy.
macro_rules! step {
    ($job:expr, $what:literal, $function:path $(, $argument:expr)*) => {
        $job.retry($what, async || {
            $function(&*$job.pool.get().await?, &$job.entity.name $(, $argument)*).await
        })
        .await
    };
}

impl Notes for Recorded<'_> {
    async fn now(&self) -> Result<DateTime<Utc>> {
        self.0.retry("asking for the time", async || listing::now(&*self.0.pool.get().await?).await).await
    }

    async fn all_known(&self, pages: &[Vec<Listed>]) -> Result<Option<ListingCounts>> {
        step!(self.0, "looking for new objects", listing::all_known, self.0.selection.lake, pages)
    }

    async fn record(&mut self, listed: &[Listed], began: DateTime<Utc>) -> Result<ListingCounts> {
        step!(self.0, "recording the listing", listing::record, self.0.selection.lake, listed, began)
    }

    async fn settle(&mut self, began: DateTime<Utc>) -> Result<()> {
        step!(self.0, "recording the end of the listing", listing::settle, self.0.selection.lake, began)
    }

    async fn knows_manifest(&self, path: &str, etag: &str) -> Result<bool> {
        step!(self.0, "looking for a manifest", manifests::is_known, self.0.selection.lake, path, etag)
    }

    async fn record_manifest(&mut self, run_id: &str, manifest: &Manifest) -> Result<()> {
        step!(self.0, "recording a manifest", manifests::record, self.0.selection.lake, run_id, manifest)
    }

    async fn waiting_runs(&self) -> Result<Vec<WaitingRun>> {
        step!(self.0, "looking at the runs", manifests::waiting_runs, &self.0.selection)
    }

    async fn plan(&mut self, grouping: &Grouping) -> Result<Vec<OpenRun>> {
        let job = self.0;
        let plan = async || {
            let mut connection = job.pool.get().await?;
            let tx = connection.begin().await?;
            // Others of the entity wait for this transaction: a process that stalls here must not keep them
            // for long.
            tx.batch("set local idle_in_transaction_session_timeout = '20s'").await?;
            let runs = batches::plan(&tx, &job.entity.name, &job.selection, grouping).await?;
            failpoint!("load.in_plan");
            tx.commit().await?;
            Ok(runs)
        };
        job.retry("planning", plan).await
    }

    async fn outlook(&self) -> Result<Vec<StateCount>> {
        step!(self.0, "counting the objects", objects::outlook, &self.0.selection)
    }
}

/// Notes in memory: the ledger is only read, and nothing is repeated.
pub(super) struct Previewed<'a> {
    job: &'a LoadJob,
    preview: Preview,
}

impl<'a> Previewed<'a> {
    pub(super) fn new(job: &'a LoadJob) -> Self {
        Self { job, preview: Preview::new(&job.entity.name, job.selection.clone()) }
    }
}

impl Notes for Previewed<'_> {
    async fn now(&self) -> Result<DateTime<Utc>> {
        listing::now(&*self.job.pool.get().await?).await
    }

    async fn all_known(&self, pages: &[Vec<Listed>]) -> Result<Option<ListingCounts>> {
        let (entity, lake) = (&self.job.entity.name, self.job.selection.lake);
        listing::all_known(&*self.job.pool.get().await?, entity, lake, pages).await
    }

    async fn record(&mut self, listed: &[Listed], began: DateTime<Utc>) -> Result<ListingCounts> {
        self.preview.list(&*self.job.pool.get().await?, listed, began).await
    }

    async fn settle(&mut self, began: DateTime<Utc>) -> Result<()> {
        self.preview.settle(&*self.job.pool.get().await?, began).await
    }

    async fn knows_manifest(&self, path: &str, etag: &str) -> Result<bool> {
        let (entity, lake) = (&self.job.entity.name, self.job.selection.lake);
        manifests::is_known(&*self.job.pool.get().await?, entity, lake, path, etag).await
    }

    async fn record_manifest(&mut self, run_id: &str, manifest: &Manifest) -> Result<()> {
        self.preview.add_manifest(run_id, manifest.clone());
        Ok(())
    }

    async fn waiting_runs(&self) -> Result<Vec<WaitingRun>> {
        self.preview.waiting_runs(&*self.job.pool.get().await?).await
    }

    async fn plan(&mut self, grouping: &Grouping) -> Result<Vec<OpenRun>> {
        self.preview.plan(&*self.job.pool.get().await?, grouping).await
    }

    async fn outlook(&self) -> Result<Vec<StateCount>> {
        self.preview.outlook(&*self.job.pool.get().await?).await
    }
}
