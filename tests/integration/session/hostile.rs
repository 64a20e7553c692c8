//! Code that was not named never runs, on the oldest and the newest server and behind a pooler.

use super::{Lake, MORE, PIPELINE, failed, undisturbed};
use crate::support::pgbouncer::PgBouncer;
use crate::support::server::{Server, majors};
use crate::support::{Database, outcome, sql};

const HOSTILE: &str = include_str!("../../fixtures/hostile.sql");

/// The database of an ordinary role, in which other roles' code is found before the server's own: in
/// `public`, and in the schema that has the role's name.
fn besiege(server: &Server) -> Database {
    server.sql("create role victim login");
    server.sql("create database besieged owner victim");
    let admin = server.url("besieged");
    sql(&admin, "create extension if not exists plpgsql");
    for schema in ["public", "victim"] {
        sql(&admin, &HOSTILE.replace("{schema}", schema));
    }
    server.sql(r#"alter database besieged set search_path = "$user", public, pg_catalog"#);
    Database::at(format!("{admin}?options=-csearch_path%3Dpg_catalog"))
}

fn as_victim(url: &str) -> String {
    url.replace("://evo@", "://victim@")
}

/// How often a trap was sprung, in whichever transaction.
fn caught(db: &Database) -> String {
    db.one("select concat_ws(' ', (select is_called from public.caught), (select is_called from victim.caught))")
}

fn no_foreign_code_runs(server: &Server, url: &str, lake: &Lake, db: &Database, content: &[Vec<String>]) {
    assert_eq!(failed(&lake.play(&as_victim(url), &[PIPELINE, MORE].concat())), None);
    assert_eq!(caught(db), "f f", "{}", server.log());
    assert_eq!(outcome(db), content);
}

#[test]
fn code_that_evo_did_not_name_never_runs_whoever_may_create_it() {
    let lake = Lake::generated();
    let content = undisturbed(&lake);
    for bin in majors() {
        let server = Server::start_from(&bin, &[("fsync", "off")]);
        let db = besiege(&server);
        no_foreign_code_runs(&server, &server.url("besieged"), &lake, &db, &content);
        spring(&server, &db);
    }
}

#[test]
fn behind_a_pooler_no_foreign_code_runs_either_and_no_setting_stays_behind() {
    let lake = Lake::generated();
    let content = undisturbed(&lake);
    let server = Server::start(&[("fsync", "off")]);
    let db = besiege(&server);
    let bouncer = PgBouncer::in_front_of(&server, 4);
    no_foreign_code_runs(&server, &bouncer.url("besieged"), &lake, &db, &content);
    let show = "select concat_ws(' ', pg_catalog.current_setting('timezone'), pg_catalog.current_setting('lock_timeout'), \
                pg_catalog.current_setting('statement_timeout'), pg_catalog.current_setting('row_security'))";
    let fresh = sql(&as_victim(&server.url("besieged")), show);
    for _ in 0..8 {
        assert_eq!(sql(&as_victim(&bouncer.url("besieged")), show), fresh);
    }
}

/// The traps work: who looks names up as the database is set falls into them.
fn spring(server: &Server, db: &Database) {
    let url = as_victim(&server.url("besieged"));
    for statement in
        ["select 1 = 1", "select lower('A')", "select now()", "select 'a'::text", "select count(*) from pg_class"]
    {
        let error = crate::support::try_sql(&url, statement).unwrap_err();
        assert!(error.as_db_error().unwrap().message().starts_with("hostile code ran"), "{statement}: {error:?}");
    }
    assert_eq!(caught(db), "f t");
}

#[test]
fn functions_of_evo_that_catch_errors_keep_a_statement_from_running_in_parallel() {
    let db = Database::migrated();
    let catching = "select p.proname, p.proparallel from pg_proc p join pg_language l on l.oid = p.prolang
                    where p.pronamespace = 'evo'::regnamespace and l.lanname = 'plpgsql'
                      and p.prosrc ~ 'exception\\s+when' order by 1";
    assert_eq!(db.sql(catching), [["jsonb_error", "u"], ["run_counting", "u"], ["text_array", "u"]]);
    // A plan that could be parallel, and would begin a subtransaction in a worker.
    let cheap = "set parallel_setup_cost = 0; set parallel_tuple_cost = 0; set min_parallel_table_scan_size = 0;";
    let asked = format!(
        "create table public.cells as select ' [' || n || ']' as cell from generate_series(1, 5000) n; analyze public.cells;
         {cheap} select count(evo.text_array(cell)) + count(evo.jsonb_error(cell)) from public.cells"
    );
    assert_eq!(db.sql(&asked), [["5000"]]);
    // Also inside of an expression that the planner puts in the place of a call.
    assert_eq!(db.sql(&format!("{cheap} select count(evo.plain_array(cell)) from public.cells")), [["5000"]]);
}

#[test]
fn functions_of_evo_find_their_names_whoever_calls_them() {
    let db = Database::migrated();
    // A body that is an expression was bound when it was made; another one must say where names are looked
    // up.
    let open = db.sql(
        "select p.proname from pg_proc p where p.pronamespace = 'evo'::regnamespace and p.prosqlbody is null
         and not exists (select from unnest(p.proconfig) c where c = 'search_path=pg_catalog, pg_temp') order by 1",
    );
    assert!(open.is_empty(), "{open:?}");
    // Everything else of evo's schemas refers to the server's objects and its own only.
    let foreign = db.sql(
        "select distinct pg_describe_object(d.classid, d.objid, 0), pg_describe_object(d.refclassid, d.refobjid, 0)
         from pg_depend d
         left join pg_proc f on d.refclassid = 'pg_proc'::regclass and f.oid = d.refobjid
         left join pg_operator o on d.refclassid = 'pg_operator'::regclass and o.oid = d.refobjid
         where coalesce(f.pronamespace, o.oprnamespace)::regnamespace::text not in
             ('pg_catalog', 'information_schema', 'evo', 'citus_internal')",
    );
    assert!(foreign.is_empty(), "{foreign:?}");
}
