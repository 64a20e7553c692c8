//! Discovers what the lake holds that is not loaded, and plans it: listing → ledger → batches.

use chrono::{DateTime, Utc};
use futures_util::{Stream, TryStreamExt};

use super::job::LoadJob;
use super::listing::Listing;
use super::manifest;
use super::notes::{Notes, Previewed, Recorded};
use super::plan::{LeftAlone, LoadPlan};
use crate::bronze::Page;
use crate::counted::counted;
use crate::error::Result;
use crate::ledger::batches::{self, Grouping};
use crate::ledger::definitions;
use crate::ledger::listing::{Listed, ListingCounts};
use crate::ledger::objects::Again;
use crate::span::WorkSpan;
use crate::sql::{fill, qualified};

/// Objects of a listing that the ledger is asked about at a time, in whole pages.
const ASK_OBJECTS: usize = 50_000;

/// Milliseconds that an object of a container takes besides those for its bytes, until that is measured: the
/// latency of a request, shared by parallel requests.
const REMOTE_OBJECT_MS: f64 = 8.0;
/// The same for a local file.
const LOCAL_OBJECT_MS: f64 = 2.0;

/// Lists the entity's prefix, records what is new in the ledger, and groups what waits into batches.
///
/// That the lake holds no object of the entity, or not the run that was asked for, is not an error: see
/// [`LoadPlan::absence`].
///
/// # Errors
/// `SourceUnavailable`, `AccessDenied` or `SourceInvalid` when the lake cannot be listed; `Config` when the
/// key is declared otherwise than that of the rows in staging; see [`crate::pg`].
pub async fn discover(job: &LoadJob) -> Result<LoadPlan> {
    require_same_keys(job, false).await?;
    match job.selection.again {
        Again::Named => plan_chosen(job).await,
        _ => WorkSpan::begin("discover", &job.entity.name).run(discover_into(job, Recorded(job))).await,
    }
}

/// Makes sure that a load of the objects that the selection names writes every row that came from them: their
/// content hashes are forgotten, so that a row counts as unchanged only once it is written again.
///
/// # Errors
/// See [`crate::pg`].
pub async fn doubt(job: &LoadJob) -> Result<u64> {
    let sql = fill(sql_file!("load/doubt.sql"), &[("target", &qualified(&job.entity.staging.table))]);
    job.retry("forgetting content hashes", async || {
        let connection = job.pool.get().await?;
        let batches = batches::of_objects(&*connection, &job.selection.objects).await?;
        let sql_of_paths = sql_file!("ledger/paths_of_objects.sql");
        let rows = connection.query(sql_of_paths, &[&job.selection.objects]).await?;
        let paths: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        connection.execute(&sql, &[&batches, &paths]).await
    })
    .await
}

/// The plan that [`discover`] would make, found out by reading alone: `select` on the ledger is enough, and
/// any server will do, also a standby. Needs memory for each object that the ledger does not know, some
/// hundred bytes.
///
/// # Errors
/// As [`discover`]; nothing is repeated.
pub async fn preview(job: &LoadJob) -> Result<LoadPlan> {
    require_same_keys(job, true).await?;
    discover_into(job, Previewed::new(job)).await
}

async fn require_same_keys(job: &LoadJob, is_trial: bool) -> Result<()> {
    let check = async || definitions::require_same_keys(&*job.pool.get().await?, &job.entity, is_trial).await;
    job.retry("checking the key", check).await
}

/// Groups objects into batches to load them again: those with open rejects, or those that are named. The lake
/// is not listed.
///
/// # Errors
/// See [`crate::pg`].
pub(super) async fn plan_chosen(job: &LoadJob) -> Result<LoadPlan> {
    let runs = Recorded(job).plan(&grouping(job, &[])).await?;
    Ok(LoadPlan { runs, ..LoadPlan::default() })
}

