//! What discovering writes into the ledger: for good, each step for itself and repeated when the database fails; or, for a
//! trial, in one transaction that is rolled back at the end, so that looking changes nothing.

use chrono::{DateTime, Utc};

use super::Job;
use crate::error::Result;
use crate::ledger::batches::{self, Grouping, OpenRun};
use crate::ledger::manifests::{self, Manifest, WaitingRun};
use crate::ledger::objects::{self, Listed, Seen, Standing};
use crate::pg::Transaction;
use crate::retry::retry;

/// Where it is written.
pub(super) enum Notes<'a> {
    /// Into the ledger.
    Kept(&'a Job),
    /// Into a transaction that is not committed.
    Trial(&'a Job, &'a Transaction<'a>),
}

/// One step, on a connection of its own and repeated, or in the trial's transaction.
macro_rules! step {
    ($notes:expr, $what:literal, $function:path $(, $argument:expr)*) => {
        match $notes {
            Notes::Trial(job, tx) => $function(*tx, &job.entity.name $(, $argument)*).await,
            Notes::Kept(job) => {
                retry(job.retry, &job.shutdown, $what, |_| async {
                    let connection = job.pool.get().await?;
                    $function(&*connection, &job.entity.name $(, $argument)*).await
                })
                .await
            }
        }
    };
}

impl Notes<'_> {
    fn job(&self) -> &Job {
        match self {
            Notes::Kept(job) | Notes::Trial(job, _) => job,
        }
    }

    pub(super) async fn now(&self) -> Result<DateTime<Utc>> {
        match self {
            Notes::Trial(_, tx) => objects::now(*tx).await,
            Notes::Kept(job) => {
                retry(job.retry, &job.shutdown, "asking for the time", |_| async {
                    objects::now(&*job.pool.get().await?).await
                })
                .await
            }
        }
    }

    pub(super) async fn record(&self, listed: &[Listed], began: DateTime<Utc>) -> Result<Seen> {
        let lake = self.job().selection.lake;
        step!(self, "recording the listing", objects::record, lake, listed, began)
    }

    pub(super) async fn settle(&self, began: DateTime<Utc>) -> Result<()> {
        let lake = self.job().selection.lake;
        step!(self, "recording the end of the listing", objects::settle, lake, began)
    }

    pub(super) async fn knows_manifest(&self, path: &str, etag: &str) -> Result<bool> {
        let lake = self.job().selection.lake;
        step!(self, "looking for a manifest", manifests::is_known, lake, path, etag)
    }

    pub(super) async fn record_manifest(&self, run_id: &str, manifest: &Manifest) -> Result<()> {
        let lake = self.job().selection.lake;
        step!(self, "recording a manifest", manifests::record, lake, run_id, manifest)
    }

    pub(super) async fn waiting_runs(&self) -> Result<Vec<WaitingRun>> {
        step!(self, "looking at the runs", manifests::waiting_runs, &self.job().selection)
    }

    pub(super) async fn outlook(&self) -> Result<Vec<Standing>> {
        step!(self, "counting the objects", objects::outlook, &self.job().selection)
    }

    pub(super) async fn plan(&self, grouping: &Grouping) -> Result<Vec<OpenRun>> {
        match self {
            Notes::Trial(job, tx) => batches::plan(tx, &job.entity.name, &job.selection, grouping).await,
            Notes::Kept(job) => {
                retry(job.retry, &job.shutdown, "planning", |_| async {
                    let mut connection = job.pool.get().await?;
                    let tx = connection.begin().await?;
                    let runs = batches::plan(&tx, &job.entity.name, &job.selection, grouping).await?;
                    tx.commit().await?;
                    Ok(runs)
                })
                .await
            }
        }
    }
}
