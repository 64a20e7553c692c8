//! The empty tables of a new generation, and the snapshot from which they are to be filled.

use super::build::create;
use super::parts::FillParts;
use super::plan::GenerationPlan;
use super::snapshot::Snapshot;
use crate::error::Result;
use crate::ids::BatchId;
use crate::ledger::models;
use crate::pg::Connection;
use crate::transform::contract::ContractGate;
use crate::transform::job::EntityJob;

/// Empty tables and the snapshot to fill them from.
pub(super) struct Built<'a> {
    pub plan: GenerationPlan,
    pub parts: FillParts,
    pub snapshot: Snapshot<'a>,
    /// The batches that the snapshot sees as committed.
    pub batches: Vec<BatchId>,
}

impl GenerationPlan {
    /// Cuts staging into parts, takes the snapshot, lets its documents through the gate and creates the
    /// tables.
    ///
    /// # Errors
    /// `CheckFailed` for documents that break their contract; `TransactionConflict` when staging got a
    /// partition meanwhile; otherwise see [`crate::pg`].
    pub(super) async fn build<'a>(
        self,
        job: &EntityJob,
        connection: &'a mut Connection,
        gate: &ContractGate<'_>,
    ) -> Result<Built<'a>> {
        let parts = FillParts::cut(job, connection, &self.builds).await?;
        let snapshot = Snapshot::export(connection).await?;
        parts.files.require_same_partitions(snapshot.tx(), &job.entity.staging.table).await?;
        let sql = sql_file!("transform/generation/batches.sql");
        let batches = snapshot.tx().query(sql, &[&job.entity.name]).await?.iter().map(|row| row.get(0)).collect();
        let pending = models::pending(snapshot.tx(), &job.entity.name).await?;
        job.layout.wait_for_rows(snapshot.tx()).await?;
        gate.pass_in(job, snapshot.tx(), &pending).await?;
        // An earlier attempt of this execution filed its issues under another snapshot.
        let sql = "delete from evo.issues where entity = $1 and execution_id = $2";
        job.pool.get().await?.execute(sql, &[&job.entity.name, &job.execution_id]).await?;
        create(job, &self.builds).await?;
        failpoint!("transform.after_create");
        Ok(Built { plan: self, parts, snapshot, batches })
    }
}