async fn discover_into(job: &LoadJob, mut notes: impl Notes) -> Result<LoadPlan> {
    let listing = list(job, &mut notes).await?;
    failpoint!("load.after_list");
    let absence = listing.absence(job);
    let mixed_dates = listing.mixed_dates();
    let Listing { listed, seen, others, unreadable, manifests, .. } = listing;
    let mut plan = LoadPlan { listed, seen, others, unreadable, absence, ..LoadPlan::default() };
    if plan.absence.is_some() {
        return Ok(plan);
    }
    plan.warnings.extend(mixed_dates);
    plan.warnings.extend(manifest::read_all(job, &mut notes, manifests).await?);
    leave_unfinished_alone(job, &notes, &mut plan).await?;
    plan.runs = notes.plan(&grouping(job, &plan.left_alone)).await?;
    plan.standing = notes.outlook().await?;
    failpoint!("load.after_plan");
    Ok(plan)
}

/// Lists and records some pages at a time, so that a lake of millions of objects needs the memory of a few
/// pages.
async fn list(job: &LoadJob, notes: &mut impl Notes) -> Result<Listing> {
    let began = notes.now().await?;
    let mut pages = job.lake.list_pages(&job.entity.bronze_prefix, &job.entity.input.suffixes);
    let mut listing = Listing::default();
    let mut following = next_pages(&mut pages).await?;
    while !following.is_empty() {
        let listed = following.into_iter().map(|page| listing.add(page)).collect();
        failpoint!("load.after_page");
        // The lake lists the next pages while the ledger looks at these.
        let (states, next) = tokio::try_join!(record(notes, listed, began), next_pages(&mut pages))?;
        listing.seen.add(states);
        following = next;
    }
    if listing.is_complete() {
        notes.settle(began).await?;
    }
    Ok(listing)
}

/// The next pages with [`ASK_OBJECTS`] in all; fewer at the end, and none after it.
async fn next_pages(pages: &mut (impl Stream<Item = Result<Page>> + Unpin)) -> Result<Vec<Page>> {
    let (mut next, mut objects) = (Vec::new(), 0);
    while objects < ASK_OBJECTS {
        let Some(page) = pages.try_next().await? else { break };
        objects += page.objects.len();
        next.push(page);
    }
    Ok(next)
}

/// Records pages: at once when the ledger knows all that they show, else page by page.
async fn record(notes: &mut impl Notes, pages: Vec<Vec<Listed>>, began: DateTime<Utc>) -> Result<ListingCounts> {
    if let Some(known) = notes.all_known(&pages).await? {
        return Ok(known);
    }
    let mut seen = ListingCounts::default();
    for page in &pages {
        seen.add(notes.record(page, began).await?);
    }
    Ok(seen)
}

/// Leaves runs alone that are not finished, unless one was asked for by its id.
async fn leave_unfinished_alone(job: &LoadJob, notes: &impl Notes, plan: &mut LoadPlan) -> Result<()> {
    for run in notes.waiting_runs().await? {
        if let Some(n) = run.manifest.as_ref().and_then(|m| m.errors).filter(|n| *n > 0) {
            plan.warnings.push(format!(
                "run {}: its manifest counts {} that could not be extracted; extract the run again",
                run.run_id,
                counted(n.unsigned_abs(), "window", "windows")
            ));
        }
        let Some(reason) = manifest::unfinished(&run) else { continue };
        match job.selection.run_id {
            Some(_) => plan.warnings.push(format!("run {}: {reason}; loaded as asked", run.run_id)),
            None => {
                let (objects, pending) = (run.objects.unsigned_abs(), run.pending.unsigned_abs());
                plan.left_alone.push(LeftAlone { run_id: run.run_id, objects, pending, reason });
            }
        }
    }
    Ok(())
}

fn grouping(job: &LoadJob, left_alone: &[LeftAlone]) -> Grouping {
    Grouping {
        objects: job.batch_size.map(|n| i64::try_from(n).unwrap_or(i64::MAX)),
        left_alone: left_alone.iter().map(|run| run.run_id.clone()).collect(),
        workers: i32::try_from(job.workers.max(1)).unwrap_or(i32::MAX),
        object_ms: if job.lake.is_remote() { REMOTE_OBJECT_MS } else { LOCAL_OBJECT_MS },
    }
}
