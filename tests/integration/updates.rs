//! `evo new --update`: what newer samples have, for an entity that is there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::support::{Run, binary, write};
use crate::toy::copy;

const TOY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/toy");

/// A folder with the toy entity `visits` as somebody's own.
fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    copy(Path::new(TOY), &dir.path().join("own"));
    dir
}

fn new(dir: &Path, args: &[&str], failpoints: &str) -> Run {
    let mut command = binary(dir);
    command.arg("new").args(args).args(["--lake", "lake"]);
    if args.contains(&"--update") {
        command.args(["--extend", "own"]);
    }
    if !failpoints.is_empty() {
        command.env("EVO_FAILPOINTS", failpoints);
    }
    command.output().unwrap().into()
}

/// All files below a folder, with their content.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => drop(found.insert(path.clone(), std::fs::read(&path).unwrap())),
        }
    }
    found
}

#[test]
fn an_update_that_fails_half_way_leaves_everything_as_it_was() {
    let dir = folder();
    write(dir.path(), "newer.jsonl", br#"{"idVisit": 1, "vip": true, "tags": ["x"]}"#);
    let own = dir.path().join("own");
    let before = files(&own);
    let update = ["visits", "--update", "--from", "newer.jsonl", "--no-trial"];
    // The declaration, two models, and the migration with the one that takes it back.
    for nth in 1..=5 {
        new(dir.path(), &update, &format!("new.before_rename=error(Config)@{nth}")).exits(3);
        assert_eq!(files(&own), before, "{nth}");
    }
    // Killed before the migration, which comes last.
    new(dir.path(), &update, "new.before_rename=kill@5").exits(-1);
    let left: Vec<PathBuf> =
        files(&own).into_keys().filter(|path| path.to_string_lossy().ends_with(".up.sql")).collect();
    assert_eq!(left, [own.join("migrations/0001_visits.up.sql")]);
    std::fs::remove_dir_all(&own).unwrap();
    copy(Path::new(TOY), &own);
    new(dir.path(), &update, "").exits(0);
    assert_eq!(files(&own).len(), before.len() + 3);
    new(dir.path(), &update, "").exits(0).says("read everything that these documents have");
}

#[test]
fn a_draft_that_fails_half_way_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "visits.jsonl", br#"{"id": 1}"#);
    let draft = ["visits", "--from", "visits.jsonl", "--no-trial"];
    // Four files to look at the draft; then these, with the schema of declarations.
    for nth in 1..=9 {
        new(dir.path(), &draft, &format!("new.before_rename=error(Config)@{nth}")).exits(3);
        assert!(!dir.path().join("own").exists(), "{nth}");
    }
    // Nor does an obstacle in the place of the schema leave a half.
    std::fs::create_dir_all(dir.path().join("own/models/entity.schema.json")).unwrap();
    new(dir.path(), &draft, "").exits(3).says("entity.schema.json");
    assert!(files(&dir.path().join("own")).is_empty());
    std::fs::remove_dir(dir.path().join("own/models/entity.schema.json")).unwrap();
    new(dir.path(), &draft, "").exits(0);
    assert_eq!(files(&dir.path().join("own")).len(), 5);
}
