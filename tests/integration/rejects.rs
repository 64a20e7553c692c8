//! `evo rejects`: refused lines are seen, corrected and replayed.

use serde_json::{Value, json};

use crate::support::{Evo, counts, gz, object, write};

const RUN_1: &str = "20260110T020501Z";
const RUN_2: &str = "20260111T020501Z";

/// A lake with one object whose lines are given, loaded.
fn loaded(lines: &[&str]) -> Evo {
    let evo = Evo::new();
    object("sales", RUN_1, "a").lines(&evo.lake(), lines);
    evo.run(&["load", "sales", "--max-rejects", "100%"]).exits(0).says("evo rejects list sales");
    evo
}

fn versions(evo: &Evo) -> Vec<Vec<String>> {
    evo.db.sql("select sale_id, raw_data ->> 'v', _source_line from stg_evo.sales_raw order by 1")
}

/// Exports, lets `correct` change each line, and replays.
fn correct(evo: &Evo, correct: impl Fn(&Value) -> Option<Value>) -> crate::support::Run {
    let file = evo.dir.path().join(format!("{}.jsonl", uuid::Uuid::new_v4()));
    let name = file.to_str().unwrap().to_owned();
    evo.run(&["rejects", "export", "sales", "--to", &name]).exits(0).says("evo rejects replay --file");
    let text = std::fs::read_to_string(&file).unwrap();
    let fixed: Vec<String> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter_map(|reject| {
            let line = correct(&reject)?;
            Some(json!({ "reject_id": reject["reject_id"], "line": line }).to_string())
        })
        .collect();
    std::fs::write(&file, fixed.join("\n")).unwrap();
    evo.run(&["rejects", "replay", "sales", "--file", &name])
}

