//! The objects that were loaded, page by page.

use chrono::NaiveDate;

use super::job::VerifyJob;
use super::mismatch::Place;
use crate::error::Result;
use crate::ids::BatchId;
use crate::ledger::objects::{InManifest, Pending};
use crate::pg::Row;

/// Objects of one page.
const PAGE: i64 = 5_000;

/// An object that was loaded.
#[derive(Debug, Clone)]
pub(super) struct LoadedObject {
    /// The facts with which it is read again.
    pub object: Pending,
    /// The batch that loaded it last.
    pub batch_id: BatchId,
    /// Lines that were loaded.
    pub lines: i64,
    /// Whether another version of its path was loaded before. Rows of that one may still be there.
    pub has_earlier: bool,
    /// The transaction that wrote its rows, if that is certain.
    pub transaction: Option<String>,
}

impl LoadedObject {
    /// A line of it; 0 is the object as a whole.
    pub(super) fn line(&self, line: i64) -> Place {
        let Pending { ingestion_date, run_id, path, .. } = &self.object;
        Place { ingestion_date: *ingestion_date, run_id: run_id.clone(), path: path.clone(), line }
    }
}

/// The amount that a verification would read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// Objects.
    pub objects: u64,
    /// Their compressed bytes.
    pub bytes: u64,
    /// Their lines.
    pub lines: u64,
}

/// The amount that comparing all documents of the entity would read.
///
/// # Errors
/// See [`crate::pg`].
pub async fn cost(job: &VerifyJob) -> Result<Cost> {
    let sql = sql_file!("verify/cost.sql");
    let ask = async || job.pool.get().await?.query_one(sql, &[&job.entity.name, &job.lake_id]).await;
    let row = job.pool.retry("summing up the objects", ask).await?;
    let [objects, bytes, lines] = [0, 1, 2].map(|i| row.get::<_, i64>(i).unsigned_abs());
    Ok(Cost { objects, bytes, lines })
}

/// Pages of loaded objects, newest first.
pub(super) struct LoadedPages<'a> {
    job: &'a VerifyJob,
    /// Only these, if there are any.
    paths: Option<Vec<String>>,
    last: Option<(Option<NaiveDate>, String, String)>,
}

impl<'a> LoadedPages<'a> {
    /// All objects of the entity, or those with these paths.
    pub(super) fn new(job: &'a VerifyJob, paths: Option<Vec<String>>) -> Self {
        Self { job, paths, last: None }
    }

    /// The next page; empty behind the last one.
    ///
    /// # Errors
    /// See [`crate::pg`].
    pub(super) async fn next(&mut self) -> Result<Vec<LoadedObject>> {
        let job = self.job;
        let (date, run_id, path) = self.last.clone().unwrap_or_default();
        let is_behind = self.last.is_some();
        let sql = sql_file!("verify/objects.sql");
        let ask = async || {
            let values: [&dyn crate::pg::Param; 8] =
                [&job.entity.name, &job.lake_id, &self.paths, &is_behind, &date, &run_id, &path, &PAGE];
            job.pool.get().await?.query(sql, &values).await
        };
        let rows = job.pool.retry("listing the objects", ask).await?;
        let page: Vec<LoadedObject> = rows.iter().map(loaded).collect();
        if let Some(LoadedObject { object, .. }) = page.last() {
            self.last = Some((object.ingestion_date, object.run_id.clone(), object.path.clone()));
        }
        Ok(page)
    }
}

fn loaded(row: &Row) -> LoadedObject {
    LoadedObject {
        object: Pending::of(row, InManifest::Unknown),
        batch_id: row.get(6),
        lines: row.get(7),
        has_earlier: row.get(8),
        transaction: row.get(9),
    }
}
