//! `evo test`, `evo preview` and `evo reset`: models tried out without writing, and entities from the beginning.

use crate::support::{Evo, Run, counts, object};

const KEYS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/keys");
const RUN: &str = "20260110T020501Z";

const GOOD: &str = r#"
documents = '''
{"code": "a,b", "v": 1, "tags": ["x", "y", "x"], "parts": [{"id": 1, "price": 2.5}]}
{"code": "c", "v": "many"}
{"v": 3}
'''
rejected = 1
issues = 1

[rows]
items = '''
{"item_id": "a,b", "v": 1}
{"item_id": "c", "v": null}
'''
item_tags = '''
{"item_id": "a,b", "tag": "x"}
{"item_id": "a,b", "tag": "y"}
'''
item_parts = '{"item_id": "a,b", "part_id": 1, "price": 2.50}'
"#;

/// The entities of the fixture in a folder of one's own, with a test of items.
struct Own(Evo);

impl Own {
    fn new() -> Self {
        let own = Self(Evo::with(crate::support::Database::bare()));
        crate::toy::copy(std::path::Path::new(KEYS), &own.0.dir.path().join("own"));
        own.run(&["migrate"]).exits(0);
        own
    }

    fn run(&self, args: &[&str]) -> Run {
        self.0.run(&[args, &["--extend", "own"]].concat())
    }

    fn test(&self, text: &str) -> Run {
        let folder = self.0.dir.path().join("own/models/items/tests");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("one.toml"), text).unwrap();
        self.run(&["test", "items"])
    }
}

/// Everything that evo and its tables hold.
fn content(evo: &Evo) -> String {
    evo.db.one(
        "select md5(string_agg(query_to_xml(format('select t::text from %I.%I t order by 1', schemaname, tablename), true, true, '')::text, ''
                    order by schemaname, tablename))
         from pg_tables where schemaname in ('evo', 'stg_evo', 'core')",
    )
}

#[test]
fn documents_become_the_rows_that_a_test_expects_and_nothing_is_written() {
    let own = Own::new();
    let before = content(&own.0);
    own.test(GOOD).exits(0).says("ok    items").says("1 test passed, 0 tests failed");
    for (from, to, says) in [
        ("\"v\": 1}\n{\"item_id\": \"c\"", "\"v\": 2}\n{\"item_id\": \"c\"", "core.items a,b, v: expected 2, found 1"),
        ("{\"item_id\": \"c\", \"v\": null}\n", "", "core.items c: a row that is not expected"),
        ("\"tag\": \"y\"", "\"tag\": \"z\"", "core.item_tags a,b,z: the row is missing"),
        ("rejected = 1", "", "documents rejected: expected 0, found 1"),
        ("issues = 1", "issues = 2", "values that do not fit: expected 2, found 1"),
    ] {
        own.test(&GOOD.replacen(from, to, 1)).exits(6).says("FAIL  items").says(says);
    }
    for (from, to, says) in [
        ("[rows]", "[row]", "is not a test of a model"),
        ("item_tags", "item_labels", "items has no table core.item_labels"),
        ("\"part_id\": 1, ", "", "a row of core.item_parts has no part_id"),
        ("\"price\": 2.50", "\"cost\": 1", "core.item_parts has no column cost"),
        ("{\"code\": \"c\"", "{\"code\": \"a,b\"", "document 2 has the key of an earlier one"),
    ] {
        own.test(&GOOD.replacen(from, to, 1)).exits(3).says(says);
    }
    own.run(&["test", "itmes"]).exits(2).says("did you mean");
    assert_eq!(content(&own.0), before);
}

#[test]
fn the_built_in_entities_have_tests_and_pass_them() {
    let evo = Evo::new();
    let json = evo.json(&["test"]);
    let tests = json["tests"].as_array().unwrap();
    for entity in ["members", "sales", "entries", "prospects"] {
        assert!(tests.iter().any(|test| test["entity"] == entity && test["passed"] == true), "{json}");
    }
    assert_eq!(json["failed"], 0);
}

#[test]
fn rows_of_a_model_are_shown_from_staging_or_from_a_file_and_nothing_is_written() {
    let own = Own::new();
    object("items", RUN, "a").lines(&own.0.lake(), &[r#"{"code": "a", "v": 1}"#, r#"{"code": "b", "v": "x"}"#]);
    own.run(&["load", "items"]).exits(0);
    let before = content(&own.0);
    own.run(&["preview", "items"]).exits(0).says("item_id  v  name").says("a        1");
    own.run(&["preview", "core.items", "--sample", "1"]).exits(0);
    let file = own.0.dir.path().join("more.csv");
    std::fs::write(&file, "code,v,name\nz,7,Zed\nz,8,again\n").unwrap();
    let rows = own.run(&["preview", "items", "--from", "more.csv", "--output", "json"]).exits(0).json();
    assert_eq!(rows["rows"], serde_json::json!([{"item_id": "z", "v": 7, "name": "Zed"}]));
    own.run(&["preview", "tickets"]).exits(0).says("no row");
    own.run(&["preview", "itms"]).exits(2).says("did you mean \"items\"?");
    own.run(&["preview", "items", "--from", "nothing.csv"]).exits(2);
    assert_eq!(content(&own.0), before);
}

#[test]
fn an_entity_that_was_reset_is_loaded_from_the_beginning_and_others_stay() {
    let own = Own::new();
    let load = |entity: &str| counts(&own.run(&["load", entity, "--output", "json"]).json()["entities"][0]);
    object("items", RUN, "a")
        .lines(&own.0.lake(), &[r#"{"code": "a", "v": 1}"#, r#"{"code": "b", "v": "x"}"#, "broken"]);
    object("seats", RUN, "a").lines(&own.0.lake(), &[r#"{"room": "A", "seat": 1}"#]);
    own.run(&["load", "seats"]).exits(0);
    assert_eq!(load("items"), "2/0/0/0/1 of 3");
    own.run(&["transform", "items", "seats"]).exits(0);
    own.run(&["reset", "items"]).exits(2).says("2 rows of core.items").says("1 reject").says("--yes");
    assert_eq!(own.0.db.one("select count(*) from core.items"), "2");
    own.run(&["reset", "items", "--yes"]).exits(0).says("removed").says("1 object");
    own.run(&["reset", "items", "--yes"]).exits(0).says("is empty already");
    assert_eq!(own.0.db.one("select count(*) from core.items"), "0");
    assert_eq!(own.0.db.one("select count(*) from core.seats"), "1");
    assert_eq!(load("items"), "2/0/0/0/1 of 3");
    own.run(&["transform", "items"]).exits(0);
    assert_eq!(own.0.db.one("select count(*) from core.items"), "2");
    own.run(&["verify", "items", "seats", "--deep"]).exits(0);
    own.run(&["check", "items"]).exits(0);
    own.run(&["reset", "all", "--yes"]).exits(2);
    // A dimension is elected again.
    let evo = Evo::new();
    evo.run(&["generate", "sales", "prospects", "--records", "40"]).exits(0);
    evo.run(&["load", "all"]).exits(0);
    evo.run(&["transform", "all"]).exits(0);
    let branches =
        "select string_agg(branch_id || coalesce(branch_name, ''), ',' order by branch_id) from core.evo_branches";
    let before = evo.db.one(branches);
    evo.run(&["reset", "sales", "--yes"]).exits(0);
    evo.run(&["load", "sales"]).exits(0);
    evo.run(&["transform", "all"]).exits(0);
    assert_eq!(evo.db.one(branches), before);
    evo.run(&["check", "all"]).exits(0);
}
