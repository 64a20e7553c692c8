//! A command that reads changes nothing: no file, no server, no schema, no row.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::SystemTime;

use crate::support::{Database, Evo, Run, binary};

/// Every command that only reads.
const READING: [&[&str]; 23] = [
    &["status"],
    &["status", "--watch"],
    &["runs"],
    &["runs", "--watch", "--failed"],
    &["status", "--ledger-only"],
    &["check"],
    &["drift"],
    &["verify"],
    &["verify", "sales", "--deep"],
    &["verify", "all", "--sample", "50%"],
    &["verify", "--deep", "--dry-run"],
    &["rejects", "list"],
    &["rejects", "show", "1"],
    &["load", "all", "--dry-run"],
    &["load", "sales", "--dry-run", "--all-runs"],
    &["transform", "all", "--dry-run"],
    &["transform", "all", "--dry-run", "--full-refresh"],
    &["optimize-storage"],
    &["migrate", "--dry-run"],
    &["config", "show"],
    &["config", "check"],
    &["doctor"],
    &["db", "status"],
];

/// Path, size and time of every file below a folder.
fn files(dir: &Path) -> BTreeMap<String, (u64, SystemTime)> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let (path, meta) = (entry.path(), entry.metadata().unwrap());
        if meta.is_dir() {
            found.extend(files(&path));
        }
        found.insert(path.display().to_string(), (meta.len(), meta.modified().unwrap()));
    }
    found
}

/// Everything that is in a database: its catalog, and the rows of evo's tables and of those with data.
fn content(db: &Database) -> String {
    db.one(
        "select md5(coalesce(string_agg(x, e'\\n' order by x), '')) from (
            select 'relation ' || oid || relname || relkind::text || coalesce(relacl::text, '') || relfilenode as x
            from pg_class where relnamespace::regnamespace::text not like 'pg_t%' and relnamespace <> 'pg_catalog'::regnamespace
            union all select 'function ' || oid || proname from pg_proc where oid > 16383
            union all select table_schema || '.' || table_name || query_to_xml(
                format('select t::text from %I.%I t order by 1', table_schema, table_name), true, true, '')::text
            from information_schema.tables where table_schema in ('evo', 'stg_evo', 'core') and table_type = 'BASE TABLE'
        ) everything",
    )
}

#[test]
fn where_no_database_is_configured_none_is_made() {
    let dir = tempfile::tempdir().unwrap();
    for args in READING {
        let run = Run::from(binary(dir.path()).args(args).output().unwrap());
        match args {
            ["config" | "db", ..] => run.exits(0),
            ["load" | "verify", ..] => run.exits(4).says("does not exist").says("evo generate"),
            ["doctor"] => run.exits(6).says("does not exist").says("evo generate").says("there is no database yet"),
            _ => run.exits(3).says("there is no database yet").says("--database-url").says("evo load all"),
        };
        assert!(files(dir.path()).is_empty(), "{args:?} made {:?}", files(dir.path()));
    }
}

#[test]
fn a_private_server_that_is_stopped_is_not_started_and_one_without_schema_stays_so() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let run = |args: &[&str]| Run::from(binary(dir.path()).args(args).output().unwrap());
    run(&["generate", "sales", "--records", "20"]).exits(0);
    run(&["db", "start"]).exits(0);
    let url = run(&["db", "url"]).exits(0).stdout.trim().to_owned();
    let relations = || crate::support::sql(&url, "select count(*) from pg_class")[0][0].clone();
    let before = relations();
    for args in READING {
        let run = run(args);
        match args {
            ["config" | "db" | "doctor" | "migrate", ..] => run.exits(0),
            _ => run.exits(3).says("no evo schema yet").says("evo migrate"),
        };
        assert_eq!(relations(), before, "{args:?}");
    }
    run(&["db", "stop"]).exits(0);
    let before = files(dir.path());
    for args in READING {
        let run = run(args);
        match args {
            ["config" | "db" | "doctor", ..] => run.exits(0),
            _ => run.exits(5).says("is stopped").says("evo db start"),
        };
        assert_eq!(files(dir.path()), before, "{args:?}");
    }
    run(&["db", "destroy", "--yes"]).exits(0);
}

#[test]
fn a_warehouse_is_the_same_before_and_after_every_command_that_reads() {
    let evo = Evo::new();
    evo.run(&["generate", "sales", "members", "--records", "50", "--broken", "4%", "--misfits", "4%"]).exits(0);
    evo.run(&["load", "sales", "members", "--max-rejects", "100%"]).exits(0);
    evo.run(&["transform", "sales"]).exits(0);
    // Something waits, in the lake and in the ledger.
    evo.run(&["generate", "sales", "members", "entries", "--records", "50", "--runs", "2", "--force"]).exits(0);
    let (rows, lake) = (content(&evo.db), files(evo.dir.path()));
    for args in READING {
        evo.run(args);
        assert_eq!(content(&evo.db), rows, "{args:?} changed the database");
        assert_eq!(files(evo.dir.path()), lake, "{args:?} changed files");
    }
    evo.run(&["load", "members"]).exits(0);
    assert_ne!(content(&evo.db), rows, "the comparison notices a change");
}

#[test]
fn a_draft_of_a_migration_is_named_and_not_applied() {
    let evo = Evo::new();
    let own = evo.dir.path().join("own/migrations");
    std::fs::create_dir_all(&own).unwrap();
    std::fs::write(own.join("0001_draft.up.sql"), "create table core.draft (id int)").unwrap();
    for args in READING.iter().filter(|args| !matches!(args, ["config" | "db" | "doctor" | "migrate", ..])) {
        evo.run(&[args, &["--extend", "own"][..]].concat()).exits(3).says("10001_draft").says("evo migrate");
    }
    assert_eq!(evo.db.one("select to_regclass('core.draft') is null"), "t");
}

#[test]
fn status_names_database_and_lake_and_what_waits_there() {
    let evo = Evo::new();
    evo.run(&["generate", "sales", "--records", "20", "--part-records", "5"]).exits(0);
    let name = evo.db.one("select current_database()");
    let shown = evo.run(&["status"]).exits(0).says(&name).says("(flag --lake)").says("next: evo load all");
    assert!(!shown.stdout.contains(&evo.db.url), "the password");
    let sales = |args: &[&str]| {
        let status = evo.json(args);
        let sales = status["entities"].as_array().unwrap().iter().find(|e| e["entity"] == "sales").unwrap().clone();
        (sales["objects_pending"].clone(), sales["objects_new"].clone(), status["lake_listed"].clone())
    };
    let objects = files(&evo.lake()).keys().filter(|path| path.ends_with(".jsonl.gz")).count();
    assert_eq!(sales(&["status"]), (0.into(), objects.into(), true.into()));
    assert_eq!(sales(&["status", "--ledger-only"]), (0.into(), serde_json::Value::Null, false.into()));
    evo.run(&["status", "--ledger-only"]).exits(0).says("the lake was not listed");
    evo.run(&["load", "sales"]).exits(0);
    let status = evo.json(&["status"]);
    let entities = status["entities"].as_array().unwrap();
    let sales = entities.iter().find(|entity| entity["entity"] == "sales").unwrap();
    assert_eq!((&sales["objects_new"], &sales["objects_loaded"]), (&0.into(), &objects.into()));
    let loaded_at = sales["loaded_at"].as_str().unwrap();
    assert!(loaded_at.ends_with('Z') && loaded_at.contains('T'), "{loaded_at}");
    std::fs::rename(evo.lake(), evo.dir.path().join("moved")).unwrap();
    evo.run(&["status"]).exits(0).says("pending is what the last load saw").says("does not exist");
}
