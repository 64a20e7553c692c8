//! `evo new`: from unknown files to core without editing.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{Database, Evo, Run, Session, object, sql, write};

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
    // What a refresh asks first admits nothing else.
    evo.db.sql(
        "create function plain(value text) returns text language plpgsql as $$
         begin return evo.plain_array(value); exception when others then return 'raises'; end $$",
    );
    let plain: Vec<String> =
        cells.iter().map(|cell| evo.db.one(&format!("select coalesce(plain('{cell}'), 'none')"))).collect();
    let raises = "raises";
    assert_eq!(plain, ["[1, \"a\"]", "[]", "none", "none", raises, raises, "none", "none", raises, raises]);
    assert_eq!(evo.db.one("select evo.plain_array(null) is null"), "t");
}

#[test]
fn lists_in_cells_are_read_without_a_call_except_near_one_that_only_begins_as_a_list() {
    let evo = beginner();
    let path = sample(&evo, "learners.csv", CSV);
    drafted(&evo, &["learners", "--from", &path]);
    run(&evo, &["migrate"]).exits(0);
    let filling = "x".repeat(1000);
    let line = |n: usize| {
        let tags = if n == 7 { "[broken".to_owned() } else { format!("[\"\"b{n}\"\",\"\"a\"\",\"\"a\"\"]") };
        format!("BR-{n};{filling};;;;;\"{tags}\"\n")
    };
    let text = (0..300).map(line).collect::<String>();
    let header = CSV.lines().next().unwrap();
    let at = object("learners", "1", "a").path().replace(".jsonl.gz", ".csv");
    write(&evo.lake(), &at, format!("{header}\n{text}").as_bytes());
    run(&evo, &["load", "learners"]).exits(0);
    // Which functions are called, and how often.
    evo.db.sql("do $$ begin execute format('alter database %I set track_functions = pl', current_database()); end $$");
    let args = ["transform", "learners", "--full-refresh", "--workers", "1", "--extend", "own"];
    let refresh = evo.command(&args).env("EVO_TRANSFORM_CHUNK_ROWS", "10").output().unwrap();
    Run::from(refresh).exits(0);
    let calls =
        "select coalesce(sum(calls), 0) between 1 and 60 from pg_stat_user_functions where funcname = 'text_array'";
    evo.db.wait_for(calls, "t");
    let tags = "select count(*), count(distinct learner_code), min(learner_code) filter (where tag = 'b8') from core.learner_tags";
    assert_eq!(evo.db.sql(tags), [["598", "299", "BR-8"]]);
    run(&evo, &["verify", "learners", "--deep"]).exits(0);
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
    assert!(trials(&evo).is_empty());
    new(&evo, &["visits", "--from", &path, "--extend", "own"]).exits(2).says("there is an entity visits already");
    crate::support::binary(evo.dir.path()).args(["db", "destroy", "--yes"]).output().unwrap();
}

/// The address of the private server, which runs.
fn private(evo: &Evo) -> String {
    let run: Run = crate::support::binary(evo.dir.path()).args(["db", "url"]).output().unwrap().into();
    run.exits(0).stdout.trim().to_owned()
}

/// The databases of trials on the private server.
fn trials(evo: &Evo) -> Vec<String> {
    sql(&private(evo), "select datname from pg_database where datname ~ '^evo_trial' order by 1").concat()
}

