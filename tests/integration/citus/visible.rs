//! A commit that the coordinator shows before another server has made it.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::STUB;
use crate::support::server::Server;
use crate::support::{Database, Evo, Run, cluster, object, sql};

const RUNS: [&str; 2] = ["20260110T020501Z", "20260111T020501Z"];

/// Counts the questions after prepared transactions.
const COUNTED: &str = "create sequence public.asked;
    alter function pg_catalog.run_command_on_all_nodes(text, boolean) rename to run_command_on_all_nodes_now;
    create function pg_catalog.run_command_on_all_nodes(
        command text, parallel boolean default true, out nodeid int, out success boolean, out result text)
    returns setof record language sql as $$
        select nextval('public.asked') where false;
        select r.nodeid, r.success, r.result from (select nextval('public.asked')) a,
            run_command_on_all_nodes_now(command, parallel) r
    $$";

/// A server with the stub that can prepare transactions, and a distributed warehouse on it.
fn warehouse() -> (Server, Evo) {
    let server = Server::start(&[("max_prepared_transactions", "5")]);
    let evo = Evo::with(Database::on(&server));
    evo.db.sql("set allow_system_table_mods = on");
    evo.db.sql(STUB);
    evo.db.sql(&format!("set allow_system_table_mods = on; {COUNTED}"));
    evo.run(&["distribute"]).exits(0);
    object("sales", RUNS[0], "a").lines(&evo.lake(), &[r#"{"idSale": 1, "idMember": 1}"#]);
    (server, evo)
}

/// Prepares a transaction as Citus does, in a session that is over then.
fn prepare(evo: &Evo, gid: &str) {
    evo.db.sql(&format!("begin; create table public.{gid} (); prepare transaction '{gid}'"));
}

/// Waits until a job has asked this often more after prepared transactions.
fn wait_for_questions(evo: &Evo, before: i64, more: i64) {
    let began = Instant::now();
    while asked(evo) < before + more {
        assert!(began.elapsed() < Duration::from_secs(30), "nothing was asked");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn asked(evo: &Evo) -> i64 {
    evo.db.one("select case when is_called then last_value else 0 end from public.asked").parse().unwrap()
}

fn start(evo: &Evo, args: &[&str]) -> Child {
    evo.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn end(child: Child) -> Run {
    child.wait_with_output().unwrap().into()
}

#[test]
fn jobs_wait_for_the_commits_that_were_prepared_when_they_read_the_ledger() {
    if cluster::is_left_out("a worker's prepared transactions are tried by scripts/chaos-citus") {
        return;
    }
    let (_server, evo) = warehouse();
    // A load that changes rows asks before it compares, and so does each kind of transform.
    evo.run(&["load", "sales"]).exits(0);
    object("sales", RUNS[1], "b").lines(&evo.lake(), &[r#"{"idSale": 1, "idMember": 2}"#]);
    let jobs: [&[&str]; 5] = [
        &["load", "sales"],
        &["transform", "sales", "--incremental"],
        &["transform", "sales", "--full-refresh"],
        &["transform", "sales", "--in-place"],
        &["transform", "branches", "--full-refresh"],
    ];
    for job in jobs {
        let before = asked(&evo);
        prepare(&evo, "citus_0_12_3_4");
        let mut child = start(&evo, job);
        wait_for_questions(&evo, before, 3);
        assert!(child.try_wait().unwrap().is_none(), "{job:?} did not wait");
        // A later one is none of a transform's business. A load asks again in its next round.
        let is_transform = job[0] == "transform";
        if is_transform {
            prepare(&evo, "citus_0_56_7_8");
        }
        evo.db.sql("commit prepared 'citus_0_12_3_4'");
        evo.db.sql("drop table public.citus_0_12_3_4");
        end(child).exits(0);
        if is_transform {
            evo.db.sql("rollback prepared 'citus_0_56_7_8'");
        }
    }
    assert_eq!(evo.db.sql("select sale_id, member_id from core.evo_sales"), [["1", "2"]]);
}

#[test]
fn prepared_transactions_of_others_are_not_waited_for() {
    if cluster::is_left_out("a worker's prepared transactions are tried by scripts/chaos-citus") {
        return;
    }
    let (server, evo) = warehouse();
    prepare(&evo, "somebody");
    sql(&server.url("postgres"), "create database other");
    sql(&server.url("other"), "begin; create table public.x (); prepare transaction 'citus_0_1_1_1'");
    evo.run(&["load", "sales"]).exits(0);
    evo.run(&["transform", "sales"]).exits(0);
    assert_eq!(evo.db.one("select count(*) from core.evo_sales"), "1");
    sql(&server.url("other"), "rollback prepared 'citus_0_1_1_1'");
    evo.db.sql("rollback prepared 'somebody'");
}
