//! How objects are grouped into batches: by what they cost, in whole rounds of the workers.

use crate::support::{Evo, Run, object, write};

const RUN: &str = "20260110T020501Z";
const RUN_2: &str = "20260111T020501Z";
const RUN_3: &str = "20260112T020501Z";

fn lake(evo: &Evo, run: &str, objects: u32) {
    for n in 0..objects {
        object("sales", run, &format!("{n:05}")).lines(&evo.lake(), &[&format!(r#"{{"idSale": {n}}}"#)]);
    }
}

/// Batches that a load with this many workers would plan.
fn batches(evo: &Evo, workers: &str, more: &[&str]) -> u64 {
    let args = [&["load", "sales", "--dry-run", "--workers", workers], more].concat();
    evo.json(&args)["entities"][0]["batches"].as_u64().unwrap()
}

#[test]
fn small_objects_make_batches_for_every_worker_as_soon_as_they_are_worth_it() {
    let evo = Evo::new();
    lake(&evo, RUN, 60);
    assert_eq!(batches(&evo, "1", &[]), 1);
    assert_eq!(batches(&evo, "8", &[]), 1, "sixty objects at two milliseconds are not worth more than one transaction");
    assert_eq!(batches(&evo, "8", &["--batch-size", "10"]), 6, "a batch size that is given is kept");
    evo.json(&["load", "sales"]);
    // The lake was slow: forty milliseconds for each object.
    evo.db.sql("update evo.batches set timings = jsonb_set(timings, '{lake_ms}', '2400')");
    lake(&evo, RUN_2, 60);
    assert_eq!(batches(&evo, "1", &[]), 2, "no more than two seconds each");
    assert_eq!(batches(&evo, "4", &[]), 4);
    assert_eq!(batches(&evo, "8", &[]), 8);
    evo.json(&["load", "sales", "--workers", "8"]);
    let sizes =
        "select min(objects_count) || ' ' || max(objects_count) from evo.batches where run_id = '20260111T020501Z'";
    assert_eq!(evo.db.one(sizes), "7 8", "all of them have the same to do");
}

#[test]
fn a_load_with_a_limit_begins_that_many_objects_and_the_next_one_goes_on() {
    let evo = Evo::new();
    lake(&evo, RUN, 5);
    lake(&evo, RUN_2, 5);
    let states = || {
        evo.db.one(
            "select string_agg(run_id || ' ' || state || ' ' || n, ', ' order by run_id, state)
             from (select run_id, state, count(*) as n from evo.objects group by 1, 2) s",
        )
    };
    evo.run(&["load", "sales", "--limit", "3", "--dry-run"]).exits(0).says("3 objects at most would be loaded");
    evo.run(&["load", "sales", "--limit", "0"]).exits(2);
    evo.run(&["load", "sales", "--limit", "3", "--all-runs"]).exits(2);
    evo.run(&["load", "sales", "--limit", "3"]).exits(0).says("7 beyond --limit");
    assert_eq!(states(), format!("{RUN} loaded 3, {RUN} pending 2, {RUN_2} pending 5"));
    assert_eq!(evo.db.one("select count(*) from evo.batches where state = 'claimed'"), "0");
    // Workers that claim at the same time do not begin one object more.
    let json = evo.json(&["load", "sales", "--limit", "4", "--workers", "4", "--batch-size", "1"]);
    assert_eq!((&json["entities"][0]["objects"], &json["entities"][0]["limit_reached"]), (&4.into(), &true.into()));
    assert_eq!(states(), format!("{RUN} loaded 5, {RUN_2} loaded 2, {RUN_2} pending 3"));
    assert_eq!(evo.json(&["load", "sales", "--limit", "9"])["entities"][0]["limit_reached"], false);
    assert_eq!(states(), format!("{RUN} loaded 5, {RUN_2} loaded 5"));
    evo.run(&["verify", "sales", "--deep"]).exits(0);
}

#[test]
fn a_limit_is_named_only_where_it_is_why_objects_are_left() {
    let evo = Evo::new();
    lake(&evo, RUN, 2);
    let manifest = |run: &str, text: &str| {
        let path = object("sales", run, "_manifest").path().replace(".jsonl.gz", ".json");
        write(&evo.lake(), &path, text.as_bytes());
    };
    manifest(RUN, r#"{"total_records": 2, "total_parts": 2}"#);
    let all = evo.json(&["load", "sales", "--limit", "2"]);
    assert_eq!(all["entities"][0]["limit_reached"], false, "there were no more");
    // A run of four that is not finished, of which one object is loaded, and five objects of one that is.
    lake(&evo, RUN_2, 4);
    manifest(RUN_2, r#"{"total_records": 9, "total_parts": 9}"#);
    evo.run(&["load", "sales", "--run-id", RUN_2, "--limit", "1"]).exits(0).says("3 beyond --limit");
    lake(&evo, RUN_3, 5);
    manifest(RUN_3, r#"{"total_records": 5, "total_parts": 5}"#);
    let left = "not loaded: 2 beyond --limit: the next load goes on · 3 in runs that were left alone";
    evo.run(&["load", "sales", "--limit", "3"]).exits(0).says(left);
    let rest = evo.run(&["load", "sales", "--limit", "2"]).exits(0).says("not loaded: 3 in runs that were left alone");
    assert!(!rest.stdout.contains("--limit"), "{}", rest.stdout);
}

#[test]
fn a_batch_that_cannot_be_cut_at_the_limit_is_cut_again_or_left_to_its_new_holder() {
    for (failpoint, says) in [
        ("ledger.before_split=error(DatabaseBusy)@1", "cutting a batch failed"),
        ("ledger.before_split=error(AlreadyRunning)@1", "this execution was stalled"),
    ] {
        let evo = Evo::new();
        lake(&evo, RUN, 5);
        let mut load = evo.command(&["load", "sales", "--limit", "3", "--batch-size", "5", "--workers", "2"]);
        let load = Run::from(load.env("EVO_FAILPOINTS", failpoint).output().unwrap()).exits(0);
        load.says(says).says("2 beyond --limit");
        let states = "select string_agg(state || ' ' || n, ', ' order by state)
                      from (select state, count(*) as n from evo.objects group by 1) s";
        assert_eq!(evo.db.one(states), "loaded 3, pending 2", "{failpoint}");
        assert_eq!(evo.db.one("select count(*) from evo.batches where state = 'claimed'"), "0");
    }
}

#[test]
fn a_batch_is_no_more_than_two_seconds_of_waiting_for_the_lake() {
    let evo = Evo::new();
    lake(&evo, RUN, 1);
    evo.json(&["load", "sales"]);
    evo.db.sql("update evo.batches set timings = jsonb_set(timings, '{lake_ms}', '900')");
    lake(&evo, RUN_2, 60);
    assert!((27..=28).contains(&batches(&evo, "1", &[])), "54 seconds altogether");
}

#[test]
fn a_batch_is_no_more_than_two_seconds_of_work_as_the_latest_batches_have_measured_it() {
    let evo = Evo::new();
    let generate = |day: &str| evo.run(&["generate", "sales", "--records", "10000", "--first-run", day]).exits(0);
    generate("2026-01-10");
    assert_eq!(batches(&evo, "1", &[]), 1);
    evo.json(&["load", "sales"]);
    // Two milliseconds for a kilobyte.
    let measured = r#"{"lake_ms": 0, "decode_ms": 0, "copy_ms": 0, "merge_ms": 4020, "commit_ms": 0}"#;
    let measured = format!("update evo.batches set bytes = 2000000, timings = '{measured}'");
    evo.db.sql(&measured);
    generate("2026-01-11");
    assert_eq!(batches(&evo, "1", &[]), 1, "what is known goes three times as fast");
    evo.json(&["load", "sales"]);
    evo.db.sql(&measured);
    generate("2026-01-12");
    assert!(batches(&evo, "1", &[]) > 1, "as many bytes as before take longer");
}

#[test]
fn a_batch_that_turns_out_to_take_too_long_is_cut() {
    let evo = Evo::new();
    evo.run(&["generate", "sales", "--records", "8000", "--runs", "2"]).exits(0);
    // The first batch takes four seconds.
    let slow = [("EVO_FAILPOINTS", "load.before_commit=sleep(4000)@1")];
    let load = evo.command(&["load", "sales", "--workers", "1"]).envs(slow).output().unwrap();
    assert!(load.status.success(), "{}", String::from_utf8_lossy(&load.stderr));
    let is_cut = evo.db.sql("select count(*) > 1 from evo.batches group by run_id order by run_id");
    assert_eq!(is_cut, [["f"], ["t"]]);
    assert_eq!(evo.db.one("select count(*) from evo.objects where state <> 'loaded'"), "0");
    assert_eq!(evo.db.one("select count(*) from evo.batches where state <> 'committed'"), "0");
}
