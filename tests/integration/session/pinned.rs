//! Single settings that once changed what was loaded, and what is said where one cannot be overruled.

use std::time::Duration;

use super::Lake;
use crate::support::server::Server;
use crate::support::{Database, Evo, object};

const RUN: &str = "20260110T020501Z";

fn alter(evo: &Evo, what: &str) {
    let database = evo.db.one("select current_database()");
    evo.db.sql(&format!("alter database {database} {what}"));
}

#[test]
fn a_year_has_the_bounds_of_the_declared_zone_whoever_asks_for_its_partition() {
    let line = r#"{"date": "2024-03-18T06:12:45", "idMember": 1}"#;
    for (style, zone) in [("SQL, DMY", "Asia/Kolkata"), ("German", "Asia/Shanghai"), ("SQL, YMD", "Europe/London")] {
        let evo = Evo::new();
        alter(&evo, &format!("set datestyle = '{style}'"));
        alter(&evo, &format!("set timezone = '{zone}'"));
        alter(&evo, "set standard_conforming_strings = off");
        // A person of this database, and evo.
        assert_eq!(
            evo.db.one(
                "select evo.ensure_year_partition('stg_evo.entries_raw', 'entry_date', 2023, 'America/Sao_Paulo')"
            ),
            "t"
        );
        object("entries", RUN, "a").lines(&evo.lake(), &[line]);
        evo.json(&["load", "entries"]);
        evo.json(&["transform", "entries", "--full-refresh"]);
        alter(&evo, "reset all");
        let bounds = "select c.relname || ' ' || pg_get_expr(c.relpartbound, c.oid) from pg_class c
                      where c.relname ~ 'entries.*_20' and c.relkind = 'r' order by c.relname";
        let session = crate::support::Session::open(&evo.db.url);
        session.run("set timezone = 'UTC'");
        let expected = |table: &str, year: i32| {
            vec![format!(
                "{table}_{year} FOR VALUES FROM ('{year}-01-01 03:00:00+00') TO ('{}-01-01 03:00:00+00')",
                year + 1
            )]
        };
        let all = ["entries_raw", "evo_entries"].map(|table| [2023, 2024].map(|year| expected(table, year))).concat();
        assert_eq!(session.run(bounds), all, "{style} {zone}");
    }
}

#[test]
fn rows_that_a_policy_would_hide_are_an_error_that_names_the_table_and_never_fewer_rows() {
    let server = Server::start(&[("fsync", "off")]);
    server.sql("create role keeper login");
    server.sql("create database kept owner keeper");
    let url = server.url("kept").replace("://evo@", "://keeper@");
    let evo = Evo::with(Database::at(url));
    evo.run(&["migrate"]).exits(0);
    evo.run(&["generate", "sales", "--records", "200"]).exits(0);
    evo.json(&["load", "sales"]);
    evo.json(&["transform", "sales"]);
    evo.db.sql(
        "alter table stg_evo.sales_raw enable row level security, force row level security;
         create policy p on stg_evo.sales_raw using (sale_id % 10 <> 0)",
    );
    for args in [
        &["transform", "sales", "--full-refresh"][..],
        &["transform", "sales", "--in-place"],
        &["load", "sales", "--all-runs"],
    ] {
        evo.run(args).exits(5).says("sales_raw").says("no force row level security");
    }
    assert_eq!(evo.db.one("select count(*) from core.evo_sales"), "200");
    evo.db.sql("alter table stg_evo.sales_raw no force row level security");
    evo.json(&["transform", "sales", "--full-refresh"]);
    assert_eq!(evo.db.one("select count(*) from core.evo_sales"), "200");
    // The same in the ledger and in core.
    for (table, args) in [
        ("evo.runs", &["load", "sales"][..]),
        ("evo.objects", &["load", "sales"]),
        ("evo.batches", &["transform", "sales"]),
        ("evo.objects", &["status"]),
        ("core.evo_sales", &["transform", "sales", "--in-place"]),
        ("core.evo_sales", &["verify", "sales", "--deep"]),
    ] {
        evo.db.sql(&format!("alter table {table} enable row level security, force row level security"));
        let name = table.split_once('.').unwrap().1;
        evo.run(args).exits(5).says(name).says("no force row level security").says("alter role keeper bypassrls");
        evo.db.sql(&format!("alter table {table} disable row level security, no force row level security"));
    }
}

