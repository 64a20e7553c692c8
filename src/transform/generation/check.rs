//! Guards and checks: what stands between a complete generation and its swap.

use super::build::Build;
use super::foreign_keys::{self, ForeignKey};
use super::guard;
use super::index::Indexed;
use crate::error::Result;
use crate::meter::Unit;
use crate::pg::Connection;
use crate::transform::checking::check_generation;
use crate::transform::checks::{Finding, Leaf};
use crate::transform::job::EntityJob;
use crate::transform::unknown_fields::UnknownFields;

/// A generation that may serve.
pub(super) struct Checked {
    pub indexed: Indexed,
    /// Foreign keys that reference core.
    pub keys: Vec<ForeignKey>,
    /// The findings of the checks; none of them stops a swap.
    pub findings: Vec<Finding>,
    /// Fields that the documents did not have before. A failure to look for them stops nothing.
    pub unknown_fields: Result<UnknownFields>,
}

impl Indexed {
    /// Runs all guards and checks on the new tables.
    ///
    /// # Errors
    /// `CheckFailed` when one of them does not let the generation through; otherwise see [`crate::pg`].
    pub(super) async fn check(self, job: &EntityJob, connection: &mut Connection, max_shrink: f64) -> Result<Checked> {
        guard::require_all_documents(&job.entity, &self.filled)?;
        guard::refuse_shrinking(&self, max_shrink)?;
        let keys = foreign_keys::read(connection, &job.entity).await?;
        let builds = &self.filled.plan.builds;
        guard::require_references(connection, builds, &keys).await?;
        let _phase = job.phase("checking", 0, Unit::Nothing);
        let checks = check_generation(job, builds.iter().map(leaf).collect());
        let unknown_fields = UnknownFields::of_all(job, self.filled.documents);
        let (findings, unknown_fields) = futures_util::future::join(checks, unknown_fields).await;
        Ok(Checked { findings: findings?, indexed: self, keys, unknown_fields })
    }
}

fn leaf(build: &Build) -> Leaf {
    Leaf { table: build.table.clone(), new: build.new.clone(), replaces: build.old.name.clone() }
}
