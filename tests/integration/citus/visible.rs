//! A commit that the coordinator shows before another server has made it.

use std::collections::BTreeSet;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::STUB;
use crate::support::server::Server;
use crate::support::{Database, Evo, Run, cluster, object, sql};

const RUNS: [&str; 2] = ["20260110T020501Z", "20260111T020501Z"];

/// A server with the stub that can prepare transactions, and a distributed warehouse on it.
fn warehouse() -> (Server, Evo) {
    let server = Server::start(&[("max_prepared_transactions", "5")]);
    let evo = Evo::with(Database::on(&server));
    evo.db.sql(STUB);
    evo.run(&["distribute"]).exits(0);
    object("sales", RUNS[0], "a").lines(&evo.lake(), &[r#"{"idSale": 1, "idMember": 1}"#]);
    (server, evo)
}

/// Prepares a transaction as Citus does, in a session that is over then.
fn prepare(evo: &Evo, gid: &str) {
    evo.db.sql(&format!("begin; create table public.{gid} (); prepare transaction '{gid}'"));
}

/// Waits until a job asks after prepared transactions again and again.
fn wait_for_questions(evo: &Evo) {
    let asked = "select coalesce(max(query_start)::text, '') from pg_stat_activity \
                 where application_name like 'evo:%' and query like '%pg_prepared_xacts%'";
    let (began, mut times) = (Instant::now(), BTreeSet::new());
    while times.len() < 4 {
        assert!(began.elapsed() < Duration::from_secs(30), "nothing is asked");
        times.insert(evo.db.one(asked));
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn start(evo: &Evo, args: &[&str]) -> Child {
    evo.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn end(child: Child) -> Run {
    child.wait_with_output().unwrap().into()
}

#[test]
fn jobs_wait_for_the_commits_that_were_prepared_when_they_read_the_ledger() {
    if cluster::is_left_out("it prepares transactions on a server of its own, with the stub") {
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
        prepare(&evo, "citus_0_12_3_4");
        let mut child = start(&evo, job);
        wait_for_questions(&evo);
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
    if cluster::is_left_out("it prepares transactions on a server of its own, with the stub") {
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
