//! What evo relies on in a session it makes itself: whatever the server, the database and the role were set
//! to, and whatever code others have put where names are looked up.

mod hostile;
mod matrix;
mod pinned;

use std::path::{Path, PathBuf};

use crate::support::{Database, Run, binary, outcome};

/// A lake of two days: the second one changes, adds and repeats.
struct Lake {
    dir: tempfile::TempDir,
}

/// The whole pipeline; the second day arrives before the second load.
const PIPELINE: &[&[&str]] = &[
    &["migrate"],
    FIRST_LOAD,
    &["transform", "all", "--workers", "2"],
    SECOND_LOAD,
    &["transform", "all", "--incremental", "--workers", "2"],
    &["transform", "all", "--full-refresh", "--workers", "2"],
    &["check"],
    &["status"],
    &["optimize-storage", "--vacuum", "--reindex"],
];
/// What else connects.
const MORE: &[&[&str]] = &[
    &["load", "all", "--dry-run"],
    &["transform", "all", "--dry-run"],
    &["transform", "entries", "--full-refresh", "--year", "2024"],
    &["transform", "sales", "--in-place"],
    &["rejects", "list"],
    &["optimize-storage"],
];
const FIRST_LOAD: &[&str] = &["load", "all", "--workers", "1", "--max-rejects", "100%"];
const SECOND_LOAD: &[&str] = &["load", "all", "--batch-size", "20", "--workers", "1", "--max-rejects", "100%"];
const DAY: &str = "ingestion_date=2026-01-11";

impl Lake {
    fn generated() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut generate = binary(dir.path());
        generate.args(["generate", "all", "--records", "40", "--runs", "2", "--changed", "20%", "--duplicates", "5%"]);
        generate.args(["--broken", "4%", "--misfits", "5%", "--lake", "lake"]);
        Run::from(generate.output().unwrap()).exits(0);
        let lake = Self { dir };
        assert!(lake.files().iter().any(|file| is_of_second_day(file)), "there is no {DAY}");
        lake
    }

    /// Paths below the lake.
    fn files(&self) -> Vec<PathBuf> {
        fn visit(dir: &Path, root: &Path, files: &mut Vec<PathBuf>) {
            for entry in std::fs::read_dir(dir).unwrap().flatten() {
                match entry.path() {
                    path if path.is_dir() => visit(&path, root, files),
                    path => files.push(path.strip_prefix(root).unwrap().to_owned()),
                }
            }
        }
        let (root, mut files) = (self.dir.path().join("lake"), Vec::new());
        visit(&root, &root, &mut files);
        files
    }

    /// Puts one of its days into another folder.
    fn put(&self, to: &Path, second_day: bool) {
        for file in self.files().iter().filter(|file| is_of_second_day(file) == second_day) {
            let target = to.join(file);
            std::fs::create_dir_all(target.parent().unwrap()).unwrap();
            std::fs::hard_link(self.dir.path().join("lake").join(file), target).unwrap();
        }
    }

    /// Plays steps on a database and returns how each of them ended.
    fn play(&self, url: &str, steps: &[&'static [&'static str]]) -> Vec<Played> {
        let dir = tempfile::tempdir_in(self.dir.path()).unwrap();
        let lake = dir.path().join("lake");
        let step = |args: &&'static [&'static str]| {
            if [FIRST_LOAD, SECOND_LOAD].contains(args) {
                self.put(&lake, *args == SECOND_LOAD);
            }
            let mut command = binary(dir.path());
            command.args(*args).args(["--database-url", url, "--lake", "lake"]);
            Played { args, run: command.output().unwrap().into() }
        };
        steps.iter().map(step).collect()
    }
}

fn is_of_second_day(file: &Path) -> bool {
    file.components().any(|part| part.as_os_str() == DAY)
}

/// A step and how it ended.
struct Played {
    args: &'static [&'static str],
    run: Run,
}

impl Played {
    fn describe(&self) -> String {
        format!("evo {}\n{}\n{}", self.args.join(" "), self.run.stdout, self.run.stderr)
    }
}

/// The first step that failed, with all that it said.
fn failed(played: &[Played]) -> Option<String> {
    let failed = played.iter().find(|step| step.run.code != 0)?;
    Some(format!("exit {} of {}", failed.run.code, failed.describe()))
}

/// What remains when nobody disturbs.
fn undisturbed(lake: &Lake) -> Vec<Vec<String>> {
    let db = Database::bare();
    assert_eq!(failed(&lake.play(&db.url, PIPELINE)), None);
    let content = outcome(&db);
    assert!(content.iter().all(|table| table[1] != "0"), "{content:?}");
    content
}
