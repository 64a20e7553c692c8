//! The command line: what a person meets first, and every obvious mistake.

use std::process::Stdio;

use crate::support::{Database, Evo, Run, binary, cluster, object};

fn plain(args: &[&str]) -> Run {
    let dir = tempfile::tempdir().unwrap();
    binary(dir.path()).args(args).output().unwrap().into()
}

#[test]
fn help_shows_every_command_and_examples() {
    let help = plain(&["--help"]).exits(0);
    for command in ["generate", "load", "transform", "check", "optimize-storage", "status", "migrate", "config", "db"] {
        assert!(help.stdout.contains(command), "{command}");
        let of_command = plain(&[command, "--help"]).exits(0);
        assert!(of_command.stdout.contains("Usage: evo"), "{command}");
    }
    assert!(plain(&["load", "--help"]).stdout.contains("evo load members sales --workers 8"));
}

#[test]
fn an_obvious_mistake_gets_one_clear_error_and_its_own_exit_code() {
    let evo = Evo::new();
    let nowhere = evo.dir.path().join("nowhere");
    plain(&["lode"]).exits(2);
    evo.run(&["load", "sale"]).exits(2).says("unknown entity \"sale\"").says("did you mean \"sales\"?");
    evo.run(&["load", "sales", "--workers", "0"]).exits(2).says("--workers");
    evo.run(&["load", "sales"]).exits(4).says("holds no objects of sales").says("evo generate");
    plain(&["load", "sales", "--lake", nowhere.to_str().unwrap(), "--database-url", &evo.db.url])
        .exits(4)
        .says("does not exist");
    plain(&["load", "sales", "--lake", "ftp://x/y"]).exits(3).says("ftp://");
    plain(&["status", "--config", "nowhere.toml"]).exits(3).says("nowhere.toml").says("--config");
}

#[test]
fn a_database_that_cannot_be_used_is_named_without_its_password() {
    if cluster::is_left_out("the servers of the tests' cluster ask for no password") {
        return;
    }
    let evo = Evo::new();
    let (head, _) = evo.db.url.rsplit_once('/').unwrap();
    let password = head.split([':', '@']).nth(2).unwrap().to_owned();
    let cases = [
        (head.replace(&password, "wrong-password") + "/postgres", 5, "password authentication failed"),
        (format!("{head}/no_such_database"), 3, "no_such_database"),
        ("postgresql://u:wrong-password@127.0.0.1:1/x".to_owned(), 5, "127.0.0.1:1"),
        ("postgresql://u:wrong-password@no-such-host.invalid/x".to_owned(), 5, "no-such-host.invalid"),
        ("postgresql://u:wrong-password@127.0.0.1/x?sslmode=never".to_owned(), 3, "sslmode"),
        (format!("{head}/postgres?options=-c%20work_mem=1"), 3, "cannot connect to"),
        (format!("{head}/postgres?options=-c%20no_such_setting=1"), 3, "no_such_setting"),
    ];
    for (url, code, text) in cases {
        let run = plain(&["status", "--database-url", &url]).exits(code).says(text).says("hint:");
        assert!(!run.stderr.contains("wrong-password") && !run.stderr.contains(&password), "{}", run.stderr);
    }
}

#[test]
fn jobs_refuse_a_schema_they_do_not_know_and_migrate_makes_it_once() {
    let db = Database::bare();
    let run = |args: &[&str]| plain(&[args, &["--database-url", &db.url]].concat());
    run(&["status"]).exits(3).says("no evo schema yet").says("evo migrate");
    run(&["migrate", "--dry-run"]).exits(0).says("nothing was applied");
    run(&["status"]).exits(3);
    // Two side by side: one applies, the other finds nothing to do.
    let dir = tempfile::tempdir().unwrap();
    let start = || {
        binary(dir.path())
            .args(["migrate", "--database-url", &db.url])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let both = [start(), start()].map(|child| Run::from(child.wait_with_output().unwrap()).exits(0));
    assert_eq!(both.iter().filter(|run| run.stdout.contains("up to date")).count(), 1, "{both:?}");
    run(&["migrate"]).exits(0).says("up to date");
    db.sql("update evo.schema_history set checksum = 'x' where version = 1");
    run(&["status"]).exits(3).says("was changed after it had been applied");
    db.sql("delete from evo.schema_history where version = 4");
}

#[test]
fn a_failed_migration_leaves_the_database_as_it_was() {
    let db = Database::bare();
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("own/migrations")).unwrap();
    std::fs::write(dir.path().join("own/migrations/0001_bad.up.sql"), "create table core.x (id int); select 1 / 0;")
        .unwrap();
    let run: Run =
        binary(dir.path()).args(["migrate", "--extend", "own", "--database-url", &db.url]).output().unwrap().into();
    run.exits(3).says("10001_bad").says("correct migrations/0001_bad.up.sql");
    assert_eq!(db.one("select count(*) from pg_namespace where nspname in ('evo', 'core', 'stg_evo')"), "0");
}

