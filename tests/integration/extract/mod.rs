//! `evo extract` against the imitation of the vendor's API.

mod azure;
mod declared;
mod faults;
mod interrupted;
mod mistyped;
mod other_api;
mod pace;
mod protected;
mod rolling;
mod shared;
mod verified;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::{Api, Evo, Run};

const RECORDS: [&str; 2] = ["--records", "members=300,sales=900,entries=2500,prospects=60"];
/// A world with many pages, and several objects, in its only window of sales.
const DEEP: [&str; 4] = ["--records", "members=40,sales=11000,entries=40,prospects=10", "--start-date", "2025-12-01"];
/// All days of the world.
const ALL_DAYS: [&str; 4] = ["--from", "2023-01-01", "--to", "2025-12-31"];

/// An API, and evo with its address.
struct World {
    evo: Evo,
    api: Api,
}

impl World {
    fn new() -> Self {
        Self::with(&["--limit", "none"], "none")
    }

    /// With further flags of the API, and the limit that evo knows.
    fn with(flags: &[&str], limit: &str) -> Self {
        Self::of(&RECORDS, flags, limit)
    }

    /// With this many records.
    fn of(records: &[&str], flags: &[&str], limit: &str) -> Self {
        let evo = Evo::new();
        let api = Api::serve(evo.dir.path(), &[records, flags].concat());
        let settings = format!("[source.evo]\nurl = \"{}\"\nlimit = \"{limit}\"\n", api.url);
        std::fs::write(evo.dir.path().join("evo.toml"), settings).unwrap();
        Self { evo, api }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.evo.command(args);
        command.env("EVO_USERNAME", "gym").env("EVO_PASSWORD", "secret");
        command
    }

    fn run(&self, args: &[&str]) -> Run {
        self.command(&[args, &["--output", "json"]].concat()).output().unwrap().into()
    }

    /// Extracts all days of an entity.
    fn extract(&self, entity: &str) -> Run {
        self.run(&[&["extract", entity][..], &ALL_DAYS].concat())
    }

    /// The lines of all objects of an entity in the lake, sorted, each once.
    fn lines(&self, entity: &str) -> Vec<String> {
        let mut lines: Vec<String> = self.objects(entity).into_values().flat_map(|text| lines_of(&text)).collect();
        lines.sort();
        lines.dedup();
        lines
    }

    /// The objects of an entity: path below its prefix, text.
    fn objects(&self, entity: &str) -> BTreeMap<String, String> {
        objects(&self.evo.lake().join(format!("bronze/evo/entity={entity}")))
    }

    fn manifest(&self, entity: &str) -> Value {
        let files = files(&self.evo.lake().join(format!("bronze/evo/entity={entity}")));
        let found: Vec<&PathBuf> = files.iter().filter(|path| path.ends_with("_manifest.json")).collect();
        serde_json::from_slice(&std::fs::read(found.last().unwrap()).unwrap()).unwrap()
    }
}

fn lines_of(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .collect();
    files.sort();
    files
}

fn objects(folder: &Path) -> BTreeMap<String, String> {
    let read = |path: &PathBuf| {
        let mut text = String::new();
        flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
        text
    };
    let data = files(folder).into_iter().filter(|path| path.to_str().unwrap().ends_with(".jsonl.gz"));
    // The run's id is of the second at which it began.
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    data.map(|path| (name(&path), read(&path))).collect()
}

/// The lines that `evo generate` writes of the same world.
fn generated(entity: &str) -> Vec<String> {
    generated_of(&RECORDS, entity)
}

/// The same of a world with other records.
fn generated_of(records: &[&str], entity: &str) -> Vec<String> {
    let evo = Evo::new();
    evo.run(&[&["generate", entity][..], records].concat()).exits(0);
    let mut lines: Vec<String> = objects(&evo.lake().join(format!("bronze/evo/entity={entity}")))
        .into_values()
        .flat_map(|t| lines_of(&t))
        .collect();
    lines.sort();
    lines
}

