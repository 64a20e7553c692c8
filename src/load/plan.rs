//! Discover and plan: what the lake holds that is not in, grouped into batches in the ledger.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use chrono::NaiveDate;
use futures_util::TryStreamExt;

use super::Job;
use super::merge::IDLE;
use super::notes::Notes;
use crate::bronze::order::compare_runs;
use crate::bronze::{Object, Sample, Unreadable};
use crate::error::{Error, Kind, Result};
use crate::ledger::batches::{Grouping, OpenRun};
use crate::ledger::objects::{Listed, Seen, Standing};

/// What an object of a container costs besides its bytes, until it is measured: a request's latency, shared by the objects that
/// are asked for at once.
const REMOTE_OBJECT_MS: f64 = 8.0;
/// The same of a folder.
const LOCAL_OBJECT_MS: f64 = 2.0;

/// What is to be loaded of one entity.
#[derive(Debug, Default)]
pub struct Plan {
    /// Data objects that the listing showed.
    pub listed: u64,
    /// What the ledger knew of them then.
    pub seen: Seen,
    /// How many objects are in which state, once everything is planned.
    pub standing: Vec<Standing>,
    /// What waits in batches, oldest run first; also what other executions have planned or begun.
    pub runs: Vec<OpenRun>,
    /// Runs that are not loaded because they are not finished.
    pub left_alone: Vec<LeftAlone>,
    /// What an operator should know of the runs.
    pub warnings: Vec<String>,
    /// Objects with endings that evo does not read.
    pub others: Sample<String>,
    /// What could not be listed.
    pub unreadable: Sample<Unreadable>,
    /// Why there is nothing at all to load, when the lake holds nothing of what was asked for.
    pub absence: Option<Error>,
}

/// A run that is not loaded unless it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftAlone {
    /// The run.
    pub run_id: String,
    /// Its objects so far.
    pub objects: u64,
    /// Why.
    pub reason: String,
}

impl Plan {
    /// Objects in batches.
    pub fn objects(&self) -> u64 {
        self.runs.iter().map(|run| run.objects).sum()
    }

    /// Compressed bytes in batches.
    pub fn bytes(&self) -> u64 {
        self.runs.iter().map(|run| run.bytes).sum()
    }

    /// Batches.
    pub fn batches(&self) -> u64 {
        self.runs.iter().map(|run| run.batches).sum()
    }
}

/// A run as the listing shows it, in the order of runs.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ListedRun {
    date: Option<NaiveDate>,
    run_id: String,
}

impl Ord for ListedRun {
    fn cmp(&self, other: &Self) -> Ordering {
        compare_runs((self.date, &self.run_id), (other.date, &other.run_id))
    }
}

impl PartialOrd for ListedRun {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// What the listing showed besides the objects, which are in the ledger.
#[derive(Debug, Default)]
struct Listing {
    listed: u64,
    seen: Seen,
    runs: BTreeSet<ListedRun>,
    has_undated: bool,
    manifests: Vec<Object>,
    others: Sample<String>,
    unreadable: Sample<Unreadable>,
}

impl Listing {
    /// Takes in a page; what goes into the ledger comes back.
    fn take(&mut self, objects: Vec<Object>) -> Vec<Listed> {
        self.listed += objects.len() as u64;
        for place in objects.iter().map(|object| &object.meta) {
            let Some(run_id) = place.run_id.clone() else { continue };
            self.has_undated |= place.ingestion_date.is_none();
            self.runs.insert(ListedRun { date: place.ingestion_date, run_id });
        }
        objects.into_iter().map(listed).collect()
    }

    /// Runs without a date beside runs with one: all of them count as older, which may not be meant.
    fn mixed_dates(&self) -> Option<String> {
        let has_dated = self.runs.last().is_some_and(|run| run.date.is_some());
        (self.has_undated && has_dated).then(|| {
            "some runs have no ingestion_date=… in their paths: they count as older than all that have one".to_owned()
        })
    }
}

impl Job {
    /// Lists the entity's prefix, records what is new in the ledger, and groups what waits into batches. With `is_trial`
    /// nothing of it stays.
    ///
    /// # Errors
    /// Of the lake and the server. That the lake holds no data object of the entity, or not the run that was asked for, is
    /// none: see [`Plan::absence`].
    pub async fn discover(&self, is_trial: bool) -> Result<Plan> {
        if !is_trial {
            return self.discover_into(&Notes::Kept(self)).await;
        }
        let mut connection = self.pool.get().await?;
        let tx = connection.begin().await?;
        // A load that lists the same objects waits for this transaction to end: a trial that stalls must not keep it.
        tx.batch(IDLE).await?;
        let plan = self.discover_into(&Notes::Trial(self, &tx)).await?;
        tx.rollback().await?;
        Ok(plan)
    }

