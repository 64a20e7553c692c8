//! Random versions, loaded and transformed in random ways and orders, against a plain oracle.
//!
//! Each run brings versions of few documents: new, late and repeated ones, and other contents at a time that
//! is known. Runs arrive in any order, are loaded again, and transforms in any mode are broken off at any
//! moment. `EVO_TEST_HISTORIES` and `EVO_TEST_SEED` as in `histories.rs`.

use std::collections::{BTreeMap, BTreeSet};

use evo::transform::Mode;

use super::fixtures;
use crate::support::{Dice, History, Jobs, Object, object, with_room, write};

/// What a version says.
#[derive(Debug, Clone, PartialEq)]
struct Content {
    name: u64,
    /// Not read by any history.
    noise: u64,
    /// Ids and prices.
    parts: Vec<(u64, u64)>,
    tags: Vec<&'static str>,
}

impl Content {
    fn random(dice: &mut Dice) -> Self {
        let mut parts: Vec<(u64, u64)> = Vec::new();
        for id in 1..=2 {
            if !dice.one_in(3) {
                parts.push((id, dice.roll(2)));
            }
        }
        let tags = ["x", "y"].into_iter().filter(|_| dice.one_in(2)).collect();
        Self { name: dice.roll(2), noise: dice.roll(9), parts, tags }
    }
}

/// A time and what the document said then.
type Version = (u64, Content);

/// Object and line of a run, which comes first.
type Place = (u64, usize, usize);

/// A line: key, time, content; without a time it is rejected.
type Line = (u64, Option<u64>, Content);

#[derive(Debug)]
struct SourceRun {
    date: String,
    run: u64,
    objects: Vec<Vec<Line>>,
}

/// How documents of an entity look, and its rows.
#[derive(Clone, Copy)]
struct Shape {
    entity: &'static str,
    tables: &'static str,
    document: fn(&Line, bool) -> String,
    /// The rows of one document, given its versions in order.
    rows: fn(u64, &[Version]) -> Vec<String>,
    sql: &'static str,
}

fn time(n: u64) -> String {
    format!("2026-03-0{}T10:00:00", n + 1)
}

/// Rows that go on from version to version: since when, until when, and what they show. Of each version all that
/// it shows; what two versions in a row show goes on.
fn spans(versions: &[Version], shows: impl Fn(&Content) -> Vec<String>) -> Vec<String> {
    let mut rows = Vec::new();
    let mut open: BTreeMap<String, u64> = BTreeMap::new();
    let day = |n: u64| format!("{}", n + 1);
    for (n, content) in versions {
        let now: BTreeSet<String> = shows(content).into_iter().collect();
        let ended: Vec<String> = open.keys().filter(|shown| !now.contains(*shown)).cloned().collect();
        for shown in ended {
            rows.push(format!("{shown} {} {}", day(open[&shown]), day(*n)));
            open.remove(&shown);
        }
        for shown in now {
            open.entry(shown).or_insert(*n);
        }
    }
    rows.extend(open.into_iter().map(|(shown, since)| format!("{shown} {} -", day(since))));
    rows
}

