//! `evo load --dry-run`: the plan that a load then makes, found out by reading alone.

use serde_json::Value;

use crate::support::server::Server;
use crate::support::{Database, Evo, Object, Run, gz, object, write};

const RUN_1: &str = "20260110T020501Z";
const RUN_2: &str = "20260111T020501Z";
const RUN_3: &str = "20260112T020501Z";

fn sale(evo: &Evo, run: &str, file: &str, id: u32) {
    object("sales", run, file).lines(&evo.lake(), &[&format!(r#"{{"idSale": {id}, "v": "{file}"}}"#)]);
}

fn manifest(evo: &Evo, run: &str, text: &str) {
    let path = object("sales", run, "_manifest").path().replace(".jsonl.gz", ".json");
    write(&evo.lake(), &path, text.as_bytes());
}

/// What a plan says: runs with their batches, objects and bytes; runs left alone; warnings; objects by state.
fn shape(plan: &Value) -> Vec<Value> {
    ["listed", "new", "runs", "left_alone", "warnings", "known"].map(|key| plan["entities"][0][key].clone()).into()
}

/// What a load plans, asked of the ledger after a load that ended there.
fn planned(evo: &Evo, args: &[&str]) -> Vec<Vec<Vec<String>>> {
    let mut command = evo.command(&[&["load", "sales"], args].concat());
    let run = Run::from(command.env("EVO_FAILPOINTS", "load.after_plan=error(Internal)").output().unwrap());
    assert!(run.stderr.contains("failpoint load.after_plan"), "{}", run.stderr);
    ledger(evo)
}

fn ledger(evo: &Evo) -> Vec<Vec<Vec<String>>> {
    [
        "select run_id, count(*), sum(objects_count), sum(bytes) from evo.batches where state <> 'committed'
         group by 1 order by min(ingestion_date), min(run_order), 1",
        "select state, count(*), sum(size_bytes) from evo.objects group by 1 order by 1",
    ]
    .map(|query| evo.db.sql(query))
    .into()
}

/// The same of a dry run.
fn previewed(evo: &Evo, args: &[&str]) -> Vec<Vec<Vec<String>>> {
    let plan = evo.run(&[&["load", "sales", "--dry-run", "--output", "json"], args].concat()).json();
    let n = |value: &Value| value.to_string().trim_matches('"').to_owned();
    let runs = plan["entities"][0]["runs"].as_array().unwrap();
    let runs = runs.iter().map(|r| ["run_id", "batches", "objects", "bytes"].map(|key| n(&r[key])).into()).collect();
    let mut states = std::collections::BTreeMap::<String, (i64, i64)>::new();
    for known in plan["entities"][0]["known"].as_array().unwrap() {
        let sum = states.entry(n(&known["state"])).or_default();
        sum.0 += known["objects"].as_i64().unwrap();
        sum.1 += known["bytes"].as_i64().unwrap();
    }
    let states =
        states.into_iter().map(|(state, (objects, bytes))| vec![state, objects.to_string(), bytes.to_string()]);
    vec![runs, states.collect()]
}

#[track_caller]
fn assert_same_plan(evo: &Evo, args: &[&str], what: &str) {
    let before = ledger(evo);
    let previewed = previewed(evo, args);
    assert_eq!(ledger(evo), before, "{what}: the dry run changed the ledger");
    assert_eq!(previewed, planned(evo, args), "{what}");
}

/// Everything that can happen to objects between two loads.
fn history() -> Evo {
    let evo = Evo::new();
    for n in 0..25 {
        sale(&evo, RUN_1, &format!("{n:03}"), n);
    }
    write(&evo.lake(), &object("sales", RUN_1, "broken").path(), b"\x1f\x8bnothing of the kind");
    write(&evo.lake(), &object("sales", RUN_1, "broken too").path(), b"\x1f\x8bnor this");
    write(&evo.lake(), "bronze/evo/entity=sales/stray.jsonl.gz", &gz(br#"{"idSale": 1}"#));
    evo.run(&["load", "sales"]).exits(6);
    evo
}

#[test]
fn a_dry_run_shows_the_plan_that_a_load_makes() {
    let evo = history();
    assert_same_plan(&evo, &[], "nothing new");
    for n in 0..12 {
        sale(&evo, RUN_2, &format!("{n:03}"), n);
        Object { date: "2026-01-12", ..object("sales", RUN_2, &format!("{n:03}")) }
            .lines(&evo.lake(), &[&format!(r#"{{"idSale": {n}}}"#)]);
    }
    // A selection first: what was planned before it stays planned beside it.
    for args in [&["--run-id", RUN_1][..], &["--run-id", RUN_2], &["--since", "2026-01-12"], &["--batch-size", "5"]] {
        assert_same_plan(&evo, args, &format!("a new run, {args:?}"));
    }
    assert_same_plan(&evo, &[], "what was planned for a selection is planned again");
    // Replaced: one that is loaded, one that waits, one that is set aside.
    sale(&evo, RUN_1, "003", 1_000);
    sale(&evo, RUN_2, "003", 1_001);
    sale(&evo, RUN_1, "broken", 1_002);
    std::fs::remove_file(evo.lake().join(object("sales", RUN_1, "broken too").path())).unwrap();
    std::fs::remove_file(evo.lake().join("bronze/evo/entity=sales/stray.jsonl.gz")).unwrap();
    for args in [&["--all-runs"][..], &[]] {
        assert_same_plan(&evo, args, &format!("replaced and deleted, {args:?}"));
    }
    evo.run(&["load", "sales"]).exits(0);
    assert_same_plan(&evo, &["--all-runs", "--run-id", RUN_1], "one run again");
    assert_same_plan(&evo, &["--all-runs"], "everything again");
}

#[test]
fn a_dry_run_of_everything_shows_what_a_load_of_everything_plans() {
    let evo = history();
    sale(&evo, RUN_1, "004", 2_000);
    sale(&evo, RUN_1, "broken", 2_001);
    sale(&evo, RUN_2, "new", 2_002);
    assert_same_plan(&evo, &["--all-runs", "--batch-size", "4"], "before any load has seen the changes");
}

#[test]
fn a_dry_run_shows_what_a_load_finds_back() {
    let evo = Evo::new();
    let paths = ["a", "b"].map(|file| {
        sale(&evo, RUN_1, file, 1);
        evo.lake().join(object("sales", RUN_1, file).path())
    });
    planned(&evo, &[]);
    // One is away while it should be loaded, and an older version of the other is put back after a newer one
    // was loaded.
    let away = evo.dir.path().join("away");
    let old = evo.dir.path().join("old");
    std::fs::rename(&paths[0], &away).unwrap();
    evo.run(&["load", "sales"]).exits(4).says("vanished");
    std::fs::rename(&away, &paths[0]).unwrap();
    std::fs::rename(&paths[1], &old).unwrap();
    sale(&evo, RUN_1, "b", 2);
    assert_same_plan(&evo, &[], "one is back, the other replaced");
    evo.run(&["load", "sales"]).exits(0);
    std::fs::rename(&old, &paths[1]).unwrap();
    assert_same_plan(&evo, &["--all-runs"], "an older version is back, and everything again");
    evo.run(&["load", "sales"]).exits(0);
    std::fs::rename(&paths[1], &old).unwrap();
    sale(&evo, RUN_1, "b", 3);
    evo.run(&["load", "sales"]).exits(0);
    std::fs::rename(&old, &paths[1]).unwrap();
    assert_same_plan(&evo, &[], "an older version is back");
}

#[test]
fn a_dry_run_tells_finished_runs_from_unfinished_ones_by_manifests_that_the_ledger_does_not_know() {
    let evo = Evo::new();
    sale(&evo, RUN_1, "a", 1);
    manifest(&evo, RUN_1, r#"{"total_records": 1, "total_parts": 1}"#);
    evo.run(&["load", "sales"]).exits(0);
    sale(&evo, RUN_2, "a", 2);
    manifest(&evo, RUN_2, r#"{"total_records": "2", "total_parts": 2, "errors": 3}"#);
    sale(&evo, RUN_3, "a", 3);
    let plan = evo.json(&["load", "sales", "--dry-run"]);
    let alone = &plan["entities"][0]["left_alone"];
    assert_eq!(alone[0]["run_id"], RUN_2);
    assert!(alone[0]["reason"].as_str().unwrap().contains("1 of the 2 objects in its manifest are there"));
    assert_eq!(alone[1]["run_id"], RUN_3);
    assert!(alone[1]["reason"].as_str().unwrap().contains("no manifest yet"));
    assert!(plan["entities"][0]["warnings"].to_string().contains("counts 3 windows"), "{plan}");
    let after = |plan: &Value| (plan["left_alone"].clone(), plan["warnings"].clone());
    let load = evo.entity(&["load", "sales"]);
    assert_eq!(after(&plan["entities"][0]), after(&load), "a load says the same");
    // What the ledger knows by now is read in another version.
    manifest(&evo, RUN_2, r#"{"total_records": 1, "total_parts": 1}"#);
    assert_same_plan(&evo, &[], "the manifest was written again");
}

#[test]
fn a_role_that_may_only_select_sees_the_plan_also_on_a_standby() {
    let mut server = Server::start(&[("fsync", "off")]);
    let standby = server.standby();
    let evo = Evo::with(Database::on(&server));
    sale(&evo, RUN_1, "a", 1);
    evo.run(&["load", "sales"]).exits(0);
    sale(&evo, RUN_1, "a", 2);
    sale(&evo, RUN_2, "b", 3);
    manifest(&evo, RUN_2, r#"{"total_records": 1, "total_parts": 1}"#);
    server.sql("create role reader login");
    server.sql("revoke temporary on database postgres from public");
    server.sql("grant usage on schema evo to reader");
    server.sql("grant select on all tables in schema evo to reader");
    let args = ["load", "sales", "--dry-run", "--output", "json"];
    let as_owner = evo.run(&args).exits(0).json();
    assert_eq!(as_owner["entities"][0]["objects"], 2, "{as_owner}");
    for port in [server.port, standby.port] {
        let url = format!("postgresql://reader@127.0.0.1:{port}/postgres");
        let as_reader = Run::from(evo.command_at(&url, &args).output().unwrap()).exits(0).json();
        assert_eq!(shape(&as_reader), shape(&as_owner));
    }
}