#[test]
fn the_lake_holds_every_document_of_the_world_byte_for_byte_and_so_does_staging() {
    let world = World::new();
    world.run(&[&["extract", "all"][..], &ALL_DAYS].concat()).exits(0);
    for entity in ["members", "sales", "entries", "prospects"] {
        assert_eq!(world.lines(entity), generated(entity), "{entity}");
        let manifest = world.manifest(entity);
        let lines: usize = world.objects(entity).values().map(|text| lines_of(text).len()).sum();
        assert_eq!(manifest["total_records"], lines, "{entity}");
        assert_eq!(manifest["total_parts"], world.objects(entity).len(), "{entity}");
        assert_eq!(manifest["errors"], 0);
    }
    let loaded = world.run(&["load", "all"]).exits(0).json();
    assert_eq!(loaded["entities"].as_array().unwrap().len(), 4);
    // The same world, written to a lake without an API.
    let direct = Evo::new();
    direct.run(&[&["generate", "all"][..], &RECORDS].concat()).exits(0);
    direct.run(&["load", "all"]).exits(0);
    for (table, key, count) in [
        ("members", "member_id", 300),
        ("sales", "sale_id", 900),
        ("entries", "entry_id", 2_500),
        ("prospects", "prospect_id", 60),
    ] {
        let rows = format!("select {key}, raw_data, _content_hash from stg_evo.{table}_raw order by 1");
        let (staged, expected) = (world.evo.db.sql(&rows), direct.db.sql(&rows));
        assert_eq!(staged.len(), count, "{table}");
        assert!(staged == expected, "{table}: documents and hashes are those of the world");
    }
    world.run(&["transform", "all"]).exits(0);
    assert_eq!(world.evo.db.one("select count(*) from core.evo_members"), "300");
}

#[test]
fn names_of_objects_and_fields_of_the_manifest_are_those_that_readers_know() {
    let world = World::new();
    let summary = world.extract("entries").exits(0).json();
    let run = summary["entities"][0]["run_id"].as_str().unwrap();
    assert!(run.len() == 16 && run.ends_with('Z'), "{run}");
    let names: Vec<String> = world.objects("entries").into_keys().collect();
    assert!(names.iter().all(|name| name.ends_with("_part-00001.jsonl.gz") && name.starts_with("20")), "{names:?}");
    world.extract("sales").exits(0);
    assert!(world.objects("sales").contains_key("2024-02_part-00001.jsonl.gz"));
    let manifest = world.manifest("sales");
    assert_eq!((&manifest["start_date"], &manifest["end_date"]), (&"2023-01-01".into(), &"2025-12-31".into()));
    assert_eq!(manifest["results"].as_array().unwrap().len(), 36);
    let object = &manifest["objects"][0];
    assert_eq!(object["sha256"].as_str().unwrap().len(), 64, "{object}");
}

#[test]
fn the_next_extraction_begins_where_the_last_one_ended_and_asks_for_what_changed() {
    let world = World::new();
    world.run(&["extract", "sales"]).exits(2).says("--year 2025");
    world.extract("sales").exits(0);
    let summary = world.run(&["extract", "sales"]).exits(0).json();
    let next = &summary["entities"][0];
    assert_eq!((&next["from"], &next["state"]), (&"2025-12-29".into(), &"complete".into()), "three days of lookback");
    let queries = world.evo.db.sql("select distinct query from evo.windows order by 1");
    assert_eq!(queries.concat(), ["", "receivables", "removed"]);
    let mark =
        "select max(until_day) - (clock_timestamp() at time zone 'America/Sao_Paulo')::date from evo.extractions";
    assert_eq!(world.evo.db.one(mark), "1", "up to today");
}

#[test]
fn a_dry_run_shows_the_plan_and_asks_for_nothing() {
    let world = World::with(&["--limit", "none"], "40/min");
    let plan = world.run(&["extract", "sales", "--year", "2024", "--dry-run"]).exits(0).json();
    assert_eq!(plan["entities"][0]["windows"].as_array().unwrap().len(), 12);
    assert!(plan["entities"][0]["expected_requests"].is_null());
    assert_eq!(world.api.requests(), 0);
    assert_eq!(world.evo.db.one("select count(*) from evo.windows"), "0");
}

#[test]
fn a_trial_shows_one_page_without_touching_anything() {
    let world = World::new();
    let output = world.command(&["extract", "--try", "prospects", "--from", "2023-01-01"]).output().unwrap();
    let run = Run::from(output).exits(0);
    for part in ["records   50", "another page may follow", "field     idProspect: number", "in the same order"] {
        assert!(run.stdout.contains(part), "{part}\n{}", run.stdout);
    }
    assert!(!run.stdout.contains("secret"));
    assert_eq!(world.evo.db.one("select count(*) from evo.runs"), "0");
}

#[test]
fn old_windows_are_read_again_with_what_is_left_of_a_budget() {
    let world = World::new();
    world.extract("sales").exits(0);
    let plan = world.run(&["extract", "sales", "--budget", "1000", "--dry-run"]).exits(0).json();
    let refreshed = plan["entities"][0]["refreshed"].as_u64().unwrap();
    assert!(refreshed >= 30, "{plan}");
    let spent = world.run(&["extract", "sales", "--budget", "5"]).exits(0).json();
    assert_eq!(spent["entities"][0]["state"], "open, budget spent");
    assert_eq!(spent["entities"][0]["requests"], 5);
    let rest = world.run(&["extract", "sales"]).exits(0).json();
    assert_eq!(rest["entities"][0]["run_id"], spent["entities"][0]["run_id"], "the same run goes on");
    assert_eq!(rest["entities"][0]["state"], "complete");
}