const PLANS: Shape = Shape {
    entity: "plans",
    tables: "stg_evo.plans_raw, core.plans, core.plan_parts, core.plans_history, core.plan_parts_history,
             core.plan_tags_history",
    document: |(key, at, content), is_made| {
        let times = match at {
            None => r#""changed": null"#.to_owned(),
            Some(n) if is_made => format!(r#""changed": null, "made": "{}""#, time(*n)),
            Some(n) => format!(r#""changed": "{}", "made": "2020-01-01T00:00:00""#, time(*n)),
        };
        let Content { name, noise, parts, tags } = content;
        let parts: Vec<String> = parts.iter().map(|(id, price)| format!(r#"{{"id": {id}, "price": {price}}}"#)).collect();
        let parts = parts.join(", ");
        format!(r#"{{"plan": "p,{key}", {times}, "name": "{name}", "noise": {noise}, "parts": [{parts}], "tags": {tags:?}}}"#)
    },
    rows: |key, versions| {
        let Some((newest, last)) = versions.last() else { return Vec::new() };
        let mut rows = vec![format!("plan p,{key} {} {} {}", last.name, newest + 1, last.noise)];
        rows.extend(last.parts.iter().map(|(id, price)| format!("part p,{key} {id} {price}.00")));
        rows.extend(spans(versions, |c| vec![format!("plans p,{key} {}", c.name)]));
        let parts = |c: &Content| c.parts.iter().map(|(id, p)| format!("parts p,{key} {id} {p}.00")).collect();
        rows.extend(spans(versions, parts));
        rows.extend(spans(versions, |c| c.tags.iter().map(|tag| format!("tags p,{key} {tag}")).collect()));
        rows
    },
    sql: "select concat_ws(' ', 'plan', plan_code, name, DAY(at), seen_in) from core.plans
          union all select concat_ws(' ', 'part', plan_code, part_id, price) from core.plan_parts
          union all select concat_ws(' ', 'plans', plan_code, name, DAY(valid_from), DAY(valid_to)) from core.plans_history
          union all select concat_ws(' ', 'parts', plan_code, part_id, price, DAY(valid_from), DAY(valid_to))
          from core.plan_parts_history
          union all select concat_ws(' ', 'tags', plan_code, tag, DAY(valid_from), DAY(valid_to))
          from core.plan_tags_history",
};

const RATES: Shape = Shape {
    entity: "rates",
    tables: "stg_evo.rates_raw, core.rates",
    document: |(key, at, content), _| {
        let at = at.map_or("null".to_owned(), |n| format!("\"{}Z\"", time(n)));
        let Content { name, noise, tags, .. } = content;
        format!(r#"{{"id": {key}, "changed": {at}, "rate": "{name}.5", "noise": {noise}, "note": {tags:?}}}"#)
    },
    rows: |key, versions| spans(versions, |c| vec![format!("rate {key} {}.50 {}", c.name, c.tags.concat())]),
    sql: "select concat_ws(' ', 'rate', rate_id, rate, translate(note::text, '[]\", ', ''), DAY(since), DAY(valid_to))
          from core.rates",
};

impl SourceRun {
    fn random(dice: &mut Dice, run: u64, keys: u64) -> Self {
        let mut objects: Vec<Vec<Line>> = (0..1 + dice.roll(3)).map(|_| Vec::new()).collect();
        for _ in 0..1 + dice.roll(2 * keys + 3) {
            let object = dice.index(objects.len());
            let at = (!dice.one_in(15)).then(|| dice.roll(6));
            let line = (1 + dice.roll(keys), at, Content::random(dice));
            objects[object].push(line);
        }
        Self { date: format!("2026-04-{}", 10 + run / 2), run: 8 + run, objects }
    }

    fn reveal(&self, jobs: &Jobs, shape: Shape) {
        for (i, lines) in self.objects.iter().enumerate() {
            let lines: Vec<String> =
                lines.iter().enumerate().map(|(n, line)| (shape.document)(line, (n + i) % 3 == 0)).collect();
            let run = self.run.to_string();
            let path = Object { date: &self.date, ..object(shape.entity, &run, &format!("part-{i}")) }.path();
            write(jobs.lake.path(), &path.replace(".gz", ""), lines.join("\n").as_bytes());
        }
    }
}

/// The rows of core: of each key and time the newest line is a version, and versions follow each other in time.
fn oracle(shape: Shape, shown: &[SourceRun]) -> BTreeSet<String> {
    let mut lines: BTreeMap<u64, BTreeMap<u64, (Place, &Content)>> = BTreeMap::new();
    for run in shown {
        for (o, object) in run.objects.iter().enumerate() {
            for (n, (key, at, content)) in object.iter().enumerate() {
                let Some(at) = at else { continue };
                let place = (run.run, o, n);
                let newest = lines.entry(*key).or_default().entry(*at).or_insert((place, content));
                if place >= newest.0 {
                    *newest = (place, content);
                }
            }
        }
    }
    let rows = lines.into_iter().flat_map(|(key, versions)| {
        let versions: Vec<Version> = versions.into_iter().map(|(at, (_, content))| (at, content.clone())).collect();
        (shape.rows)(key, &versions)
    });
    rows.collect()
}

fn found(jobs: &Jobs, shape: Shape) -> BTreeSet<String> {
    let sql = shape.sql.replace("DAY(", "pg_temp.day(");
    jobs.db
        .sql(&format!(
            "create or replace function pg_temp.day(at timestamptz) returns text language sql as
             $$ select coalesce(extract(day from at at time zone 'America/Sao_Paulo')::int::text, '-') $$; {sql}"
        ))
        .into_iter()
        .map(|row| row[0].clone())
        .collect()
}

fn play(jobs: &Jobs, shape: Shape, seed: u64) -> usize {
    let mut dice = Dice(seed);
    let keys = 1 + dice.roll(4);
    let runs = (0..2 + dice.roll(5)).map(|run| SourceRun::random(&mut dice, run, keys)).collect();
    let history = History {
        jobs,
        reveal: &|run: &SourceRun| run.reveal(jobs, shape),
        found: &|| found(jobs, shape),
        oracle: &|shown| oracle(shape, shown),
        last: &[Mode::Incremental, Mode::FullRefresh, Mode::InPlace],
    };
    let shown = history.play(&mut dice, format!("seed {seed}"), runs);
    let versions: usize = shown.iter().flat_map(|run| &run.objects).flatten().filter(|line| line.1.is_some()).count();
    versions.saturating_sub(oracle(shape, &shown).len())
}

fn play_many(shape: Shape, offset: u64) {
    let number = |name: &str, default: u64| std::env::var(name).map_or(default, |n| n.parse().unwrap());
    let histories = number("EVO_TEST_HISTORIES", 10);
    let seed = number("EVO_TEST_SEED", 20_260_301) + offset * 1_000_000;
    let jobs = Jobs::new(shape.entity, fixtures);
    let mut folded = 0;
    for n in 0..histories {
        jobs.clear(shape.tables);
        folded += play(&jobs, shape, seed + n);
    }
    assert!(folded > 0 || shape.entity == "plans", "histories in which every line is a row prove little");
}

#[test]
fn any_versions_of_documents_with_children_become_the_histories_that_a_plain_oracle_makes() {
    with_room(|| play_many(PLANS, 31));
}

#[test]
fn any_versions_of_documents_whose_parent_is_a_history_become_what_a_plain_oracle_makes() {
    with_room(|| play_many(RATES, 32));
}