#[test]
fn tables_of_the_predecessor_are_named_and_left_alone() {
    let db = Database::bare();
    db.sql("create schema core; create table core.evo_members (member_id bigint primary key); insert into core.evo_members values (1)");
    plain(&["migrate", "--database-url", &db.url])
        .exits(3)
        .says("core.evo_members is taken by a table")
        .says("alter table core.evo_members rename to");
    assert_eq!(db.one("select count(*) from core.evo_members"), "1");
    assert_eq!(db.one("select to_regclass('evo.runs') is null"), "t");
}

#[test]
fn the_users_three_commands_do_what_they_say() {
    let evo = Evo::new();
    evo.run(&["generate", "members", "sales", "--records", "200"]).exits(0);
    evo.run(&["load", "sales", "--workers", "8", "--batch-size", "10"]).exits(0).says("200");
    evo.run(&["load", "members"]).exits(0);
    evo.run(&["transform", "members", "--full-refresh"]).exits(0).says("core.evo_members").says("swapped in");
    evo.run(&["optimize-storage", "--vacuum", "--reindex"]).exits(0);
    assert_eq!(evo.db.one("select count(*) from core.evo_members"), "200");
    let runs = evo.db.sql("select command, state, exit_code from evo.runs order by started_at");
    assert_eq!(runs.iter().filter(|r| r[1] == "succeeded" && r[2] == "0").count(), runs.len(), "{runs:?}");
    assert!(runs.len() >= 3);
}

#[test]
fn machines_get_json_on_stdout_and_json_lines_on_stderr() {
    let evo = Evo::new();
    object("sales", "20260110T020501Z", "a").lines(&evo.lake(), &[r#"{"idSale": 1}"#]);
    let run = evo.run(&["load", "sales", "--output", "json", "--log-format", "json"]).exits(0);
    assert_eq!(run.json()["entities"][0]["inserted"], 1);
    assert!(run.stderr.lines().count() > 0);
    for line in run.stderr.lines() {
        let _: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
    }
}

#[test]
fn config_show_tells_origins_and_hides_passwords() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("evo.toml"), "workers = 3\n").unwrap();
    let mut command = binary(dir.path());
    command
        .args(["config", "show"])
        .env("EVO_DATABASE_URL", "postgresql://u:hunter2@db.example/w")
        .env("EVO_LAKE", "az://datalake/x");
    let run = Run::from(command.output().unwrap())
        .exits(0)
        .says("evo.toml:1")
        .says("environment EVO_LAKE")
        .says("u:***@db.example");
    assert!(!run.stdout.contains("hunter2"));
    std::fs::write(dir.path().join("evo.toml"), "worker = 3\n").unwrap();
    let run: Run = binary(dir.path()).args(["config", "show"]).output().unwrap().into();
    run.exits(3).says("evo.toml:1").says("did you mean \"workers\"?");
}

