//! `evo new`: from unknown files to core without editing.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::{Database, Evo, Run, object, write};

/// A folder of somebody who begins: samples, a lake, a database.
fn beginner() -> Evo {
    Evo::with(Database::bare())
}

fn sample(evo: &Evo, name: &str, text: &str) -> String {
    let path = evo.dir.path().join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// Runs `evo new` as somebody does who has no database configured.
fn new(evo: &Evo, args: &[&str]) -> Run {
    let mut command: Command = crate::support::binary(evo.dir.path());
    command.args(["new"]).args(args).args(["--lake", evo.lake().to_str().unwrap()]);
    command.output().unwrap().into()
}

/// Without the trial, which needs a private server.
fn drafted(evo: &Evo, args: &[&str]) -> Value {
    new(evo, &[args, &["--no-trial", "--output", "json"]].concat()).exits(0).json()
}

fn run(evo: &Evo, args: &[&str]) -> Run {
    evo.run(&[args, &["--extend", "own"]].concat())
}

fn types(draft: &Value, table: usize) -> Vec<String> {
    let columns = draft["tables"][table]["columns"].as_array().unwrap();
    let word = |column: &Value, key: &str| column[key].as_str().unwrap().to_owned();
    columns.iter().map(|column| format!("{} {}", word(column, "column"), word(column, "type"))).collect()
}

const CSV: &str = "Código;Nome;Nascimento;Saldo;Ativo;CEP;Tags\n\
    BR-1;Ana;18/03/1990;12.50;true;01310;\"[\"\"a\"\",\"\"b\"\"]\"\n\
    BR-2;João;01/02/1985;;false;04567;\n\
    BR-3;\"Silva; Rui\";31/12/2000;7;true;00001;\"[\"\"b\"\"]\"\n";

#[test]
fn an_unknown_csv_goes_from_file_to_core_without_editing() {
    let evo = beginner();
    let path = sample(&evo, "learners.csv", CSV);
    let draft = drafted(&evo, &["learners", "--from", &path]);
    assert_eq!(draft["key"], serde_json::json!(["Código"]));
    assert_eq!((&draft["key_type"], &draft["key_column"]), (&Value::from("text"), &Value::from("learner_code")));
    assert_eq!(draft["dates"], serde_json::json!(["%d/%m/%Y"]));
    assert_eq!(types(&draft, 0), ["nome text", "nascimento date", "saldo numeric", "ativo boolean", "cep text"]);
    run(&evo, &["migrate"]).exits(0);
    let at = |run: &str| object("learners", run, "a").path().replace(".jsonl.gz", ".csv");
    write(&evo.lake(), &at("1"), CSV.as_bytes());
    run(&evo, &["load", "learners"]).exits(0);
    run(&evo, &["transform", "learners"]).exits(0);
    let rows = evo.db.sql("select learner_code, nome, nascimento, saldo, ativo, cep from core.learners order by 1");
    assert_eq!(rows[0], ["BR-1", "Ana", "1990-03-18", "12.50", "t", "01310"]);
    assert_eq!(rows[2], ["BR-3", "Silva; Rui", "2000-12-31", "7.00", "t", "00001"]);
    assert_eq!(
        evo.db.sql("select * from core.learner_tags order by 1, 2"),
        [["BR-1", "a"], ["BR-1", "b"], ["BR-3", "b"]]
    );
    // A changed second file.
    write(&evo.lake(), &at("2"), CSV.replace("12.50", "99").replace(",\"\"b\"\"]", "]").as_bytes());
    run(&evo, &["load", "learners"]).exits(0);
    run(&evo, &["transform", "learners"]).exits(0);
    assert_eq!(evo.db.one("select saldo from core.learners where learner_code = 'BR-1'"), "99.00");
    assert_eq!(evo.db.one("select count(*) from core.learner_tags where learner_code = 'BR-1'"), "1");
    run(&evo, &["transform", "learners", "--full-refresh"]).exits(0);
    run(&evo, &["verify", "learners", "--deep"]).exits(0);
}

const NESTED: [&str; 3] = [
    r#"{"order": {"no": 7, "at": "2026-01-09T18:30:00Z"}, "id": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        "lines": [{"lineId": 1, "price": 2.5, "tax": {"rate": 0.1}}, {"lineId": 2, "price": 3}],
        "steps": [{"what": "new", "seen": true}, {"what": "paid"}], "codes": ["x", "y", "x"], "extra": {"a": [1]}}"#,
    r#"{"order": {"no": 8, "at": "2026-01-10T07:00:00+02:00"}, "id": "b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "lines": [],
        "steps": null, "codes": ["y"], "user": "O'Hara"}"#,
    r#"{"order": null, "id": "c0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "lines": [{"lineId": 1, "price": 9}]}"#,
];

