//! Budgets, rolling refresh, and what `evo status` says of them.

use super::{ALL_DAYS, World};

#[test]
fn a_budget_leaves_to_every_entity_what_its_new_records_need() {
    let world = World::new();
    world.run(&[&["extract", "all"][..], &ALL_DAYS].concat()).exits(0);
    // Reading everything again takes hundreds of requests: of members alone more than the budget.
    let spent = world.run(&["extract", "all", "--budget", "70", "--workers", "1"]).exits(0).json();
    let entities = spent["entities"].as_array().unwrap();
    assert_eq!(entities.len(), 4);
    let sent: u64 = entities.iter().map(|one| one["requests"].as_u64().unwrap()).sum();
    assert!(sent <= 70, "{spent}");
    let names = "select string_agg(distinct entity, ' ' order by entity) from evo.windows w join evo.extractions e \
                 using (extraction_id, entity) where e.from_day > '2025-06-01' and w.query = '' and not w.is_hole \
                 and w.state = 'complete' and w.until_day > '2026-01-01'";
    assert_eq!(world.evo.db.one(names), "entries members prospects sales", "the new days of all of them are read");
}

#[test]
fn status_says_how_old_the_oldest_read_is_and_when_all_will_have_been_read_again() {
    let world = World::new();
    let status = || world.run(&["status", "sales"]).exits(0).json()["entities"][0]["extraction"].clone();
    assert!(status().is_null(), "nothing was extracted");
    world.run(&["extract", "sales", "--from", "2025-07-01", "--to", "2025-12-31"]).exits(0);
    let extraction = status();
    assert_eq!((&extraction["from"], &extraction["to"]), (&"2025-07-01".into(), &"2025-12-31".into()));
    assert_eq!((&extraction["budget"], &extraction["full_round_days"]), (&().into(), &().into()));
    assert!(extraction["full_round_requests"].as_u64() > Some(0), "{extraction}");
    // As if it were a hundred days ago.
    world
        .evo
        .db
        .sql("update evo.windows set finished_at = finished_at - interval '100 days' where from_day = '2025-09-01'");
    assert_eq!(status()["oldest"]["from"], "2025-09-01");
    // More than the months since then take, however many these are by now.
    world.run(&["extract", "sales", "--budget", "200"]).exits(0);
    let extraction = status();
    assert_ne!(extraction["oldest"]["from"], "2025-09-01", "the oldest is read again first");
    assert_eq!(extraction["budget"], 200);
    assert!(extraction["full_round_days"].as_f64() > Some(0.0), "{extraction}");
    let shown = world.evo.run(&["status", "sales"]).exits(0);
    for part in ["full round", "--budget 200 once a day", "oldest read"] {
        assert!(shown.stdout.contains(part), "{part}\n{}", shown.stdout);
    }
    world.evo.db.sql("delete from evo.windows where from_day = '2025-10-01'");
    assert_eq!(status()["days_missing"], 31, "October was never fetched");
    world.evo.run(&["status", "--ledger-only"]).exits(0).says("full round");
}