#[test]
fn sigterm_ends_a_load_cleanly_and_the_next_one_finishes_it() {
    let evo = Evo::new();
    evo.run(&["generate", "sales", "--records", "20000", "--part-records", "250"]).exits(0);
    let mut child = evo
        .command(&["load", "sales", "--workers", "2", "--batch-size", "1"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while evo.db.one("select count(*) from evo.batches where state = 'committed'") == "0" {
        assert!(child.try_wait().unwrap().is_none(), "it ended before the first batch was in");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    std::process::Command::new("kill").arg(child.id().to_string()).status().unwrap();
    let code = child.wait().unwrap().code();
    // On a fast machine it may have been done already.
    let loaded: u64 = evo.db.one("select count(*) from stg_evo.sales_raw").parse().unwrap();
    assert_eq!(code, Some(if loaded < 20_000 { 143 } else { 0 }));
    assert_eq!(evo.db.one("select sum(lines_count) from evo.objects where state = 'loaded'"), loaded.to_string());
    evo.run(&["load", "sales"]).exits(0);
    assert_eq!(evo.db.one("select count(*) from stg_evo.sales_raw"), "20000");
}

#[test]
fn config_check_lists_every_mistake_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| -> Run {
        binary(dir.path()).args(args).env("EVO_WORKER", "2").env("EVO_LOAD_LEASE", "1ms").output().unwrap().into()
    };
    let visits = dir.path().join("own/models/visits");
    std::fs::create_dir_all(&visits).unwrap();
    std::fs::create_dir_all(dir.path().join("own/checks")).unwrap();
    let toml = "extend = \"own\"\nlake = \"s3://x\"\ndatabase_url = \"\"\nbatch_sise = 3\n\n[source.crm]\n\
                url = \"http://crm.example\"\nlimit = \"fast\"\n";
    std::fs::write(dir.path().join("evo.toml"), toml).unwrap();
    std::fs::write(visits.join("entity.toml"), "name = \"visits\"\nzone = 3\nmodels = [\"visits\"]\n").unwrap();
    std::fs::write(visits.join("visits.sql"), "select 1").unwrap();
    let check = run(&["config", "check"]).exits(3);
    let expected = [
        "evo.toml:4: unknown key \"batch_sise\"\n  did you mean \"batch_size\"?",
        "evo.toml:7: url in [source.crm] must be an https address",
        "evo.toml:8: limit in [source.crm] must be limits such as",
        "evo.toml:6: [source.crm] has no auth",
        "EVO_LOAD_LEASE: expected a duration from 1s to 1day",
        "evo.toml:2: lake: a lake cannot be at s3://",
        "evo.toml:3: database_url: the database's address is empty",
        "own/models/visits/entity.toml:1: the declaration has no bronze_prefix",
        "own/models/visits/entity.toml:2: zone in the declaration must be a text",
        "own/models/visits/entity.toml:1: the declaration has no [staging]",
        "own/models/visits/entity.toml:1: the declaration has no [key]",
        "own/models/visits/visits.sql:1: the header has no line \"-- grain: …\"",
    ];
    for text in expected {
        assert!(check.stdout.contains(text), "{text}\n--- in\n{}", check.stdout);
    }
    let count = check.stdout.lines().filter(|line| !line.starts_with(' ')).count();
    let check = check.says(&format!("{count} mistakes in settings and declarations")).says("evo config check");
    assert!(!check.stderr.contains("panicked"), "{}", check.stderr);
    let json = run(&["config", "check", "--output", "json"]).exits(3).json();
    assert_eq!((json["json_version"].as_u64(), json["mistakes"].as_array().unwrap().len()), (Some(1), count));
    run(&["status"]).exits(3).says("batch_sise").says("further mistakes: evo config check");

    // Variables are checked once the secrets of all sources are known.
    std::fs::write(dir.path().join("evo.toml"), "extend = \"own\"\n").unwrap();
    let check = run(&["config", "check"]).exits(3).says("unknown environment variable EVO_WORKER\n  did you mean");
    assert!(check.stdout.contains("EVO_LOAD_LEASE"), "{}", check.stdout);

    std::fs::remove_dir_all(&visits).unwrap();
    let check = Run::from(binary(dir.path()).args(["config", "check"]).output().unwrap()).exits(0);
    assert!(check.stdout.starts_with("no mistakes in the settings and in 4 entities, 8 models, "), "{}", check.stdout);
    for wrong in ["select 1", "-- purpose: x\nselect 1"] {
        std::fs::write(dir.path().join("own/checks/own.sql"), wrong).unwrap();
        Run::from(binary(dir.path()).args(["config", "check"]).output().unwrap()).exits(3).says("own/checks/own.sql:1");
    }
}
