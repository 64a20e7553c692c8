//! Objects that vanish, come back, are set aside or belong to another lake: nothing is forgotten, and nothing
//! is said that is not so.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{Evo, Object, Run, counts, object, write};

const RUN_1: &str = "20260110T020501Z";
const RUN_2: &str = "20260111T020501Z";
const ROWS: &str = "select count(*) from stg_evo.sales_raw";

fn sale(evo: &Evo, run: &str, file: &str, id: u32) -> PathBuf {
    let object = object("sales", run, file);
    object.lines(&evo.lake(), &[&format!(r#"{{"idSale": {id}, "v": "{file}"}}"#)]);
    evo.lake().join(object.path())
}

/// Three objects that were recorded by a load which ended before it loaded anything.
fn recorded() -> (Evo, Vec<PathBuf>) {
    let evo = Evo::new();
    let files = ["a", "b", "c"].iter().zip(1..).map(|(file, id)| sale(&evo, RUN_1, file, id)).collect();
    let failed: Run = evo
        .command(&["load", "sales"])
        .env("EVO_FAILPOINTS", "load.after_plan=error(Internal)")
        .output()
        .unwrap()
        .into();
    failed.exits(1);
    assert_eq!(evo.db.one("select count(*) from evo.objects where state = 'pending'"), "3");
    (evo, files)
}

/// Moves a file out of the lake; the same file with the same etag comes back with the returned path.
fn moved_out(evo: &Evo, file: &Path) -> PathBuf {
    let elsewhere = evo.dir.path().join(file.file_name().unwrap());
    std::fs::rename(file, &elsewhere).unwrap();
    elsewhere
}

#[test]
fn an_object_that_was_away_for_a_while_is_loaded_once_it_is_back() {
    let (evo, files) = recorded();
    let elsewhere: Vec<PathBuf> = files[1..].iter().map(|file| moved_out(&evo, file)).collect();
    let load = evo.run(&["load", "sales"]).exits(4).says("2 objects vanished").says("/b.jsonl.gz");
    assert!(!load.stdout.contains("nothing new"), "{}", load.stdout);
    assert_eq!(evo.db.one(ROWS), "1");
    for (from, to) in elsewhere.iter().zip(&files[1..]) {
        std::fs::rename(from, to).unwrap();
    }
    assert_eq!(counts(&evo.entity(&["load", "sales"])), "2/0/0/0/0 of 2");
    evo.run(&["load", "sales"]).exits(0).says("nothing new; all 3 objects");
    evo.run(&["check", "sales", "--only", "ledger"]).exits(0);
}

#[test]
fn two_processes_that_list_while_objects_come_and_go_end_with_all_of_them() {
    let (evo, files) = recorded();
    // The first one has a page in hand when the object is replaced, and the second one lists and loads the
    // new version.
    let mut slow = evo.command(&["load", "sales"]);
    slow.env("EVO_FAILPOINTS", "load.after_page=sleep(1500)@1").stderr(std::process::Stdio::piped());
    let mut slow = slow.spawn().unwrap();
    let mut stderr = std::io::BufReader::new(slow.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("failpoint load.after_page") {
        line.clear();
        assert!(std::io::BufRead::read_line(&mut stderr, &mut line).unwrap() > 0);
    }
    std::fs::remove_file(&files[0]).unwrap();
    sale(&evo, RUN_1, "a", 9);
    evo.run(&["load", "sales"]).exits(0);
    let rest = std::io::read_to_string(stderr).unwrap();
    assert!(slow.wait().unwrap().success(), "{rest}");
    let keys = "select string_agg(sale_id::text, ',' order by sale_id) from stg_evo.sales_raw";
    assert_eq!(evo.db.one(keys), "2,3,9");
    assert_eq!(evo.db.one("select count(*) from evo.objects where state = 'loaded'"), "3");
    evo.run(&["load", "sales"]).exits(0).says("nothing new; all 3 objects");
}

#[test]
fn a_listing_that_was_interrupted_loses_nothing() {
    let evo = Evo::new();
    sale(&evo, RUN_1, "a", 1);
    let load = |place: &str| {
        let output = evo.command(&["load", "sales"]).env("EVO_FAILPOINTS", place).output().unwrap();
        Run::from(output)
    };
    load("load.after_page=error(Internal)").exits(1);
    load("load.after_list=error(Internal)").exits(1);
    assert_eq!(counts(&evo.entity(&["load", "sales"])), "1/0/0/0/0 of 1");
}

#[test]
fn an_older_version_that_is_put_back_is_loaded_again() {
    let evo = Evo::new();
    let file = sale(&evo, RUN_1, "a", 1);
    evo.json(&["load", "sales"]);
    let old = moved_out(&evo, &file);
    object("sales", RUN_1, "a").lines(&evo.lake(), &[r#"{"idSale": 1, "v": "a newer version"}"#]);
    assert_eq!(counts(&evo.entity(&["load", "sales"])), "0/1/0/0/0 of 1");
    std::fs::rename(old, &file).unwrap();
    assert_eq!(counts(&evo.entity(&["load", "sales"])), "0/1/0/0/0 of 1");
    assert_eq!(evo.db.one("select raw_data ->> 'v' from stg_evo.sales_raw"), "a");
    evo.run(&["load", "sales"]).exits(0).says("nothing new; the only object in the lake");
    evo.run(&["check", "sales", "--only", "ledger"]).exits(0);
}

#[test]
fn objects_that_a_manifest_counts_and_that_vanished_are_said_by_every_load_until_acknowledged() {
    let (evo, files) = recorded();
    let folder = files[0].parent().unwrap();
    std::fs::write(folder.join("_manifest.json"), r#"{"total_records": 3, "total_parts": 3}"#).unwrap();
    std::fs::remove_file(&files[2]).unwrap();
    evo.run(&["load", "sales"]).exits(4).says("1 object vanished");
    for _ in 0..2 {
        evo.run(&["load", "sales"])
            .exits(6)
            .says("its manifest counts 3, 2 are in the lake")
            .says("evo objects ignore sales");
    }
    evo.run(&["objects", "list"]).exits(0).says("/c.jsonl.gz").says("gone");
    evo.run(&["objects", "ignore", "sales", "--run-id", RUN_1]).exits(0).says("1 object acknowledged");
    evo.run(&["load", "sales"]).exits(0);
}

#[test]
fn what_is_set_aside_keeps_the_exit_code_until_it_is_acknowledged_tried_again_or_replaced() {
    let evo = Evo::new();
    sale(&evo, RUN_1, "a", 1);
    let broken = object("sales", RUN_1, "broken").path();
    write(&evo.lake(), &broken, b"\x1f\x8bnothing of the kind");
    for _ in 0..2 {
        let load = evo.run(&["load", "sales"]).exits(6).says("1 object is set aside").says("broken.jsonl.gz");
        assert!(!load.stdout.contains("nothing new"), "{}", load.stdout);
    }
    let again = evo.run(&["load", "sales", "--output", "json"]).exits(6).json();
    assert_eq!(again["entities"][0]["set_aside"], 1);
    assert_eq!(again["entities"][0]["known"]["loaded"], 1);
    let listed = evo.json(&["objects", "list", "sales"]);
    assert_eq!(listed["objects"][0]["path"], broken);
    assert_eq!(listed["objects"][0]["state"], "quarantined");
    assert_eq!(listed["count"], 1);
    let status = evo.run(&["status", "sales", "--output", "json"]).exits(0).json();
    assert_eq!(status["entities"][0]["objects_quarantined"], 1);

    evo.run(&["objects", "ignore", "sales", "--path", "*/other*"]).exits(0).says("nothing to ignore");
    evo.run(&["objects", "ignore", "sales", "--path", "*/broken*"]).exits(0).says("1 object acknowledged");
    evo.run(&["load", "sales"]).exits(0).says("1 loaded before").says("1 set aside and acknowledged");
    evo.run(&["objects", "retry", "sales"]).exits(0).says("1 object waiting again");
    evo.run(&["load", "sales"]).exits(6).says("1 object is set aside");
    object("sales", RUN_1, "broken").lines(&evo.lake(), &[r#"{"idSale": 2}"#]);
    assert_eq!(counts(&evo.entity(&["load", "sales"])), "1/0/0/0/0 of 1");
    evo.run(&["load", "sales"]).exits(0).says("nothing new; all 2 objects");
    evo.run(&["objects", "list", "all"]).exits(0).says("no object is set aside");
}

#[test]
fn an_object_without_a_run_in_its_path_keeps_the_exit_code_and_one_that_is_deleted_does_not() {
    let evo = Evo::new();
    sale(&evo, RUN_1, "a", 1);
    let path = "bronze/evo/entity=sales/stray.jsonl";
    write(&evo.lake(), path, br#"{"idSale": 2}"#);
    for _ in 0..2 {
        evo.run(&["load", "sales"]).exits(6).says("stray.jsonl").says("no run_id=");
    }
    evo.run(&["objects", "retry", "sales"]).exits(0).says("move them below run_id=");
    std::fs::remove_file(evo.lake().join(path)).unwrap();
    evo.run(&["load", "sales"]).exits(0).says("nothing new; the only object in the lake");
}

#[test]
fn nothing_new_is_said_only_when_every_object_is_in() {
    let evo = Evo::new();
    sale(&evo, RUN_1, "a", 1);
    evo.json(&["load", "sales"]);
    Object { date: "2026-01-11", ..object("sales", RUN_2, "b") }.lines(&evo.lake(), &[r#"{"idSale": 2}"#]);
    for selection in [["--since", "2099-01-01"], ["--run-id", RUN_1]] {
        let load = evo.run(&[&["load", "sales"], &selection[..]].concat()).exits(0);
        assert!(!load.stdout.contains("nothing new"), "{}", load.stdout);
        load.says("nothing was loaded").says("1 not selected by --since or --run-id");
    }
    evo.run(&["load", "sales"]).exits(0);
    evo.run(&["load", "sales"]).exits(0).says("nothing new; all 2 objects");
}

#[test]
fn nothing_new_is_not_said_where_something_was_not_read_or_not_listed() {
    let evo = Evo::new();
    let file = sale(&evo, RUN_1, "a", 1);
    evo.json(&["load", "sales"]);
    let folder = file.parent().unwrap();
    let silent = |code: i32, says: &str| {
        let load = evo.run(&["load", "sales"]).exits(code).says(says).says("1 loaded before");
        assert!(!load.stdout.contains("nothing new"), "{}", load.stdout);
    };
    // Not listed: a link that leads nowhere may be any number of objects.
    let link = folder.join("part.jsonl.gz");
    std::os::unix::fs::symlink("nowhere", &link).unwrap();
    silent(4, "1 that could not be read, objects or folders");
    std::fs::remove_file(&link).unwrap();
    // Listed, but of no kind that evo reads.
    std::fs::write(folder.join("b.parquet"), "x").unwrap();
    silent(0, "1 with endings that evo does not read");
    std::fs::remove_file(folder.join("b.parquet")).unwrap();
    evo.run(&["load", "sales"]).exits(0).says("nothing new; the only object in the lake");
}

#[test]
fn what_an_incomplete_listing_does_not_show_is_not_gone() {
    let evo = Evo::new();
    sale(&evo, RUN_1, "a", 1);
    let broken = evo.lake().join(object("sales", RUN_1, "broken").path());
    write(&evo.lake(), &object("sales", RUN_1, "broken").path(), b"\x1f\x8bnothing of the kind");
    evo.run(&["load", "sales"]).exits(6);
    let state = || evo.db.one("select state from evo.objects where path like '%broken%'");
    // A folder that cannot be read may hold it.
    let elsewhere = moved_out(&evo, &broken);
    let link = broken.with_file_name("up");
    std::os::unix::fs::symlink("..", &link).unwrap();
    evo.run(&["load", "sales"]).exits(6).says("1 object is set aside");
    assert_eq!(state(), "quarantined");
    std::fs::remove_file(&link).unwrap();
    // A lake that shows nothing at all is not mounted, or another folder.
    let bronze = evo.lake().join("bronze");
    std::fs::rename(&bronze, evo.dir.path().join("unmounted")).unwrap();
    evo.run(&["load", "sales"]).exits(4).says("holds no objects of sales");
    assert_eq!(state(), "quarantined");
    std::fs::rename(evo.dir.path().join("unmounted"), &bronze).unwrap();
    // A listing that is complete shows that it is gone.
    evo.run(&["load", "sales"]).exits(0);
    assert_eq!(state(), "gone");
    std::fs::rename(elsewhere, &broken).unwrap();
    evo.run(&["load", "sales"]).exits(6);
}

#[test]
fn a_run_id_that_comes_again_on_another_date_has_a_manifest_on_each() {
    let evo = Evo::new();
    let part = |date, id: u32| {
        let file = format!("part-{id}");
        let part = Object { date, ..object("sales", "7", &file) };
        part.lines(&evo.lake(), &[&format!(r#"{{"idSale": {id}}}"#)]);
    };
    let manifest = |date: &str, text: &str| {
        let path = Object { date, ..object("sales", "7", "_manifest") }.path().replace(".jsonl.gz", ".json");
        write(&evo.lake(), &path, text.as_bytes());
    };
    part("2026-01-10", 1);
    manifest("2026-01-10", r#"{"total_records": 1, "total_parts": 1}"#);
    evo.run(&["load", "sales"]).exits(0);
    // The extraction of the next day is under way.
    part("2026-01-11", 2);
    for args in [&["load", "sales", "--dry-run"][..], &["load", "sales"]] {
        evo.run(args).exits(0).says("its objects of the latest date have no manifest yet");
    }
    assert_eq!(evo.db.one(ROWS), "1");
    part("2026-01-11", 3);
    manifest("2026-01-11", r#"{"total_records": 2, "total_parts": 3}"#);
    evo.run(&["load", "sales"]).exits(0).says("3 of the 4 objects in its manifest are there");
    part("2026-01-11", 4);
    // Both manifests together count three records; there are four.
    evo.run(&["load", "sales"]).exits(0).says("its manifest says 3 records, its objects have 4");
    manifest("2026-01-11", r#"{"total_records": 4, "total_parts": 3}"#);
    evo.run(&["load", "sales", "--all-runs"]).exits(6).says("has 4 lines, its manifest says 5");
    // A job that is started again because of its exit code does not end well.
    evo.run(&["load", "sales"]).exits(6).says("has 4 lines, its manifest says 5");
    manifest("2026-01-11", r#"{"total_records": 3, "total_parts": 3}"#);
    let again = evo.run(&["load", "sales", "--all-runs"]).exits(0);
    assert!(!again.stdout.contains("its manifest says"), "{}", again.stdout);
    assert_eq!(evo.db.sql("select records_count, parts_count from evo.manifests"), [["4", "4"]]);
}

#[test]
fn a_dry_run_changes_nothing() {
    let evo = Evo::new();
    sale(&evo, RUN_1, "a", 1);
    write(
        &evo.lake(),
        &format!("bronze/evo/entity=sales/ingestion_date=2026-01-10/run_id={RUN_1}/_manifest.json"),
        b"{}",
    );
    let tables = ["objects", "batches", "manifests", "runs", "lake_addresses"];
    let contents = |evo: &Evo| -> Vec<_> { tables.map(|t| evo.db.sql(&format!("select * from evo.{t}"))).into() };
    let before = contents(&evo);
    let plan = evo.json(&["load", "sales", "--dry-run"]);
    assert_eq!(plan["entities"][0]["objects"], 1);
    assert_eq!(contents(&evo), before);
    evo.json(&["load", "sales"]);
    sale(&evo, RUN_2, "b", 2);
    let before = contents(&evo);
    evo.json(&["load", "sales", "--dry-run", "--all-runs"]);
    assert_eq!(contents(&evo), before);
}

/// Runs a command on another lake than the usual one.
fn on_lake(evo: &Evo, lake: &str, args: &[&str]) -> Run {
    let mut command = crate::support::binary(evo.dir.path());
    command.args(args).args(["--database-url", &evo.db.url, "--lake", lake]).output().unwrap().into()
}

/// Loads sales from a lake that is written in some way.
fn load_from(evo: &Evo, lake: &str) -> Run {
    on_lake(evo, lake, &["load", "sales", "--output", "json"])
}

fn first(summary: &Value) -> &Value {
    &summary["entities"][0]
}

#[test]
fn a_lake_is_the_same_however_it_is_written_and_wherever_it_was_moved() {
    let evo = Evo::new();
    sale(&evo, RUN_1, "a", 1);
    evo.json(&["load", "sales"]);
    let lake = evo.lake();
    std::os::unix::fs::symlink(&lake, evo.dir.path().join("link")).unwrap();
    let link = evo.dir.path().join("link");
    let url = format!("file://{}", lake.display());
    for written in ["lake", "./lake/", "lake/../lake", link.to_str().unwrap(), &url] {
        let summary = load_from(&evo, written).exits(0).json();
        assert_eq!(first(&summary)["known"]["loaded"], 1, "{written}");
    }
    assert_eq!(evo.db.one("select count(*) from evo.lake_addresses"), "1");
    std::fs::remove_file(&link).unwrap();
    std::fs::rename(&lake, evo.dir.path().join("moved")).unwrap();
    let summary = load_from(&evo, "moved").exits(0).json();
    assert_eq!(first(&summary)["known"]["loaded"], 1);
    assert_eq!(evo.db.one("select count(*) from evo.lake_addresses"), "2");
}

#[test]
fn another_lake_is_refused_until_somebody_says_what_it_is() {
    let evo = Evo::new();
    let file = sale(&evo, RUN_1, "a", 1);
    evo.json(&["load", "sales"]);
    // A copy has other etags: nothing shows that it is the same.
    let copy = evo.dir.path().join("copy").join(file.strip_prefix(evo.lake()).unwrap());
    std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
    std::fs::copy(&file, &copy).unwrap();
    load_from(&evo, "copy").exits(3).says("belongs to another lake").says("evo objects same-lake");
    assert_eq!(evo.db.one("select count(*) from evo.objects"), "1", "nothing was recorded");
    let objects = |action: &str, lake: &str| on_lake(&evo, lake, &["objects", action]);
    objects("same-lake", "copy").exits(0);
    let summary = load_from(&evo, "copy").exits(0).json();
    assert_eq!(counts(first(&summary)), "0/0/1/0/0 of 1");

    let second = evo.dir.path().join("second");
    object("sales", RUN_2, "b").lines(&second, &[r#"{"idSale": 2}"#]);
    load_from(&evo, "second").exits(3).says("evo objects another-lake");
    objects("another-lake", "second").exits(0).says("second");
    assert_eq!(counts(first(&load_from(&evo, "second").exits(0).json())), "1/0/0/0/0 of 1");
    // Each has its own: what the one waits for is none of the other's business.
    sale(&evo, RUN_2, "c", 3);
    let summary = load_from(&evo, "second").exits(0).json();
    assert_eq!(first(&summary)["listed"], 1);
    assert_eq!(first(&summary)["objects"], 0);
    assert_eq!(evo.db.one(ROWS), "2");
    objects("lakes", "lake").exits(0).says("second").says("copy");
    evo.run(&["check", "sales", "--only", "ledger"]).exits(0);
}

/// A second lake of the same ledger, and a file in it.
fn second_lake(evo: &Evo, line: &str) -> PathBuf {
    let second = evo.dir.path().join("second");
    let object = object("sales", RUN_1, "a");
    object.lines(&second, &[line]);
    on_lake(evo, "second", &["objects", "another-lake"]).exits(0);
    second.join(object.path())
}

#[test]
fn status_counts_as_pending_what_its_own_lake_holds_though_another_lake_has_the_same_object() {
    let evo = Evo::new();
    let file = sale(&evo, RUN_1, "a", 1);
    evo.json(&["load", "sales"]);
    let twin = second_lake(&evo, r#"{"idSale": 2}"#);
    // Path and etag are those of an object that the first lake has and that is loaded.
    std::fs::remove_file(&twin).unwrap();
    std::fs::hard_link(&file, &twin).unwrap();
    let new = |lake: &str| {
        let status = on_lake(&evo, lake, &["status", "sales", "--output", "json"]).exits(0).json();
        status["entities"][0]["objects_new"].clone()
    };
    assert_eq!((new("lake"), new("second")), (0.into(), 1.into()));
    std::fs::create_dir(evo.dir.path().join("third")).unwrap();
    let status = on_lake(&evo, "third", &["status", "sales"]).exits(0).says("belongs to another lake");
    assert!(status.stdout.contains("pending is what the last load saw"), "{}", status.stdout);
}

#[test]
fn a_replay_names_the_lake_of_rejects_that_it_cannot_reach() {
    let evo = Evo::new();
    let file = sale(&evo, RUN_1, "a", 1);
    std::fs::write(&file, b"no document").unwrap();
    std::fs::rename(&file, file.with_extension("")).unwrap();
    evo.run(&["load", "sales", "--max-rejects", "100%"]).exits(0);
    second_lake(&evo, r#"{"idSale": 2}"#);
    let first = format!("file://{}", evo.lake().canonicalize().unwrap().display());
    on_lake(&evo, "second", &["rejects", "replay", "sales"])
        .exits(6)
        .says("sales: 1 refused line is in objects of another lake")
        .says(&format!("evo rejects replay sales --lake '{first}'"))
        .says(&format!("1 refused line is in the lake {first}"));
    let json = on_lake(&evo, "second", &["rejects", "replay", "sales", "--output", "json"]).exits(6).json();
    assert_eq!(json["entities"][0]["in_other_lakes"][0]["refused"], 1);
    // On their own lake they are judged again, and those of a run only.
    on_lake(&evo, "lake", &["rejects", "replay", "sales"]).exits(6).says("sales: 1 line is still refused");
    on_lake(&evo, "lake", &["rejects", "replay", "sales", "--run-id", RUN_2]).exits(0).says("nothing to replay");
}
