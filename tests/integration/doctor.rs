//! What `evo doctor` says of a healthy warehouse and of six sick ones, and that its lines are the cure.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use crate::support::pgbouncer::PgBouncer;
use crate::support::server::{Server, free_port};
use crate::support::{Api, Database, Evo, Run, Session, binary, sql, try_sql};

/// Settings with which the doctor is content.
const GOOD: [(&str, &str); 5] = [
    ("shared_buffers", "128MB"),
    ("work_mem", "32MB"),
    ("maintenance_work_mem", "256MB"),
    ("max_wal_size", "4GB"),
    ("random_page_cost", "1.1"),
];

/// A server with these settings, and with what not every build of PostgreSQL has.
fn good_server(further: &[(&str, &str)]) -> Server {
    let server = Server::start(&[&GOOD, further].concat());
    for statement in [
        "alter system set default_toast_compression = 'lz4'",
        "alter system set wal_compression = 'lz4'",
        "select pg_reload_conf()",
        "create extension pgstattuple",
    ] {
        let _ = try_sql(&server.url("postgres"), statement);
    }
    server
}

fn doctor(evo: &Evo, url: &str, args: &[&str]) -> Run {
    evo.command_at(url, &[&["doctor"], args].concat()).env("EVO_WORKERS", "4").output().unwrap().into()
}

/// The page without what differs from run to run; `known` has texts and what stands for them.
fn stable(page: &str, known: &[(&str, &str)]) -> String {
    let mut page = page.to_owned();
    for (text, name) in known {
        page = page.replace(text, name);
    }
    let between = |page: String, before: &str, after: &str, name: &str| match page.split_once(before) {
        Some((head, rest)) => {
            let (_, tail) = rest.split_once(after).unwrap();
            format!("{head}{before}{name}{after}{tail}")
        }
        None => page,
    };
    let page = between(page, "server    PostgreSQL ", ", ", "VERSION");
    let page = between(page, "database of ", ";", "SIZE");
    let is_kept = |paragraph: &&str| !paragraph.contains("the extension pgstattuple is not installed");
    page.split("\n\n").filter(is_kept).collect::<Vec<_>>().join("\n\n")
}

/// Runs a script as the help says, as the owner of everything.
fn psql(evo: &Evo, script: &Path) {
    let mut command = binary(evo.dir.path());
    command.args(["db", "psql", "--", "-v", "ON_ERROR_STOP=1", "-q", "-f"]).arg(script);
    Run::from(command.env("EVO_DATABASE_URL", &evo.db.url).output().unwrap()).exits(0);
}

fn findings(json: &Value) -> Vec<String> {
    let all = json["findings"].as_array().unwrap();
    all.iter().map(|f| format!("{} {}", f["gravity"].as_str().unwrap(), f["id"].as_str().unwrap())).collect()
}

#[test]
fn the_private_server_with_a_loaded_warehouse_needs_nothing() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let run = |args: &[&str]| Run::from(binary(dir.path()).args(args).output().unwrap());
    let before = run(&["doctor"]).exits(6).says("there is no database yet").says("evo db start").says("evo generate");
    assert!(!dir.path().join(".evo").exists(), "{before:?}");
    run(&["generate", "all", "--records", "20"]).exits(0);
    for command in ["load", "transform"] {
        run(&[command, "all"]).exits(0);
    }
    let page = run(&["doctor"]).exits(0).stdout;
    insta::assert_snapshot!("embedded", stable(&page, &[]));
    run(&["doctor", "--fix-sql"]).exits(0).says("-- nothing to fix with SQL");
    run(&["db", "destroy", "--yes"]).exits(0);
}

