//! The state of an entity's objects after a load.

use super::job::LoadJob;
use super::summary::NotLoaded;
use crate::error::Result;
use crate::ledger::manifests::{self, Difference, Missing};
use crate::ledger::objects::{self, SetAside, StateCount};

/// How many set-aside objects are named.
const NAMED: i64 = 20;

/// The objects that a load leaves behind, counted in the ledger after its last batch.
#[derive(Debug, Clone, Default)]
pub struct Aftermath {
    /// How many objects are in which state; empty when the load failed before it could count them.
    pub standing: Vec<StateCount>,
    /// Objects of the selection that are set aside, by this load or an earlier one.
    pub set_aside: SetAside,
    /// Paths of objects that were listed and could not be found when they were read.
    pub vanished: Vec<String>,
    /// Runs whose manifest counts objects that vanished before they were loaded.
    pub missing: Vec<Missing>,
    /// Runs that hold another number of lines than their manifest says: of those that this load has worked
    /// on, and the newest one. A job that is started again because of its exit code has it still.
    pub differences: Vec<Difference>,
}

impl Aftermath {
    /// Objects in a state, in the selection or outside of it.
    pub fn count(&self, state: &str, is_selected: bool) -> u64 {
        let counted = self.standing.iter().filter(|s| s.state == state && s.is_selected == is_selected);
        counted.map(|s| s.objects.unsigned_abs()).sum()
    }
}

/// Asks the ledger what is left after a load of these `runs`, which could not load what is in `not_loaded`.
///
/// # Errors
/// See [`crate::pg`].
pub(super) async fn aftermath(job: &LoadJob, not_loaded: &NotLoaded, runs: &[String]) -> Result<Aftermath> {
    let (entity, pool, selection) = (job.entity.name.as_str(), &job.pool, &job.selection);
    let differences = job
        .retry("checking the manifests", async || manifests::differences(pool, entity, selection, runs).await)
        .await?;
    let set_aside = job
        .retry("counting what is set aside", async || objects::set_aside(pool, entity, selection, NAMED).await)
        .await?;
    let vanished = match not_loaded.gone_ids.as_slice() {
        [] => Vec::new(),
        ids => job.retry("looking for what vanished", async || objects::vanished(pool, ids).await).await?,
    };
    let standing = job
        .retry("counting the objects", async || objects::outlook(&*pool.get().await?, entity, selection).await)
        .await?;
    let missing =
        job.retry("checking the manifests", async || manifests::missing(pool, entity, selection).await).await?;
    Ok(Aftermath { standing, set_aside, vanished, missing, differences })
}
