//! Keys of any kind: integers, texts, uuids, and several fields together.

use crate::support::{Database, Evo, Run, counts, object};

const KEYS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/keys");
const RUNS: [&str; 4] = ["20260110T020501Z", "20260111T020501Z", "20260112T020501Z", "20260113T020501Z"];

struct Own(Evo);

impl Own {
    fn new() -> Self {
        let evo = Evo::with(Database::bare());
        let own = Self(evo);
        own.run(&["migrate"]).exits(0);
        own
    }

    fn run(&self, args: &[&str]) -> Run {
        self.0.run(&[args, &["--extend", KEYS]].concat())
    }

    /// Loads a run of one object; counts of its lines.
    fn load(&self, entity: &str, run: &str, lines: &[&str]) -> String {
        object(entity, run, "a").lines(&self.0.lake(), lines);
        let done = self.run(&["load", entity, "--output", "json"]);
        assert!([0, 6].contains(&done.code), "{}", done.stderr);
        counts(&done.json()["entities"][0])
    }

    fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        self.0.db.sql(sql)
    }

    /// Asserts that increments, a comparison in place and a full refresh give these rows, and that nothing is
    /// wrong afterwards.
    #[track_caller]
    fn gives(&self, entity: &str, sql: &str, rows: &[&[&str]]) {
        for mode in ["--incremental", "--in-place", "--full-refresh"] {
            self.run(&["transform", entity, mode]).exits(0);
            assert_eq!(self.rows(sql), rows, "{mode}");
        }
        self.run(&["verify", entity, "--deep"]).exits(0);
        self.run(&["verify", entity]).exits(0);
        self.run(&["check", entity]).exits(0);
    }
}