#[test]
fn a_misconfigured_server_is_cured_by_the_lines_that_are_printed() {
    let server = Server::start(&[
        ("autovacuum", "off"),
        ("fsync", "off"),
        ("full_page_writes", "off"),
        ("work_mem", "1MB"),
        ("max_prepared_transactions", "2"),
        ("track_activities", "off"),
    ]);
    let evo = Evo::with(Database::on(&server));
    evo.run(&["generate", "all", "--records", "20"]).exits(0);
    evo.run(&["load", "all"]).exits(0);
    evo.db.sql("create extension if not exists pgstattuple");
    evo.db.sql(
        "create table evo_next.evo_sales_all (sale_id bigint);
         update pg_index set indisvalid = false where indexrelid = 'core.evo_prospects_all_pkey'::regclass;
         insert into evo.batches (entity, execution_id, run_id, first_path, last_path, objects_count, attempt, state,
             started_at, lease_until, lake_id)
         values ('sales', gen_random_uuid(), 'r', 'a', 'b', 1, 11, 'claimed', now() - interval '3 hours', now() - interval '2 hours', 1)",
    );
    let port = server.port.to_string();
    let page = doctor(&evo, &evo.db.url, &[]).exits(6).stdout;
    let lake = evo.lake().display().to_string();
    insta::assert_snapshot!("misconfigured", stable(&page, &[(&port, "PORT"), (&lake, "LAKE")]));

    let script = doctor(&evo, &evo.db.url, &["--fix-sql"]).exits(6).stdout;
    assert!(script.contains("-- to decide: drop table evo_next.evo_sales_all;"), "{script}");
    let path = evo.dir.path().join("fix.sql");
    std::fs::write(&path, script).unwrap();
    psql(&evo, &path);
    let left = findings(&doctor(&evo, &evo.db.url, &["--output", "json"]).exits(6).json());
    assert!(left.iter().all(|id| !id.contains("settings.") || id.contains("shared_buffers")), "{left:?}");
    evo.run(&["optimize-storage", "prospects", "--reindex"]).exits(0);
    evo.db.sql("drop table evo_next.evo_sales_all; delete from evo.batches where state = 'claimed'");
    let left = findings(&doctor(&evo, &evo.db.url, &["--output", "json"]).exits(0).json());
    assert_eq!(left, ["advice settings.shared_buffers", "note api.secret"]);
    open_transactions_are_found_with_their_locks(&evo);
}

/// The statement of the doctor with limits that nobody has to wait for.
fn open_transactions_are_found_with_their_locks(evo: &Evo) {
    let (reader, writer) = (Session::open(&evo.db.url), Session::open(&evo.db.url));
    reader.run("set application_name = 'report'; begin; select 1");
    writer.run("begin; update core.evo_sales set branch_id = branch_id; prepare transaction 'it''s old'");
    let sql = include_str!("../../sql/doctor/transactions.sql")
        .replace("$4", "array['core']")
        .replace("$3", "0")
        .replace("$2", "0")
        .replace("$1", "0");
    let found: Vec<String> = evo.db.sql(&sql).iter().map(|row| format!("{} {} {}", row[0], row[1], row[4])).collect();
    let pid = &reader.run("select pg_backend_pid()")[0][0];
    let has = |line: &str| assert!(found.iter().any(|row| row == line), "{line}: {found:?}");
    has("the prepared transaction 'it''s old' of evo 'it''s old' t");
    has(&format!("pid {pid} (report), idle in a transaction ∅ f"));
    writer.run("rollback prepared 'it''s old'");
}

