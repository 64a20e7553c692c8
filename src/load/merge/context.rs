//! The context that the steps of a merge share.

use chrono::NaiveDate;

use super::earlier::Known;
use super::statements::Statements;
use crate::error::Result;
use crate::load::job::LoadJob;
use crate::load::stream::BatchObjects;
use crate::pg::{Param, Transaction};

/// A merge in its transaction.
pub(super) struct Merge<'a> {
    pub job: &'a LoadJob,
    pub tx: &'a Transaction<'a>,
    pub statements: &'a Statements,
    pub batch: &'a BatchObjects<'a>,
    pub lineage: BatchLineage<'a>,
    /// The lines that were not sent, because they repeat rows.
    pub known: Option<&'a Known>,
}

/// The lineage of a batch as the statements need it. All of its objects are of one run.
pub(super) struct BatchLineage<'a> {
    pub run_id: &'a str,
    /// Paths and dates, by object number.
    pub paths: Vec<&'a str>,
    pub dates: Vec<Option<NaiveDate>>,
    /// Other runs of the batch's date that have been loaded: those that are newer, and those that are older.
    pub newer: Vec<String>,
    pub older: Vec<String>,
}

impl<'a> Merge<'a> {
    /// Prepares a merge: reads what the ledger knows about the runs around the batch.
    ///
    /// # Errors
    /// See [`crate::pg`].
    pub(super) async fn new(
        job: &'a LoadJob,
        tx: &'a Transaction<'a>,
        statements: &'a Statements,
        (batch, known): (&'a BatchObjects<'a>, Option<&'a Known>),
    ) -> Result<Self> {
        let mut lineage = BatchLineage {
            run_id: batch.objects.first().map_or("", |o| o.run_id.as_str()),
            paths: batch.paths(),
            dates: batch.objects.iter().map(|o| o.ingestion_date).collect(),
            newer: Vec::new(),
            older: Vec::new(),
        };
        let date = lineage.dates.first().copied().flatten();
        let values: [&dyn Param; 3] = [&job.entity.name, &date, &lineage.run_id];
        for row in tx.query(sql_file!("load/neighbouring_runs.sql"), &values).await? {
            let is_newer = row.get(1);
            if is_newer { lineage.newer.push(row.get(0)) } else { lineage.older.push(row.get(0)) }
        }
        Ok(Self { job, tx, statements, batch, lineage, known })
    }
}