#[test]
fn documents_with_texts_as_keys_become_rows_in_every_mode() {
    let own = Own::new();
    let loaded = own.load(
        "items",
        RUNS[0],
        &[
            r#"{"code": "a,b", "v": 1, "tags": ["x", "y", "x", ""], "parts": [{"id": 1, "price": 2.5}]}"#,
            r#"{"code": "a", "v": "many", "tags": null}"#,
            r#"{"code": 7, "v": 3, "tags": ["y"]}"#,
            r#"{"code": "É%", "v": 4}"#,
            r#"{"code": "", "v": 5}"#,
            r#"{"code": ["a"], "v": 6}"#,
            r#"{"code": "a,b", "v": 2, "tags": ["x", "z"], "parts": [{"id": 1, "price": "dear"}]}"#,
        ],
    );
    assert_eq!(loaded, "4/0/0/1/2 of 7");
    let items = "select item_id, v from core.items order by item_id";
    own.gives("items", items, &[&["7", "3"], &["a", "∅"], &["a,b", "2"], &["É%", "4"]]);
    assert_eq!(own.rows("select * from core.item_tags order by 1, 2"), [["7", "y"], ["a,b", "x"], ["a,b", "z"]]);
    let issues = "select key_text, column_name, raw_value from evo.issues order by 1";
    assert_eq!(own.rows(issues), [["a", "v", "many"], ["a%2Cb,1", "price", "dear"]]);
    // The same again, a change, a row that is gone from its document, and a correction of one value alone.
    let again = own.load(
        "items",
        RUNS[2],
        &[
            r#"{"code": "a,b", "v": 2, "tags": ["x", "z"], "parts": [{"id": 1, "price": "dear"}]}"#,
            r#"{"code": "a", "v": 9}"#,
            r#"{"code": 7, "v": 3, "tags": []}"#,
        ],
    );
    assert_eq!(again, "0/2/1/0/0 of 3");
    // A run of before, which arrives late: of what the newer one has seen it changes nothing.
    let late = own.load("items", RUNS[1], &[r#"{"code": "a,b", "v": 5}"#, r#"{"code": "É%", "v": 8}"#]);
    assert_eq!(late, "0/1/0/1/0 of 2");
    own.gives("items", items, &[&["7", "3"], &["a", "9"], &["a,b", "2"], &["É%", "8"]]);
    assert_eq!(own.rows("select * from core.item_tags order by 1, 2"), [["a,b", "x"], ["a,b", "z"]]);
    assert_eq!(own.rows(issues), [["a%2Cb,1", "price", "dear"]]);
}

#[test]
fn what_is_wrong_with_rows_that_have_texts_as_keys_is_found_and_repaired() {
    let own = Own::new();
    own.load(
        "items",
        RUNS[0],
        &[r#"{"code": "a,b", "v": 1}"#, r#"{"code": "it's", "v": 2}"#, r#"{"code": "c", "v": 3}"#],
    );
    own.run(&["transform", "items"]).exits(0);
    own.rows("update core.items set v = 7 where item_id = 'a,b'; delete from core.items where item_id = 'it''s'");
    let found = own.run(&["verify", "items"]).exits(6).says("core-differs core.items a,b");
    found.says(r"evo transform items --keys 'a%2Cb,it'\''s'");
    own.run(&["transform", "items", "--keys", "a%2Cb,it's"]).exits(0);
    own.run(&["verify", "items"]).exits(0);
    own.rows("delete from stg_evo.items_raw where item_id = 'c'; update stg_evo.items_raw set raw_data = '{}' where item_id = 'a,b'");
    own.run(&["verify", "items", "--deep"]).exits(6).says("row-missing c").says("row-altered a,b");
    own.run(&["verify", "items", "--deep", "--repair"]).exits(0);
    assert_eq!(own.rows("select raw_data ->> 'v' from stg_evo.items_raw order by item_id"), [["1"], ["3"], ["2"]]);
}

#[test]
fn a_document_that_core_refuses_is_found_among_texts_too() {
    let own = Own::new();
    own.rows("alter table core.items add constraint small check (v < 100)");
    own.load(
        "items",
        RUNS[0],
        &[r#"{"code": "a,b", "v": 1}"#, r#"{"code": "x,%", "v": 200}"#, r#"{"code": "c", "v": 3}"#],
    );
    own.run(&["transform", "items", "--incremental"]).exits(6).says("x,%");
    assert_eq!(own.rows("select item_id from core.items order by 1"), [["a,b"], ["c"]]);
    assert_eq!(own.rows("select key_text, source_line from evo.issues"), [["x%2C%25", "2"]]);
    own.run(&["transform", "items", "--full-refresh"]).exits(6).says("x,%");
    own.rows("alter table core.items drop constraint small");
    own.run(&["transform", "items", "--incremental"]).exits(0);
    assert_eq!(own.rows("select count(*) from evo.issues"), [["0"]]);
}

#[test]
fn documents_with_uuids_and_times_as_keys_become_rows_in_every_mode() {
    let own = Own::new();
    let (a, b) = ("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "B0EEBC999C0B4EF8BB6D6BB9BD380A11");
    let line = |id: &str, v: u8| format!(r#"{{"id": "{id}", "sold": "2025-12-31T23:30:00", "v": {v}}}"#);
    let lines = [line(a, 1), line(b, 2), line("no uuid", 3), line(a, 4)];
    assert_eq!(own.load("tickets", RUNS[0], &lines.each_ref().map(String::as_str)), "2/0/0/1/1 of 4");
    let lines = [line(a, 4), line(b, 5)];
    assert_eq!(own.load("tickets", RUNS[2], &lines.each_ref().map(String::as_str)), "0/1/1/0/0 of 2");
    assert_eq!(own.load("tickets", RUNS[1], &[&line(a, 9)]), "0/0/0/1/0 of 1");
    let sql = "select ticket_id, v, sold_at at time zone 'UTC' from core.tickets order by 1";
    let at = "2026-01-01 02:30:00";
    own.gives("tickets", sql, &[&[a, "4", at], &["b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "5", at]]);
}

#[test]
fn documents_with_several_fields_as_a_key_become_rows_in_every_mode() {
    let own = Own::new();
    let loaded = own.load(
        "seats",
        RUNS[0],
        &[r#"{"room": "A", "seat": 1, "v": 1}"#, r#"{"room": "A", "seat": 2, "v": 2}"#, r#"{"room": "A", "v": 3}"#],
    );
    assert_eq!(loaded, "2/0/0/0/1 of 3");
    assert_eq!(own.load("seats", RUNS[1], &[r#"{"room": "A", "seat": "2", "v": 5}"#]), "0/1/0/0/0 of 1");
    let sql = "select room, seat, v from core.seats order by room, seat";
    own.gives("seats", sql, &[&["A", "1", "1"], &["A", "2", "5"]]);
    let sql = "select count(*) from core.seats
               where seat_key = md5(concat(octet_length(room), ':', room, ',', octet_length(seat::text), ':', seat, ','))::uuid";
    assert_eq!(own.rows(sql), [["2"]], "the key is what the documentation says");
}

#[test]
fn csv_has_texts_and_several_fields_as_keys() {
    let own = Own::new();
    let write = |entity: &str, text: &str| {
        let path = object(entity, RUNS[0], "a").path().replace(".jsonl.gz", ".csv");
        crate::support::write(&own.0.lake(), &path, text.as_bytes());
    };
    write("items", "code,v\n007,1\n\"a,b\",2\n,3\n");
    write("seats", "room,seat,v\nA,1,1\nB,,2\n");
    own.run(&["load", "items", "seats", "--max-rejects", "2"]).exits(0);
    own.run(&["transform", "items", "seats"]).exits(0);
    assert_eq!(own.rows("select item_id, v from core.items order by 1"), [["007", "1"], ["a,b", "2"]]);
    assert_eq!(own.rows("select room, seat, v from core.seats"), [["A", "1", "1"]]);
}

#[test]
fn a_table_that_does_not_keep_keys_as_they_are_is_named_by_migrate() {
    let own = Own::new();
    for (broken, repaired, message) in [
        (
            "alter table stg_evo.items_raw alter column item_id type text collate \"default\"",
            "alter table stg_evo.items_raw alter column item_id type text collate \"C\"",
            "not in the collation \"C\"",
        ),
        (
            "drop table core.seats;
             create table core.seats (seat_key text primary key) partition by range (seat_key)",
            "drop table core.seats;
             create table core.seats (seat_key uuid primary key, room text, seat integer, v integer) partition by range (seat_key);
             create table core.seats_all partition of core.seats for values from (minvalue) to (maxvalue)",
            "the column seat_key of core.seats is of type text collate \"default\", and has to be uuid",
        ),
    ] {
        own.rows(broken);
        own.run(&["migrate"]).exits(3).says(message).says("hint: alter table");
        own.rows(repaired);
        own.run(&["migrate"]).exits(0);
    }
}