#[test]
fn a_refused_line_is_listed_shown_and_loads_once_it_is_corrected() {
    let evo = loaded(&[r#"{"idSale": 1, "v": 1}"#, r#"{"idSale": 2, "v": "#, r#"{"idSale": 3, "v": 3}"#]);
    let path = object("sales", RUN_1, "a").path();
    evo.run(&["rejects", "list", "sales"]).exits(0).says("not valid JSON").says(&path).says("evo rejects show");
    let listed = evo.json(&["rejects", "list", "sales"]);
    assert_eq!(listed["rejects"][0]["line_number"], 2);
    assert_eq!(listed["rejects"][0]["byte_offset"], 22);
    let id = listed["rejects"][0]["reject_id"].to_string();
    evo.run(&["rejects", "show", &id]).exits(0).says(r#"{"idSale": 2, "v":"#).says(&path);
    evo.run(&["rejects", "replay", "sales"]).exits(6).says("1 line is still refused");
    correct(&evo, |reject| Some(json!(format!("{}2}}", reject["line"].as_str().unwrap())))).exits(0);
    assert_eq!(versions(&evo), [["1", "1", "1"], ["2", "2", "2"], ["3", "3", "3"]]);
    assert_eq!(evo.db.one("select count(*) from evo.rejects where resolved_at is null"), "0");
    assert_eq!(
        evo.db.sql("select lines_count, inserted_count, unchanged_count, rejected_count from evo.objects"),
        [["3", "1", "2", "0"]]
    );
    evo.run(&["rejects", "list", "sales"]).exits(0).says("no rejected lines");
    evo.run(&["rejects", "list", "sales", "--all"]).exits(0).says("resolved");
    evo.run(&["rejects", "replay", "sales"]).exits(0).says("nothing to replay");
    // The correction stands in the line's place from now on, and the transform takes it in.
    assert_eq!(counts(&evo.entity(&["load", "sales", "--all-runs"])), "0/0/3/0/0 of 3");
    evo.json(&["transform", "sales"]);
    assert_eq!(evo.db.one("select count(*) from core.evo_sales"), "3");
}

#[test]
fn a_corrected_line_is_as_old_as_its_place() {
    let evo = loaded(&[r#"{"idSale": 1, "v": "before"}"#, "{1", "{2", r#"{"idSale": 2, "v": "behind"}"#]);
    object("sales", RUN_2, "a").lines(&evo.lake(), &[r#"{"idSale": 3, "v": "newer run"}"#]);
    evo.json(&["load", "sales"]);
    correct(&evo, |reject| match reject["line"].as_str().unwrap() {
        "{1" => Some(json!(r#"{"idSale": 1, "v": "corrected"}"#)),
        _ => Some(json!(r#"{"idSale": 2, "v": "corrected"}"#)),
    })
    .exits(0);
    // It beats the line before it, and is beaten by the one behind it.
    assert_eq!(versions(&evo), [["1", "corrected", "2"], ["2", "behind", "4"], ["3", "newer run", "1"]]);
    assert_eq!(evo.db.one("select superseded_count from evo.objects order by object_id limit 1"), "2");
}

#[test]
fn a_correction_that_is_refused_again_stays_open_with_its_new_reason() {
    let evo = loaded(&["{1", "{2"]);
    correct(&evo, |reject| match reject["line"].as_str().unwrap() {
        "{1" => Some(json!(r#"{"id": 1}"#)),
        _ => Some(json!({"idSale": 2, "v": 2})),
    })
    .exits(6)
    .says("1 line is still refused");
    let open =
        evo.db.sql("select line_number, reason, convert_from(line, 'UTF8') from evo.rejects where resolved_at is null");
    assert_eq!(open[0][0], "1");
    assert!(open[0][1].contains("no key"), "{open:?}");
    assert_eq!(open[0][2], "{1", "the line itself is kept as it was");
    assert_eq!(versions(&evo), [["2", "2", "2"]]);
}

#[test]
fn an_object_that_was_replaced_in_the_lake_resolves_the_rejects_of_the_old_one() {
    let evo = loaded(&[r#"{"idSale": 1}"#, "{2"]);
    object("sales", RUN_1, "a").lines(&evo.lake(), &[r#"{"idSale": 1}"#, r#"{"idSale": 2}"#]);
    assert_eq!(counts(&evo.entity(&["load", "sales"])), "1/0/1/0/0 of 2");
    assert_eq!(evo.db.one("select count(*) from evo.rejects where resolved_at is null"), "0");
}

#[test]
fn what_cannot_be_replayed_says_so_and_changes_nothing() {
    let evo = loaded(&["{1"]);
    let file = evo.dir.path().join("fixed.jsonl");
    let name = file.to_str().unwrap();
    std::fs::write(&file, "{\"reject_id\": 999, \"line\": \"x\"}\n").unwrap();
    evo.run(&["rejects", "replay", "sales", "--file", name]).exits(2).says("no open reject of sales has the id 999");
    std::fs::write(&file, "{\"line\": \"x\"}\n").unwrap();
    evo.run(&["rejects", "replay", "sales", "--file", name]).exits(2).says("line 1");
    evo.run(&["rejects", "replay", "sales", "--file", "/nonexistent"]).exits(2).says("cannot read");
    evo.run(&["rejects", "export", "sales", "--to", name]).exits(2).says("cannot write");
    evo.run(&["rejects", "show", "999"]).exits(2).says("there is no reject 999");
    evo.run(&["rejects", "list", "sale"]).exits(2).says("sales");
    assert_eq!(evo.db.one("select count(*) from evo.rejects where fixed_line is not null"), "0");
}

#[test]
fn bytes_that_are_not_text_are_exported_and_come_back_as_they_were() {
    let evo = Evo::new();
    write(&evo.lake(), &object("sales", RUN_1, "a").path(), &gz(b"{\"idSale\": 1, \"o\": \"\xff\"}"));
    evo.run(&["load", "sales", "--max-rejects", "100%"]).exits(0);
    let file = evo.dir.path().join("rejects.jsonl");
    let name = file.to_str().unwrap();
    evo.run(&["rejects", "export", "sales", "--to", name]).exits(0);
    let text = std::fs::read_to_string(&file).unwrap();
    let reject: Value = serde_json::from_str(text.trim()).unwrap();
    assert_eq!(reject["line_hex"], "7b22696453616c65223a20312c20226f223a2022ff227d");
    evo.run(&["rejects", "replay", "sales", "--file", name]).exits(6).says("still refused");
    std::fs::write(&file, text.replace("22ff22", "224122")).unwrap();
    evo.run(&["rejects", "replay", "sales", "--file", name]).exits(0);
    assert_eq!(evo.db.one("select raw_data ->> 'o' from stg_evo.sales_raw"), "A");
}

#[test]
fn one_bad_line_in_a_large_object_costs_one_line() {
    let evo = Evo::new();
    let mut text = String::with_capacity(5 << 20);
    let mut offset = 0;
    for id in 1..=200_000 {
        if id == 123_456 {
            offset = text.len();
            text.push_str("{\"idSale\": 123456\n");
        } else {
            text.push_str(&format!("{{\"idSale\": {id}}}\n"));
        }
    }
    write(&evo.lake(), &object("sales", RUN_1, "a").path(), &gz(text.as_bytes()));
    assert_eq!(counts(&evo.entity(&["load", "sales"])), "199999/0/0/0/1 of 200000");
    let rejects = evo.db.sql("select path, line_number, byte_offset, convert_from(line, 'UTF8') from evo.rejects");
    let path = object("sales", RUN_1, "a").path();
    assert_eq!(rejects, [[path, "123456".to_owned(), offset.to_string(), "{\"idSale\": 123456".to_owned()]]);
    correct(&evo, |reject| Some(json!(format!("{}}}", reject["line"].as_str().unwrap())))).exits(0);
    assert_eq!(evo.db.one("select count(*) from stg_evo.sales_raw where sale_id = 123456"), "1");
    assert_eq!(
        evo.db.sql("select lines_count, inserted_count, unchanged_count, rejected_count from evo.objects"),
        [["200000", "1", "199999", "0"]]
    );
}

#[test]
fn exported_lines_are_for_their_user_alone_and_a_link_is_not_written_through() {
    use std::os::unix::fs::PermissionsExt;
    let evo = loaded(&["no document"]);
    let file = evo.dir.path().join("out.jsonl");
    evo.run(&["rejects", "export", "--to", file.to_str().unwrap()]).exits(0);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let link = evo.dir.path().join("link.jsonl");
    for target in ["out.jsonl", "elsewhere"] {
        std::os::unix::fs::symlink(target, &link).unwrap();
        evo.run(&["rejects", "export", "--to", link.to_str().unwrap()]).exits(2).says("cannot write");
        std::fs::remove_file(&link).unwrap();
    }
    assert!(!evo.dir.path().join("elsewhere").exists());
}

#[test]
fn names_and_lines_do_not_steer_the_terminal_but_json_has_them_exactly() {
    let evo = Evo::new();
    let name = "a\u{1b}[2J\n\u{202e}b";
    object("sales", RUN_1, name).lines(&evo.lake(), &["\u{1b}]0;title\u{7} no document", r#"{"idSale": 1}"#]);
    object("sales", &format!("{RUN_1}\u{9b}31m"), "cut").lines(&evo.lake(), &[]);
    let path = object("sales", RUN_1, name).path();
    let runs = [
        evo.run(&["load", "sales", "--dry-run"]),
        evo.run(&["load", "sales", "--max-rejects", "100%", "-v"]),
        evo.run(&["rejects", "list"]),
        evo.run(&["rejects", "show", "1"]),
        evo.run(&["load", "sales", "--run-id", "x"]),
    ];
    for run in runs {
        let shown = format!("{}{}", run.stdout, run.stderr);
        let bad = shown.chars().find(|c| (c.is_control() && *c != '\n') || *c == '\u{202e}');
        assert_eq!(bad, None, "{shown:?}");
    }
    evo.run(&["rejects", "show", "1"]).exits(0).says("\\u{1b}[2J\\n\\u{202e}b");
    assert_eq!(evo.json(&["rejects", "list"])["rejects"][0]["path"], path);
}
