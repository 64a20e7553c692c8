//! `evo new --update`: what newer samples have, for an entity that is there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::support::{Database, Evo, Run, binary, gz, object, write};
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

#[test]
fn an_update_takes_only_what_it_uses() {
    let dir = folder();
    write(dir.path(), "newer.jsonl", br#"{"idVisit": 1, "vip": true}"#);
    write(dir.path(), "other.jsonl", br#"{"orderNo": 1, "total": 2.5}"#);
    write(dir.path(), "other.csv", b"orderNo,total\n1,2.5\n");
    let update = ["visits", "--update", "--from", "newer.jsonl", "--dry-run"];
    for option in [["--key", "idVisit"], ["--zone", "UTC"], ["--missing", "mark"], ["--history", "at"]] {
        new(dir.path(), &[&update[..], &option].concat(), "")
            .exits(2)
            .says(&format!("--update and {} cannot", option[0]));
    }
    new(dir.path(), &update, "").exits(0).says("+    evo.as_bool(d.vip) as vip").says("nothing was written");
    let of = |sample: &str| new(dir.path(), &["visits", "--update", "--from", sample, "--dry-run"], "");
    of("other.jsonl").exits(2).says("no document of the samples has \"idVisit\", which the key of visits needs");
    of("other.csv").exits(6).says("the header has no column \"idVisit\"");
}

const OLD: &str = "code;name\nS1;Ana\nS2;Rui\n";
const NEWER: &str = "code;name;city\nS1;Ana;Recife\nS3;\"Eva; Lia\";Natal\n";

#[test]
fn an_update_is_tried_out_with_samples_that_are_written_as_declared() {
    let evo = Evo::with(Database::bare());
    let dir = evo.dir.path();
    write(dir, "sellers.csv", OLD.as_bytes());
    new(dir, &["sellers", "--from", "sellers.csv", "--no-trial"], "").exits(0);
    let declaration = dir.join("own/models/sellers/entity.toml");
    let text = std::fs::read_to_string(&declaration).unwrap();
    let input = "[input]\nformat = \"csv\"\ncompression = \"gzip\"\nsuffixes = [\".txt\"]\n";
    std::fs::write(&declaration, text.replace("[input]\n", input)).unwrap();
    write(dir, "newer.txt", &gz(NEWER.as_bytes()));
    write(dir, "plain.csv", NEWER.as_bytes());
    new(dir, &["sellers", "--update", "--from", "plain.csv", "--dry-run"], "").exits(0).says("city");
    let shown = new(dir, &["sellers", "--update", "--from", "newer.txt"], "").exits(0);
    assert!(shown.stdout.contains("tried out with 2 documents\n"), "{}", shown.stdout);
    assert!(shown.stdout.contains("Eva; Lia"), "{}", shown.stdout);
    assert!(std::fs::read_to_string(&declaration).unwrap().contains(input));
    binary(dir).args(["db", "destroy", "--yes"]).output().unwrap();
    let run = |args: &[&str]| evo.run(&[args, &["--extend", "own"]].concat());
    run(&["migrate"]).exits(0);
    write(&evo.lake(), &object("sellers", "1", "a").path().replace(".jsonl.gz", ".txt"), &gz(NEWER.as_bytes()));
    run(&["load", "sellers"]).exits(0);
    run(&["transform", "sellers"]).exits(0);
    let rows = evo.db.sql("select seller_code, name, city from core.sellers order by 1");
    assert_eq!(rows, [["S1", "Ana", "Recife"], ["S3", "Eva; Lia", "Natal"]]);
}

#[test]
fn a_column_that_was_taken_out_of_a_model_may_come_back_or_stay_away() {
    let evo = Evo::with(Database::bare());
    let dir = evo.dir.path();
    copy(Path::new(TOY), &dir.join("own"));
    write(dir, "newer.jsonl", br#"{"idVisit": 1, "vip": true, "tags": ["x"]}"#);
    let run = |args: &[&str]| evo.run(&[args, &["--extend", "own"]].concat());
    let update = ["visits", "--update", "--from", "newer.jsonl", "--no-trial"];
    new(dir, &update, "").exits(0);
    run(&["migrate"]).exits(0);
    // Somebody wants neither the column nor the table; both stay in the database.
    copy(&Path::new(TOY).join("models"), &dir.join("own/models"));
    std::fs::remove_file(dir.join("own/models/visits/visit_tags.sql")).unwrap();
    let declaration = dir.join("own/models/visits/entity.toml");
    let bare = std::fs::read_to_string(&declaration).unwrap();
    std::fs::write(&declaration, format!("{bare}\n[contract]\nignore = [\"vip\", \"tags\"]\n")).unwrap();
    new(dir, &update, "").exits(0).says("nothing was written");
    std::fs::write(&declaration, &bare).unwrap();
    new(dir, &update, "")
        .exits(0)
        .says("core.visits.vip: a migration has made this column before; to refuse it: ignore = [\"vip\"]")
        .says("new table core.visit_tags_2");
    run(&["migrate"]).exits(0);
    write(&evo.lake(), &object("visits", "1", "a").path(), &gz(br#"{"idVisit": 1, "vip": true, "tags": ["x"]}"#));
    run(&["load", "visits"]).exits(0);
    run(&["transform", "visits"]).exits(0);
    let rows = "select vip, (select tag from core.visit_tags_2) from core.visits";
    assert_eq!(evo.db.sql(rows), [["t", "x"]]);
}
