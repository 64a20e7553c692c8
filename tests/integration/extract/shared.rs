//! Several processes at one extraction.

use std::process::Stdio;
use std::time::Instant;

use serde_json::Value;

use super::{ALL_DAYS, World, generated};
use crate::support::Run;

fn together(world: &World, count: usize, args: &[&str]) -> Vec<Run> {
    let start = || world.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let children: Vec<_> = (0..count).map(|_| start()).collect();
    children.into_iter().map(|child| child.wait_with_output().unwrap().into()).collect()
}

#[test]
fn two_processes_share_the_windows_of_one_run() {
    let world = World::with(&["--limit", "none", "--latency", "20ms"], "none");
    let args = [&["extract", "sales"][..], &ALL_DAYS, &["--workers", "4", "--output", "json"]].concat();
    let runs: Vec<_> = together(&world, 2, &args).into_iter().map(|run| run.exits(0).json()).collect();
    let windows: Vec<u64> = runs.iter().map(|run| run["entities"][0]["windows"].as_u64().unwrap()).collect();
    assert!(windows.iter().sum::<u64>() >= 36 && windows.iter().all(|count| *count > 0), "{windows:?}");
    let of = |run: &Value, what: &str| run["entities"][0][what].as_u64().unwrap();
    for run in &runs {
        let whole = &run["entities"][0]["run"];
        assert_eq!((&whole["windows"], &whole["complete"], &whole["failed"]), (&36.into(), &36.into(), &0.into()));
        assert_eq!(whole["objects"], 36, "{run}");
        assert!(of(run, "records") < whole["records"].as_u64().unwrap(), "its own share is less: {run}");
        let own = runs.iter().map(|run| of(run, "records")).sum::<u64>();
        assert_eq!(whole["records"], own, "the shares add up to the run");
    }
    assert_eq!(world.evo.db.one("select count(*) from evo.extractions where from_day = '2023-01-01'"), "1");
    assert_eq!(world.lines("sales"), generated("sales"));
}

#[test]
fn one_limit_holds_for_all_workers_and_processes_and_is_used() {
    let world = World::with(&["--limit", "1200/min"], "1200/min");
    let args = [&["extract", "sales"][..], &ALL_DAYS, &["--workers", "4"]].concat();
    let began = Instant::now();
    together(&world, 2, &args).into_iter().for_each(|run| drop(run.exits(0)));
    let (seconds, requests) = (began.elapsed().as_secs_f64(), world.api.requests());
    assert_eq!(world.api.throttled(), 0);
    // Slots lie 50.5 ms apart, no matter which process takes them.
    assert!(seconds >= requests as f64 * 0.05, "{requests} in {seconds} s");
}

#[test]
fn a_process_that_wakes_up_after_its_lease_writes_nothing() {
    let world = World::new();
    let args = [&["extract", "prospects"][..], &ALL_DAYS, &["--workers", "1"]].concat();
    let mut sleeper = world.command(&args);
    sleeper.env("EVO_FAILPOINTS", "extract.before_object=sleep(1500)@1").env("EVO_LOAD_LEASE", "1s");
    let sleeping = sleeper.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = nix::unistd::Pid::from_raw(i32::try_from(sleeping.id()).unwrap());
    world.evo.db.wait_for("select coalesce(max(parts_count), 0) from evo.windows", "1");
    // The whole process stands still, its heartbeat too; its connections stay open.
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGSTOP).unwrap();
    let other = world.run(&[&["extract", "prospects"][..], &ALL_DAYS].concat()).exits(0).json();
    assert_eq!(other["entities"][0]["state"], "complete");
    let before = world.objects("prospects");
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGCONT).unwrap();
    let _ = sleeping.wait_with_output().unwrap();
    assert_eq!(world.objects("prospects"), before);
    assert_eq!(world.lines("prospects"), generated("prospects"));
    assert_eq!(world.evo.db.one("select max(attempt) from evo.windows"), "2");
}
