//! Versions by the commands that people type: late ones, misfits, corruption, and what has to be there.

use super::fixtures;
use crate::support::{Database, Evo, Run, object, write};

struct Own(Evo);

const HISTORY: &str = "select plan_code, name, (valid_from at time zone 'America/Sao_Paulo')::date,
    (valid_to at time zone 'America/Sao_Paulo')::date from core.plans_history order by plan_code, valid_from";

impl Own {
    fn new() -> Self {
        let own = Self(Evo::with(Database::bare()));
        fixtures(&own.0.dir.path().join("own"));
        own.run(&["migrate"]).exits(0);
        own
    }

    fn run(&self, args: &[&str]) -> Run {
        self.0.run(&[args, &["--extend", "own"]].concat())
    }

    fn load(&self, run: &str, lines: &[String]) -> Run {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        object("plans", run, "a").lines(&self.0.lake(), &lines);
        self.run(&["load", "plans"])
    }

    /// Asserts that increments, a comparison in place and a full refresh give these rows, and that nothing is
    /// wrong afterwards.
    #[track_caller]
    fn gives(&self, sql: &str, rows: &[&[&str]]) {
        for mode in ["--incremental", "--in-place", "--full-refresh"] {
            self.run(&["transform", "plans", mode]).exits(0);
            assert_eq!(self.0.db.sql(sql), rows, "{mode}");
        }
        self.run(&["verify", "plans", "--deep"]).exits(0);
        self.run(&["verify", "plans"]).exits(0);
        self.run(&["check", "plans"]).exits(0);
    }
}

