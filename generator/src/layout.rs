//! Where things lie in the lake: runs, windows and parts, named as the extractors of the API name them.

use std::ops::Range;

use chrono::{Days, Months, NaiveDate};

use crate::clock::Moment;
use crate::entity::Entity;
use crate::plan::Plan;
use crate::world::World;

/// A stretch of time that one request loop of the extractor asks for.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    pub(crate) start: NaiveDate,
    pub(crate) end: NaiveDate,
    /// The `ingestion_date` on which it is extracted.
    pub(crate) extracted: NaiveDate,
    /// The beginning of its objects' names.
    prefix: String,
    /// Indexes of the records in it.
    pub(crate) records: Range<u64>,
}

/// One object: those of `records` that its run holds.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) entity: Entity,
    pub(crate) run: u64,
    /// Index of the window among those of the run.
    pub(crate) window: usize,
    pub(crate) records: Range<u64>,
    /// The records of the whole window.
    pub(crate) window_records: Range<u64>,
    /// Path below the lake's root.
    pub(crate) path: String,
}

/// One extraction of an entity.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) entity: Entity,
    /// Number of the run, from 0.
    pub(crate) number: u64,
    pub(crate) run_id: String,
    pub(crate) windows: Vec<Window>,
    pub(crate) parts: Vec<Part>,
}

/// The day of a run, from 0.
fn day(plan: &Plan, run: u64) -> NaiveDate {
    plan.first_run + Days::new(run)
}

/// `20260110T013212Z`: the entities of a day start one after another; with `split_midnight` shortly before
/// midnight.
fn run_id(plan: &Plan, entity: Entity, run: u64) -> String {
    let time = match (plan.split_midnight, entity) {
        (false, Entity::Members) => "013212",
        (false, Entity::Sales) => "020501",
        (false, Entity::Entries) => "030000",
        (false, Entity::Prospects) => "043707",
        (true, Entity::Members) => "233212",
        (true, Entity::Sales) => "233501",
        (true, Entity::Entries) => "234000",
        (true, Entity::Prospects) => "234707",
    };
    format!("{}T{time}Z", day(plan, run).format("%Y%m%d"))
}

/// The windows from the first to the last day of the data as of `run`: three months of members, one of sales,
/// seven days of entries, and everything in one window of prospects.
fn windows(world: &World, entity: Entity, run: u64) -> Vec<Window> {
    let plan = &world.plan;
    let last = plan.end_date + Days::new(run);
    let next = |start: NaiveDate| match entity {
        Entity::Members => start.checked_add_months(Months::new(3)).unwrap_or(NaiveDate::MAX),
        Entity::Sales => start.checked_add_months(Months::new(1)).unwrap_or(NaiveDate::MAX),
        Entity::Entries => start + Days::new(7),
        Entity::Prospects => last + Days::new(1),
    };
    let mut starts = vec![plan.start_date];
    while let Some(start) = starts.last().map(|start| next(*start)).filter(|start| *start <= last) {
        starts.push(start);
    }
    let count = starts.len();
    let mut first = 0;
    let window = |(n, start): (usize, NaiveDate)| {
        let end = (next(start) - Days::new(1)).min(last);
        let after = world.first_at(entity, run, Moment::midnight_of(end + Days::new(1)));
        let records = first..after;
        first = after;
        let prefix = match entity {
            Entity::Members | Entity::Sales => start.format("%Y-%m").to_string(),
            Entity::Entries => start.to_string(),
            Entity::Prospects => "prospects".into(),
        };
        let late = plan.split_midnight && 2 * (n + 1) > count.max(2);
        Window { start, end, extracted: day(plan, run) + Days::new(u64::from(late)), prefix, records }
    };
    starts.into_iter().enumerate().map(window).collect()
}

/// Plans the windows and objects of one extraction.
pub(crate) fn run(world: &World, entity: Entity, number: u64) -> Run {
    let windows = windows(world, entity, number);
    let run_id = run_id(&world.plan, entity, number);
    let mut parts = Vec::new();
    for (n, window) in windows.iter().enumerate() {
        for (part, records) in (1..).zip(ranges(world, entity, number, &window.records)) {
            let folder = folder(entity, window.extracted, &run_id);
            let path = format!("{folder}/{}_part-{part:05}.jsonl.gz", window.prefix);
            parts.push(Part { entity, run: number, window: n, records, window_records: window.records.clone(), path });
        }
    }
    // Prospects have one window: its second half of objects is the one that comes after midnight.
    if world.plan.split_midnight && entity == Entity::Prospects {
        let (before, half) = (day(&world.plan, number), parts.len().div_ceil(2));
        for part in &mut parts[half..] {
            let after = (before + Days::new(1)).to_string();
            part.path = part.path.replace(&format!("ingestion_date={before}"), &format!("ingestion_date={after}"));
        }
    }
    Run { entity, number, run_id, windows, parts }
}

/// The folder of one run on one day, below the lake.
pub(crate) fn folder(entity: Entity, extracted: NaiveDate, run_id: &str) -> String {
    format!("bronze/evo/entity={entity}/ingestion_date={extracted}/run_id={run_id}")
}

