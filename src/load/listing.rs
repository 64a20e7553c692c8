//! A listing of an entity's prefix, page by page.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::job::LoadJob;
use crate::bronze::order::compare_runs;
use crate::bronze::{Object, Page, Sample, Unreadable};
use crate::entity::Entity;
use crate::error::{Error, Kind};
use crate::ledger::listing::{Listed, ListingCounts};

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

/// The facts that a listing showed besides the objects themselves, which are in the ledger.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Data objects.
    pub listed: u64,
    /// Their states in the ledger before the listing.
    pub seen: ListingCounts,
    pub manifests: Vec<Object>,
    /// Objects with endings that evo does not read.
    pub others: Sample<String>,
    /// Files and folders that could not be listed.
    pub unreadable: Sample<Unreadable>,
    runs: BTreeSet<ListedRun>,
    has_undated: bool,
}

impl Listing {
    /// Adds a page, and returns its objects for the ledger.
    pub(super) fn add(&mut self, page: Page) -> Vec<Listed> {
        self.manifests.extend(page.manifests);
        self.others.extend(page.others);
        self.unreadable.extend(page.unreadable);
        self.listed += page.objects.len() as u64;
        for meta in page.objects.iter().map(|object| &object.meta) {
            let Some(run_id) = meta.run_id.clone() else { continue };
            self.has_undated |= meta.ingestion_date.is_none();
            self.runs.insert(ListedRun { date: meta.ingestion_date, run_id });
        }
        page.objects.into_iter().map(listed).collect()
    }

    /// Whether an object that it does not show is not in the lake. It may lie in a folder that could not be
    /// read; and a lake without any object of the entity is more likely the wrong folder, or one that is not
    /// mounted, than an empty lake.
    pub(super) fn is_complete(&self) -> bool {
        self.unreadable.is_empty() && self.listed > 0
    }

    /// A warning about runs without a date beside runs with one: they all count as older, which may not be
    /// meant.
    pub(super) fn mixed_dates(&self) -> Option<String> {
        let has_dated = self.runs.last().is_some_and(|run| run.date.is_some());
        (self.has_undated && has_dated).then(|| {
            "some runs have no ingestion_date=YYYY-MM-DD in their paths, or none that is a date: they count as older \
             than all that have one"
                .to_owned()
        })
    }

    /// Why there is nothing to load, when the lake holds no object of the entity, or not the run that was
    /// asked for.
    pub(super) fn absence(&self, job: &LoadJob) -> Option<Error> {
        let entity = &job.entity;
        if self.listed == 0 {
            let message = format!("the lake {} holds no objects of {}", job.lake.shown(), entity.name);
            return Some(
                Error::new(Kind::SourceInvalid, message)
                    .detail(format!("looked for {} below {}/", entity.input.names(), entity.bronze_prefix))
                    .hint(how_objects_come(entity)),
            );
        }
        let run = job.selection.run_id.as_ref()?;
        if self.runs.iter().any(|listed| listed.run_id == *run) {
            return None;
        }
        let newest: Vec<&str> = self.runs.iter().rev().take(5).map(|run| run.run_id.as_str()).collect();
        Some(
            Error::new(Kind::SourceInvalid, format!("the lake has no run {run:?} of {}", entity.name))
                .detail(format!("newest runs: {}", newest.join(", ")))
                .hint("--run-id takes the whole id, exactly"),
        )
    }
}

/// How to get objects into a lake that has none of the entity. Invented ones are for a lake of their own.
fn how_objects_come(entity: &Entity) -> String {
    match entity.queries.is_empty() {
        true => "check --lake, and bronze_prefix in the entity's declaration".to_owned(),
        false => format!(
            "check --lake; `evo extract {}` fetches them from the API, and `evo generate` fills an empty lake with \
             invented ones",
            entity.name
        ),
    }
}

/// An object as the ledger keeps it.
fn listed(object: Object) -> Listed {
    Listed {
        path: object.path,
        etag: object.etag,
        size_bytes: i64::try_from(object.size_bytes).unwrap_or(i64::MAX),
        run_id: object.meta.run_id,
        ingestion_date: object.meta.ingestion_date,
    }
}
