//! Whether the documents that are about to be transformed keep the contract of their entity: found out
//! before the first row is written.

use super::increment;
use super::job::EntityJob;
use super::request::{Mode, Request};
use super::staged::array;
use super::transaction::begin;
use super::unknown_fields::{of_all, of_batches};
use crate::drift::{self, FieldCounts, FieldFindings, KnownFields, compared, failure};
use crate::entity::FieldContract;
use crate::error::Result;
use crate::ledger::models;
use crate::sql::qualified;

/// The documents that are looked at, and those that they are compared with, as subqueries over staging.
struct Samples {
    now: String,
    before: Option<String>,
}

/// What the documents break of the entity's contract, as far as it lets that through. Reads nothing where
/// there is no contract.
///
/// # Errors
/// `CheckFailed` for what it does not let through; see [`crate::pg`].
pub(super) async fn check(job: &EntityJob, request: &Request) -> Result<FieldFindings> {
    let contract = job.entity.contract.as_ref().filter(|contract| !contract.ignores_everything());
    let Some(contract) = contract.filter(|_| job.keys.is_empty()) else { return Ok(FieldFindings::default()) };
    let found = job.step("checking the contract", async || compare(job, contract, request.mode).await).await?;
    match failure(&job.entity, &found.breaches, ("transform", "transformed")) {
        Some(error) if !request.accepts_contract => Err(error),
        _ => Ok(found),
    }
}

async fn compare(job: &EntityJob, contract: &FieldContract, mode: Option<Mode>) -> Result<FieldFindings> {
    let mut connection = job.pool.get().await?;
    let samples = match mode {
        Some(Mode::FullRefresh | Mode::InPlace) => {
            let staged = models::staged(&*connection, &job.entity.name).await?;
            Some(Samples { now: of_all(job, staged), before: None })
        }
        _ => {
            let plan = increment::plan(&connection, &job.entity, job.chunk_rows.max(1)).await?;
            (plan.changed > 0).then(|| {
                let ids = plan.ids();
                let others = format!("coalesce(t._batch_id, 0) <> all({})", array(&ids));
                let table = qualified(&job.entity.staging.table);
                let before = drift::of_table(&table, plan.staged, &others);
                Samples { now: of_batches(job, &ids, plan.changed), before: Some(before) }
            })
        }
    };
    let Some(Samples { now, before }) = samples else { return Ok(FieldFindings::default()) };
    let tx = begin(&mut connection).await?;
    let known = KnownFields::read(&tx, &job.entity.name).await?;
    let (mut had, mut has) = (FieldCounts::default(), FieldCounts::default());
    if let Some(before) = before {
        drift::read_documents(&tx, &before, |document, place| had.add(document, place)).await?;
    }
    drift::read_documents(&tx, &now, |document, place| has.add(document, place)).await?;
    tx.rollback().await?;
    Ok(compared(contract, &known, &had, &has))
}