    async fn discover_into(&self, notes: &Notes<'_>) -> Result<Plan> {
        let listing = self.list(notes).await?;
        failpoint!("load.after_list");
        let absence = self.check_selection(&listing).err();
        let mixed = listing.mixed_dates();
        let Listing { listed, seen, others, unreadable, manifests, .. } = listing;
        let mut plan = Plan { listed, seen, others, unreadable, absence, ..Plan::default() };
        if plan.absence.is_some() {
            return Ok(plan);
        }
        plan.warnings.extend(mixed);
        self.judge_runs(notes, manifests, &mut plan).await?;
        plan.runs = notes.plan(&self.grouping(&plan.left_alone)).await?;
        plan.standing = notes.outlook().await?;
        failpoint!("load.after_plan");
        Ok(plan)
    }

    fn grouping(&self, left_alone: &[LeftAlone]) -> Grouping {
        Grouping {
            objects: self.batch_size.map(|n| i64::try_from(n).unwrap_or(i64::MAX)),
            left_alone: left_alone.iter().map(|run| run.run_id.clone()).collect(),
            workers: i32::try_from(self.workers.max(1)).unwrap_or(i32::MAX),
            object_ms: if self.lake.is_remote() { REMOTE_OBJECT_MS } else { LOCAL_OBJECT_MS },
        }
    }

    /// Groups objects that are in and hold open rejects into batches, to be loaded again. The lake is not listed.
    ///
    /// # Errors
    /// As the server says.
    pub async fn plan_rejected(&self) -> Result<Plan> {
        let runs = Notes::Kept(self).plan(&self.grouping(&[])).await?;
        Ok(Plan { runs, ..Plan::default() })
    }

    /// How many objects of the entity are in which state now.
    ///
    /// # Errors
    /// As the server says.
    pub async fn outlook(&self) -> Result<Vec<Standing>> {
        Notes::Kept(self).outlook().await
    }

    /// Lists page by page and records each page, so that a lake of millions of objects needs the memory of one page.
    async fn list(&self, notes: &Notes<'_>) -> Result<Listing> {
        let began = notes.now().await?;
        let mut pages = self.lake.list_pages(&self.entity.bronze_prefix, &self.entity.input.suffixes);
        let mut listing = Listing::default();
        while let Some(page) = pages.try_next().await? {
            listing.manifests.extend(page.manifests);
            listing.others.extend(page.others);
            listing.unreadable.extend(page.unreadable);
            let listed = listing.take(page.objects);
            failpoint!("load.after_page");
            listing.seen.add(notes.record(&listed, began).await?);
        }
        // What lies in a folder that could not be read may be there all the same.
        if listing.unreadable.is_empty() {
            notes.settle(began).await?;
        }
        Ok(listing)
    }

    fn check_selection(&self, listing: &Listing) -> Result<()> {
        let entity = &self.entity;
        if listing.listed == 0 {
            let message = format!("the lake {} holds no objects of {}", self.lake.shown(), entity.name);
            return Err(Error::new(Kind::SourceInvalid, message)
                .detail(format!("looked for {} below {}/", entity.input.names(), entity.bronze_prefix))
                .hint("check --lake, or write some with `evo generate`"));
        }
        let is_there = |run: &&String| listing.runs.iter().any(|listed| listed.run_id == **run);
        let Some(run) = self.selection.run_id.as_ref().filter(|run| !is_there(run)) else { return Ok(()) };
        let newest: Vec<&str> = listing.runs.iter().rev().take(5).map(|run| run.run_id.as_str()).collect();
        Err(Error::new(Kind::SourceInvalid, format!("the lake has no run {run:?} of {}", entity.name))
            .detail(format!("newest runs: {}", newest.join(", ")))
            .hint("--run-id takes the whole id, exactly"))
    }

    /// Reads the manifests of runs with objects that wait, and leaves alone those runs that are not finished, unless one
    /// was asked for by its id.
    async fn judge_runs(&self, notes: &Notes<'_>, listed: Vec<Object>, plan: &mut Plan) -> Result<()> {
        self.read_manifests(notes, listed, &mut plan.warnings).await?;
        for run in notes.waiting_runs().await? {
            if let Some(n) = run.manifest.as_ref().and_then(|m| m.errors).filter(|n| *n > 0) {
                plan.warnings.push(format!(
                    "run {}: its manifest counts {n} window(s) that could not be extracted; extract the run again",
                    run.run_id
                ));
            }
            if let Some(reason) = super::manifest::unfinished(&run) {
                match self.selection.run_id {
                    Some(_) => plan.warnings.push(format!("run {}: {reason}; loaded as asked", run.run_id)),
                    None => plan.left_alone.push(LeftAlone {
                        run_id: run.run_id,
                        objects: run.objects.unsigned_abs(),
                        reason,
                    }),
                }
            }
        }
        Ok(())
    }
}

/// What the ledger keeps of an object.
pub(super) fn listed(object: Object) -> Listed {
    Listed {
        path: object.path,
        etag: object.etag,
        size_bytes: i64::try_from(object.size_bytes).unwrap_or(i64::MAX),
        run_id: object.meta.run_id,
        ingestion_date: object.meta.ingestion_date,
    }
}
