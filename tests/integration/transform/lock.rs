//! A transform that loses its lock, and one that waits for others.

use std::process::{Child, Stdio};

use super::{core, sales, sales_in};
use crate::support::proxy::{Fault, Proxy};
use crate::support::server::Server;
use crate::support::{Database, Evo, Run, Session};

/// The session that holds the lock.
const LOCK: &str =
    "from pg_stat_activity where application_name = 'evo:transform:sales:lock' and datname = current_database()";

fn refresh(evo: &Evo, failpoints: &str) -> Child {
    let mut command = evo.command(&["transform", "sales", "--full-refresh", "--reader-wait", "0s"]);
    if !failpoints.is_empty() {
        command.env("EVO_FAILPOINTS", failpoints);
    }
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// A reader in front of the swap, and a refresh that waits for it.
fn waiting_for_a_reader(evo: &Evo) -> (Session, Child) {
    let reader = Session::open(&evo.db.url);
    reader.run("begin; select count(*) from core.evo_receivables");
    let refresh = refresh(evo, "");
    evo.db.wait_for(
        "select least(count(*), 1) from pg_stat_activity where query like 'lock table only%' and datname = current_database()",
        "1",
    );
    (reader, refresh)
}

#[test]
fn fault_02_a_refresh_whose_lock_is_lost_takes_it_again_and_begins_anew() {
    let evo = sales("300");
    let before = core(&evo.db);
    let (reader, refresh) = waiting_for_a_reader(&evo);
    evo.db.sql(&format!("select pg_terminate_backend(pid, 5000) {LOCK}"));
    reader.run("commit");
    let run: Run = refresh.wait_with_output().unwrap().into();
    run.exits(0).says("this execution lost its lock on sales");
    assert_eq!(core(&evo.db), before);
    assert_eq!(evo.db.one("select generation from evo.models where table_name = 'core.evo_sales'"), "1");
}

#[test]
fn fault_20_a_refresh_whose_lock_another_one_has_taken_leaves_the_rest_to_that_one() {
    let evo = sales("300");
    let before = core(&evo.db);
    let (reader, first) = waiting_for_a_reader(&evo);
    evo.db.sql(&format!("select pg_terminate_backend(pid, 5000) {LOCK}"));
    // It has dropped what the first one built, and made empty tables of the same names.
    let second = refresh(&evo, "transform.after_create=sleep(6000)");
    let empty = "select count(*) from pg_class where relname = 'evo_sales_all' and relnamespace = 'evo_next'::regnamespace \
                 and not exists (select from pg_constraint where conrelid = pg_class.oid and conname = 'evo_partition_bound')";
    evo.db.wait_for(empty, "1");
    reader.run("commit");
    let run: Run = first.wait_with_output().unwrap().into();
    run.exits(7).says("another execution of transform works on sales").says("lost its lock");
    assert_eq!(core(&evo.db), before);
    // The first one has not dropped the tables of the second one.
    Run::from(second.wait_with_output().unwrap()).exits(0);
    assert_eq!(core(&evo.db), before);
    assert_eq!(evo.db.one("select generation from evo.models where table_name = 'core.evo_sales'"), "1");
}

#[test]
fn fault_06_a_lock_that_the_server_keeps_for_a_lost_connection_does_not_stop_its_own_holder() {
    let evo = sales("300");
    let before = core(&evo.db);
    let proxy = Proxy::before(&evo.db);
    let url = proxy.url(&evo.db);
    // The last that the lock's session says before it idles.
    proxy.when(b"Q\0\0\0\x0bselect\0", 1, Fault::Orphan);
    evo.db.sql("truncate core.evo_sales, core.evo_sale_items, core.evo_receivables; delete from evo.model_batches");
    let mut command = evo.command_at(&url, &["transform", "sales", "--incremental"]);
    command.env("EVO_FAILPOINTS", "transform.before_chunk_commit=sleep(1000)");
    Run::from(command.output().unwrap()).exits(0).says("ended a session that the server still kept");
    assert!(proxy.has_struck());
    assert_eq!(core(&evo.db), before);
}

#[test]
fn a_swap_ends_an_autovacuum_that_would_take_minutes() {
    let server = Server::start(&[("fsync", "off"), ("autovacuum_naptime", "1s")]);
    let evo = sales_in(Evo::with(Database::on(&server)), "300");
    let before = core(&evo.db);
    // Only an autovacuum finds it slow: a second for each row that it analyzes.
    evo.db.sql(
        "create function core.slow(bigint) returns bigint language sql immutable as $$
             select case (select backend_type from pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()))
                    when 'autovacuum worker' then $1 + 0 * length(pg_catalog.pg_sleep(1)::text) else $1 end $$;
         create index slow on core.evo_sales_all (core.slow(sale_id));
         alter table core.evo_sales_all set (autovacuum_analyze_threshold = 0, autovacuum_analyze_scale_factor = 0);
         update core.evo_sales_all set sale_id = sale_id",
    );
    evo.db.wait_for(
        "select least(count(*), 1) from pg_locks l join pg_stat_activity a using (pid)
         where a.backend_type = 'autovacuum worker' and l.relation = 'core.evo_sales_all'::regclass",
        "1",
    );
    evo.run(&["transform", "sales", "--full-refresh"]).exits(0);
    assert!(server.log().contains("canceling autovacuum task"));
    assert_eq!(core(&evo.db), before);
}