#[test]
fn a_cell_that_spells_no_array_has_no_values() {
    let evo = Evo::new();
    let cells =
        ["[1, \"a\"]", " \t\n[]", "{\"a\": [1]}", "\"[\"", "[1", "[", "", "a", "[\"\\u0000\"]", &"[".repeat(100_000)];
    let arrays: Vec<String> =
        cells.iter().map(|cell| evo.db.one(&format!("select evo.text_array('{cell}')::text is not null"))).collect();
    assert_eq!(arrays, ["t", "t", "f", "f", "f", "f", "f", "f", "f", "f"]);
    assert_eq!(evo.db.one("select evo.text_array(null) is null"), "t");
}

#[test]
fn unknown_nested_documents_go_from_file_to_core_without_editing() {
    let evo = beginner();
    let lines: Vec<String> = NESTED.iter().map(|line| line.replace('\n', " ")).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    object("orders", "1", "a").lines(&evo.lake(), &lines);
    let draft = drafted(&evo, &["orders", "--from", "bronze/evo/entity=orders"]);
    assert_eq!((&draft["key_type"], &draft["zone"]), (&Value::from("uuid"), &Value::from("UTC")));
    assert_eq!(types(&draft, 0), ["order_no bigint", "order_at timestamptz", "user text"]);
    run(&evo, &["migrate"]).exits(0);
    run(&evo, &["load", "orders"]).exits(0);
    run(&evo, &["transform", "orders"]).exits(0);
    let orders = "select order_no, order_at at time zone 'UTC', \"user\" from core.orders order by order_id";
    let rows = evo.db.sql(orders);
    assert_eq!(rows, [["7", "2026-01-09 18:30:00", "∅"], ["8", "2026-01-10 05:00:00", "O'Hara"], ["∅", "∅", "∅"]]);
    assert_eq!(
        evo.db.sql("select line_id, price from core.order_lines order by order_id, 1"),
        [["1", "2.50"], ["2", "3.00"], ["1", "9.00"]]
    );
    assert_eq!(
        evo.db.sql("select place, what, seen from core.order_steps order by 1"),
        [["1", "new", "t"], ["2", "paid", "∅"]]
    );
    assert_eq!(evo.db.sql("select code from core.order_codes order by order_id, 1"), [["x"], ["y"], ["y"]]);
    for mode in ["--in-place", "--full-refresh"] {
        run(&evo, &["transform", "orders", mode]).exits(0);
        assert_eq!(evo.db.sql(orders), rows);
    }
    run(&evo, &["verify", "orders", "--deep"]).exits(0);
}

#[test]
fn a_draft_is_tried_out_on_the_private_server_and_the_first_rows_are_shown() {
    let evo = beginner();
    let path =
        sample(&evo, "visits.jsonl", "{\"id\": 1, \"at\": \"2026-01-09T18:30:00\"}\n{\"id\": 2, \"at\": null}\n");
    let shown = new(&evo, &["visits", "--from", &path]).exits(0);
    assert!(shown.stdout.contains("tried out with 2 documents"), "{}", shown.stdout);
    assert!(shown.stdout.contains("2026-01-09T21:30:00"), "{}", shown.stdout);
    assert!(shown.stdout.contains("evo migrate") && shown.stdout.contains("extend = "), "{}", shown.stdout);
    let databases = crate::support::binary(evo.dir.path())
        .args(["db", "psql", "-At", "-c", "select count(*) from pg_database where datname ~ '^evo_trial'"])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&databases.stdout).trim(), "0");
    new(&evo, &["visits", "--from", &path, "--extend", "own"]).exits(2).says("there is an entity visits already");
    crate::support::binary(evo.dir.path()).args(["db", "destroy", "--yes"]).output().unwrap();
}

#[test]
fn what_cannot_be_drafted_is_said_before_anything_is_written() {
    let evo = beginner();
    let same = sample(
        &evo,
        "same.jsonl",
        "{\"a\": 1, \"b\": 2.5}\n{\"a\": 1, \"b\": 3.5}\n{\"a\": 1, \"b\": 4.5, \"c\": 1}\n",
    );
    new(&evo, &["things", "--from", &same]).exits(2).says("unique in the samples").says("--key");
    new(&evo, &["things", "--from", &same, "--key", "d"]).exits(2).says("no document has the field \"d\"");
    new(&evo, &["things", "--from", "nowhere.csv"]).exits(2).says("there is no sample nowhere.csv");
    new(&evo, &["Things", "--from", &same]).exits(2).says("not a valid name for an entity");
    new(&evo, &["sales", "--from", &same]).exits(2).says("there is an entity sales already");
    let empty = sample(&evo, "empty.json", "[]");
    new(&evo, &["things", "--from", &empty]).exits(2).says("contain no document");
    let broken = sample(&evo, "broken.jsonl.gz", "\u{1f}\u{8b}nothing");
    new(&evo, &["things", "--from", &broken]).exits(6).says("gzip");
    let good = sample(&evo, "good.jsonl", "{\"id\": 1}\nno document\n");
    new(&evo, &["things", "--from", &good, "--dry-run"])
        .exits(0)
        .says("nothing was written")
        .says("1 line is not a document");
    assert!(!Path::new(&evo.dir.path().join("own")).exists());
    new(&evo, &["things", "--from", &good, "--no-trial"]).exits(0);
    new(&evo, &["things", "--from", &good, "--no-trial"]).exits(2).says("is there already");
}
