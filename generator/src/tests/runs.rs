//! Runs: their windows, what changes between them, and what is written again.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;

use serde_json::Value;

use super::{lines, objects, small, written};
use crate::{Entity, Error, Plan, Portion, Records, write_lake};

#[test]
fn records_lie_in_the_window_that_their_object_is_named_after() {
    let (_lake, _, objects) = written(&Plan { runs: 2, ..small([500, 1_000, 2_000, 10]) });
    for (path, bytes) in objects.iter().filter(|(path, _)| path.ends_with(".jsonl.gz")) {
        let (field, days) = match path {
            p if p.contains("=sales/") => ("saleDate", 31),
            p if p.contains("=members/") => ("registerDate", 92),
            p if p.contains("=entries/") => ("date", 7),
            _ => continue,
        };
        let name = path.rsplit('/').next().unwrap().split('_').next().unwrap();
        let start = if name.len() == 7 { format!("{name}-01") } else { name.to_owned() };
        let start: chrono::NaiveDate = start.parse().unwrap();
        for line in bytes.split(|b| *b == b'\n') {
            let date = serde_json::from_slice::<Value>(line).unwrap()[field].as_str().unwrap()[..10].to_owned();
            let date: chrono::NaiveDate = date.parse().unwrap();
            assert!((0..days).contains(&(date - start).num_days()), "{path} {date}");
        }
    }
}

#[test]
fn lines_are_records_duplicates_and_broken_ones_and_the_record_comes_last() {
    let plan = Plan {
        runs: 2,
        duplicates: Portion::percent(10),
        broken: Portion::percent(4),
        part_records: Some(100),
        ..small([400, 400, 400, 400])
    };
    for (entity, key) in [(Entity::Members, "idMember"), (Entity::Sales, "idSale"), (Entity::Prospects, "idProspect")] {
        let (_lake, summary, objects) = written(&Plan { entities: vec![entity], ..plan.clone() });
        for run in &summary.runs {
            let of_run = |(path, _): &(&String, &Vec<u8>)| path.contains(&run.run_id);
            let some: BTreeMap<String, Vec<u8>> =
                objects.iter().filter(of_run).map(|(path, bytes)| (path.clone(), bytes.clone())).collect();
            let (mut broken, mut whole) = (0, HashMap::<u64, Vec<Value>>::new());
            for line in lines(&some, entity) {
                let text = String::from_utf8_lossy(line);
                let bad = ["\u{fffd}", "\\u0000", "\\ud83db", "1e400000"].iter().any(|bad| text.contains(bad));
                let value = serde_json::from_slice::<Value>(line).ok().filter(|_| !bad);
                match value.and_then(|value| Some((value[key].as_u64()?, value))) {
                    Some((id, value)) => whole.entry(id).or_default().push(value),
                    None => broken += 1,
                }
            }
            let repeated = whole.values().filter(|versions| versions.len() == 2).count() as u64;
            assert_eq!((broken, whole.len() as u64), (run.tally.broken, run.tally.records));
            assert_eq!(repeated, run.tally.duplicates);
            assert!(run.tally.duplicates.abs_diff(40) <= 2 && run.tally.broken.abs_diff(16) <= 1, "{:?}", run.tally);
            assert_eq!(run.tally.lines, run.tally.records + run.tally.duplicates + run.tally.broken);
            let plain = Plan { duplicates: Portion::default(), broken: Portion::default(), ..plan.clone() };
            let (_lake, _, plain) = written(&Plan { entities: vec![entity], ..plain });
            let newest = plain.iter().filter(of_run).flat_map(|(_, bytes)| bytes.split(|b| *b == b'\n'));
            let mut compared = 0;
            for line in newest.filter_map(|line| serde_json::from_slice::<Value>(line).ok()) {
                let Some(versions) = line[key].as_u64().and_then(|id| whole.get(&id)) else { continue };
                assert_eq!(versions[versions.len() - 1], line);
                assert!(versions.len() < 2 || versions[0] != line, "the older version differs");
                compared += 1;
            }
            assert_eq!(compared, run.tally.records);
        }
    }
}

