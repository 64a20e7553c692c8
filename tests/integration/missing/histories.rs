//! Random histories with deletes, loaded and transformed in random ways and orders, against a plain oracle.
//!
//! Each run is a snapshot of few keys, whole or not. Runs arrive in any order, are loaded again, and
//! transforms in any mode are broken off at any moment. `EVO_TEST_HISTORIES` and `EVO_TEST_SEED` as in
//! `histories.rs`.

use std::collections::{BTreeMap, BTreeSet};

use evo::transform::Mode;

use super::fixtures;
use crate::support::{Dice, History, Jobs, Object, object, with_room, write};

/// How documents of an entity look, and its rows.
#[derive(Clone, Copy)]
struct Shape {
    entity: &'static str,
    tables: &'static str,
    document: fn(u64, u64) -> String,
    /// The rows that a document gives.
    rows: fn(u64, u64) -> Vec<String>,
    /// Rows with their mark.
    sql: &'static str,
}

/// Integers, and children by an id.
const VISITS: Shape = Shape {
    entity: "visits",
    tables: "stg_evo.visits_raw, core.visits, core.visit_guests",
    document: |key, v| {
        let guests: Vec<String> = (0..v).map(|guest| format!(r#"{{"idGuest": {guest}, "name": "{v}"}}"#)).collect();
        format!(r#"{{"idVisit": {key}, "at": "2026-01-0{}T10:00:00", "guests": [{}]}}"#, v + 1, guests.join(", "))
    },
    rows: |key, v| {
        let mut rows = vec![format!("visit {key} {}", v + 1)];
        rows.extend((0..v).map(|guest| format!("guest {key} {guest} {v}")));
        rows
    },
    sql: "select concat_ws(' ', 'visit', visit_id, extract(day from at)::int, MARK) from core.visits
          union all select concat_ws(' ', 'guest', visit_id, guest_id, name, MARK) from core.visit_guests",
};

/// Texts, children, and a table of links.
const ITEMS: Shape = Shape {
    entity: "items",
    tables: "stg_evo.items_raw, core.items, core.item_tags, core.item_parts",
    document: |key, v| {
        let parts: Vec<String> = (0..v).map(|part| format!(r#"{{"id": {part}, "price": {v}}}"#)).collect();
        format!(r#"{{"code": "c,{key}", "v": {v}, "tags": ["t{v}", "t", "t"], "parts": [{}]}}"#, parts.join(", "))
    },
    rows: |key, v| {
        let mut rows = vec![format!("item c,{key} {v}"), format!("tag c,{key} t"), format!("tag c,{key} t{v}")];
        rows.extend((0..v).map(|part| format!("part c,{key} {part} {v}.00")));
        rows
    },
    sql: "select concat_ws(' ', 'item', item_id, v, MARK) from core.items
          union all select concat_ws(' ', 'tag', item_id, tag, MARK) from core.item_tags
          union all select concat_ws(' ', 'part', item_id, part_id, price, MARK) from core.item_parts",
};

/// Several fields together.
const SEATS: Shape = Shape {
    entity: "seats",
    tables: "stg_evo.seats_raw, core.seats",
    document: |key, v| format!(r#"{{"room": "{}", "seat": {}, "v": {v}}}"#, key % 3, key / 3),
    rows: |key, v| vec![format!("seat {} {} {v}", key % 3, key / 3)],
    sql: "select concat_ws(' ', 'seat', room, seat, v, MARK) from core.seats",
};

/// A uuid together with a time, in partitions: with another time it is another row.
const TICKETS: Shape = Shape {
    entity: "tickets",
    tables: "stg_evo.tickets_raw, core.tickets",
    document: |key, v| {
        let id = uuid::Uuid::from_u128(u128::from(key % 5));
        format!(r#"{{"id": "{id}", "sold": "202{}-05-05T10:00:00", "v": {v}}}"#, key / 5)
    },
    rows: |key, v| vec![format!("ticket {} 202{} {v}", uuid::Uuid::from_u128(u128::from(key % 5)), key / 5)],
    sql: "select concat_ws(' ', 'ticket', ticket_id, extract(year from sold_at), v, MARK) from core.tickets",
};

/// A run of the source.
#[derive(Debug)]
struct SourceRun {
    date: String,
    run: u64,
    is_whole: bool,
    /// Objects with lines; a line without a version is broken.
    objects: Vec<Vec<(u64, Option<u64>)>>,
}

impl SourceRun {
    fn random(dice: &mut Dice, run: u64, keys: u64) -> Self {
        let held: Vec<u64> = (1..=keys).filter(|_| !dice.one_in(3)).collect();
        let mut objects: Vec<Vec<(u64, Option<u64>)>> = (0..1 + dice.roll(3)).map(|_| Vec::new()).collect();
        for key in held {
            for _ in 0..1 + dice.roll(5) / 4 {
                let object = dice.index(objects.len());
                objects[object].push((key, Some(dice.roll(3))));
            }
        }
        if dice.one_in(6) {
            objects[0].push((0, None));
        }
        Self { date: format!("2026-01-{}", 10 + run / 2), run: 8 + run, is_whole: !dice.one_in(4), objects }
    }

    /// Whether it is known to hold everything.
    fn is_known(&self) -> bool {
        self.is_whole && self.objects.iter().flatten().all(|(_, version)| version.is_some())
    }

    fn reveal(&self, jobs: &Jobs, shape: Shape) {
        let run = self.run.to_string();
        let mut records = 0;
        for (i, lines) in self.objects.iter().enumerate() {
            let line =
                |(key, version): &(u64, Option<u64>)| version.map_or("{".to_owned(), |v| (shape.document)(*key, v));
            let lines: Vec<String> = lines.iter().map(line).collect();
            records += lines.len();
            let path = Object { date: &self.date, ..object(shape.entity, &run, &format!("part-{i}")) }.path();
            write(jobs.lake.path(), &path.replace(".gz", ""), lines.join("\n").as_bytes());
        }
        let errors = u8::from(!self.is_whole);
        let manifest =
            format!(r#"{{"total_records": {records}, "total_parts": {}, "errors": {errors}}}"#, self.objects.len());
        let folder = format!("bronze/evo/entity={}/ingestion_date={}/run_id={run}", shape.entity, self.date);
        write(jobs.lake.path(), &format!("{folder}/_manifest.json"), manifest.as_bytes());
    }
}

/// The rows of core: of each key the newest line, with a mark or none where no run from the newest whole one
/// on has it.
fn oracle(shape: Shape, shown: &[SourceRun], is_marked: bool) -> BTreeSet<String> {
    let newest_whole = shown.iter().filter(|run| run.is_known()).map(|run| run.run).max().unwrap_or(0);
    let mut lines: BTreeMap<u64, (u64, usize, usize, u64)> = BTreeMap::new();
    for run in shown {
        for (o, object) in run.objects.iter().enumerate() {
            for (n, (key, version)) in object.iter().enumerate() {
                if let Some(version) = version {
                    let line = (run.run, o, n, *version);
                    let newest = lines.entry(*key).or_insert(line);
                    *newest = line.max(*newest);
                }
            }
        }
    }
    let mut rows = BTreeSet::new();
    for (key, (run, _, _, version)) in lines {
        let is_missing = run < newest_whole;
        if is_marked || !is_missing {
            let mark = if is_marked { if is_missing { " t" } else { " f" } } else { "" };
            rows.extend((shape.rows)(key, version).into_iter().map(|row| row + mark));
        }
    }
    rows
}

struct Bench {
    jobs: Jobs,
    is_marked: bool,
}

impl Bench {
    fn new(shape: Shape, rule: &str) -> Self {
        Self { jobs: Jobs::new(shape.entity, |own| fixtures(own, rule)), is_marked: rule == "mark" }
    }

    fn rows(&self, shape: Shape) -> BTreeSet<String> {
        let mark = if self.is_marked { "_deleted_at is not null" } else { "null" };
        self.jobs.db.sql(&shape.sql.replace("MARK", mark)).into_iter().map(|row| row[0].clone()).collect()
    }
}

fn play(bench: &Bench, shape: Shape, seed: u64) {
    let mut dice = Dice(seed);
    let keys = 1 + dice.roll(9);
    let runs = (0..2 + dice.roll(5)).map(|run| SourceRun::random(&mut dice, run, keys)).collect();
    let history = History {
        jobs: &bench.jobs,
        reveal: &|run: &SourceRun| run.reveal(&bench.jobs, shape),
        found: &|| bench.rows(shape),
        oracle: &|shown| oracle(shape, shown, bench.is_marked),
        last: &[Mode::Incremental, Mode::FullRefresh],
    };
    history.play(&mut dice, format!("seed {seed}"), runs);
}

fn play_many(shape: Shape, rule: &'static str, offset: u64) {
    with_room(move || play_all(shape, rule, offset));
}

fn play_all(shape: Shape, rule: &str, offset: u64) {
    let number = |name: &str, default: u64| std::env::var(name).map_or(default, |n| n.parse().unwrap());
    let histories = number("EVO_TEST_HISTORIES", 10);
    let seed = number("EVO_TEST_SEED", 20_260_101) + offset * 1_000_000;
    let bench = Bench::new(shape, rule);
    let mut missing = 0;
    for n in 0..histories {
        bench.jobs.clear(shape.tables);
        play(&bench, shape, seed + n);
        let sql = "select coalesce(sum(missing_count), 0) from evo.followed_runs";
        missing += bench.jobs.db.one(sql).parse::<u64>().unwrap();
    }
    assert!(missing > 0, "histories without a missing row prove nothing");
}

#[test]
fn any_history_of_integers_and_children_marks_what_a_plain_oracle_would() {
    play_many(VISITS, "mark", 21);
}

#[test]
fn any_history_of_integers_and_children_deletes_what_a_plain_oracle_would() {
    play_many(VISITS, "delete", 22);
}

#[test]
fn any_history_of_texts_and_links_marks_what_a_plain_oracle_would() {
    play_many(ITEMS, "mark", 23);
}

#[test]
fn any_history_of_texts_and_links_deletes_what_a_plain_oracle_would() {
    play_many(ITEMS, "delete", 24);
}

#[test]
fn any_history_of_several_fields_as_a_key_marks_what_a_plain_oracle_would() {
    play_many(SEATS, "mark", 25);
}

#[test]
fn any_history_of_times_in_keys_deletes_and_marks_what_a_plain_oracle_would() {
    play_many(TICKETS, "delete", 26);
    play_many(TICKETS, "mark", 27);
}
