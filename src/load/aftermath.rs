//! What is still to be said of an entity's objects when a load has done what it could.

use super::{Aside, Job};
use crate::error::Result;
use crate::ledger::manifests::Missing;
use crate::ledger::objects::{self, SetAside, Standing};
use crate::retry::retry;

/// How many objects are named.
const NAMED: i64 = 20;

/// What a load leaves: all of it counted in the ledger after its last batch.
#[derive(Debug, Clone, Default)]
pub struct Aftermath {
    /// How many objects are in which state.
    pub standing: Vec<Standing>,
    /// Objects of the selection that are set aside, by this load or an earlier one.
    pub set_aside: SetAside,
    /// Objects that were listed, and were not there any more when they were read.
    pub vanished: Vec<String>,
    /// Runs whose manifest counts objects that vanished before they were loaded.
    pub missing: Vec<Missing>,
}

impl Aftermath {
    /// Objects in a state, in the selection or outside of it.
    pub fn count(&self, state: &str, is_selected: bool) -> u64 {
        let counted = self.standing.iter().filter(|s| s.state == state && s.is_selected == is_selected);
        counted.map(|s| s.objects.unsigned_abs()).sum()
    }
}

impl Job {
    /// Asks the ledger what is left, after a load that put `aside` what it could not load.
    ///
    /// # Errors
    /// As the server says.
    pub async fn aftermath(&self, aside: &Aside) -> Result<Aftermath> {
        let (entity, pool) = (self.entity.name.as_str(), &self.pool);
        let set_aside = retry(self.retry, &self.shutdown, "counting what is set aside", |_| {
            objects::set_aside(pool, entity, &self.selection, NAMED)
        });
        let set_aside = set_aside.await?;
        let vanished = match aside.gone_ids.as_slice() {
            [] => Vec::new(),
            ids => {
                retry(self.retry, &self.shutdown, "looking for what vanished", |_| objects::vanished(pool, ids)).await?
            }
        };
        Ok(Aftermath { standing: self.outlook().await?, set_aside, vanished, missing: self.missing().await? })
    }
}
