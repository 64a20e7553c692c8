//! Rows 24 to 27 of what must survive: timeouts and long readers, crashes, drift. (Row 26 is in `catalog`.)

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::{RUN, RUN_2, core, sales};
use crate::support::{Evo, Session, cluster, object};

/// The full refresh as a process of its own.
fn start(evo: &Evo) -> Child {
    evo.command(&["transform", "sales", "--full-refresh"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn fault_24_timeouts_of_the_server_do_not_stop_a_transform() {
    let evo = sales("400");
    let expected = core(&evo.db);
    let name = evo.db.one("select current_database()");
    // One slow row makes the fill and the comparison outlast every timeout.
    evo.db.sql(&format!(
        "delete from evo.model_batches; truncate core.evo_sales, core.evo_sale_items, core.evo_receivables;
         create function core.slow(bigint) returns boolean language sql as $$ select $1 <> (select min(sale_id) from stg_evo.sales_raw) or pg_sleep(1.5) is not null $$;
         alter table core.evo_sales add constraint slow check (core.slow(sale_id));
         alter database {name} set statement_timeout = '1s';
         alter database {name} set lock_timeout = '1ms';
         alter database {name} set idle_in_transaction_session_timeout = '1s'"
    ));
    assert_eq!(evo.db.one("show statement_timeout"), "1s");
    evo.json(&["transform", "sales", "--incremental"]);
    evo.json(&["transform", "sales", "--full-refresh"]);
    evo.db.sql("delete from core.evo_sales where sale_id = (select min(sale_id) from core.evo_sales)");
    evo.json(&["transform", "sales", "--in-place"]);
    evo.db.sql(&format!("alter database {name} reset all"));
    assert_eq!(core(&evo.db), expected);
}

#[test]
fn fault_24_a_long_reader_in_front_of_the_swap_holds_up_the_swap_and_not_the_other_readers() {
    let evo = sales("1000");
    let long_reader = Session::open(&evo.db.url);
    long_reader.run("begin; select count(*) from core.evo_sales");
    let refresh = start(&evo);
    evo.db.wait_for("select count(*) from pg_constraint where conname = 'evo_partition_bound'", "3");
    let reader = Session::open(&evo.db.url);
    let (began, mut longest, mut asked) = (Instant::now(), Duration::ZERO, 0);
    while began.elapsed() < Duration::from_secs(4) {
        let started = Instant::now();
        assert_eq!(reader.run("select count(*) from core.evo_sales"), [["1000"]]);
        longest = longest.max(started.elapsed());
        asked += 1;
        std::thread::sleep(Duration::from_millis(2));
    }
    // The swap asked many times meanwhile; a lock without timeout would have stopped this reader for all the
    // four seconds.
    assert!(longest < Duration::from_millis(1500) && asked > 20, "{longest:?} for the slowest of {asked}");
    assert_eq!(evo.db.one("select count(*) from evo.models where refreshed_at is not null"), "0");
    long_reader.run("commit");
    assert!(refresh.wait_with_output().unwrap().status.success());
    assert_eq!(evo.db.one("select count(*) from evo.models where refreshed_at is not null"), "3");
}

/// A repeatable-read transaction that has its snapshot and has not looked at core yet.
fn with_a_snapshot(evo: &Evo) -> Session {
    let reader = Session::open(&evo.db.url);
    reader.run("begin isolation level repeatable read; select count(*) from stg_evo.sales_raw");
    reader
}

#[test]
fn fault_24_a_reader_whose_snapshot_is_older_than_the_new_generation_finds_the_old_one_and_not_nothing() {
    let evo = sales("400");
    let reader = with_a_snapshot(&evo);
    let refresh = start(&evo);
    evo.db.wait_for("select count(*) from pg_constraint where conname = 'evo_partition_bound'", "3");
    // Nothing but the wait for its snapshot is in the way of the swap: it holds no lock on core.
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(reader.run("select count(*) from core.evo_sales"), [["400"]]);
    assert_eq!(evo.db.one("select count(*) from evo.models where refreshed_at is not null"), "0");
    reader.run("commit");
    assert!(refresh.wait_with_output().unwrap().status.success());
    assert_eq!(evo.db.one("select count(*) from evo.models where refreshed_at is not null"), "3");
}

#[test]
fn the_swap_waits_so_long_for_older_snapshots_and_no_longer_and_names_their_sessions() {
    let evo = sales("400");
    // An idle transaction takes a new snapshot for its next statement. A writer from before the fill keeps
    // the xmin of every snapshot low, but one that is taken after the fill sees it.
    let writer = Session::open(&evo.db.url);
    writer.run("begin; create temporary table mine (id int); select count(*) from stg_evo.sales_raw");
    let mut refresh =
        evo.command(&["transform", "sales", "--full-refresh", "--reader-wait", "20s", "--output", "json"]);
    refresh.env("EVO_FAILPOINTS", "transform.after_index=sleep(2000)").stdout(Stdio::piped()).stderr(Stdio::piped());
    let refresh = refresh.spawn().unwrap();
    evo.db.wait_for("select count(*) from pg_constraint where conname = 'evo_partition_bound'", "3");
    let younger = with_a_snapshot(&evo);
    let run = crate::support::Run::from(refresh.wait_with_output().unwrap()).exits(0);
    assert_eq!(run.json()["entities"][0]["older_readers"], serde_json::json!([]));
    assert_eq!(younger.run("select count(*) from core.evo_sales"), [["400"]]);
    younger.run("commit");
    let reader = with_a_snapshot(&evo);
    let pid = reader.run("select pg_backend_pid()")[0][0].clone();
    let summary = evo.entity(&["transform", "sales", "--full-refresh", "--reader-wait", "300ms"]);
    let named = summary["older_readers"][0].as_str().unwrap();
    assert!(named.starts_with(&format!("pid {pid} ")) && named.contains("in a transaction for"), "{summary}");
    assert_eq!(summary["older_readers"].as_array().unwrap().len(), 1, "{summary}");
    // What the wait is for: this is what it would find.
    assert_eq!(reader.run("select count(*) from core.evo_sales"), [["0"]]);
    reader.run("commit");
    assert_eq!(reader.run("select count(*) from core.evo_sales"), [["400"]]);
    let reader = with_a_snapshot(&evo);
    evo.run(&["transform", "sales", "--full-refresh", "--reader-wait", "0s"])
        .exits(0)
        .says("older than the new generation");
    drop(reader);
}

const LEFT: &str =
    "select count(*) from pg_class where relnamespace in ('evo_next'::regnamespace, 'evo_old'::regnamespace)";

/// Whether the parent's new generation is being filled.
const FILLING: &str = "select count(*) from pg_stat_activity where state = 'active' and query like 'insert into evo_next.%evo_sales_all%' and datname = current_database()";

/// Each row of a new generation takes this many seconds, until [`hurry`].
fn slow_down_the_fill(evo: &Evo, seconds: f64) {
    evo.db.sql(&format!(
        "create table public.pace (pause float8); insert into public.pace values ({seconds});
         create function core.slow(bigint) returns boolean language sql as $$ select pg_sleep(pause) is not null from public.pace $$;
         alter table core.evo_sales_all add constraint slow check (core.slow(sale_id)) not valid",
    ));
}

fn hurry(evo: &Evo) {
    evo.db.sql("update public.pace set pause = 0");
}

/// Kills the refresh when `marker` gives `1`; the old generation serves, and the next refresh finishes the
/// work.
fn killed_at(evo: &Evo, marker: &str, before: &[Vec<Vec<String>>], then: impl FnOnce()) {
    let mut refresh = start(evo);
    evo.db.wait_for(marker, "1");
    refresh.kill().unwrap();
    refresh.wait().unwrap();
    assert_eq!(core(&evo.db), before, "the old generation serves");
    then();
    // The server notices the loss of a client when it next speaks to it.
    evo.db.sql("select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = current_database() and application_name like 'evo:%'");
    assert_ne!(evo.db.one(LEFT), "0", "killed too late or too early");
    evo.json(&["transform", "sales", "--full-refresh"]);
    assert_eq!(core(&evo.db), before);
    assert_eq!(evo.db.one(LEFT), "0");
}

#[test]
fn fault_25_a_crash_while_filling_leaves_the_old_generation_serving() {
    if cluster::is_left_out("it looks for a statement of the coordinator that fills a table") {
        return;
    }
    let evo = sales("300");
    let before = core(&evo.db);
    slow_down_the_fill(&evo, 0.05);
    killed_at(&evo, FILLING, &before, || hurry(&evo));
}

#[test]
fn a_refresh_whose_staging_is_rewritten_while_it_fills_begins_anew() {
    if cluster::is_left_out("it looks for a statement of the coordinator that fills a table") {
        return;
    }
    let evo = sales("300");
    let before = core(&evo.db);
    // Three parts, one after the other.
    slow_down_the_fill(&evo, 0.02);
    let file = "select pg_relation_filenode('stg_evo.sales_raw')";
    let old_file = evo.db.one(file);
    let mut command = evo.command(&["transform", "sales", "--full-refresh", "--workers", "1"]);
    command.env("EVO_TRANSFORM_CHUNK_ROWS", "100");
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    while evo.db.one(FILLING) == "0" {
        assert!(child.try_wait().unwrap().is_none(), "it was never met in its fill");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    // Waits for the part that is being read, and comes before the next.
    evo.db.sql("vacuum full stg_evo.sales_raw");
    hurry(&evo);
    assert_ne!(evo.db.one(file), old_file);
    let run: crate::support::Run = child.wait_with_output().unwrap().into();
    run.exits(0).says("was rewritten while it was read");
    assert_eq!(core(&evo.db), before);
    assert_eq!(evo.db.one(LEFT), "0");
}

#[test]
fn fault_02_a_refresh_whose_sessions_are_ended_while_it_fills_begins_anew() {
    if cluster::is_left_out("it looks for a statement of the coordinator that fills a table") {
        return;
    }
    let evo = sales("300");
    let before = core(&evo.db);
    slow_down_the_fill(&evo, 0.02);
    let mut command = evo.command(&["transform", "sales", "--full-refresh", "--workers", "3", "--max-retries", "10"]);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    while evo.db.one(FILLING) == "0" {
        assert!(child.try_wait().unwrap().is_none(), "it was never met in its fill");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    // The one that exported the snapshot is among them: the others can take it no longer.
    evo.db.sql("select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = current_database() and application_name like 'evo:transform:%'");
    hurry(&evo);
    let run: crate::support::Run = child.wait_with_output().unwrap().into();
    run.exits(0).says("sales: building a new generation failed");
    assert_eq!(core(&evo.db), before);
    assert_eq!(evo.db.one(LEFT), "0");
}

#[test]
fn fault_25_a_crash_while_indexing_leaves_the_old_generation_serving() {
    if cluster::is_left_out("its index reads a table that the servers do not have") {
        return;
    }
    let evo = sales("300");
    let before = core(&evo.db);
    evo.db.sql(
        "create table public.pace (pause float8); insert into public.pace values (0);
         create function core.slow(bigint) returns bigint language sql immutable as $$ select $1 from public.pace where pg_sleep(pause) is not null $$;
         create index slow on core.evo_sales_all (core.slow(sale_id));
         update public.pace set pause = 0.05",
    );
    let indexing = "select count(*) from pg_stat_activity where state = 'active' and query like 'create index slow on evo_next.%' and datname = current_database()";
    killed_at(&evo, indexing, &before, || hurry(&evo));
}

#[test]
fn fault_25_a_crash_while_the_swap_waits_for_its_locks_leaves_the_old_generation_serving() {
    let evo = sales("300");
    let before = core(&evo.db);
    let reader = Session::open(&evo.db.url);
    reader.run("begin; select count(*) from core.evo_receivables");
    let swapping = "select least(count(*), 1) from pg_stat_activity where query like 'lock table only%' and datname = current_database()";
    killed_at(&evo, swapping, &before, || drop(reader.run("commit")));
}

#[test]
fn fault_25_a_full_refresh_killed_at_any_step_leaves_one_whole_generation_serving_and_the_next_finishes() {
    let evo = sales("300");
    let before = core(&evo.db);
    // A key that the swap leaves NOT VALID and only what comes behind it validates.
    evo.db.sql("create table public.notes (sale_id bigint references core.evo_sales); insert into public.notes select sale_id from core.evo_sales limit 5");
    let generation = "select coalesce(max(generation), 0) from evo.models where table_name = 'core.evo_sales'";
    for (at, swapped) in [
        ("after_create=kill", 0),
        ("before_fill_commit=kill@3", 0),
        ("after_fill=kill", 0),
        ("after_indexes=kill", 0),
        ("after_index=kill", 0),
        ("before_swap_commit=kill", 0),
        ("after_swap_commit=kill", 1),
        ("after_swap=kill", 1),
    ] {
        let was: i64 = evo.db.one(generation).parse().unwrap();
        let mut command = evo.command(&["transform", "sales", "--full-refresh"]);
        let status = command.env("EVO_FAILPOINTS", format!("transform.{at}")).output().unwrap().status;
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9), "{at} was not reached");
        evo.db.sql("select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = current_database() and application_name like 'evo:%'");
        assert_eq!(core(&evo.db), before, "{at}");
        assert_eq!(evo.db.one(generation).parse::<i64>().unwrap(), was + swapped, "{at}");
        evo.json(&["transform", "sales", "--full-refresh"]);
        assert_eq!(core(&evo.db), before, "{at}");
        assert_eq!(evo.db.one(LEFT), "0", "{at}");
        assert_eq!(
            evo.db
                .one("select convalidated from pg_constraint where conname = 'notes_sale_id_fkey' and conparentid = 0"),
            "t",
            "{at}"
        );
    }
}

#[test]
fn fault_19_an_increment_killed_at_any_step_is_finished_by_the_next() {
    let evo = Evo::new();
    evo.run(&["generate", "sales", "--records", "300", "--misfits", "3%"]).exits(0);
    evo.json(&["load", "sales"]);
    for at in [
        "before_chunk_commit=kill",
        "before_chunk_commit=kill@3",
        "after_chunk_commit=kill",
        "after_chunk_commit=kill@4",
    ] {
        evo.db.sql("truncate core.evo_sales, core.evo_sale_items, core.evo_receivables; delete from evo.model_batches; delete from evo.issues");
        let transform = |points: &str| {
            let mut command = evo.command(&["transform", "sales", "--workers", "2"]);
            command.env("EVO_TRANSFORM_CHUNK_ROWS", "40");
            if !points.is_empty() {
                command.env("EVO_FAILPOINTS", points);
            }
            command.output().unwrap().status
        };
        let status = transform(&format!("transform.{at}"));
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9), "{at} was not reached");
        evo.db.sql("select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = current_database() and application_name like 'evo:%'");
        // Whole documents or none: no parent without its children.
        let torn = "select count(*) from stg_evo.sales_raw s join core.evo_sales using (sale_id) where jsonb_array_length(s.raw_data -> 'saleItens') <>
                    (select count(*) from core.evo_sale_items i where i.sale_id = s.sale_id) + (select count(*) from evo.issues where key_text like s.sale_id || ',[%')";
        assert_eq!(evo.db.one(torn), "0", "{at}");
        assert!(transform("").success());
        let incremental = (
            core(&evo.db),
            evo.db.sql("select table_name, key_text, column_name, raw_value from evo.issues order by 1, 2, 3"),
        );
        evo.json(&["transform", "sales", "--full-refresh"]);
        let refreshed = (
            core(&evo.db),
            evo.db.sql("select table_name, key_text, column_name, raw_value from evo.issues order by 1, 2, 3"),
        );
        assert!(incremental == refreshed, "{at}");
    }
}

#[test]
fn fault_27_drift_lands_in_staging_becomes_null_and_issues_and_is_reported_with_path_and_place() {
    let evo = Evo::new();
    let first = object("sales", RUN, "a");
    first.lines(
        &evo.lake(),
        &[r#"{"idSale": 1, "saleDate": "2025-01-01T10:00:00", "observations": "x", "receivables": [{"idReceivable": 1, "status": {"id": 2, "name": "received"}}]}"#],
    );
    evo.json(&["load", "sales"]);
    assert_eq!(evo.entity(&["transform", "sales"])["drift"].as_array().unwrap().len(), 0, "the first look is no drift");
    let second = object("sales", RUN_2, "b");
    second.lines(
        &evo.lake(),
        &[
            r#"{"idSale": 2, "saleDate": "2025-01-01T10:00:00", "observations": "y"}"#,
            r#"{"idSale": 3, "saleDate": {"at": "2025-01-01"}, "loyalty": {"points": [1]}, "observations": "z"}"#,
            r#"{"idSale": 1, "saleDate": "2025-01-01T10:00:00", "receivables": [{"idReceivable": 1, "status": [{"id": 2}], "ammount": 5}]}"#,
        ],
    );
    assert_eq!(crate::support::counts(&evo.entity(&["load", "sales"])), "2/1/0/0/0 of 3");
    let run = evo.run(&["transform", "sales"]).exits(0);
    let place = |line: u32| format!("first in {} line {line}", second.path());
    for (what, line) in [
        ("loyalty is object (new)", 2),
        ("loyalty.points[] is number (new)", 2),
        ("saleDate is object (was string)", 2),
        ("receivables[].status is array (was object)", 3),
    ] {
        assert!(run.stdout.contains(&format!("sales: drift: {what}, {}", place(line))), "{what}\n{}", run.stdout);
    }
    assert_eq!(
        evo.db.sql("select s.sale_id, s.sale_date is null, r.status_id, r.status_name, r.amount from core.evo_sales s left join core.evo_receivables r using (sale_id) order by 1"),
        [["1", "f", "∅", "∅", "5.00"], ["2", "f", "∅", "∅", "∅"], ["3", "t", "∅", "∅", "∅"]]
    );
    assert_eq!(
        evo.db.sql("select table_name, key_text, column_name, path, source_line from evo.issues order by 1, 2, 3"),
        [
            ["core.evo_receivables", "1,1", "status_id", "receivables[].status.id", "3"],
            ["core.evo_receivables", "1,1", "status_name", "receivables[].status.name", "3"],
            ["core.evo_sales", "3", "sale_date", "saleDate", "2"],
        ]
    );
    // Known from now on, in every mode.
    for mode in [&["transform", "sales", "--full-refresh"][..], &["transform", "sales", "--in-place"]] {
        assert_eq!(evo.entity(mode)["drift"].as_array().unwrap().len(), 0);
    }
    assert_eq!(evo.db.one("select count(*) from evo.issues"), "3");
}
