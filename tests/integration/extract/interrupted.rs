//! Processes that are killed on the way.

use super::{ALL_DAYS, DEEP, World};
use crate::support::Run;

const DAYS: [&str; 6] = ["extract", "sales", "--from", "2025-12-01", "--to", "2025-12-31"];

#[test]
fn a_killed_extraction_goes_on_under_the_same_run_and_comes_to_the_same_objects() {
    let world = || World::of(&DEEP, &["--limit", "none"], "none");
    let undisturbed = world();
    undisturbed.run(&DAYS).exits(0);
    assert_eq!(undisturbed.objects("sales").len(), 3);
    let pages = undisturbed.api.requests();
    for (place, times) in [
        ("extract.after_page", &[1, 60][..]),
        ("extract.before_object", &[1, 1, 2]),
        ("extract.after_object", &[1, 1, 2]),
        ("extract.after_manifest", &[1, 1]),
    ] {
        let world = world();
        let killed = times.len() as u64;
        for time in times {
            let mut command = world.command(&DAYS);
            command.env("EVO_FAILPOINTS", format!("{place}=kill@{time}"));
            assert_ne!(Run::from(command.output().unwrap()).code, 0, "{place}@{time}");
        }
        world.run(&DAYS).exits(0);
        assert_eq!(world.objects("sales"), undisturbed.objects("sales"), "{place}");
        assert_eq!(world.manifest("sales")["objects"], objects_as(&undisturbed, &world), "{place}");
        let names = super::files(&world.evo.lake()).into_iter().map(|path| path.display().to_string());
        let other: Vec<String> = names.filter(|name| !name.ends_with(".gz") && !name.ends_with(".json")).collect();
        assert!(other.is_empty(), "{place}: nothing temporary stays: {other:?}");
        // An object of sales holds the records of 51 pages.
        let again = world.api.requests() - pages;
        assert!(again <= killed * 52, "{place}: {again} requests again after {killed} kills");
    }
}

/// The objects of an undisturbed manifest under the run of another.
fn objects_as(undisturbed: &World, world: &World) -> serde_json::Value {
    let (from, to) = (undisturbed.manifest("sales"), world.manifest("sales"));
    let text = from["objects"].to_string().replace(from["run_id"].as_str().unwrap(), to["run_id"].as_str().unwrap());
    serde_json::from_str(&text).unwrap()
}

#[test]
fn a_signal_ends_it_and_the_next_one_goes_on() {
    let world = World::with(&["--limit", "none", "--latency", "30ms"], "none");
    let mut command = world.command(&[&["extract", "sales"][..], &ALL_DAYS].concat());
    let child = command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
    world.evo.db.wait_for("select count(*) > 2 from evo.windows where state = 'complete'", "t");
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(child.id() as i32), nix::sys::signal::Signal::SIGTERM).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(143));
    assert_eq!(world.evo.db.one("select count(*) from evo.windows where state = 'claimed'"), "0");
    let summary = world.extract("sales").exits(0).json();
    assert_eq!(summary["entities"][0]["state"], "complete");
    assert_eq!(world.evo.db.one("select count(distinct run_id) from evo.extractions"), "1");
}