#[test]
fn a_role_without_rights_gets_the_grants_with_which_its_jobs_run() {
    let server = good_server(&[]);
    server.sql("create role job login");
    server.sql("create database w");
    sql(&server.url("w"), "create extension if not exists pgstattuple");
    sql(&server.url("w"), "revoke temporary on database w from public");
    let evo = Evo::with(Database::at(server.url("w")));
    evo.run(&["migrate"]).exits(0);
    evo.run(&["generate", "prospects", "--records", "20"]).exits(0);
    let (port, lake) = (server.port.to_string(), evo.lake().display().to_string());
    let job = server.url("w").replace("//evo@", "//job@");
    let page = doctor(&evo, &job, &[]).exits(6).stdout;
    let tables = "select count(*) from pg_class where relkind in ('r', 'p') and relnamespace::regnamespace::text in \
                  ('evo', 'stg_evo', 'core', 'evo_next', 'evo_old')";
    let count = format!("{} ", evo.db.one(tables));
    let known = [(port.as_str(), "PORT"), (lake.as_str(), "LAKE"), (count.as_str(), "N ")];
    insta::assert_snapshot!("without_rights", stable(&page, &known));

    let path = evo.dir.path().join("fix.sql");
    std::fs::write(&path, doctor(&evo, &job, &["--fix-sql"]).exits(6).stdout).unwrap();
    psql(&evo, &path);
    let left = findings(&doctor(&evo, &job, &["--output", "json"]).exits(0).json());
    assert_eq!(left, ["note lake.empty", "note api.secret"]);
    for args in [&["load", "prospects"][..], &["transform", "prospects", "--full-refresh"]] {
        Run::from(evo.command_at(&job, args).output().unwrap()).exits(0);
    }
    server.sql("alter role job connection limit 1");
    let found = findings(&doctor(&evo, &job, &["--output", "json"]).exits(6).json());
    assert!(found.contains(&"breaks connections.room".to_owned()), "{found:?}");
}

#[test]
fn on_azure_the_lines_are_those_of_its_command_line() {
    // The parameters of the platform are those of an extension; any server takes them.
    let server = Server::start(&[("azure.extensions", "PG_STAT_STATEMENTS"), ("fsync", "off")]);
    let evo = Evo::with(Database::on(&server));
    evo.run(&["generate", "all", "--records", "20"]).exits(0);
    let page = doctor(&evo, &evo.db.url, &[]).exits(0).stdout;
    let set = "az postgres flexible-server parameter set -g GROUP -s SERVER \\\n          -n";
    for line in
        ["max_wal_size -v 4096", "azure.extensions -v PG_STAT_STATEMENTS,PGSTATTUPLE", "shared_buffers -v 131072"]
    {
        assert!(page.contains(&format!("{set} {line}")), "{line}\n{page}");
    }
    assert!(!page.contains("alter system"), "{page}");
    let script = doctor(&evo, &evo.db.url, &["--fix-sql"]).exits(0).stdout;
    let is_sql = |line: &&str| !line.starts_with("--") && !line.is_empty();
    assert!(script.lines().filter(is_sql).all(|line| line.ends_with(';')), "{script}");
}

#[test]
fn what_is_behind_a_pooler_is_checked_through_it() {
    let server = good_server(&[]);
    let evo = Evo::with(Database::on(&server));
    evo.run(&["generate", "all", "--records", "20"]).exits(0);
    let bouncer = PgBouncer::in_front_of(&server, 3);
    let page = doctor(&evo, &bouncer.url("postgres"), &[]).exits(0).stdout;
    let (port, lake) = (bouncer.port.to_string(), evo.lake().display().to_string());
    insta::assert_snapshot!("pgbouncer", stable(&page, &[(&port, "PORT"), (&lake, "LAKE")]));
}

#[test]
fn a_standby_is_named_and_what_it_can_tell_is_told() {
    let mut server = good_server(&[]);
    let evo = Evo::with(Database::on(&server));
    evo.run(&["generate", "all", "--records", "20"]).exits(0);
    let standby = server.standby();
    let page = doctor(&evo, &standby.url("postgres"), &[]).exits(6).stdout;
    let (port, lake) = (standby.port.to_string(), evo.lake().display().to_string());
    insta::assert_snapshot!("standby", stable(&page, &[(&port, "PORT"), (&lake, "LAKE")]));
    doctor(&evo, &evo.db.url, &[]).exits(0);
}