fn plan(code: &str, day: u64, name: &str, more: &str) -> String {
    format!(r#"{{"plan": "{code}", "changed": "2026-03-{day:02}T10:00:00", "name": "{name}"{more}}}"#)
}

#[test]
fn a_late_version_goes_between_the_others_and_repeated_contents_are_one_row() {
    let own = Own::new();
    own.load("2", &[plan("a", 2, "gold", ""), plan("a", 8, "black", ""), plan("b", 3, "gold", "")]).exits(0);
    own.gives(
        HISTORY,
        &[
            &["a", "gold", "2026-03-02", "2026-03-08"],
            &["a", "black", "2026-03-08", "∅"],
            &["b", "gold", "2026-03-03", "∅"],
        ],
    );
    assert_eq!(own.0.db.sql("select plan_code, name from core.plans order by 1"), [["a", "black"], ["b", "gold"]]);
    // Of an older run: between, before, the same again, and another content at a time that is known.
    own.load(
        "1",
        &[plan("a", 5, "blue", ""), plan("a", 1, "gold", ""), plan("b", 3, "old", ""), plan("b", 6, "gold", "")],
    )
    .exits(0);
    own.gives(
        HISTORY,
        &[
            &["a", "gold", "2026-03-01", "2026-03-05"],
            &["a", "blue", "2026-03-05", "2026-03-08"],
            &["a", "black", "2026-03-08", "∅"],
            &["b", "gold", "2026-03-03", "∅"],
        ],
    );
    own.load("3", &[plan("b", 3, "new", r#", "tags": ["x"]"#), plan("b", 7, "gold", "")]).exits(0);
    own.gives(
        HISTORY,
        &[
            &["a", "gold", "2026-03-01", "2026-03-05"],
            &["a", "blue", "2026-03-05", "2026-03-08"],
            &["a", "black", "2026-03-08", "∅"],
            &["b", "new", "2026-03-03", "2026-03-06"],
            &["b", "gold", "2026-03-06", "∅"],
        ],
    );
    let tags = "select plan_code, tag, valid_to is null from core.plan_tags_history";
    assert_eq!(own.0.db.sql(tags), [["b", "x", "f"]]);
    let first = own.run(&["preview", "plans_history"]).exits(0);
    assert!(first.stdout.contains("blue"), "{}", first.stdout);
    own.run(&["reset", "plans", "--yes"]).exits(0);
    assert_eq!(own.0.db.one("select count(*) from core.plans_history"), "0");
}

#[test]
fn a_line_without_a_time_is_rejected_and_a_value_that_does_not_fit_is_an_issue_of_its_version() {
    let own = Own::new();
    let lines = [
        r#"{"plan": "a", "changed": "", "made": null}"#.to_owned(),
        plan("a", 1, "gold", r#", "price": "cheap""#),
        plan("a", 2, "gold", r#", "price": 2.5"#),
        plan("a", 3, "gold", r#", "price": "dear""#),
    ];
    own.load("1", &lines).exits(6);
    assert_eq!(own.0.db.one("select reason from evo.rejects"), "the key field changed is not a date and time");
    let sql = "select name, price, extract(day from valid_from), extract(day from valid_to) from core.plans_history order by 3";
    own.gives(sql, &[&["gold", "∅", "1", "2"], &["gold", "2.50", "2", "3"], &["gold", "∅", "3", "∅"]]);
    let issues = "select raw_value, key_text ~ '^a,2026-03-0[13]' from evo.issues order by 1";
    assert_eq!(own.0.db.sql(issues), [["cheap", "t"], ["dear", "t"]]);
    own.load("2", &[plan("a", 3, "gold", r#", "price": 3"#)]).exits(0);
    own.run(&["transform", "plans"]).exits(0);
    assert_eq!(own.0.db.sql("select raw_value from evo.issues"), [["cheap"]]);
}

#[test]
fn corruption_of_a_history_is_found_by_checks_and_verifications_and_repaired() {
    let own = Own::new();
    let lines: Vec<String> = (1..=4).map(|day| plan("a", day, &format!("n{day}"), r#", "tags": ["x"]"#)).collect();
    own.load("1", &lines).exits(0);
    own.run(&["transform", "plans"]).exits(0);
    let day = |n: u8| format!("'2026-03-0{n}T10:00:00-03'::timestamptz");
    let row = |n: u8| format!("where plan_code = 'a' and valid_from = {}", day(n));
    for (what, sql, is_checked) in [
        ("an overlap", format!("update core.plans_history set valid_to = {} {}", day(4), row(2)), true),
        ("a gap", format!("update core.plans_history set valid_to = valid_to - interval '1 hour' {}", row(2)), true),
        ("a missing row", format!("delete from core.plans_history {}", row(3)), true),
        ("two rows that count", format!("update core.plans_history set valid_to = null {}", row(3)), true),
        ("none that counts", format!("delete from core.plans_history {}", row(4)), true),
        ("an empty row", format!("update core.plans_history set valid_to = valid_from {}", row(4)), true),
        ("a child's end", "update core.plan_tags_history set valid_to = valid_from".to_owned(), true),
        ("another value", format!("update core.plans_history set name = 'x' {}", row(3)), false),
    ] {
        own.0.db.sql(&sql);
        let checked = own.run(&["check", "plans", "--only", "history"]).exits(if is_checked { 6 } else { 0 });
        assert!(!is_checked || checked.stdout.contains(",2026-03-0"), "{what}: {}", checked.stdout);
        own.run(&["verify", "plans"]).exits(6);
        own.run(&["verify", "plans", "--repair"]).exits(0);
        own.run(&["check", "plans"]).exits(0);
        assert_eq!(own.0.db.one("select count(*) from core.plans_history"), "4", "{what}");
    }
}

#[test]
fn what_a_history_needs_is_named_before_anything_is_done() {
    let evo = Evo::with(Database::bare());
    let own = evo.dir.path().join("own");
    fixtures(&own);
    let migration = own.join("migrations/0001_versions.up.sql");
    let good = std::fs::read_to_string(&migration).unwrap();
    for (from, to, says) in [
        (
            "_batch_id      bigint,\n    primary key (plan_code, valid_from)",
            "_batch_id      bigint",
            "the staging table stg_evo.plans_raw has no unique index on its key (\"plan_code\", \"valid_from\")",
        ),
        (
            "valid_from     timestamptz not null",
            "valid_from     date not null",
            "the column valid_from of stg_evo.plans_raw is of type date, and has to be timestamp with time zone",
        ),
        (
            "valid_to timestamptz, name text",
            "name text",
            "alter table \"core\".\"plans_history\" add column valid_to timestamptz",
        ),
        (
            "rate_id bigint, since timestamptz, valid_to timestamptz",
            "rate_id bigint, since timestamptz, valid_to date",
            "the column valid_to of core.rates is of type date, and has to be timestamp with time zone",
        ),
    ] {
        write(&own, "migrations/0001_versions.up.sql", good.replacen(from, to, 1).as_bytes());
        evo.run(&["migrate", "--extend", "own"]).exits(3).says(says);
    }
    write(&own, "migrations/0001_versions.up.sql", good.as_bytes());
    evo.run(&["migrate", "--extend", "own"]).exits(0);
}

#[test]
fn an_entity_is_drafted_with_the_history_of_its_documents() {
    let evo = Evo::with(Database::bare());
    let csv = "no;name;changedAt;madeAt\n7;Ana;;01/03/2026 10:00\n7;Ana M;02/03/2026 10:00;01/03/2026 10:00\n\
               8;Rui;03/03/2026 10:00;01/03/2026 10:00\n";
    write(evo.dir.path(), "people.csv", csv.as_bytes());
    let new = |args: &[&str]| {
        let words = ["new", "people", "--from", "people.csv", "--key", "no", "--no-trial"];
        Run::from(crate::support::binary(evo.dir.path()).args(words).args(args).output().unwrap())
    };
    new(&["--history", "name"]).exits(2).says("\"name\" is no field with a time").says("changedAt, madeAt");
    new(&["--history", "changedAt", "--missing", "mark"]).exits(2);
    new(&["--history", "changedAt,madeAt"]).exits(0).says("core.people_history");
    evo.run(&["migrate", "--extend", "own"]).exits(0);
    write(&evo.lake(), &object("people", "1", "a").path().replace(".jsonl.gz", ".csv"), csv.as_bytes());
    evo.run(&["load", "people", "--extend", "own"]).exits(0);
    evo.run(&["transform", "people", "--extend", "own"]).exits(0);
    let sql = "select no, name, extract(day from valid_from), extract(day from valid_to) from core.people_history order by 1, 3";
    assert_eq!(evo.db.sql(sql), [["7", "Ana", "1", "2"], ["7", "Ana M", "2", "∅"], ["8", "Rui", "3", "∅"]]);
    assert_eq!(evo.db.sql("select no, name from core.people order by 1"), [["7", "Ana M"], ["8", "Rui"]]);
    evo.run(&["verify", "people", "--deep", "--extend", "own"]).exits(0);
}
