//! Faults of a load that concern its claims: processes that die, stall, or come twice.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::LOAD;
use crate::support::server::signal;
use crate::support::{Evo, Run, failpoints};

/// Sales in two runs, some of them changed and some new in the second.
fn lake() -> Evo {
    let evo = Evo::new();
    let generate = ["generate", "sales", "--records", "6000", "--part-records", "300", "--runs", "2"];
    evo.run(&[&generate[..], &["--changed", "10%", "--new", "5%"]].concat()).exits(0);
    evo
}

fn start(evo: &Evo, lease: &str) -> Child {
    let mut command = evo.command(&[&LOAD[..], &["--output", "json"]].concat());
    command.env("EVO_LOAD_LEASE", lease).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits until the load copies into its stage table.
fn is_copying(evo: &Evo, child: &mut Child) -> bool {
    let copying = "select count(*) from pg_stat_activity where datname = current_database() and state = 'active' \
                   and application_name like 'evo:load%' and query ilike 'copy %'";
    let started = Instant::now();
    while child.try_wait().unwrap().is_none() && started.elapsed() < Duration::from_secs(60) {
        if evo.db.one(copying) != "0" {
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    false
}

/// Everything that a load leaves behind, but for times, ids and who did it.
fn outcome(evo: &Evo) -> Vec<Vec<Vec<String>>> {
    [
        "select sale_id, raw_data, run_id, _source_file, _source_line, ingestion_date, _content_hash from stg_evo.sales_raw order by 1",
        "select path, state, lines_count, inserted_count, updated_count, unchanged_count, superseded_count, rejected_count
         from evo.objects order by path",
        "select sum(lines_count), sum(inserted_count), sum(updated_count), sum(unchanged_count), count(*) filter (where state <> 'committed')
         from evo.batches",
    ]
    .map(|query| evo.db.sql(query))
    .into()
}

fn undisturbed() -> Vec<Vec<Vec<String>>> {
    let evo = lake();
    evo.run(&LOAD).exits(0);
    outcome(&evo)
}

#[test]
fn fault_19_killed_at_any_moment_the_next_load_ends_as_an_undisturbed_one() {
    let expected = undisturbed();
    assert_eq!(expected[2][0][0], "12300");
    let evo = lake();
    let mut killed = 0;
    // The pauses are spread over the length of a load: before the plan, between batches, in a COPY, in a
    // merge.
    for n in 0..12_u64 {
        let mut child = start(&evo, "60s");
        std::thread::sleep(Duration::from_millis(40 + n * 137 % 900));
        if child.try_wait().unwrap().is_none() {
            signal(child.id() as i32, libc::SIGKILL);
            killed += 1;
        }
        child.wait().unwrap();
    }
    assert!(killed >= 3, "killed only {killed} times");
    // The lease is a minute, but nobody waits for one whose holder is gone.
    let started = Instant::now();
    evo.run(&LOAD).exits(0);
    assert!(started.elapsed() < Duration::from_secs(50), "waited for the lease of a dead execution");
    assert_eq!(outcome(&evo), expected);
}

#[test]
fn fault_19_killed_at_each_step_of_a_load_the_next_one_ends_as_an_undisturbed_one() {
    let small = || {
        let evo = Evo::new();
        let generate = ["generate", "sales", "--records", "400", "--part-records", "20", "--runs", "2", "--start-date"];
        evo.run(&[&generate[..], &["2025-11-01", "--changed", "10%", "--new", "5%"]].concat()).exits(0);
        // Half of the second run's objects have names that the first one does not know: they are not
        // compared.
        let day = evo.lake().join("bronze/evo/entity=sales/ingestion_date=2026-01-11");
        let run = std::fs::read_dir(day).unwrap().next().unwrap().unwrap().path();
        let mut names: Vec<_> = std::fs::read_dir(&run).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.retain(|name| !name.to_string_lossy().starts_with('_'));
        names.sort();
        for name in &names[names.len() / 2..] {
            std::fs::rename(run.join(name), run.join(format!("z{}", name.to_string_lossy()))).unwrap();
        }
        evo
    };
    let expected = {
        let evo = small();
        evo.run(&LOAD).exits(0);
        outcome(&evo)
    };
    let places: Vec<String> = failpoints().into_iter().filter(|place| place.starts_with("load.")).collect();
    assert!(places.len() >= 9, "{places:?}");
    let mut thirds = 0;
    for place in &places {
        for time in [1, 3] {
            let evo = small();
            let mut killed = evo.command(&LOAD);
            let run = Run::from(killed.env("EVO_FAILPOINTS", format!("{place}=kill@{time}")).output().unwrap());
            let died = run.stderr.contains(&format!("failpoint {place}: Kill")) && run.code == -1;
            assert!(died || time == 3, "{place} was never reached\n{}", run.stderr);
            thirds += u32::from(died && time == 3);
            assert_ne!(
                outcome(&evo),
                if died && place != "load.before_release" { expected.clone() } else { Vec::new() }
            );
            evo.run(&LOAD).exits(0);
            assert_eq!(outcome(&evo), expected, "killed at {place} the {time}. time");
        }
    }
    // Places that a load passes but once are not reached a third time.
    assert!(thirds >= 6, "{thirds}");
}

#[test]
fn fault_20_the_same_job_three_times_at_once_shares_the_work_and_counts_each_line_once() {
    let expected = undisturbed();
    let evo = lake();
    let three: Vec<Child> = (0..3).map(|_| start(&evo, "60s")).collect();
    let summaries: Vec<_> =
        three.into_iter().map(|child| Run::from(child.wait_with_output().unwrap()).exits(0).json()).collect();
    let lines: i64 = summaries.iter().map(|s| s["entities"][0]["lines"].as_i64().unwrap()).sum();
    assert_eq!(lines, 12_300, "each line is counted by one execution");
    assert_eq!(outcome(&evo), expected);
}

#[test]
fn fault_21_a_holder_that_wakes_up_behind_its_lease_cannot_commit() {
    let expected = undisturbed();
    let evo = lake();
    let mut stalled = start(&evo, "1s");
    assert!(is_copying(&evo, &mut stalled), "the load was never met in its COPY");
    signal(stalled.id() as i32, libc::SIGSTOP);
    let claimed = evo.db.one("select count(*) from evo.batches where state = 'claimed'");
    assert_ne!(claimed, "0", "it holds a claim while it is stopped");
    // Its connections live, and so does its presence; its lease does not.
    evo.run(&LOAD).exits(0).says("took over a batch");
    assert_eq!(outcome(&evo), expected);
    signal(stalled.id() as i32, libc::SIGCONT);
    let woken = Run::from(stalled.wait_with_output().unwrap()).exits(0).says("another one has the batch now");
    let summary = woken.json();
    assert_eq!(outcome(&evo), expected, "what it did after it woke up: {summary}");
}

#[test]
fn fault_21_a_holder_that_wakes_up_before_it_began_its_batch_does_not_load_it_again() {
    let expected = undisturbed();
    let evo = lake();
    let mut command = evo.command(&[&LOAD[..], &["--output", "json"]].concat());
    // It has claimed a batch and has no session yet that a successor could end.
    command.env("EVO_LOAD_LEASE", "1s").env("EVO_FAILPOINTS", "load.after_claim=sleep(3000)@1");
    let stalled = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let started = Instant::now();
    while evo.db.one("select count(*) from evo.batches where state = 'claimed'") == "0" {
        assert!(started.elapsed() < Duration::from_secs(20), "it claimed nothing");
        std::thread::sleep(Duration::from_millis(10));
    }
    signal(stalled.id() as i32, libc::SIGSTOP);
    evo.run(&LOAD).exits(0).says("took over a batch");
    assert_eq!(outcome(&evo), expected);
    signal(stalled.id() as i32, libc::SIGCONT);
    Run::from(stalled.wait_with_output().unwrap()).exits(0).says("another one has the batch now");
    assert_eq!(outcome(&evo), expected);
}
