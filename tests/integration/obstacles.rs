//! What others have put in the way: locks, places that cannot be written, timeouts, tables that are not what
//! they were. Each ends in bounded time, in an error of its own kind that says what to type.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::server::Server;
use crate::support::{Database, Evo, Run, Session, object};

const RUN: &str = "20260110T020501Z";
const RUN_2: &str = "20260111T020501Z";
/// A job that waits for nothing longer than a second.
const SHORT: [(&str, &str); 2] = [("EVO_RETRY_BUDGET", "1s"), ("EVO_RETRY_STALL_TIMEOUT", "300ms")];

fn short(evo: &Evo, args: &[&str]) -> Run {
    evo.command(args).envs(SHORT).output().unwrap().into()
}

/// Two sales of one run in core, and a third that is to be loaded, or that is loaded and to be transformed.
fn sales(evo: &Evo, is_loaded: bool) {
    object("sales", RUN, "a").lines(&evo.lake(), &[r#"{"idSale": 1}"#, r#"{"idSale": 2}"#]);
    evo.json(&["load", "sales"]);
    evo.json(&["transform", "sales"]);
    object("sales", RUN_2, "a").lines(&evo.lake(), &[r#"{"idSale": 1, "observations": "x"}"#, r#"{"idSale": 3}"#]);
    if is_loaded {
        evo.json(&["load", "sales"]);
    }
}

#[test]
fn a_table_that_somebody_has_locked_is_waited_for_in_bounded_time_and_its_holder_is_named() {
    let load = &["load", "sales"][..];
    let transform = &["transform", "sales"][..];
    let cases = [
        ("evo.runs", load),
        ("evo.objects", load),
        ("evo.batches", load),
        ("evo.seen_keys", load),
        ("evo.rejects", load),
        ("stg_evo.sales_raw", load),
        ("stg_evo.sales_raw", transform),
        ("evo.models", transform),
        ("evo.model_batches", transform),
        ("core.evo_sale_items", transform),
        ("core.evo_sales", &["transform", "sales", "--full-refresh"]),
        ("core.evo_sales", &["verify", "sales", "--deep"]),
        ("core.evo_sales", &["check", "sales"]),
        ("evo.objects", &["status"]),
        ("evo.schema_history", &["migrate"]),
        ("stg_evo.sales_raw", &["optimize-storage", "sales", "--vacuum"]),
    ];
    std::thread::scope(|scope| {
        for (table, args) in cases {
            scope.spawn(move || {
                let evo = Evo::new();
                sales(&evo, args[0] != "load");
                let holder = Session::open(&evo.db.url);
                let lock = format!("lock table {table} in access exclusive mode");
                holder.run(&format!("set application_name = 'dba'; begin; {lock}"));
                let pid = holder.run("select pg_backend_pid()")[0][0].clone();
                let since = Instant::now();
                let run = short(&evo, args);
                let what = format!("{table} {args:?}\n{}\n{}", run.stdout, run.stderr);
                assert_eq!(run.code, 5, "{what}");
                assert!(run.stderr.contains(&format!("pid {pid} (dba")), "{what}");
                assert!(run.stderr.contains("pg_terminate_backend"), "{what}");
                assert!(since.elapsed() < Duration::from_secs(60), "{:?} {what}", since.elapsed());
                holder.run("commit");
                evo.run(args).exits(0);
            });
        }
    });
}

/// Directories that the server's user may not write, until it is dropped.
struct Closed(Vec<std::path::PathBuf>);

impl Closed {
    /// The place of an in-place tablespace of this name.
    fn tablespace(server: &Server, name: &str) -> Self {
        let oid = server.sql(&format!("select oid from pg_tablespace where spcname = '{name}'"))[0][0].clone();
        let place = server.data().join("pg_tblspc").join(oid);
        let of_version = std::fs::read_dir(place).unwrap().next().unwrap().unwrap().path();
        let of_databases = std::fs::read_dir(&of_version).unwrap().map(|entry| entry.unwrap().path()).collect();
        let closed = Self([vec![of_version], of_databases].concat());
        closed.set(0o500);
        closed
    }

    fn set(&self, mode: u32) {
        for place in &self.0 {
            std::fs::set_permissions(place, std::fs::Permissions::from_mode(mode)).unwrap();
        }
    }
}

impl Drop for Closed {
    fn drop(&mut self) {
        self.set(0o700);
    }
}

#[test]
fn a_place_that_the_server_cannot_write_or_does_not_have_is_named_or_does_not_matter() {
    let server = Server::start(&[("fsync", "off")]);
    let evo = Evo::with(Database::on(&server));
    sales(&evo, false);
    server.sql("alter role evo set default_tablespace = 'nowhere'; alter role evo set temp_tablespaces = 'nowhere'");
    evo.run(&["load", "sales"]).exits(0);
    evo.run(&["transform", "sales", "--full-refresh"]).exits(0);
    waits_for_a_standby_and_says_so(&server, &evo);
    if crate::support::try_sql(&evo.db.url, "set allow_in_place_tablespaces = on").is_err() {
        eprintln!("skipped: this server has no tablespaces in place");
        return;
    }
    let session = Session::open(&evo.db.url);
    session.run("set allow_in_place_tablespaces = on");
    session.run("create tablespace scratch location ''");
    session.run("create tablespace shelf location ''");
    server.sql("alter role evo set temp_tablespaces = 'scratch'");
    {
        let _closed = Closed::tablespace(&server, "scratch");
        let run = evo.run(&["load", "sales", "--all-runs"]).exits(5);
        run.says("Permission denied").says("alter role … reset temp_tablespaces");
    }
    evo.run(&["load", "sales", "--all-runs"]).exits(0);
    // Where core is.
    session.run("alter table core.evo_sales_all set tablespace shelf");
    let _closed = Closed::tablespace(&server, "shelf");
    evo.run(&["transform", "sales", "--full-refresh"]).exits(5).says("the server itself may not write there");
}

/// No standby of this name exists: no commit is answered. It must not be abandoned, because it is committed
/// here.
fn waits_for_a_standby_and_says_so(server: &Server, evo: &Evo) {
    let standbys = |names: &str| {
        server.sql(&format!("alter system set synchronous_standby_names = '{names}'"));
        server.sql("select pg_reload_conf()");
    };
    standbys("nobody");
    let mut load = evo.command(&["load", "sales", "--all-runs"]);
    let mut load = load.envs(SHORT).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut stderr = BufReader::new(load.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("a commit waits for a standby") {
        line.clear();
        assert!(stderr.read_line(&mut line).unwrap() > 0, "it said nothing");
    }
    standbys("");
    let rest = std::io::read_to_string(stderr).unwrap();
    assert!(load.wait().unwrap().success(), "{rest}");
}

#[test]
fn a_statement_that_is_canceled_in_the_middle_costs_the_run_of_its_entity_and_nothing_silently() {
    let evo = Evo::new();
    sales(&evo, false);
    object("prospects", RUN, "a").lines(&evo.lake(), &[r#"{"idProspect": 1}"#]);
    // A trigger that takes its time, and sets a limit for everybody after it.
    evo.db.sql(
        "create function public.slow() returns trigger language plpgsql as $$ begin
             perform pg_sleep(0.3); perform set_config('statement_timeout', '50ms', true); return new; end $$;
         create trigger slow before insert or update on stg_evo.sales_raw for each row execute function public.slow();
         create function public.slower() returns trigger language plpgsql as $$ begin
             perform pg_sleep(0.3); return null; end $$;
         create trigger slower after update on evo.batches for each row
             when (new.state = 'committed') execute function public.slower()",
    );
    evo.run(&["load", "sales", "prospects"])
        .exits(5)
        .says("canceling statement due to statement timeout")
        .says("look for a trigger or function that sets it");
    assert_eq!(evo.db.one("select string_agg(sale_id::text, ' ') from stg_evo.sales_raw"), "1 2");
    assert_eq!(evo.db.one("select count(*) from stg_evo.prospects_raw"), "1", "the other entity is loaded");
    assert_eq!(evo.db.one("select count(*) from evo.rejects"), "0");
    evo.db.sql("drop trigger slow on stg_evo.sales_raw");
    evo.run(&["load", "sales"]).exits(0);
    assert_eq!(evo.db.one("select count(*) from stg_evo.sales_raw"), "3");
}

#[test]
fn a_warehouse_that_somebody_has_changed_is_no_defect_of_evo() {
    for (change, args, says) in [
        ("alter table stg_evo.sales_raw rename column raw_data to document", &["load", "sales"][..], "raw_data"),
        ("alter table stg_evo.sales_raw rename to sales", &["load", "sales"], "stg_evo.sales_raw"),
        ("drop table evo.seen_keys", &["load", "sales"], "seen_keys"),
        ("alter table evo.objects drop column size_bytes cascade", &["load", "sales"], "size_bytes"),
        ("alter table stg_evo.sales_raw drop constraint sales_raw_pkey", &["load", "sales"], "sales_raw"),
        ("alter table stg_evo.sales_raw alter column run_id type integer using null", &["load", "sales"], "run_id"),
        ("drop function evo.run_order(text) cascade", &["load", "sales"], "run_order"),
        ("drop table core.evo_sale_items", &["transform", "sales"], "core.evo_sale_items"),
        ("alter function evo.as_bigint(text) rename to as_whole", &["transform", "sales"], "as_bigint"),
        ("alter table evo.model_batches rename to done", &["transform", "sales"], "model_batches"),
        ("drop table evo.issues cascade", &["status"], "issues"),
    ] {
        let evo = Evo::new();
        sales(&evo, args[0] != "load");
        evo.db.sql(change);
        let run = evo.run(args);
        let what = format!("{change}\n{}\n{}", run.stdout, run.stderr);
        assert_eq!(run.code, 3, "{what}");
        assert!(run.stderr.contains(says) && run.stderr.contains("hint:"), "{what}");
    }
}