#[test]
fn a_later_run_differs_from_the_one_before_in_exactly_what_it_counts() {
    let plan = Plan {
        runs: 3,
        changed: Portion::percent(5),
        new: Portion::percent(2),
        misfits: Portion::percent(50),
        ..small([1_000; 4])
    };
    for entity in Entity::ALL {
        let (_lake, summary, objects) = written(&Plan { entities: vec![entity], ..plan.clone() });
        let run = |id: &str| -> HashSet<&[u8]> {
            let of = |path: &String| path.contains(id) && path.ends_with(".gz");
            objects.iter().filter(|(path, _)| of(path)).flat_map(|(_, b)| b.split(|b| *b == b'\n')).collect()
        };
        for pair in summary.runs.windows(2) {
            let (before, after) = (run(&pair[0].run_id), run(&pair[1].run_id));
            let tally = pair[1].tally;
            assert_eq!(after.difference(&before).count() as u64, tally.changed + tally.new, "{entity}");
            assert_eq!(before.difference(&after).count() as u64, tally.changed, "{entity}");
            assert_eq!(tally.new, 20);
            assert!(tally.changed.abs_diff(50) <= 2, "{tally:?}");
        }
        assert_eq!(summary.runs[0].tally.misfits, 500, "{entity}");
        let (_lake, less, _) = written(&Plan { entities: vec![entity], only_changed: true, ..plan.clone() });
        for (full, only) in summary.runs.iter().zip(&less.runs).skip(1) {
            assert_eq!((only.tally.changed, only.tally.new), (full.tally.changed, full.tally.new));
            assert_eq!(only.tally.records, full.tally.changed + full.tally.new);
        }
    }
}

#[test]
fn a_repeated_call_writes_nothing_and_an_interrupted_one_is_completed() {
    let plan = small([100, 100, 100, 100]);
    let (lake, first, before) = written(&plan);
    let again = write_lake(lake.path(), &plan).unwrap();
    assert!(again.runs.iter().all(|run| run.kept == run.objects && run.objects > 0));
    assert_eq!(again.of(Entity::Sales), first.of(Entity::Sales));
    let lost = before.keys().find(|path| path.ends_with(".gz")).unwrap();
    fs::remove_file(lake.path().join(lost)).unwrap();
    let third = write_lake(lake.path(), &Plan { gzip_level: 9, ..plan }).unwrap();
    assert_eq!(third.runs.iter().map(|run| run.objects - run.kept).sum::<u64>(), 1);
    assert_eq!(objects(lake.path()), before);
}

#[test]
fn other_content_is_never_replaced_without_force() {
    let plan = small([100, 100, 100, 100]);
    let (lake, _, before) = written(&plan);
    let other = Plan { seed: 2, records: Records([50; 4]), ..plan };
    let error = write_lake(lake.path(), &other).unwrap_err();
    assert!(matches!(&error, Error::Occupied { hint, .. } if hint.contains("--force")), "{error:?}");
    assert_eq!(objects(lake.path()), before, "nothing was written");
    write_lake(lake.path(), &Plan { force: true, ..other.clone() }).unwrap();
    assert_eq!(objects(lake.path()), written(&other).2, "nothing of the old runs is left");
}

#[test]
fn a_run_ends_with_a_manifest_that_counts_its_windows() {
    let plan = Plan { split_midnight: true, ..small([300, 300, 300, 300]) };
    let (_lake, _, objects) = written(&plan);
    let manifests: Vec<&String> = objects.keys().filter(|path| path.ends_with("_manifest.json")).collect();
    assert_eq!(manifests.len(), 3, "prospects have none");
    assert!(manifests.iter().all(|path| path.contains("ingestion_date=2026-01-11")), "in the last folder");
    for path in manifests {
        let manifest: Value = serde_json::from_slice(&objects[path]).unwrap();
        assert_eq!(manifest["total_records"], 300);
        let results = manifest["results"].as_array().unwrap();
        assert_eq!(results.iter().map(|result| result["records"].as_u64().unwrap()).sum::<u64>(), 300);
        assert_eq!(manifest["periods"], results.len());
        assert_eq!(manifest.get("show_memberships").is_some(), path.contains("=members/"));
        assert_eq!(manifest.get("errors").is_some(), path.contains("=entries/"));
        assert!(objects[path].starts_with(b"{\n  \"entity\": \""));
    }
    let (_lake, _, objects) = written(&Plan { manifest: false, ..plan });
    assert!(objects.keys().all(|path| path.ends_with(".jsonl.gz")));
}
