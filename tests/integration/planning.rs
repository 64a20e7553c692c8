//! How objects are grouped into batches: by what they cost, in whole rounds of the workers.

use crate::support::{Evo, object};

const RUN: &str = "20260110T020501Z";
const RUN_2: &str = "20260111T020501Z";

fn lake(evo: &Evo, run: &str, objects: u32) {
    for n in 0..objects {
        object("sales", run, &format!("{n:05}")).lines(&evo.lake(), &[&format!(r#"{{"idSale": {n}}}"#)]);
    }
}

/// Batches that a load with this many workers would plan.
fn batches(evo: &Evo, workers: &str, more: &[&str]) -> u64 {
    let args = [&["load", "sales", "--dry-run", "--workers", workers], more].concat();
    evo.json(&args)[0]["batches"].as_u64().unwrap()
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
    assert_eq!(batches(&evo, "1", &[]), 1);
    assert_eq!(batches(&evo, "4", &[]), 4);
    assert_eq!(batches(&evo, "8", &[]), 8);
    evo.json(&["load", "sales", "--workers", "8"]);
    let sizes =
        "select min(objects_count) || ' ' || max(objects_count) from evo.batches where run_id = '20260111T020501Z'";
    assert_eq!(evo.db.one(sizes), "7 8", "all of them have the same to do");
}

#[test]
fn a_batch_is_no_more_than_ten_seconds_of_waiting_for_the_lake() {
    let evo = Evo::new();
    lake(&evo, RUN, 1);
    evo.json(&["load", "sales"]);
    evo.db.sql("update evo.batches set timings = jsonb_set(timings, '{lake_ms}', '900')");
    lake(&evo, RUN_2, 60);
    assert_eq!(batches(&evo, "1", &[]), 6);
}
