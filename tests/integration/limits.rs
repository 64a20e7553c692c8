//! Few connections, and locks of others: slower, and done; or an end that says whose lock it is.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::pgbouncer::PgBouncer;
use crate::support::server::{Server, signal};
use crate::support::{Database, Evo, Run, Session, object};

/// Entries of several years: each needs a partition.
fn entries(evo: &Evo) {
    for part in 0..8 {
        let lines: Vec<String> = (0..20)
            .map(|i| format!(r#"{{"idMember": 1{part}{i}, "date": "{}-03-01T10:00:00", "idBranch": 1}}"#, 2019 + part))
            .collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        object("entries", "20260110T020501Z", &format!("part-{part}")).lines(&evo.lake(), &lines);
    }
}

fn run_at(evo: &Evo, url: &str, args: &[&str], variables: &[(&str, &str)]) -> Run {
    evo.command_at(url, args).envs(variables.iter().copied()).output().unwrap().into()
}

#[test]
fn a_role_with_few_connections_loads_and_refreshes_with_fewer_workers() {
    let server = Server::start(&[("fsync", "off")]);
    let evo = Evo::with(Database::on(&server));
    entries(&evo);
    server.sql("create role job login; grant evo to job");
    let job = |limit: u32, args: &[&str]| {
        server.sql(&format!("alter role job connection limit {limit}"));
        run_at(&evo, &evo.db.url.replace("//evo@", "//job@"), args, &[("EVO_RETRY_BASE", "100ms")])
    };
    let load = ["load", "entries", "--workers", "4", "--batch-size", "1"];
    job(1, &load).exits(5).says("needs 2 connections");
    job(2, &load).exits(0).says("few connections");
    assert_eq!(evo.db.one("select count(*) from stg_evo.entries_raw"), "160");
    let refresh = ["transform", "entries", "--full-refresh", "--workers", "4"];
    job(2, &refresh).exits(5).says("needs 3 connections");
    job(2, &["transform", "entries", "--workers", "4"]).exits(0);
    for limit in [3, 4, 5] {
        job(limit, &refresh).exits(0).says("few connections");
    }
    assert_eq!(evo.db.one("select count(*) from core.evo_entries"), "160");
    job(50, &refresh).exits(0);
}

#[test]
fn a_pooler_with_as_many_server_connections_as_workers_lets_a_load_through() {
    let server = Server::start(&[("fsync", "off")]);
    let evo = Evo::with(Database::on(&server));
    entries(&evo);
    for pool in [2, 4] {
        let bouncer = PgBouncer::in_front_of(&server, pool);
        let url = bouncer.url("postgres");
        let since = Instant::now();
        let args = ["load", "entries", "--workers", "4", "--batch-size", "1", "--all-runs"];
        run_at(&evo, &url, &args, &[("EVO_RETRY_BASE", "100ms")]).exits(0).says("few connections");
        assert!(since.elapsed() < Duration::from_secs(50), "{:?} with {pool}", since.elapsed());
        assert_eq!(evo.db.one("select count(*) from stg_evo.entries_raw"), "160");
        run_at(&evo, &url, &["transform", "entries", "--workers", "4"], &[]).exits(0);
    }
}

#[test]
fn waiting_for_somebody_elses_lock_says_for_whom_and_ends() {
    let evo = Evo::new();
    object("sales", "20260110T020501Z", "a").lines(&evo.lake(), &[r#"{"idSale": 1}"#]);
    let holder = Session::open(&evo.db.url);
    holder.run("set application_name = 'somebody'; begin; lock table stg_evo.sales_raw in access exclusive mode");
    let since = Instant::now();
    run_at(&evo, &evo.db.url, &["load", "sales"], &[("EVO_RETRY_BUDGET", "1s")])
        .exits(5)
        .says("somebody")
        .says("pg_terminate_backend");
    assert!(since.elapsed() < Duration::from_secs(40), "{:?}", since.elapsed());
    holder.run("commit");
    evo.run(&["load", "sales"]).exits(0);
}

#[test]
fn a_process_that_stalls_while_it_plans_is_named_and_waited_for_in_bounded_time() {
    let evo = Evo::new();
    object("sales", "20260110T020501Z", "a").lines(&evo.lake(), &[r#"{"idSale": 1}"#]);
    let mut stalled = evo.command(&["load", "sales"]);
    stalled.env("EVO_FAILPOINTS", "load.in_plan=sleep(2000)@1").stderr(Stdio::piped()).stdout(Stdio::piped());
    let mut stalled = stalled.spawn().unwrap();
    let mut stderr = BufReader::new(stalled.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("failpoint load.in_plan") {
        line.clear();
        assert!(stderr.read_line(&mut line).unwrap() > 0, "it did not plan");
    }
    signal(stalled.id() as i32, libc::SIGSTOP);
    let pid = "select pid from pg_locks where locktype = 'advisory' and granted and database = \
               (select oid from pg_database where datname = current_database()) and \
               (classid::bigint << 32 | objid::bigint) = hashtextextended('evo:plan:sales', 0)";
    let pid = evo.db.one(pid);
    let since = Instant::now();
    run_at(&evo, &evo.db.url, &["load", "sales"], &[("EVO_RETRY_BUDGET", "60s")])
        .exits(0)
        .says("waiting for a lock")
        .says(&format!("pid {pid}"));
    assert!(since.elapsed() < Duration::from_secs(60), "{:?}", since.elapsed());
    assert_eq!(evo.db.one("select count(*) from stg_evo.sales_raw"), "1");
    // Awake again, it finds its session ended, plans again, and finds everything loaded.
    signal(stalled.id() as i32, libc::SIGCONT);
    let rest = std::io::read_to_string(stderr).unwrap();
    assert!(stalled.wait().unwrap().success(), "{rest}");
    assert_eq!(evo.db.one("select count(*) from evo.batches where state = 'committed'"), "1");
}

/// What names a prepared transaction and the way to end it.
const ENDS_IT: &str = "rollback prepared 'left''over'";

#[test]
fn a_prepared_transaction_in_the_way_is_named_with_what_ends_it() {
    let server = Server::start(&[("fsync", "off"), ("max_prepared_transactions", "5")]);
    let evo = Evo::with(Database::on(&server));
    let object_of = |run: &str, name: &str| {
        let line = format!(r#"{{"idProspect": 1, "firstName": "{name}"}}"#);
        object("prospects", run, "a").lines(&evo.lake(), &[&line]);
    };
    let short = [("EVO_RETRY_BUDGET", "1s"), ("EVO_RETRY_STALL_TIMEOUT", "500ms")];
    let run = |args: &[&str]| run_at(&evo, &evo.db.url, args, &short);
    let prepare = |statement: &str| evo.db.sql(&format!("begin; {statement}; prepare transaction 'left''over'"));
    let end = || evo.db.sql(ENDS_IT);
    object_of("20260110T020501Z", "Ana");
    evo.run(&["load", "prospects"]).exits(0);
    evo.run(&["transform", "prospects"]).exits(0);
    evo.db.sql("create table public.visits (prospect_id bigint references core.evo_prospects)");
    object_of("20260111T020501Z", "Bea");

    prepare("update stg_evo.prospects_raw set run_id = run_id");
    run(&["load", "prospects"]).exits(5).says("the prepared transaction 'left''over' of evo since").says(ENDS_IT);
    end();
    // Behind somebody who waits for it.
    prepare("lock table stg_evo.prospects_raw in row exclusive mode");
    let url = evo.db.url.clone();
    let queued = std::thread::spawn(move || {
        Session::open(&url).run("set application_name = 'dba'; lock table stg_evo.prospects_raw in share mode")
    });
    evo.db.wait_for("select count(*) from pg_locks where not granted", "1");
    run(&["load", "prospects"]).exits(5).says("(dba").says("waiting for a lock itself").says(ENDS_IT);
    end();
    queued.join().unwrap();
    evo.run(&["load", "prospects"]).exits(0);

    prepare("lock table core.evo_prospects in exclusive mode");
    run(&["transform", "prospects"]).exits(5).says(ENDS_IT);
    run(&["transform", "prospects", "--full-refresh"]).exits(5).says(ENDS_IT);
    run(&["optimize-storage", "prospects", "--vacuum"]).exits(5).says("the prepared transaction").says(ENDS_IT);
    // Within the limit of a rebuild, which the server watches.
    let rebuild = ["optimize-storage", "prospects", "--reindex", "--max-wait", "1s", "--retry-budget", "1m"];
    evo.run(&rebuild).exits(5).says("gave up after waiting for 1s").says("the prepared transaction").says(ENDS_IT);
    end();
    // A table of somebody's own, which the swap locks because it references core.
    prepare("lock table public.visits in access share mode");
    run(&["transform", "prospects", "--full-refresh"]).exits(5).says(ENDS_IT);
    end();
    evo.run(&["transform", "prospects"]).exits(0);
    assert_eq!(evo.db.one("select first_name from core.evo_prospects"), "Bea");
}

#[test]
fn a_prepared_transaction_with_an_entitys_lock_is_named() {
    let server = Server::start(&[("fsync", "off"), ("max_prepared_transactions", "5")]);
    let evo = Evo::with(Database::on(&server));
    evo.db.sql(
        "begin; select pg_advisory_xact_lock(hashtextextended('evo:transform:sales', 0)); \
         prepare transaction 'left''over'",
    );
    evo.run(&["transform", "sales"]).exits(7).says("it is the prepared transaction").says(ENDS_IT);
}

#[test]
fn a_long_statement_is_not_given_up_where_the_server_does_not_say_what_sessions_do() {
    let server = Server::start(&[("fsync", "off")]);
    server.sql("create role owner nologin; create role job login; grant owner to job");
    server.sql("alter role job set role = owner");
    for setting in ["on", "off"] {
        server.sql(&format!("alter database postgres set track_activities = {setting}"));
        let mut dsn = evo::config::Dsn::parse(&format!("postgresql://job@127.0.0.1:{}/postgres", server.port)).unwrap();
        dsn.stall_timeout = Duration::from_millis(300);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let pool = evo::pg::Pool::for_writing(dsn, "evo:test", 1, None);
            let connection = pool.get().await.unwrap();
            connection.batch("select pg_catalog.pg_sleep(2.5)").await.unwrap();
        });
    }
}

#[test]
fn who_holds_an_entitys_lock_is_named_to_the_one_who_comes_second() {
    let evo = Evo::new();
    let name = "evo:transform:sales";
    let holder = Session::open(&evo.db.url);
    holder.run(&format!(
        "set application_name = 'evo:transform:sales:lock'; begin; select pg_advisory_xact_lock(hashtextextended('{name}', 0))"
    ));
    let pid = holder.run("select pg_backend_pid()")[0][0].clone();
    evo.run(&["transform", "sales"]).exits(7).says(&format!("it is pid {pid}"));
}