#[test]
fn the_database_of_a_trial_that_was_broken_off_goes_with_the_next_one_and_one_in_use_stays() {
    let evo = beginner();
    let path = sample(&evo, "visits.jsonl", "{\"id\": 1, \"at\": \"2026-01-09T18:30:00\"}\n");
    let in_use = format!("evo_trial_{:032x}", 1);
    let session = Session::open(&private(&evo));
    session.run(&format!("select pg_advisory_lock(hashtextextended('{in_use}', 0))"));
    session.run(&format!("create database {in_use}"));
    let mut command = crate::support::binary(evo.dir.path());
    command.args(["new", "visits", "--from", &path, "--lake", evo.lake().to_str().unwrap()]);
    let mut broken_off = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while trials(&evo).len() < 2 {
        assert!(broken_off.try_wait().unwrap().is_none(), "it ended before it could be killed");
    }
    broken_off.kill().unwrap();
    broken_off.wait().unwrap();
    assert_eq!(trials(&evo).len(), 2);
    new(&evo, &["visits", "--from", &path]).exits(0);
    assert_eq!(trials(&evo), [in_use]);
    drop(session);
    new(&evo, &["others", "--from", &path]).exits(0);
    assert!(trials(&evo).is_empty());
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

#[test]
fn fields_with_odd_names_go_from_file_to_core() {
    let evo = beginner();
    // Longer than a name of PostgreSQL may be, and the same up to there.
    let (long, longer) = ("x".repeat(64), "x".repeat(70));
    let mut document = serde_json::json!({
        "runId": 1, "": "empty", "it's": 2, "Name": "A", "name": "B", "NAME": "C", "xmin": 1.5, "ctid": "c",
        "t": "tea", "m": "m",
        "_batch_id": 9, "_deleted_at": "d", "raw_data": "r", "evo_source_x": "e", "{zone}": "z", "a\nb": 3, "a.b": 4,
        "select": "s", "漢字": "k", "\u{200b}": "w", "'''": "q", "p": {"": 1, "t": 2}, "place": 5,
        "list\nof": [{"it's": 1, "": 2, "place": 3}], "xmins": ["x"],
    });
    document[&long] = 10.into();
    document["p"][&long] = true.into();
    document[&longer] = "longest".into();
    document["list\nof"][0][&long] = "inside".into();
    let path = sample(&evo, "runs.json", &document.to_string());
    let draft = drafted(&evo, &["runs", "--from", &path, "--key", "runId"]);
    assert_eq!(draft["key_column"], "run_id_key");
    run(&evo, &["migrate"]).exits(0);
    write(&evo.lake(), &object("runs", "1", "a").path().replace(".gz", ""), document.to_string().as_bytes());
    run(&evo, &["load", "runs"]).exits(0);
    let read = |sql: &str| evo.db.sql(sql).remove(0).join(" ");
    for mode in ["--in-place", "--full-refresh"] {
        run(&evo, &["transform", "runs", mode]).exits(0);
        let cut = "x".repeat(60);
        let columns = format!("{cut}, {cut}_2, p_{}, p, p_t, field, name, name_2, name_3", &cut[2..]);
        assert_eq!(read(&format!("select {columns} from core.runs")), "10 longest t 1 2 empty A B C");
        let others = "xmin_value, ctid_value, t, m, batch_id, raw_data, own_evo_source_x, zone, a_b, a_b_2, \"select\"";
        assert_eq!(read(&format!("select {others} from core.runs")), "1.50 c tea m 9 r e z 3 4 s");
        let of_list = format!("select place, it_s, field, place_2, {cut} from core.run_list_of");
        assert_eq!(read(&of_list), "1 1 2 3 inside");
        assert_eq!(read("select xmin_value from core.run_xmins"), "x");
    }
    run(&evo, &["verify", "runs", "--deep"]).exits(0);
    // A row with a column t is still a row, and not that column.
    let shown = run(&evo, &["preview", "runs", "--from", &path, "--output", "json"]).exits(0).json();
    assert_eq!((&shown["rows"][0]["t"], &shown["rows"][0]["it_s"]), (&"tea".into(), &2.into()));
    new(&evo, &["runs", "--update", "--from", &path, "--extend", "own"]).exits(0).says("read everything that");
}

#[test]
fn csv_is_read_by_its_own_header() {
    let evo = beginner();
    let path = sample(&evo, "quoted.csv", "\u{feff}\"id\";\"long\nname, and more\"\n1;\"a\nb\"\n2;\"c \"\"d\"\"\"\n");
    assert_eq!(types(&drafted(&evo, &["notes", "--from", &path, "--dry-run"]), 0), ["long_name_and_more text"]);
    let other = sample(&evo, "other.csv", "id,name\n3,a\n");
    new(&evo, &["notes", "--from", &path, &other])
        .exits(2)
        .says("other.csv separates fields by ',', and another sample");
    let one = sample(&evo, "one.csv", "id\n3\n");
    drafted(&evo, &["notes", "--from", &path, &one, "--dry-run"]);
    let named = sample(&evo, "other.txt", "id,name\n3,a\n");
    new(&evo, &["notes", "--from", &named]).exits(2).says("2 lines are no JSON documents").says("ends in .csv");
    let wide = format!("id{}\n1{}\n", (0..400).map(|i| format!(",c{i}")).collect::<String>(), ",2".repeat(400));
    let wide = sample(&evo, "wide.csv", &wide);
    new(&evo, &["notes", "--from", &wide, "--dry-run"])
        .exits(0)
        .says("more than 300 fields: those that were met last are");
}

#[test]
fn two_entities_never_have_one_table() {
    let evo = beginner();
    let path = sample(&evo, "a.jsonl", "{\"id\": 1, \"tags\": [\"x\"]}\n");
    drafted(&evo, &["orders", "--from", &path]);
    let with = |entity: &str| new(&evo, &[entity, "--from", &path, "--no-trial", "--extend", "own"]);
    with("order").exits(0).says("core.order_tags_2  key");
    with("order_tags").exits(2).says("there is a table core.order_tags already");
    run(&evo, &["migrate"]).exits(0);
}
