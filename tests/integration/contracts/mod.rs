//! Contracts, drift and updates of entities of one's own: documents that change, and models that follow.

mod loads;
mod transforms;

use std::path::Path;

use serde_json::json;

use crate::support::{Database, Evo, Object, Run, object, write};
use crate::toy::copy;

/// The toy entity `visits` in a folder of one's own.
struct Own(Evo);

impl Own {
    fn new() -> Self {
        let own = Self(Evo::with(Database::bare()));
        copy(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/toy")), &own.0.dir.path().join("own"));
        own.run(&["migrate"]).exits(0);
        own
    }

    fn run(&self, args: &[&str]) -> Run {
        self.0.run(&[args, &["--extend", "own"]].concat())
    }

    /// Declares the contract.
    fn declare(&self, contract: &str) {
        let path = self.0.dir.path().join("own/models/visits/entity.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        let bare = text.split("\n[contract]").next().unwrap();
        std::fs::write(&path, format!("{bare}\n[contract]\n{contract}")).unwrap();
    }

    /// Puts a run with a document for each id into the lake; `more` are further fields.
    fn put(&self, run: &str, ids: std::ops::Range<u32>, more: &str) {
        self.put_object(run, "a", ids, more);
    }

    /// The same with the name of the object.
    fn put_object(&self, run: &str, name: &str, ids: std::ops::Range<u32>, more: &str) {
        write(&self.0.lake(), &path(run, name), lines(ids, more).as_bytes());
    }

    fn one(&self, sql: &str) -> String {
        self.0.db.one(sql)
    }
}

/// The path of an object of a run, which is the day of its date.
fn path(run: &str, name: &str) -> String {
    let date = format!("2026-01-0{run}");
    Object { date: &date, ..object("visits", run, name) }.path().replace(".gz", "")
}

/// A document for each id.
fn lines(ids: std::ops::Range<u32>, more: &str) -> String {
    ids.map(|id| format!(r#"{{"idVisit": {id}{more}}}"#)).collect::<Vec<_>>().join("\n")
}

/// Many fields: `, "c0": 0, "c1": 1`.
fn fields(numbers: std::ops::Range<u32>) -> String {
    numbers.map(|n| format!(r#", "c{n}": {n}"#)).collect()
}

const FIRST: &str = r#", "at": "2026-01-09T18:30:00", "seats": 2, "room": {"name": "A"}"#;
const SECOND: &str = r#", "at": "2026-01-09T18:30:00", "seats": "2", "vip": true"#;

#[test]
fn documents_that_break_their_contract_are_neither_loaded_nor_transformed() {
    let own = Own::new();
    own.declare("new_field = \"fail\"\ntype_change = \"fail\"\nmissing_field = \"fail\"\n");
    own.put("1", 1..31, FIRST);
    // Nothing is known, so nothing is broken.
    own.run(&["load", "visits"]).exits(0);
    own.run(&["transform", "visits"]).exits(0);
    own.put("2", 1..31, SECOND);
    own.run(&["load", "visits"])
        .exits(6)
        .says("3 changes of the documents break the contract; nothing was loaded")
        .says("new field vip (boolean) in 30 of 30 documents, first in bronze/")
        .says("seats is string in 30 of 30 documents (was number)")
        .says("room is in 0 of 30 documents; before, 100 % had it")
        .says("evo load visits --accept contract");
    let loaded = "select string_agg(run_id || ' ' || state, ', ' order by run_id) from evo.objects";
    assert_eq!(own.one(loaded), "1 loaded, 2 pending");
    // A contract that lets it through.
    own.declare("new_field = \"warn\"\ntype_change = \"fail\"\nignore = [\"room\", \"seats\"]\n");
    own.run(&["load", "visits", "--limit", "1"]).exits(0).says("contract: new field vip (boolean)");
    own.declare("new_field = \"fail\"\ntype_change = \"fail\"\n");
    for mode in [&[][..], &["--full-refresh"], &["--in-place"]] {
        own.run(&[&["transform", "visits"], mode].concat())
            .exits(6)
            .says("2 changes of the documents break the contract; nothing was transformed");
    }
    assert_eq!(own.one("select count(*) from evo.model_batches"), "1");
    own.run(&["transform", "visits", "--accept", "contract"]).exits(0).says("contract: new field vip");
    assert_eq!(own.one("select count(*) from evo.model_batches"), "2");
    // What was transformed is known.
    own.put("3", 1..41, SECOND);
    own.run(&["load", "visits"]).exits(0);
    own.run(&["transform", "visits"]).exits(0);
    own.run(&["load", "visits", "--accept", "everything"]).exits(2);
    own.run(&["transform", "visits", "--accept", "contracts"]).exits(2);
    own.declare("new_field = \"stop\"\n");
    own.run(&["load", "visits"]).exits(3).says("entity.toml:14: new_field in contract of the declaration must be");
}

#[test]
fn drift_names_what_changed_since_when_and_the_lines_to_add() {
    let own = Own::new();
    own.put("1", 1..31, FIRST);
    own.run(&["load", "visits"]).exits(0);
    own.run(&["transform", "visits"]).exits(0);
    own.run(&["drift", "visits"]).exits(0).says("add column if not exists seats bigint").says("0 fields have changed");
    own.put("2", 101..131, r#", "seats": "2", "vip": true, "room": {"name": "B"}"#);
    own.run(&["load", "visits"]).exits(0);
    own.run(&["transform", "visits"]).exits(0);
    let json = own.run(&["drift", "visits", "--output", "json"]).exits(0).json();
    let of = &json["entities"][0];
    let changes: Vec<String> = of["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| format!("{} {} {} {}", c["path"], c["type"], c["known_types"], c["source_line"]))
        .collect();
    assert_eq!(changes, [r#""seats" "string" ["number"] 1"#, r#""vip" "boolean" [] 1"#]);
    assert_eq!(of["missing"], json!([{ "path": "at", "before": 1.0, "documents": 30, "columns": ["core.visits.at"] }]));
    assert_eq!(of["newest_run"], "2");
    let shown = own.run(&["drift"]).exits(0);
    for says in [
        "visits: 3 fields have changed",
        "string, was number",
        "missing, 100 % had it",
        "core.visits.at",
        "change in models/visits/visits.sql",
        "-    evo.as_timestamptz(d.at, {zone}) as at\n+    evo.as_timestamptz(d.at, {zone}) as at,\n",
        "+    evo.as_bool(d.vip) as vip",
        "+    add column if not exists vip boolean",
        "evo new visits --update",
        "sales: nothing has changed",
    ] {
        assert!(shown.stdout.contains(says), "no {says:?} in\n{}", shown.stdout);
    }
    own.run(&["drift", "visit"]).exits(2).says("did you mean");
}

#[test]
fn drift_shows_the_others_where_an_entity_cannot_be_looked_at_and_says_what_it_cannot_write() {
    let own = Own::new();
    own.put("1", 1..31, FIRST);
    own.run(&["load", "visits"]).exits(0);
    own.run(&["transform", "visits"]).exits(0);
    let ids: Vec<String> = (0..201).map(|n| format!(r#""k{n}": 1"#)).collect();
    own.put("2", 101..102, &format!(r#", "by": {{{}}}"#, ids.join(", ")));
    own.run(&["load", "visits"]).exits(0);
    let model = own.0.dir.path().join("own/models/visits/visits.sql");
    let text = std::fs::read_to_string(&model).unwrap();
    std::fs::write(&model, text.replace("select\n", "select distinct\n")).unwrap();
    own.0.db.sql("alter table stg_evo.sales_raw rename column raw_data to document");
    let run = own.run(&["drift"]).exits(3).says("sales").says("raw_data");
    assert!(run.stdout.contains("visits: ") && run.stdout.contains("members: nothing"), "{}", run.stdout);
    assert!(run.stdout.contains("look at\n  names of by that hardly repeat"), "{}", run.stdout);
    let json = own.run(&["drift", "--output", "json"]).exits(3).json();
    assert_eq!(json["errors"][0]["entity"], "sales");
    assert_eq!(json["entities"].as_array().unwrap().len(), 4, "{json}");
    let visits = json["entities"].as_array().unwrap().iter().find(|of| of["entity"] == "visits").unwrap();
    let notes = visits["notes"].to_string();
    assert!(notes.contains("names of by that hardly repeat") && notes.contains("the select is distinct"), "{visits}");
}

#[test]
fn an_update_adds_columns_and_tables_and_keeps_what_was_written_by_hand() {
    let own = Own::new();
    let model = own.0.dir.path().join("own/models/visits/visits.sql");
    let written = std::fs::read_to_string(&model).unwrap().replace(" as at\n", " as at -- mine\n");
    std::fs::write(&model, &written).unwrap();
    let more = r#", "vip": true, "tags": ["x", "y"], "guests": [{"idGuest": 1, "age": 7}]"#;
    own.put("1", 1..3, &format!(r#", "at": "2026-01-09T18:30:00"{more}"#));
    own.run(&["load", "visits"]).exits(0);
    own.run(&["transform", "visits"]).exits(0);
    let new = |args: &[&str]| {
        let mut command = crate::support::binary(own.0.dir.path());
        command.args(["new"]).args(args).args(["--extend", "own", "--no-trial", "--lake"]).arg(own.0.lake());
        Run::from(command.output().unwrap())
    };
    let from = "bronze/evo/entity=visits";
    new(&["visits", "--update", "--from", from, "--dry-run"])
        .exits(0)
        .says("evo.as_bool(d.vip) as vip")
        .says("new table core.visit_tags")
        .says("nothing was written");
    assert_eq!(std::fs::read_to_string(&model).unwrap(), written);
    new(&["visits", "--update", "--from", from]).exits(0).says("core.visit_guests: new columns").says("evo migrate");
    let now = std::fs::read_to_string(&model).unwrap();
    assert!(now.contains(" as at, -- mine\n    evo.as_bool(d.vip) as vip\nfrom {source} s\n"), "{now}");
    own.run(&["migrate"]).exits(0);
    // The definition has changed: every row is made again, without being loaded again.
    own.run(&["transform", "visits"]).exits(0).says("had changed: all rows were made again");
    let rows = "select (select string_agg(visit_id || vip::text, ',' order by visit_id) from core.visits),
                       (select string_agg(distinct tag, ',') from core.visit_tags), (select max(age) from core.visit_guests)";
    assert_eq!(own.0.db.sql(rows), [["1true,2true", "x,y", "7"]]);
    new(&["visits", "--update", "--from", from])
        .exits(0)
        .says("read everything that these documents have")
        .says("2 documents in ")
        .says("1 sample had been read before");
    own.run(&["verify", "visits", "--deep"]).exits(0);
    // A type that changed is named, and nothing is done about it.
    write(own.0.dir.path(), "odd.jsonl", br#"{"idVisit": 9, "at": "soon", "vip": 2.5}"#);
    new(&["visits", "--update", "--from", "odd.jsonl"])
        .exits(0)
        .says("core.visits.at reads at as timestamptz, and there it is text")
        .says("core.visits.vip reads vip as bool, and there it is decimal")
        .says("nothing was written");
    new(&["sales", "--update", "--from", from]).exits(2).says("sales is built in");
    new(&["visit", "--update", "--from", from]).exits(2).says("did you mean \"visits\"?");
    new(&["visits", "--update", "--from", from, "--key", "a"]).exits(2);
}
