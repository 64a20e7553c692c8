//! The order of runs: one, total, and the same in SQL and in Rust.

use std::process::Stdio;

use chrono::NaiveDate;
use evo::bronze::order::{Precedence, run_order};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};

use crate::support::{Database, Evo, Object, counts, object};

/// Ids as extractors give them, and as nobody does: numbers with and without zeros in front, of one shape or
/// of many.
fn run_id() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => (0..40_u32).prop_map(|n| n.to_string()),
        1 => (0..40_u32).prop_map(|n| format!("{n:04}")),
        1 => Just("123456789012345678901234567890".to_owned()),
        1 => Just("0".to_owned()),
        2 => Just("-".to_owned()),
        1 => Just("run".to_owned()),
        1 => Just("T".to_owned()),
        1 => Just("%3A".to_owned()),
        1 => Just("ção".to_owned()),
        1 => Just("😀".to_owned()),
        1 => Just("٣".to_owned()),
        1 => Just(".".to_owned()),
    ];
    prop::collection::vec(part, 1..5).prop_map(|parts| parts.concat())
}

#[test]
fn places_have_one_total_order_and_sql_agrees_with_rust() {
    let db = Database::migrated();
    let mut runner = TestRunner::new(Config { source_file: None, ..Config::default() });
    let day = |d| NaiveDate::from_ymd_opt(2026, 1, d);
    let date = prop_oneof![Just(None), Just(day(9)), Just(day(10)), Just(day(10))];
    let path = prop_oneof![Just("a"), Just("B"), Just("é")];
    let place = (date, run_id(), path);
    let places: Vec<_> = (0..160).map(|_| place.new_tree(&mut runner).unwrap().current()).collect();
    let literal = |text: &str| format!("'{text}'");
    let date = |d: &Option<NaiveDate>| d.map_or("null::date".to_owned(), |d| format!("'{d}'::date"));
    let rows =
        places.iter().enumerate().map(|(i, (d, r, p))| format!("({i}, {}, {}, {})", date(d), literal(r), literal(p)));
    let values = rows.collect::<Vec<_>>().join(", ");
    let orders = db.sql(&format!("select evo.run_order(r) from (values {values}) x (i, d, r, p) order by i"));
    for ((_, run, _), order) in places.iter().zip(&orders) {
        assert_eq!(run_order(run), order[0], "{run}");
    }
    let compared = db.sql(&format!(
        "with place (i, d, r, p) as (values {values})
         select sign(evo.compare_places(a.d, a.r, a.p, b.d, b.r, b.p)) from place a, place b order by a.i, b.i"
    ));
    let of = |i: usize| Precedence { ingestion_date: places[i].0, run_id: &places[i].1, path: places[i].2 };
    let mut different = 0;
    for (n, row) in compared.iter().enumerate() {
        let (a, b) = (of(n / places.len()), of(n % places.len()));
        let expected = a.cmp(&b) as i32;
        assert_eq!(row[0], expected.to_string(), "{a:?} {b:?}");
        assert_eq!(b.cmp(&a) as i32, -expected, "{a:?} {b:?}");
        different += i32::from(run_order(a.run_id).cmp(&run_order(b.run_id)) != a.run_id.cmp(b.run_id));
    }
    assert!(different > 100, "only {different} pairs whose numbers matter");
}