#[test]
fn an_unreachable_database_leaves_lake_and_api_to_be_checked() {
    let evo = Evo::with(Database::at("unused".to_owned()));
    let port = free_port();
    let url = format!("postgresql://evo:Sup3rS3cret@127.0.0.1:{port}/w");
    let page = doctor(&evo, &url, &[]).exits(6).stdout;
    assert!(!page.contains("Sup3rS3cret"), "{page}");
    let (port, lake) = (port.to_string(), evo.lake().display().to_string());
    let known = [(port.as_str(), "PORT"), (lake.as_str(), "LAKE")];
    insta::assert_snapshot!("unreachable", stable(&page, &known));
    let json = doctor(&evo, &url, &["--output", "json"]).exits(6).stdout;
    insta::assert_snapshot!("json", stable(&json, &known));
    let azure = "postgresql://evo@no-such-server.invalid.postgres.database.azure.com/w";
    let shown = doctor(&evo, azure, &[]).exits(6);
    shown.says("az postgres flexible-server firewall-rule create -g GROUP -n no-such-server");
}

#[test]
fn mistakes_in_the_settings_come_first() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("evo.toml"), "worker = 3\nlake = \"s3://x\"\n").unwrap();
    let run = Run::from(binary(dir.path()).arg("doctor").output().unwrap()).exits(6);
    let run = run.says("breaks  evo.toml:1: unknown key \"worker\"").says("did you mean \"workers\"?");
    run.says("evo.toml:2: lake: a lake cannot be at s3://").says("2 findings break jobs").says("not checked: database");
}

#[test]
fn a_schema_a_lake_and_a_source_that_do_not_fit_are_named() {
    let evo = Evo::with(Database::bare());
    let ids = |run: Run| findings(&run.json());
    let found = ids(doctor(&evo, &evo.db.url, &["--output", "json"]).exits(6));
    assert!(found.contains(&"breaks schema.version".to_owned()), "{found:?}");
    evo.run(&["migrate"]).exits(0);
    evo.run(&["generate", "all", "--records", "20"]).exits(0);
    evo.run(&["load", "all"]).exits(0);
    std::fs::rename(evo.lake(), evo.dir.path().join("moved")).unwrap();
    std::fs::create_dir(evo.lake()).unwrap();
    let found = ids(doctor(&evo, &evo.db.url, &["--output", "json"]).exits(0));
    assert!(!found.iter().any(|id| id.contains("lake.other")), "an empty folder at the same address: {found:?}");
    let of_lake = |address: &str| -> Vec<String> {
        let mut command = binary(evo.dir.path());
        command.args(["doctor", "--output", "json", "--database-url", &evo.db.url, "--lake", address]);
        ids(Run::from(command.output().unwrap()).exits(6))
    };
    std::fs::create_dir(evo.dir.path().join("other")).unwrap();
    assert!(of_lake("other").contains(&"breaks lake.other".to_owned()));
    assert!(of_lake("nowhere").contains(&"breaks lake.closed".to_owned()));
}

#[test]
fn an_api_that_refuses_the_credential_or_does_not_answer_is_named() {
    let evo = Evo::new();
    evo.run(&["generate", "all", "--records", "20"]).exits(0);
    let api = Api::serve(evo.dir.path(), &["--limit", "none"]);
    let run = |url: &str, password: &str| -> Vec<String> {
        let mut command = evo.command(&["doctor", "--output", "json"]);
        command.env("EVO_API_URL", url).env("EVO_USERNAME", "gym").env("EVO_PASSWORD", password);
        findings(&Run::from(command.output().unwrap()).json())
    };
    let of_api = |found: Vec<String>| found.into_iter().filter(|id| id.contains("api.")).collect::<Vec<_>>();
    assert_eq!(of_api(run(&api.url, "secret")), Vec::<String>::new());
    assert_eq!(of_api(run(&api.url, "wrong")), ["breaks api.credential"]);
    let nobody = format!("http://127.0.0.1:{}", free_port());
    assert_eq!(of_api(run(&nobody, "x")), ["breaks api.unreachable"]);
    assert_eq!(of_api(run("ftp://x", "x")), ["breaks api.address"]);
}
