//! Settings and declarations that are wrong: what still works, what is refused before it begins, and where nothing
//! is created for a mistyped name.

use std::path::Path;

use crate::support::{Database, Evo, Run, binary, object};
use crate::toy::copy;

/// A folder with an `evo.toml` of this content.
fn folder(toml: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("evo.toml"), toml).unwrap();
    dir
}

fn run(dir: &Path, args: &[&str]) -> Run {
    binary(dir).args(args).output().unwrap().into()
}

#[test]
fn settings_are_shown_with_every_mistake_in_them() {
    let dir = folder("workers = 4\nbatch_sise = 10\nlog_level = \"loud\"\n");
    let shown = run(dir.path(), &["config", "show"]).exits(3).says("2 settings are wrong");
    for text in ["workers", "4", "evo.toml:2", "batch_sise", "evo.toml:3", "loud"] {
        assert!(shown.stdout.contains(text), "{text}\n{}", shown.stdout);
    }
    run(dir.path(), &["load", "--help"]).exits(0);
}

#[test]
fn the_private_server_is_stopped_with_wrong_settings_and_created_with_right_ones_only() {
    let dir = folder("batch_sise = 10\n");
    run(dir.path(), &["db", "status"]).exits(0).says("batch_sise");
    run(dir.path(), &["db", "stop"]).exits(0).says("batch_sise");
    run(dir.path(), &["db", "start"]).exits(3).says("batch_sise").says("evo config check");
    assert!(!dir.path().join(".evo").exists());
}

#[test]
fn the_doctor_examines_what_wrong_settings_leave_certain() {
    let evo = Evo::new();
    std::fs::write(evo.dir.path().join("evo.toml"), "batch_sise = 10\n").unwrap();
    let document = evo.run(&["doctor", "--output", "json"]).exits(6).stdout;
    for id in ["settings.mistake", "\"server\""] {
        assert!(document.contains(id), "{id}\n{document}");
    }
    assert!(document.contains("is_standby"), "the database is examined: {document}");
    let nowhere = folder("database_url = \"postgresql://localhost/x\n");
    let text = run(nowhere.path(), &["doctor"]).exits(6).stdout;
    assert!(text.contains("correct the settings first"), "{text}");
}

#[test]
fn a_state_directory_that_is_a_file_is_refused_by_every_command() {
    let dir = folder("");
    std::fs::write(dir.path().join("file"), "").unwrap();
    for args in [&["load", "all"][..], &["status"], &["migrate"], &["db", "start"], &["generate"]] {
        let refused: Run = binary(dir.path()).args(args).env("EVO_STATE_DIR", "file").output().unwrap().into();
        refused.exits(3).says("EVO_STATE_DIR: ").says("file is a file").says("hint:");
    }
}

#[test]
fn an_extraction_begins_no_lake_at_a_mistyped_path() {
    let evo = Evo::new();
    let lake = evo.dir.path().join("lkae");
    let mut command = binary(evo.dir.path());
    command.args(["extract", "sales", "--from", "2026-01-01", "--database-url", &evo.db.url]);
    let refused: Run = command.args(["--lake", lake.to_str().unwrap()]).output().unwrap().into();
    refused.exits(4).says("lkae does not exist").says("mkdir -p '");
    assert!(!lake.exists());
    assert_eq!(evo.db.one("select count(*) from evo.lake_addresses"), "0");
    let dir = folder("");
    run(dir.path(), &["objects", "another-lake", "--lake", "lkae"]).exits(4).says("lkae does not exist");
    assert!(!dir.path().join(".evo").exists(), "no private server is created for it");
}

#[test]
fn an_unknown_time_zone_is_refused_before_anything_is_loaded() {
    let evo = Evo { dir: tempfile::tempdir().unwrap(), db: Database::bare() };
    copy(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/toy")), &evo.dir.path().join("own"));
    std::fs::write(evo.dir.path().join("evo.toml"), "extend = \"own\"\n").unwrap();
    std::fs::create_dir(evo.lake()).unwrap();
    let file = evo.dir.path().join("own/models/visits/entity.toml");
    let good = std::fs::read_to_string(&file).unwrap();
    let bad = good.replace("America/Sao_Paulo", "America/Sao_Paolo");
    std::fs::write(&file, &bad).unwrap();
    evo.run(&["migrate"]).exits(3).says("entity.toml:3: ").says("did you mean \"America/Sao_Paulo\"?");
    assert_eq!(evo.db.one("select count(*) from pg_namespace where nspname = 'evo'"), "0");
    if Path::new("/usr/share/zoneinfo/America").is_dir() {
        let check = evo.run(&["config", "check"]).exits(3);
        assert!(
            check.stdout.contains("entity.toml:3: ") && check.stdout.contains("America/Sao_Paulo"),
            "{}",
            check.stdout
        );
    }
    std::fs::write(&file, &good).unwrap();
    evo.run(&["config", "check"]).exits(0);
    evo.run(&["migrate"]).exits(0);
    object("visits", "20260110T020501Z", "a").lines(&evo.lake(), &[r#"{"idVisit": 1}"#]);
    std::fs::write(&file, &bad).unwrap();
    evo.run(&["load", "visits"]).exits(3).says("entity.toml:3: the server does not know the time zone");
    assert_eq!(evo.db.one("select count(*) from evo.objects"), "0");
}

#[test]
fn a_failed_load_prints_no_table_of_zeros() {
    let evo = Evo::new();
    let failed = evo.run(&["load", "sales"]).exits(4);
    assert_eq!(failed.stdout.trim(), "");
}

#[test]
fn a_check_of_an_empty_database_is_not_green() {
    let evo = Evo::new();
    let check = evo.run(&["check"]).exits(6).says("nothing was ever loaded");
    assert!(check.stdout.contains("no data") && check.stdout.contains("\n0 ok, "), "{}", check.stdout);
    object("prospects", "20260110T020501Z", "a").lines(&evo.lake(), &[r#"{"idProspect": 1}"#]);
    evo.run(&["load", "prospects"]).exits(0);
    evo.run(&["transform", "prospects"]).exits(0);
    let check = evo.run(&["check"]).exits(0);
    assert!(check.stdout.contains("sales was never loaded: evo load sales"), "{}", check.stdout);
    evo.run(&["check", "sales"]).exits(6);
}
