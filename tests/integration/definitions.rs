//! A model, a zone, a date format or a key that changes after rows were made by it.

use std::path::Path;

use serde_json::json;

use crate::support::{Database, Evo, object};
use crate::toy::copy;

const TOY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/toy");

/// The entity `visits` in a folder of its own, with two documents in staging and in core.
fn visits() -> Evo {
    let evo = Evo { dir: tempfile::tempdir().unwrap(), db: Database::bare() };
    copy(Path::new(TOY), &evo.dir.path().join("own"));
    std::fs::write(evo.dir.path().join("evo.toml"), "extend = \"own\"\n").unwrap();
    std::fs::create_dir(evo.lake()).unwrap();
    evo.run(&["migrate"]).exits(0);
    let lines = [1, 2].map(|id| {
        format!(r#"{{"idVisit": {id}, "at": "2024-03-18T06:12:45", "guests": [{{"idGuest": 5, "name": "Ana"}}]}}"#)
    });
    object("visits", "20260110T020501Z", "a").lines(&evo.lake(), &lines.each_ref().map(String::as_str));
    evo.run(&["load", "visits"]).exits(0);
    evo.run(&["transform", "visits"]).exits(0);
    evo
}

/// Replaces a text in a file of the entity.
fn edit(evo: &Evo, file: &str, from: &str, to: &str) {
    let path = evo.dir.path().join("own/models/visits").join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(path, text.replace(from, to)).unwrap();
}

fn names(evo: &Evo) -> Vec<String> {
    evo.db.sql("select name from core.visit_guests order by visit_id").concat()
}

/// Brings one new document.
fn load_third(evo: &Evo) {
    let line = r#"{"idVisit": 3, "at": "2024-03-18T06:12:45", "guests": [{"idGuest": 5, "name": "Ana"}]}"#;
    object("visits", "20260111T020501Z", "b").lines(&evo.lake(), &[line]);
    evo.run(&["load", "visits"]).exits(0);
}

#[test]
fn a_transform_makes_every_row_again_after_its_model_or_zone_has_changed() {
    let evo = visits();
    edit(&evo, "visit_guests.sql", "d.name", "upper(d.name) as name");
    let status = evo.json(&["status", "visits"]);
    assert_eq!(status["entities"][0]["changed_definitions"], json!(["core.visit_guests"]));
    evo.run(&["status", "visits"])
        .exits(0)
        .says("core.visit_guests has changed since its rows were made: evo transform visits");
    let preview = evo.json(&["transform", "visits", "--dry-run"]);
    assert_eq!(preview["entities"][0]["mode"], "full refresh", "{preview}");
    let done = evo.json(&["transform", "visits"]);
    assert_eq!(done["entities"][0]["mode"], "full refresh", "{done}");
    assert_eq!(done["entities"][0]["changed_definitions"], json!(["core.visit_guests"]));
    assert_eq!(done["entities"][0]["has_old_rows"], false);
    assert_eq!(names(&evo), ["ANA", "ANA"]);

    edit(&evo, "entity.toml", "America/Sao_Paulo", "UTC");
    let done = evo.json(&["transform", "visits"]);
    assert_eq!(done["entities"][0]["changed_definitions"], json!(["core.visits"]), "only visits reads the zone");
    assert_eq!(evo.db.one("select min(at at time zone 'UTC') from core.visits"), "2024-03-18 06:12:45");

    edit(&evo, "entity.toml", "zone = ", "dates = [\"%d/%m/%Y\"]\nzone = ");
    let done = evo.json(&["transform", "visits"]);
    assert_eq!(done["entities"][0]["changed_definitions"], json!(["core.visits"]));

    edit(&evo, "visits.sql", "select\n", "-- a comment\nSELECT ");
    let done = evo.json(&["transform", "visits"]);
    assert_eq!(done["entities"][0]["mode"], "incremental", "a comment is not a change");
}

#[test]
fn an_increment_that_was_asked_for_says_which_rows_are_still_old() {
    let evo = visits();
    edit(&evo, "visit_guests.sql", "d.name", "upper(d.name) as name");
    load_third(&evo);
    let done = evo.run(&["transform", "visits", "--incremental"]).exits(0);
    done.says("evo transform visits --full-refresh");
    assert_eq!(names(&evo), ["Ana", "Ana", "ANA"]);
    // Rows of two definitions: neither of them is now that of all rows.
    for (from, to) in [("upper(d.name) as name", "d.name"), ("d.name\n", "upper(d.name) as name\n")] {
        edit(&evo, "visit_guests.sql", from, to);
        let status = evo.json(&["status", "visits"]);
        assert_eq!(status["entities"][0]["changed_definitions"], json!(["core.visit_guests"]));
    }
    let check = evo.run(&["check", "visits", "--only", "definition"]).exits(0);
    assert!(
        check.stdout.contains("warn") && check.stdout.contains("evo transform visits --full-refresh"),
        "{}",
        check.stdout
    );
    evo.run(&["transform", "visits", "--keys", "1"]).exits(0);
    assert_eq!(names(&evo), ["ANA", "Ana", "ANA"]);
    assert_eq!(evo.json(&["status", "visits"])["entities"][0]["changed_definitions"], json!(["core.visit_guests"]));
    evo.run(&["transform", "visits", "--in-place"]).exits(0);
    assert_eq!(names(&evo), ["ANA", "ANA", "ANA"]);
    assert_eq!(evo.json(&["status", "visits"])["entities"][0]["changed_definitions"], json!([]));
}

#[test]
fn a_column_that_its_model_no_longer_fills_is_named_until_it_is_filled_or_dropped() {
    let evo = visits();
    edit(&evo, "visit_guests.sql", "d.name\n", "d.name as nmae\n");
    for mode in [&["transform", "visits"][..], &["transform", "visits", "--full-refresh"]] {
        let done = evo.run(mode).exits(0);
        assert!(done.stdout.contains("left out: core.visit_guests.nmae"), "{}", done.stdout);
        assert!(done.stdout.contains("did you mean name?"), "{}", done.stdout);
        assert!(done.stdout.contains("core.visit_guests.name keeps the values that it had"), "{}", done.stdout);
        done.says("no model fills this column any more");
    }
    let check = evo.run(&["check", "visits", "--only", "unfilled_column"]).exits(0);
    assert!(check.stdout.contains("core.visit_guests.name"), "{}", check.stdout);
    evo.db.sql("alter table core.visit_guests rename column name to nmae");
    let done = evo.json(&["transform", "visits"]);
    assert_eq!(done["entities"][0]["unfilled_columns"], json!([]), "{done}");
}

#[test]
fn a_key_that_is_declared_otherwise_than_that_of_the_rows_in_staging_is_refused() {
    let evo = visits();
    edit(&evo, "entity.toml", "\"idVisit\"", "\"idGuest\"");
    for args in [&["load", "visits"][..], &["load", "visits", "--dry-run"], &["load", "visits", "--all-runs"]] {
        let refused = evo
            .run(args)
            .exits(3)
            .says("the key of visits is declared otherwise than when stg_evo.visits_raw was loaded");
        refused.says("evo reset visits --yes");
    }
    evo.run(&["reset", "visits", "--yes"]).exits(0);
    evo.run(&["load", "visits", "--max-rejects", "100%"]).exits(0);
}

#[test]
fn a_dimension_is_elected_again_after_its_select_has_changed() {
    let evo = Evo::new();
    object("prospects", "20260110T020501Z", "a")
        .lines(&evo.lake(), &[r#"{"idProspect": 1, "idBranch": 7, "branchName": "Centro"}"#]);
    evo.run(&["load", "prospects"]).exits(0);
    evo.run(&["transform", "all"]).exits(0);
    let state = || evo.json(&["status", "branches"])["entities"][0]["batches_to_transform"].clone();
    assert_eq!(state(), 0);
    evo.db.sql("update evo.definitions set digest = 'of an older select' where table_name = 'core.evo_branches'");
    assert_eq!(state(), 1);
    evo.db.sql("update core.evo_branches set branch_name = 'old'");
    evo.run(&["transform", "branches"]).exits(0);
    assert_eq!(evo.db.one("select branch_name from core.evo_branches"), "Centro");
    assert_eq!(state(), 0);
}
