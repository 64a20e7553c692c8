//! `--repair`: wrong rows are deleted, the objects that give the right ones are loaded again, and their
//! documents are transformed again. Then everything is verified again.

use std::collections::BTreeSet;
use std::time::Duration;

use parking_lot::Mutex;

use super::depth::VerifyDepth;
use super::verified::{Repaired, VerifiedEntity};
use super::work::VerifyWork;
use crate::commands::patterns::like;
use crate::error::Result;
use crate::ledger::objects::{self, Again, Selection};
use crate::load::{self, LoadJob, LoadPlan};
use crate::transform::{self, Mode, Refresh, Request};
use crate::verify::{self, MismatchKind};

/// Rounds of verification and repair: a row that was wrong may have hidden that another one is missing.
const ROUNDS: usize = 3;

/// An entity that was verified, repaired where that was necessary, and verified again.
pub(super) struct RepairedEntity {
    /// The first verification.
    pub first: VerifiedEntity,
    /// The last verification; `None` where nothing was repaired.
    pub last: Option<VerifiedEntity>,
    pub repaired: Repaired,
}

impl RepairedEntity {
    /// What is so at the end.
    pub(super) fn end(&self) -> &VerifiedEntity {
        self.last.as_ref().unwrap_or(&self.first)
    }
}

impl VerifyWork<'_> {
    /// Verifies an entity and repairs it until nothing is wrong, or nothing gets better.
    ///
    /// # Errors
    /// As [`VerifyWork::verify`], and those of a load and a transform.
    pub(super) async fn repair(&self, job: &LoadJob, mut depth: VerifyDepth) -> Result<RepairedEntity> {
        let mut first = self.verify(job, depth).await?;
        if depth != VerifyDepth::Deep && first.has_wrong_rows() {
            // Which rows, and which objects give the right ones, only a deep verification knows.
            depth = VerifyDepth::Deep;
            first = self.verify(job, depth).await?;
        }
        let (mut repaired, mut last) = (Repaired::default(), None);
        for _ in 0..ROUNDS {
            let before = last.as_ref().unwrap_or(&first);
            if before.wrong(&[]).is_empty() || !self.correct(job, before, &mut repaired).await? {
                break;
            }
            last = Some(self.verify(job, depth).await?);
        }
        Ok(RepairedEntity { first, last, repaired })
    }

    /// Repairs what was found. Returns whether anything was done.
    async fn correct(&self, job: &LoadJob, found: &VerifiedEntity, repaired: &mut Repaired) -> Result<bool> {
        let verify_job = self.verify_job(job);
        let wrong: Vec<_> = found.found.iter().collect();
        // The objects are planned before their rows are deleted: if this process is killed in between, the
        // next load finds them in the ledger.
        let newest = verify::newest_batch(&verify_job).await?;
        let again = self.plan_again(job, found).await?;
        let removed = verify::remove(&verify_job, &wrong, newest).await?;
        failpoint!("verify.after_remove");
        repaired.removed += removed;
        let objects = self.load_again(again).await? + self.load_replaced(job, found).await?;
        repaired.objects += objects;
        let keys = found.keys();
        if !keys.is_empty() {
            repaired.documents += keys.len() as u64;
            transform::run(self.entity_job(job, keys.clone()), &request(Mode::InPlace)).await?;
        }
        if objects > 0 && found.core.documents > 0 {
            // What was loaded again is pending until core has its batches: until then it is not compared.
            transform::run(self.entity_job(job, Vec::new()), &request(Mode::Incremental)).await?;
        }
        let is_settled = may_recount(found) && verify::recount(&verify_job, self.execution_id).await?;
        repaired.is_recounted |= is_settled;
        Ok(removed > 0 || objects > 0 || !keys.is_empty() || is_settled)
    }

    /// Plans the objects again that give rows which are missing or wrong.
    async fn plan_again(&self, job: &LoadJob, found: &VerifiedEntity) -> Result<Option<(LoadJob, LoadPlan)>> {
        let rows = found.of(&[MismatchKind::RowMissing, MismatchKind::RowAltered, MismatchKind::RowOutdated]);
        let paths: BTreeSet<&str> = rows.iter().filter_map(|m| Some(m.place.as_ref()?.path.as_str())).collect();
        if paths.is_empty() {
            return Ok(None);
        }
        let patterns: Vec<String> = paths.iter().map(|path| like(path)).collect();
        let (name, lake) = (&job.entity.name, job.selection.lake);
        let look_up = async || objects::named(&*job.pool.get().await?, name, lake, &patterns).await;
        let objects = job.pool.retry("looking up the objects", look_up).await?;
        let selection = Selection { lake, again: Again::Named, objects, ..Selection::default() };
        let planned = self.loading.jobs(&[&job.entity], self.execution_id, &selection, job.batch_size).pop();
        let Some(job) = planned else { return Ok(None) };
        let plan = load::discover(&job).await?;
        Ok(Some((job, plan)))
    }

    /// Loads what is planned. Returns how many objects.
    async fn load_again(&self, planned: Option<(LoadJob, LoadPlan)>) -> Result<u64> {
        match planned {
            None => Ok(0),
            Some((job, plan)) => self.load(vec![job], Some(plan)).await,
        }
    }

    /// Loads what the lake holds instead of what was loaded. Returns how many objects.
    async fn load_replaced(&self, job: &LoadJob, found: &VerifiedEntity) -> Result<u64> {
        match found.found.count(MismatchKind::ObjectReplaced) {
            0 => Ok(0),
            _ => {
                let selection = Selection { lake: job.selection.lake, ..Selection::default() };
                let jobs = self.loading.jobs(&[&job.entity], self.execution_id, &selection, job.batch_size);
                self.load(jobs, None).await
            }
        }
    }

    async fn load(&self, jobs: Vec<LoadJob>, plan: Option<LoadPlan>) -> Result<u64> {
        let planned = Mutex::new(plan);
        let load = async |job: &LoadJob| {
            let plan = planned.lock().take();
            let plan = match plan {
                Some(plan) => plan,
                None => load::discover(job).await?,
            };
            let mut loaded = load::load(job, plan, &self.meter).await;
            let failure = loaded.summary.failure.take();
            Ok((loaded.summary.objects, failure))
        };
        let (objects, mut failures) = self.loading.each(&jobs, load).await?;
        match failures.pop() {
            Some((_, error)) => Err(error),
            None => Ok(objects.into_iter().sum()),
        }
    }
}

/// Whether everything was compared and nothing but the counts is wrong.
fn may_recount(found: &VerifiedEntity) -> bool {
    let only_counts = found.found.counts().all(|(kind, _)| kind == MismatchKind::RowCount);
    found.depth == VerifyDepth::Deep && only_counts && found.documents.unprovable == 0 && !found.found.is_empty()
}

fn request(mode: Mode) -> Request {
    Request {
        mode: Some(mode),
        refresh: Refresh { year: None, max_shrink: 1.0, reader_wait: Duration::ZERO },
        follows_source: false,
        accepts_contract: true,
    }
}