/// Whether `run` holds the record at `index`.
pub(crate) fn holds(world: &World, entity: Entity, run: u64, index: u64) -> bool {
    run == 0
        || !world.plan.only_changed
        || world.born(entity, index) == run
        || world.version(entity, index, run) == run + 1
}

/// Cuts a window into stretches of which each but the last holds as many records as a full object.
fn ranges(world: &World, entity: Entity, run: u64, window: &Range<u64>) -> Vec<Range<u64>> {
    let full = world.plan.part_records.unwrap_or(entity.part_records());
    let mut ranges = Vec::new();
    let (mut first, mut held) = (window.start, 0);
    if run == 0 || !world.plan.only_changed {
        let starts = (window.start..window.end).step_by(usize::try_from(full).unwrap_or(usize::MAX));
        return starts.map(|first| first..(first.saturating_add(full)).min(window.end)).collect();
    }
    for index in window.clone() {
        held += u64::from(holds(world, entity, run, index));
        if held == full {
            ranges.push(first..index + 1);
            (first, held) = (index + 1, 0);
        }
    }
    if held > 0 {
        ranges.push(first..window.end);
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::share::Portion;

    fn world(change: impl Fn(&mut Plan)) -> World {
        let mut plan = Plan { runs: 2, new: Portion::percent(1), ..Plan::default() };
        change(&mut plan);
        World::new(&plan)
    }

    fn dates(path: &str) -> &str {
        path.split('/').nth(3).unwrap()
    }

    #[test]
    fn objects_are_named_as_the_extractor_names_them() {
        let world = world(|_| {});
        let first = |entity| run(&world, entity, 0).parts[0].path.clone();
        let folder = "bronze/evo/entity=members/ingestion_date=2026-01-10/run_id=20260110T013212Z";
        assert_eq!(first(Entity::Members), format!("{folder}/2023-01_part-00001.jsonl.gz"));
        assert!(first(Entity::Sales).ends_with("/run_id=20260110T020501Z/2023-01_part-00001.jsonl.gz"));
        assert!(first(Entity::Entries).ends_with("/run_id=20260110T030000Z/2023-01-01_part-00001.jsonl.gz"));
        assert!(first(Entity::Prospects).ends_with("/run_id=20260110T043707Z/prospects_part-00001.jsonl.gz"));
        let later = run(&world, Entity::Members, 1);
        let last = &later.parts[later.parts.len() - 1].path;
        assert!(last.ends_with("ingestion_date=2026-01-11/run_id=20260111T013212Z/2026-01_part-00001.jsonl.gz"));
    }

    #[test]
    fn parts_hold_every_record_once_and_restart_in_every_window() {
        let world = world(|plan| plan.part_records = Some(100));
        for entity in Entity::ALL {
            let run = run(&world, entity, 1);
            let mut next = 0;
            for part in &run.parts {
                assert_eq!(part.records.start, next);
                next = part.records.end;
                let window = &run.windows[part.window];
                assert!(part.records.end - part.records.start == 100 || part.records.end == window.records.end);
                let restarts = part.records.start == window.records.start;
                assert_eq!(part.path.ends_with("part-00001.jsonl.gz"), restarts, "{}", part.path);
            }
            assert_eq!(next, world.plan.total(entity, 1));
        }
        assert_eq!(run(&world, Entity::Members, 0).windows.len(), 12);
        assert_eq!(run(&world, Entity::Sales, 0).windows.len(), 36);
        assert_eq!(run(&world, Entity::Entries, 0).windows.len(), 157);
    }

    #[test]
    fn an_incremental_run_holds_full_parts_of_what_changed() {
        let world = world(|plan| {
            plan.only_changed = true;
            plan.part_records = Some(10);
            plan.records.set(Entity::Prospects, 5_000);
        });
        let run = run(&world, Entity::Prospects, 1);
        let held = |part: &Part| part.records.clone().filter(|i| holds(&world, Entity::Prospects, 1, *i)).count();
        let counts: Vec<usize> = run.parts.iter().map(held).collect();
        assert!(counts[..counts.len() - 1].iter().all(|count| *count == 10), "{counts:?}");
        assert_eq!(counts.iter().sum::<usize>(), 100 + 50);
    }

    #[test]
    fn a_run_over_midnight_lies_under_two_dates_with_one_run_id() {
        let world = world(|plan| {
            plan.split_midnight = true;
            plan.part_records = Some(100);
        });
        for entity in Entity::ALL {
            let run = run(&world, entity, 0);
            let split: Vec<&str> = run.parts.iter().map(|part| dates(&part.path)).collect();
            assert!(split.is_sorted(), "what comes later lies under the later date");
            assert_eq!((split[0], split[split.len() - 1]), ("ingestion_date=2026-01-10", "ingestion_date=2026-01-11"));
            assert!(run.parts.iter().all(|part| part.path.contains(&format!("/run_id={}/", run.run_id))));
        }
    }
}
