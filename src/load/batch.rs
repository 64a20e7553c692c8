//! One batch, from its claim to its commit.
//!
//! | an attempt ends with | then |
//! |---|---|
//! | committed | done |
//! | an error that time heals | pause, raise the fence (or learn that the attempt had committed), try again |
//! | an object that cannot be decoded | the object is quarantined, the others go on |
//! | an object that the lake does not hand out, while it hands out others | it leaves the batch and stays pending |
//! | an object replaced or deleted since it was listed | it leaves the batch; the next listing knows the new one |
//! | a key that was expected to be new and is not | again, staged and merged |
//! | a document that only the server refuses | again, the server validating each document by itself |
//! | the server out of memory | half of the objects become a batch of their own |
//! | the server out of memory for a single object | pauses as the retry policy says, then quarantined |
//! | a row that the staging table refuses | again, each document by itself: its line is rejected |
//! | too many such rows, or another value that the server refuses | halved, until one object is left: quarantined |
//! | eight such objects in turn, and no row accepted between them | the claim is released, the load ends |
//! | the claim lost to another execution | nothing: the other one loads it |
//! | anything else | the claim is released, the load ends |

use std::time::Duration;

use super::attempt::{self, BatchAttempts};
use super::job::LoadJob;
use super::left_out;
use super::outcome::LoadedBatch;
use super::shorten::shorten;
use super::summary::NotLoaded;
use super::under_way::Load;
use crate::error::{Disposition, Error, Kind, Result};
use crate::ids::ObjectId;
use crate::ledger::batches::{self, Claimed};
use crate::ledger::objects::{self, Pending, Removal};
use crate::meter::{Counted, tally};
use crate::retry::retry;

/// Objects refused one after the other after which the staging table refuses everything.
const MAX_REFUSED: u32 = 8;

/// Loads a batch, whatever it takes. Returns `None` when nothing of it is left to load, or another execution
/// has it.
///
/// # Errors
/// An error that remains after retries, and after taking objects out of the batch. The claim is released
/// then.
pub(super) async fn load(
    load: &Load<'_>,
    mut claimed: Claimed,
    not_loaded: &mut NotLoaded,
) -> Result<Option<LoadedBatch>> {
    let job = load.job;
    let batch_id = claimed.batch_id;
    let _held = job.claims.working_on(batch_id);
    if let Err(error) = shorten(load, &mut claimed).await {
        // The batch is only longer than it should be; if the claim was lost, the fence will say so.
        tracing::debug!(batch = %batch_id, reason = error.message(), "the batch could not be cut");
    }
    let memory_pauses = Box::new(job.retry.pauses());
    let mut batch = Batch { load, job, attempts: BatchAttempts::new(claimed), not_loaded, memory_pauses };
    while let Some(what) = batch.name() {
        let attempts = &mut batch.attempts;
        let tried = retry(job.retry, &job.shutdown, &what, async |_| attempt::run(load, attempts).await).await;
        let resolved = match tried {
            Ok(loaded) => {
                load.forecast.learn(&batch.attempts.claimed.run_id, &loaded.counts);
                load.pace.learn(&loaded);
                load.accept(&loaded.counts);
                return Ok(Some(loaded));
            }
            Err(error) => batch.resolve(error).await,
        };
        match resolved {
            Ok(()) => {}
            Err(error) if error.kind() == Kind::AlreadyRunning => {
                tracing::warn!(batch = %batch_id, "this execution was stalled, another one has the batch now");
                return Ok(None);
            }
            Err(error) => {
                job.claims.release(&job.pool, batch_id).await;
                // A retry loop that ended has named it already.
                return Err(if error.message().starts_with(&what) { error } else { error.context(what) });
            }
        }
    }
    batches::drop_empty(&job.pool, batch_id, batch.attempts.claimed.fence).await?;
    Ok(None)
}

/// A batch from which objects are taken that make it fail.
struct Batch<'a> {
    load: &'a Load<'a>,
    job: &'a LoadJob,
    attempts: BatchAttempts,
    not_loaded: &'a mut NotLoaded,
    /// The pauses that are left before an object counts as too much for the server's memory.
    memory_pauses: Box<dyn Iterator<Item = Duration>>,
}

