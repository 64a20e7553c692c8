//! The verification of one entity.

use std::time::Instant;

use super::depth::VerifyDepth;
use super::verified::{VerifiedEntity, without_consequences};
use crate::citus::Layout;
use crate::commands::loading::Loading;
use crate::config::Settings;
use crate::error::Result;
use crate::ids::{ExecutionId, RowKey};
use crate::load::LoadJob;
use crate::meter::Meter;
use crate::pg::{EntityLock, Purpose};
use crate::transform::EntityJob;
use crate::transform::checks::Checks;
use crate::transform::compare::{self, CoreDepth};
use crate::verify::{self, DocumentCounts, Mismatches, Reread, VerifyJob};

/// With more rows than this that are not known to be as a load wrote them, a quick verification does not read
/// their objects.
const MAX_REWRITTEN: u64 = 10_000;

/// The inputs that all entities of the command share.
pub(super) struct VerifyWork<'a> {
    pub settings: &'a Settings,
    pub loading: &'a Loading,
    /// The names of the entities that are verified.
    pub entities: Vec<String>,
    /// The kinds of mismatches that are accepted.
    pub accepted: &'a [String],
    pub checks: Checks,
    pub execution_id: ExecutionId,
    pub meter: Meter,
}

impl VerifyWork<'_> {
    /// The job of a verification, from that of a load.
    pub(super) fn verify_job(&self, job: &LoadJob) -> VerifyJob {
        VerifyJob {
            lake: job.lake.clone(),
            lake_id: job.selection.lake,
            pool: job.pool.clone(),
            entity: job.entity.clone(),
            workers: job.workers,
            limits: job.limits,
            decoders: job.decoders.clone(),
            shutdown: job.shutdown.clone(),
            meter: self.meter.clone(),
        }
    }

    /// The job of a transform of the documents with these keys.
    pub(super) fn entity_job(&self, job: &LoadJob, keys: Vec<RowKey>) -> EntityJob {
        EntityJob {
            pool: job.pool.clone(),
            lock: EntityLock::new(&job.pool, &job.entity.name, Purpose::Transform),
            entity: job.entity.clone(),
            layout: Layout::default(),
            execution_id: self.execution_id,
            workers: job.workers,
            keys,
            chunk_rows: self.settings.chunk_rows,
            strict: false,
            checks: self.checks.clone(),
            shutdown: job.shutdown.clone(),
            meter: self.meter.clone(),
        }
    }

    /// Verifies one entity.
    ///
    /// # Errors
    /// Those of the lake; see [`crate::pg`].
    pub(super) async fn verify(&self, load_job: &LoadJob, depth: VerifyDepth) -> Result<VerifiedEntity> {
        let (began, job) = (Instant::now(), self.verify_job(load_job));
        let mut found = Mismatches::default();
        let listed = verify::compare_listing(&job, &mut found).await?;
        let staging = verify::count(&job, &mut found).await?;
        let few = staging.rewritten.as_deref().filter(|_| staging.rewritten_rows <= MAX_REWRITTEN);
        let reading = Instant::now();
        let mut documents = match depth.objects(few.unwrap_or_default()) {
            None => DocumentCounts::default(),
            Some(which) => {
                let bytes = if which == Reread::All { verify::cost(&job).await?.bytes } else { 0 };
                verify::compare_documents(&job, &which, bytes, &mut found).await?
            }
        };
        documents.unprovable += staging.unreadable_rows;
        let (reading, comparing) = (reading.elapsed(), Instant::now());
        found.extend(staging.mismatches(&job.entity.staging.table, &found));
        let core = self.core(load_job, depth.core()).await?;
        let core = without_consequences(core, &found);
        let unread_rows = if few.is_some() || depth == VerifyDepth::Deep { 0 } else { staging.rewritten_rows };
        let (entity, comparing) = (job.entity.name.clone(), comparing.elapsed());
        let elapsed = began.elapsed();
        Ok(VerifiedEntity {
            entity,
            depth,
            listed,
            staging,
            documents,
            reading,
            found,
            core,
            comparing,
            elapsed,
            unread_rows,
        })
    }

    async fn core(&self, load_job: &LoadJob, depth: CoreDepth) -> Result<compare::CoreMismatches> {
        compare::compare(&mut self.entity_job(load_job, Vec::new()), depth).await
    }
}
