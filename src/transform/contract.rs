//! Whether the documents that are about to be transformed keep the contract of their entity: found out
//! before the first row is written, and again for batches that were committed since.

use std::collections::BTreeSet;

use parking_lot::Mutex;

use super::increment;
use super::job::EntityJob;
use super::range::Range;
use super::request::Request;
use super::staged::{StagedRows, array};
use super::transaction::begin;
use super::unknown_fields::of_rows;
use crate::drift::{self, FieldCounts, FieldFindings, KnownFields, compared, failure};
use crate::entity::FieldContract;
use crate::error::Result;
use crate::ids::BatchId;
use crate::ledger::models;
use crate::pg::Transaction;
use crate::sql::qualified;

/// A contract, held through a transform.
#[derive(Debug)]
pub(super) struct ContractGate<'a> {
    /// `None` lets everything through.
    contract: Option<&'a FieldContract>,
    accepts: bool,
    passed: Mutex<Passed>,
}

/// What was let through.
#[derive(Debug, Default)]
struct Passed {
    batches: BTreeSet<BatchId>,
    findings: FieldFindings,
}

impl<'a> ContractGate<'a> {
    /// The one of this request. Documents that are named by their keys are not looked at.
    pub(super) fn new(job: &'a EntityJob, request: &Request) -> Self {
        let contract = job.entity.contract.as_ref().filter(|contract| !contract.ignores_everything());
        let contract = contract.filter(|_| job.keys.is_empty());
        Self { contract, accepts: request.accepts_contract, passed: Mutex::default() }
    }

    /// How the documents keep the contract, and what was let through.
    pub(super) fn into_findings(self) -> FieldFindings {
        self.passed.into_inner().findings
    }

    /// Lets the documents of all pending batches through, or of a plan's.
    ///
    /// # Errors
    /// `CheckFailed` for what the contract does not let through; see [`crate::pg`].
    pub(super) async fn pass(&self, job: &EntityJob, planned: Option<&[BatchId]>) -> Result<()> {
        if self.contract.is_none() {
            return Ok(());
        }
        let step = async || {
            let mut connection = job.pool.get().await?;
            let tx = begin(&mut connection).await?;
            let ids = match planned {
                Some(ids) => ids.to_vec(),
                None => models::pending(&tx, &job.entity.name).await?,
            };
            self.pass_in(job, &tx, &ids).await?;
            tx.rollback().await
        };
        job.step("checking the contract", step).await
    }

    /// Lets the documents of these batches through, as a transaction sees them. Reads nothing if that was
    /// done.
    ///
    /// # Errors
    /// As [`ContractGate::pass`].
    pub(super) async fn pass_in(&self, job: &EntityJob, tx: &Transaction<'_>, ids: &[BatchId]) -> Result<()> {
        let Some(contract) = self.contract else { return Ok(()) };
        if ids.iter().all(|id| self.passed.lock().batches.contains(id)) {
            return Ok(());
        }
        let findings = compare(job, tx, contract, ids).await?;
        match failure(&job.entity, &findings.breaches, ("transform", "transformed")) {
            Some(error) if !self.accepts => Err(error),
            _ => {
                let mut passed = self.passed.lock();
                passed.batches.extend(ids);
                passed.findings = findings;
                Ok(())
            }
        }
    }
}

/// Compares the documents of these batches with all others in staging, and with what is recorded.
async fn compare(
    job: &EntityJob,
    tx: &Transaction<'_>,
    contract: &FieldContract,
    ids: &[BatchId],
) -> Result<FieldFindings> {
    let of_batches = increment::owned(tx, &job.entity, ids).await?;
    let changed = of_batches.iter().map(|batch| batch.rows).sum();
    if changed == 0 {
        return Ok(FieldFindings::default());
    }
    let staged = models::staged(tx, &job.entity.name).await?;
    // Of the documents with several versions only those that came with these batches.
    let theirs = StagedRows::of_keys(&job.entity, &Range::default()).and(format!("_batch_id = any({})", array(ids)));
    let others = format!("coalesce(t._batch_id, 0) <> all({})", array(ids));
    let others = drift::of_table(&qualified(&job.entity.staging.table), staged, &others);
    let known = KnownFields::read(tx, &job.entity.name).await?;
    let (mut before, mut now) = (FieldCounts::default(), FieldCounts::default());
    drift::read_documents(tx, &others, |document, place| before.add(document, place)).await?;
    drift::read_documents(tx, &of_rows(job, &theirs, changed), |document, place| now.add(document, place)).await?;
    Ok(compared(contract, &known, &before, &now))
}
