//! Which records a request selects, and their documents.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use parking_lot::Mutex;

use super::api::{Endpoint, Filter};
use super::query::Query;
use crate::clock::Moment;
use crate::doc::Doc;
use crate::entity::Entity;
use crate::part;
use crate::plan::Plan;
use crate::world::{Record, World};

/// The world, and what the faults have taken out of it.
#[derive(Debug)]
pub(super) struct Data {
    world: World,
    removed: Mutex<HashMap<Entity, BTreeSet<u64>>>,
    by_field: Mutex<HashMap<FieldOf, Arc<Dated>>>,
}

/// A field of an entity's documents, as a run sees them.
type FieldOf = (Entity, u64, &'static str);

/// Dates in documents, sorted, each with the index of its record.
type Dated = Vec<(String, u64)>;

/// The records that a request selects, in the order of their indexes.
#[derive(Debug)]
enum Selected {
    /// All indexes in this range.
    Range(Range<u64>),
    /// Exactly these indexes.
    List(Vec<u64>),
}

/// A page cut out of what a request selects.
#[derive(Debug)]
pub(super) struct Cut {
    /// The run whose records are seen.
    pub run: u64,
    /// Indexes of its records.
    pub indexes: Vec<u64>,
}

impl Data {
    pub(super) fn new(plan: &Plan) -> Self {
        Self { world: World::new(plan), removed: Mutex::default(), by_field: Mutex::default() }
    }

    /// The run that a clock sees: the first one before its day is over.
    fn run(&self, now: DateTime<Utc>) -> u64 {
        let days = (now.date_naive() - self.world.plan.first_run).num_days();
        (days.max(0) as u64).min(self.world.plan.runs - 1)
    }

    /// The first record that the query selects disappears.
    pub(super) fn remove(&self, endpoint: &Endpoint, query: &Query<'_>, now: DateTime<Utc>) -> Result<(), String> {
        let first = self.page(endpoint, query, now, (0, 1))?.indexes.first().copied();
        self.removed.lock().entry(endpoint.entity).or_default().extend(first);
        Ok(())
    }

    /// The oldest record that disappeared is there again.
    pub(super) fn insert(&self, endpoint: &Endpoint) {
        self.removed.lock().entry(endpoint.entity).or_default().pop_first();
    }

    /// The records from `skip` on, at most `take` of those that the query selects.
    pub(super) fn page(
        &self,
        endpoint: &Endpoint,
        query: &Query<'_>,
        now: DateTime<Utc>,
        (skip, take): (u64, u64),
    ) -> Result<Cut, String> {
        let run = self.run(now);
        let removed = self.removed.lock().get(&endpoint.entity).cloned().unwrap_or_default();
        let is_there = |index: &u64| !removed.contains(index);
        let (skip, take) = (usize::try_from(skip).unwrap_or(usize::MAX), usize::try_from(take).unwrap_or(usize::MAX));
        let indexes = match self.select(endpoint, query, run)? {
            Selected::Range(range) if removed.range(range.clone()).next().is_none() => {
                let first = range.start.saturating_add(skip as u64).min(range.end);
                (first..range.end).take(take).collect()
            }
            Selected::Range(range) => range.filter(is_there).skip(skip).take(take).collect(),
            Selected::List(list) => list.into_iter().filter(is_there).skip(skip).take(take).collect(),
        };
        Ok(Cut { run, indexes })
    }

    fn select(&self, endpoint: &Endpoint, query: &Query<'_>, run: u64) -> Result<Selected, String> {
        let entity = endpoint.entity;
        let mut range = 0..self.world.plan.total(entity, run);
        if let Some((first, last)) = query.window(endpoint.window)? {
            range.start = self.world.first_at(entity, run, first);
            range.end = self.world.first_at(entity, run, last.plus(1)).max(range.start);
        }
        let mut chosen: Option<BTreeSet<u64>> = None;
        for filter in endpoint.filters {
            let Some((first, last)) = query.window((filter.from, filter.to))? else { continue };
            let found = self.dated(entity, run, filter, (first, last));
            chosen = Some(match chosen {
                None => found,
                Some(before) => before.intersection(&found).copied().collect(),
            });
        }
        Ok(match chosen {
            None => Selected::Range(range),
            Some(chosen) => Selected::List(chosen.range(range).copied().collect()),
        })
    }

    /// The records whose document has a date in a field between two moments.
    fn dated(&self, entity: Entity, run: u64, filter: &Filter, (first, last): (Moment, Moment)) -> BTreeSet<u64> {
        let known = self.by_field.lock().get(&(entity, run, filter.field)).cloned();
        let dated = known.unwrap_or_else(|| {
            let read = Arc::new(self.read_dates(entity, run, filter.field));
            self.by_field.lock().insert((entity, run, filter.field), Arc::clone(&read));
            read
        });
        let (first, last) = (text(first), text(last));
        let from = dated.partition_point(|(date, _)| *date < first);
        dated[from..].iter().take_while(|(date, _)| *date <= last).map(|(_, index)| *index).collect()
    }

    fn read_dates(&self, entity: Entity, run: u64, field: &str) -> Dated {
        let label = format!("\"{field}\": \"");
        let mut dated = Dated::new();
        for index in 0..self.world.plan.total(entity, run) {
            let document = self.document(entity, run, index);
            let text = String::from_utf8_lossy(&document);
            dated.extend(text.split(&label).skip(1).filter_map(|rest| Some((rest.get(..19)?.to_owned(), index))));
        }
        dated.sort();
        dated
    }

    /// The document of a record as a run sees it.
    pub(super) fn document(&self, entity: Entity, run: u64, index: u64) -> Vec<u8> {
        let mut doc = Doc::default();
        self.append(&mut doc, entity, run, index);
        doc.out
    }

    /// Appends that document.
    pub(super) fn append(&self, doc: &mut Doc, entity: Entity, run: u64, index: u64) {
        doc.misfit = part::misfit(&self.world, entity, index);
        let version = self.world.version(entity, index, run);
        part::document(&self.world, doc, Record { entity, index, version });
    }
}

fn text(moment: Moment) -> String {
    // Beyond the calendar of four digits nothing is compared.
    let moment = Moment(moment.0.clamp(-62_135_596_800, 253_402_300_799));
    let mut out = Vec::new();
    moment.append_to(&mut out);
    String::from_utf8(out).unwrap_or_default()
}
