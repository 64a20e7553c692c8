//! Discover and plan: what the lake holds that is not in, grouped into batches in the ledger.

use std::collections::BTreeSet;

use futures_util::TryStreamExt;

use super::Job;
use crate::bronze::{Object, Sample, Unreadable};
use crate::error::{Error, Kind, Result};
use crate::ledger::batches::{self, Grouping, OpenRun};
use crate::ledger::manifests;
use crate::ledger::objects::{self, Listed};
use crate::retry::retry;

/// What is to be loaded of one entity.
#[derive(Debug, Default)]
pub struct Plan {
    /// Data objects that the listing showed.
    pub listed: u64,
    /// Of them, never seen before.
    pub new: u64,
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

/// What the listing showed besides the objects, which are in the ledger.
#[derive(Debug, Default)]
struct Listing {
    listed: u64,
    new: u64,
    runs: BTreeSet<String>,
    manifests: Vec<Object>,
    others: Sample<String>,
    unreadable: Sample<Unreadable>,
}

impl Job {
    /// Lists the entity's prefix, records what is new in the ledger, and groups what waits into batches. With `is_trial`
    /// the batches are only counted.
    ///
    /// # Errors
    /// Of the lake and the server. That the lake holds no data object of the entity, or not the run that was asked for, is
    /// none: see [`Plan::absence`].
    pub async fn discover(&self, is_trial: bool) -> Result<Plan> {
        let listing = self.list().await?;
        failpoint!("load.after_list");
        let absence = self.check_selection(&listing).err();
        let Listing { listed, new, others, unreadable, manifests, .. } = listing;
        let mut plan = Plan { listed, new, others, unreadable, absence, ..Plan::default() };
        if plan.absence.is_some() {
            return Ok(plan);
        }
        self.judge_runs(manifests, &mut plan).await?;
        let grouping = Grouping {
            objects: self.batch_size.map(|n| i64::try_from(n).unwrap_or(i64::MAX)),
            left_alone: plan.left_alone.iter().map(|run| run.run_id.clone()).collect(),
        };
        plan.runs = retry(self.retry, &self.shutdown, "planning", |_| {
            batches::plan(&self.pool, &self.entity.name, &self.selection, &grouping, is_trial)
        })
        .await?;
        failpoint!("load.after_plan");
        Ok(plan)
    }

    /// Groups objects that are in and hold open rejects into batches, to be loaded again. The lake is not listed.
    ///
    /// # Errors
    /// As the server says.
    pub async fn plan_rejected(&self) -> Result<Plan> {
        let grouping = Grouping { objects: None, left_alone: Vec::new() };
        let runs = retry(self.retry, &self.shutdown, "planning", |_| {
            batches::plan(&self.pool, &self.entity.name, &self.selection, &grouping, false)
        })
        .await?;
        Ok(Plan { runs, ..Plan::default() })
    }

    /// How many objects of the entity are in which state.
    ///
    /// # Errors
    /// As the server says.
    pub async fn outlook(&self) -> Result<Vec<objects::Standing>> {
        objects::outlook(&self.pool, &self.entity.name, &self.selection).await
    }

    /// Lists page by page and records each page, so that a lake of millions of objects needs the memory of one page.
    async fn list(&self) -> Result<Listing> {
        let mut pages = self.lake.list_pages(&self.entity.bronze_prefix, &self.entity.input.suffixes);
        let mut listing = Listing::default();
        while let Some(page) = pages.try_next().await? {
            listing.listed += page.objects.len() as u64;
            listing.manifests.extend(page.manifests);
            listing.others.extend(page.others);
            listing.unreadable.extend(page.unreadable);
            let listed: Vec<Listed> = page.objects.into_iter().map(listed).collect();
            for object in &listed {
                if let Some(run) = object.run_id.as_ref().filter(|run| !listing.runs.contains(*run)) {
                    listing.runs.insert(run.clone());
                }
            }
            listing.new += retry(self.retry, &self.shutdown, "recording the listing", |_| {
                objects::record(&self.pool, &self.entity.name, &listed)
            })
            .await?;
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
        let Some(run) = self.selection.run_id.as_ref().filter(|run| !listing.runs.contains(*run)) else {
            return Ok(());
        };
        let newest: Vec<&str> = listing.runs.iter().rev().take(5).map(String::as_str).collect();
        Err(Error::new(Kind::SourceInvalid, format!("the lake has no run {run:?} of {}", entity.name))
            .detail(format!("newest runs: {}", newest.join(", ")))
            .hint("--run-id takes the whole id, exactly"))
    }

    /// Reads the manifests of runs with objects that wait, and leaves alone those runs that are not finished, unless one
    /// was asked for by its id.
    async fn judge_runs(&self, listed: Vec<Object>, plan: &mut Plan) -> Result<()> {
        self.read_manifests(listed, &mut plan.warnings).await?;
        let runs = retry(self.retry, &self.shutdown, "looking at the runs", |_| {
            manifests::waiting_runs(&self.pool, &self.entity.name, &self.selection)
        })
        .await?;
        for run in runs {
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

fn listed(object: Object) -> Listed {
    Listed {
        path: object.path,
        etag: object.etag,
        size_bytes: i64::try_from(object.size_bytes).unwrap_or(i64::MAX),
        run_id: object.place.run_id,
        ingestion_date: object.place.ingestion_date,
    }
}