#[test]
fn a_role_whose_foreign_keys_are_switched_off_is_told_so_and_who_may_switches_them_on() {
    let server = Server::start(&[("fsync", "off")]);
    server.sql("create role ordinary login");
    server.sql("create database held owner ordinary");
    server.sql("alter database held set session_replication_role = replica");
    let evo = Evo::with(Database::at(server.url("held").replace("://evo@", "://ordinary@")));
    evo.run(&["migrate"]).exits(5).says("session_replication_role").says("alter role … reset");
    server.sql("alter role ordinary superuser");
    evo.run(&["migrate"]).exits(0);
}

#[test]
fn a_database_that_is_read_only_by_default_is_written_and_a_server_that_is_so_is_not() {
    let server = Server::start(&[("fsync", "off")]);
    let evo = Evo::with(Database::on(&server));
    object("sales", RUN, "a").lines(&evo.lake(), &[r#"{"idSale":1}"#]);
    server.sql("alter database postgres set default_transaction_read_only = on");
    evo.run(&["load", "sales"]).exits(0);
    server.sql("begin read write; alter database postgres reset default_transaction_read_only; commit");
    server.sql("alter system set default_transaction_read_only = on");
    server.sql("select pg_reload_conf()");
    std::thread::sleep(Duration::from_millis(300));
    evo.run(&["load", "sales", "--all-runs"]).exits(8).says("read-only although it is not a standby");
}

#[test]
fn a_refresh_outlives_the_time_that_the_server_grants_an_idle_session() {
    let lake = Lake::generated();
    let db = Database::migrated();
    let evo = Evo::with(db);
    lake.put(&evo.lake(), false);
    evo.run(&["load", "sales", "--max-rejects", "100%"]).exits(0);
    evo.json(&["transform", "sales"]);
    // Longer than a session may be idle.
    evo.db.sql(
        "create function core.slow(t text) returns text immutable language plpgsql as
             $$ begin perform pg_sleep(0.05); return t; end $$;
         create index slow_idx on core.evo_sales (core.slow(sale_id::text))",
    );
    alter(&evo, "set idle_session_timeout = '1s'");
    evo.run(&["transform", "sales", "--full-refresh", "--max-retries", "0"]).exits(0);
}

#[test]
fn what_a_migration_of_ones_own_makes_has_a_schema_or_is_refused_with_what_to_write() {
    let evo = Evo::new();
    let migrations = evo.dir.path().join("own/migrations");
    std::fs::create_dir_all(&migrations).unwrap();
    let file = migrations.join("0001_help.up.sql");
    let migrate = ["migrate", "--extend", "own"];
    // A superuser's function would otherwise land in pg_catalog, which no dump holds.
    std::fs::write(&file, "create function help() returns int language sql return 1").unwrap();
    evo.run(&migrate).exits(3).says("0001_help").says("write SCHEMA.NAME");
    std::fs::write(&file, "create function core.help() returns int language sql return 1").unwrap();
    evo.run(&migrate).exits(0);
    assert_eq!(evo.db.one("select count(*) from pg_proc where proname = 'help'"), "1");
}

#[test]
fn a_trigger_that_names_a_table_without_its_schema_is_told_where_names_are_looked_up() {
    let evo = Evo::new();
    object("sales", RUN, "a").lines(&evo.lake(), &[r#"{"idSale":1}"#]);
    evo.json(&["load", "sales"]);
    evo.db.sql(
        "create table public.audit (id bigint);
         create function public.note() returns trigger language plpgsql as
             $$ begin insert into audit values (new.sale_id); return new; end $$;
         create trigger note before insert on core.evo_sales for each row execute function public.note()",
    );
    evo.run(&["transform", "sales", "--incremental"]).says("audit").says("set search_path");
    evo.db.sql("alter function public.note() set search_path = public");
    evo.json(&["transform", "sales", "--incremental"]);
    assert_eq!(evo.db.one("select id from public.audit"), "1");
}
