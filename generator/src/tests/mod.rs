//! Properties that readers of a generated lake rely on.

mod fields;
mod runs;
mod shapes;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;

use serde_json::Value;

use super::*;

/// Every object of a lake, by path below it, decompressed.
fn objects(lake: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut objects = BTreeMap::new();
    let mut folders = vec![lake.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let mut bytes = Vec::new();
            let file = fs::File::open(&path).unwrap();
            if path.extension().is_some_and(|e| e == "gz") {
                flate2::read::GzDecoder::new(file).read_to_end(&mut bytes).unwrap();
            } else {
                bytes = fs::read(&path).unwrap();
            }
            objects.insert(path.strip_prefix(lake).unwrap().to_str().unwrap().to_owned(), bytes);
        }
    }
    objects
}

fn written(plan: &Plan) -> (tempfile::TempDir, Summary, BTreeMap<String, Vec<u8>>) {
    let lake = tempfile::tempdir().unwrap();
    let summary = write_lake(lake.path(), plan).unwrap();
    let objects = objects(lake.path());
    (lake, summary, objects)
}

fn small(records: [u64; 4]) -> Plan {
    Plan { records: Records(records), gzip_level: 1, ..Plan::default() }
}

/// The lines of an entity in the order of reading: runs, then objects, then lines.
fn lines(objects: &BTreeMap<String, Vec<u8>>, entity: Entity) -> Vec<&[u8]> {
    let of = |path: &String| path.contains(&format!("entity={entity}/")) && path.ends_with(".jsonl.gz");
    objects.iter().filter(|(path, _)| of(path)).flat_map(|(_, bytes)| bytes.split(|b| *b == b'\n')).collect()
}

fn documents(plan: &Plan, entity: Entity) -> Vec<Value> {
    let (_lake, _, objects) = written(&Plan { entities: vec![entity], ..plan.clone() });
    lines(&objects, entity).into_iter().map(|line| serde_json::from_slice(line).unwrap()).collect()
}

#[test]
fn the_bytes_do_not_depend_on_the_number_of_threads() {
    let plan = Plan {
        runs: 2,
        duplicates: Portion::percent(3),
        broken: Portion::percent(1),
        misfits: Portion::percent(1),
        part_records: Some(50),
        ..small([300, 600, 900, 200])
    };
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| written(&plan).2)
    };
    let (one, many) = (with(1), with(8));
    assert!(one.len() > 100);
    assert_eq!(one, many);
}

#[test]
fn a_plan_gives_the_same_bytes_for_ever() {
    let (_lake, _, objects) = written(&Plan { runs: 2, ..small([30, 60, 90, 20]) });
    let mut digest = xxhash_rust::xxh3::Xxh3::new();
    for (path, bytes) in &objects {
        digest.update(path.as_bytes());
        digest.update(bytes);
    }
    // Benchmarks compare over versions: a change here is a change of what they measure.
    assert_eq!(format!("{:016x}", digest.digest()), "e132f3f413e682fd");
}
