//! Cuts a batch that would take too long: what a process has not committed when it dies is done again.
//!
//! Batches are planned by what earlier loads have measured. A first load has nothing to go by, and a server
//! may be slower than it was.

use super::under_way::Load;
use crate::error::Result;
use crate::ids::ObjectId;
use crate::ledger::batches::{self, Claimed};

/// Moves the objects of a batch that would make it too long to a batch of their own, unless the user has said
/// how many objects a batch has.
///
/// # Errors
/// See [`batches::split`].
pub(super) async fn shorten(load: &Load<'_>, claimed: &mut Claimed) -> Result<()> {
    let keep = load.pace.fitting(&claimed.objects);
    if load.job.batch_size.is_some() || keep >= claimed.objects.len() {
        return Ok(());
    }
    let ids: Vec<ObjectId> = claimed.objects[keep..].iter().map(|object| object.object_id).collect();
    batches::split(&load.job.pool, claimed.batch_id, claimed.fence, &ids).await?;
    tracing::debug!(batch = %claimed.batch_id, keep, moved = ids.len(), "the batch would take too long: cut");
    load.job.limit.give_back(ids.len());
    claimed.objects.truncate(keep);
    Ok(())
}