/// Loads each run by itself, in this order of arrival, and returns the version of the only key.
fn newest(arrival: &[(&str, &str, &str)]) -> String {
    let evo = Evo::new();
    for (date, run, version) in arrival {
        let line = format!(r#"{{"idSale": 1, "v": "{version}"}}"#);
        Object { date, ..object("sales", run, "a") }.lines(&evo.lake(), &[&line]);
        counts(&evo.entity(&["load", "sales"]));
    }
    evo.db.one("select raw_data ->> 'v' from stg_evo.sales_raw")
}

#[test]
fn run_10_of_the_11th_beats_run_9_of_the_10th_and_of_the_same_day_in_any_order_of_arrival() {
    for (old, new) in [
        (("2026-01-10", "9"), ("2026-01-11", "10")),
        (("2026-01-10", "9"), ("2026-01-10", "10")),
        (("2026-01-10", "run-9"), ("2026-01-10", "run-10")),
        // Ids that start again each day: the day counts first.
        (("2026-01-10", "2"), ("2026-01-11", "1")),
        (("2026-01-10", "1"), ("2026-01-11", "1")),
    ] {
        let (old, new) = ((old.0, old.1, "old"), (new.0, new.1, "new"));
        assert_eq!(newest(&[old, new]), "new", "{old:?} {new:?}");
        assert_eq!(newest(&[new, old]), "new", "{new:?} {old:?}");
    }
}

#[test]
fn a_late_run_loses_to_a_newer_one_that_saw_the_same_content_by_number_too() {
    // 8 says a, 10 says a, and 9, which says b, comes last.
    let at = |run, version| ("2026-01-10", run, version);
    assert_eq!(newest(&[at("8", "a"), at("10", "a"), at("9", "b")]), "a");
    assert_eq!(newest(&[at("9", "a"), at("11", "a"), at("10", "b")]), "a");
}

#[test]
fn batches_wait_for_another_one_only_where_it_changes_keys_of_their_lanes() {
    let evo = Evo::new();
    // 4,096 neighbours are one lane.
    let keys = [("a", 1), ("b", 5_000), ("c", 2)];
    for run in ["1", "2"] {
        for (file, key) in keys {
            object("sales", run, file).lines(&evo.lake(), &[&format!(r#"{{"idSale": {key}, "run": "{run}"}}"#)]);
        }
    }
    evo.run(&["load", "sales", "--run-id", "1"]).exits(0);
    let load = ["load", "sales", "--workers", "1", "--batch-size", "1"];
    let changed = "select coalesce(string_agg(sale_id::text, ',' order by sale_id), '') from stg_evo.sales_raw \
                   where raw_data ->> 'run' = '2'";
    let start = |failpoints: &str| {
        let mut command = evo.command(&load);
        command.env("EVO_FAILPOINTS", failpoints).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let mut stands_still = start("load.before_commit=pause@1");
    evo.db.wait_for("select count(*) from evo.batches where state = 'claimed'", "1");
    let waiting = "select count(*) from pg_stat_activity \
                   where datname = current_database() and wait_event_type = 'Lock' and application_name like 'evo:load%'";
    evo.db.wait_for(
        "select count(*) from pg_locks where locktype = 'advisory' and mode = 'ExclusiveLock' and granted \
                     and (classid::bigint << 32 | objid::bigint) = hashtextextended('evo:merge:0:sales', 0)",
        "1",
    );
    let mut other = start("");
    evo.db.wait_for(changed, "5000");
    evo.db.wait_for(waiting, "1");
    assert_eq!(evo.db.one(changed), "5000");
    stands_still.kill().unwrap();
    stands_still.wait().unwrap();
    assert!(other.wait().unwrap().success());
    assert_eq!(evo.db.one(changed), "1,2,5000");
}

#[test]
fn runs_are_planned_loaded_and_shown_by_number_and_a_run_of_two_days_is_one() {
    let evo = Evo::new();
    for (date, run) in [("2026-01-10", "9"), ("2026-01-10", "10"), ("2026-01-11", "10"), ("2026-01-11", "11")] {
        let line = format!(r#"{{"idSale": 1, "v": "{date} {run}"}}"#);
        Object { date, ..object("sales", run, "a") }.lines(&evo.lake(), &[&line]);
    }
    let plan = evo.json(&["load", "sales", "--dry-run"]);
    let runs: Vec<&str> =
        plan["entities"][0]["runs"].as_array().unwrap().iter().map(|r| r["run_id"].as_str().unwrap()).collect();
    assert_eq!(runs, ["9", "10", "11"]);
    assert_eq!(plan["entities"][0]["runs"][1]["objects"], 2);
    assert_eq!(counts(&evo.entity(&["load", "sales", "--batch-size", "100"])), "1/3/0/0/0 of 4");
    let order = "select run_id, ingestion_date from evo.batches order by committed_at";
    let loaded = evo.db.sql(order);
    assert_eq!(loaded, [["9", "2026-01-10"], ["10", "2026-01-10"], ["10", "2026-01-11"], ["11", "2026-01-11"]]);
    assert_eq!(evo.json(&["status", "sales"])["entities"][0]["newest_run"], "11");
    let missing = evo.run(&["load", "sales", "--run-id", "12"]).exits(4);
    assert!(missing.stderr.contains("newest runs: 11, 10"), "{}", missing.stderr);
}