impl Batch<'_> {
    /// How messages name the batch; `None` when it has no objects left.
    fn name(&self) -> Option<String> {
        let Claimed { batch_id, objects, .. } = &self.attempts.claimed;
        let (first, last) = (&objects.first()?.path, &objects.last()?.path);
        let range = if objects.len() == 1 { first.clone() } else { format!("{first} … {last}") };
        Some(format!("{} batch {batch_id} ({range})", self.job.entity.name))
    }

    /// Takes the objects that made the batch fail out of it, so that the rest can go on.
    ///
    /// # Errors
    /// `error` itself when there is no such way; see [`crate::pg`].
    async fn resolve(&mut self, error: Error) -> Result<()> {
        let objects = &self.attempts.claimed.objects;
        let object = self.attempts.failed_object.filter(|index| *index < objects.len());
        let (is_single, are_rows_refused) = (objects.len() == 1, self.attempts.are_rows_refused);
        let disposition = match (error.kind().disposition(), object) {
            (Disposition::Quarantine, Some(index)) if was_overwritten(self.job, &objects[index]).await => {
                Disposition::ListAgain
            }
            (disposition, _) => disposition,
        };
        match (disposition, object) {
            (Disposition::Quarantine, Some(index)) => self.quarantine(index, error.message()).await,
            (Disposition::ListAgain, Some(index)) => self.let_go(index, &error).await,
            (Disposition::ListAgain, None) => self.reread().await,
            (_, Some(index)) if left_out::may_concern_one_object(&error) => {
                left_out::leave_out(self.job, error, index, (&mut self.attempts.claimed, self.not_loaded)).await
            }
            (Disposition::Shrink | Disposition::RejectRow, _) if !is_single => self.halve(&error).await,
            (_, None) if are_rows_refused && !is_single => self.halve(&error).await,
            (Disposition::Shrink, _) => self.wait_for_memory(&error).await,
            (Disposition::RejectRow, _) => self.refuse(error).await,
            (_, None) if are_rows_refused => self.refuse(error).await,
            _ => Err(error),
        }
    }

    /// Sets the only object of a batch aside, because the server refuses its rows.
    ///
    /// # Errors
    /// `error` when it has refused every row of the objects before, too.
    async fn refuse(&mut self, error: Error) -> Result<()> {
        self.quarantine(0, error.message()).await?;
        if self.load.refuse_object() < MAX_REFUSED {
            return Ok(());
        }
        let entity = &self.job.entity.name;
        Err(error.context(format!("{MAX_REFUSED} objects one after the other are refused")).hint(format!(
            "they are set aside; change what refuses their rows, then: evo objects retry {entity}, evo load {entity}"
        )))
    }

    async fn quarantine(&mut self, index: usize, reason: &str) -> Result<()> {
        let object = self.attempts.claimed.objects.remove(index);
        objects::remove(&self.job.pool, object.object_id, Removal::Quarantined(reason)).await?;
        tracing::error!(object = object.path, reason, "object quarantined; the others go on");
        tally().count(&self.job.entity.name, &[(Counted::SetAside, 1)]);
        self.not_loaded.quarantined.push((object.path, reason.to_owned()));
        Ok(())
    }

    /// Removes an object that was replaced or deleted; the lake is listed again at the end of the load.
    async fn let_go(&mut self, index: usize, error: &Error) -> Result<()> {
        let object = self.attempts.claimed.objects.remove(index);
        objects::remove(&self.job.pool, object.object_id, Removal::Gone).await?;
        tracing::warn!(object = object.path, reason = error.message(), "object left out; the lake is listed again");
        self.not_loaded.gone += 1;
        self.not_loaded.gone_ids.push(object.object_id);
        Ok(())
    }

    /// Reads the objects of the batch again: another listing has found one of them replaced, and the ledger
    /// knows which.
    async fn reread(&mut self) -> Result<()> {
        let connection = self.job.pool.get().await?;
        let claimed = &mut self.attempts.claimed;
        claimed.objects = batches::objects_of(&connection, claimed.batch_id).await?;
        self.not_loaded.gone += 1;
        Ok(())
    }

    /// Moves the second half of the objects to a batch of their own, which anybody may claim.
    async fn halve(&mut self, error: &Error) -> Result<()> {
        let claimed = &mut self.attempts.claimed;
        let rest = claimed.objects.split_off(claimed.objects.len() / 2);
        let ids: Vec<ObjectId> = rest.iter().map(|o| o.object_id).collect();
        batches::split(&self.job.pool, claimed.batch_id, claimed.fence, &ids).await?;
        self.job.limit.give_back(ids.len());
        let why = match error.kind().disposition() {
            Disposition::Shrink => "the server is out of memory: continuing with half of the batch",
            _ => "the server refuses a row: continuing with half of the batch to find the object",
        };
        tracing::warn!(batch = %claimed.batch_id, reason = error.message(), "{why}");
        Ok(())
    }

    /// Waits before the only object of a batch is tried again: something else may be using the memory. After
    /// the last pause the object is quarantined.
    async fn wait_for_memory(&mut self, error: &Error) -> Result<()> {
        let Some(pause) = self.memory_pauses.next() else {
            let code = error.sqlstate().map_or(String::new(), |code| format!(" (SQLSTATE {code})"));
            let reason = format!("the server does not have enough memory to load it: {}{code}", error.message());
            return self.quarantine(0, &reason).await;
        };
        let wait_ms = pause.as_millis() as u64;
        tracing::warn!(reason = error.message(), wait_ms, "the server is out of memory for one object: trying again");
        self.job.shutdown.pause(pause).await
    }
}

/// Whether an object that looks broken was overwritten while it was read. Only a local file can be: a
/// container answers each request with the listed version or not at all.
async fn was_overwritten(job: &LoadJob, object: &Pending) -> bool {
    let is_changed = |error: Error| error.kind() == Kind::SourceChanged;
    !job.lake.is_remote() && job.lake.read(&object.path, &object.etag).await.err().is_some_and(is_changed)
}
