//! `evo optimize-storage`.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio_postgres::{Client, NoTls};

use crate::support::server::{eventually, signal};
use crate::support::{Evo, Run, cluster};

fn loaded() -> Evo {
    let evo = Evo::new();
    evo.run(&["generate", "sales", "--records", "4000"]).exits(0);
    evo.json(&["load", "sales"]);
    evo.json(&["transform", "sales"]);
    evo
}

/// A session that stays open, with whatever transaction it is in.
struct Session {
    runtime: tokio::runtime::Runtime,
    client: Client,
}

impl Session {
    fn open(evo: &Evo) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (client, connection) = runtime.block_on(tokio_postgres::connect(&evo.db.url, NoTls)).unwrap();
        runtime.spawn(connection);
        Self { runtime, client }
    }

    /// A dashboard that reads one table, and takes its time.
    fn reading(evo: &Evo, table: &str) -> Self {
        let session = Self::open(evo);
        session.sql(&format!("begin isolation level repeatable read; select count(*) from {table}"));
        session
    }

    fn sql(&self, statements: &str) {
        self.runtime.block_on(self.client.batch_execute(statements)).unwrap_or_else(|e| panic!("{statements}: {e:?}"));
    }
}

/// Starts a command and returns once its rebuild of an index waits for a reader's snapshot. The new index is there
/// by then, not yet valid. Waits for a lock on the table, which autovacuum causes, come before that.
fn started(evo: &Evo, args: &[&str]) -> Child {
    let child = evo.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let waiting = "select count(*) from pg_stat_activity where datname = current_database() \
                   and query like 'reindex index concurrently%' and wait_event = 'virtualxid' \
                   and exists (select from pg_index where not indisvalid)";
    let begun = Instant::now();
    while evo.db.one(waiting) == "0" {
        assert!(begun.elapsed() < Duration::from_secs(20), "no rebuild waits for the reader");
        std::thread::sleep(Duration::from_millis(20));
    }
    child
}

fn ended(child: Child) -> Run {
    child.wait_with_output().unwrap().into()
}

fn invalid(evo: &Evo) -> String {
    evo.db.one("select count(*) from pg_index where not indisvalid")
}

fn delete_every_second_receivable(evo: &Evo) {
    evo.db.sql(
        "with numbered as (select sale_id, receivable_id, row_number() over (order by receivable_id) as n from core.evo_receivables)
         delete from core.evo_receivables r using numbered n
         where (r.sale_id, r.receivable_id) = (n.sale_id, n.receivable_id) and n.n % 2 = 0",
    );
}

fn find<'a>(list: &'a Value, key: &str, name: &str) -> &'a Value {
    list.as_array().unwrap().iter().find(|v| v[key] == name).unwrap_or_else(|| panic!("no {name} in {list}"))
}

#[test]
fn analyze_changes_nothing_and_shows_heap_toast_and_indexes_apart() {
    if cluster::is_left_out("it compares with the sizes of the coordinator's own tables") {
        return;
    }
    let evo = loaded();
    // Autovacuum would be as fast as this test, now and then.
    evo.db.sql("alter table core.evo_sale_items_all set (autovacuum_enabled = off)");
    evo.db.sql("delete from core.evo_sale_items where sale_item_id % 2 = 0; analyze core.evo_sale_items");
    let tables = evo.json(&["optimize-storage", "sales"])["tables"].clone();
    let table = |name: &str| find(&tables, "table", name);
    let raw = table("stg_evo.sales_raw");
    let sizes = evo.db.sql(
        "select pg_relation_size('stg_evo.sales_raw', 'main'), pg_total_relation_size(reltoastrelid), pg_indexes_size('stg_evo.sales_raw') \
         from pg_class where oid = 'stg_evo.sales_raw'::regclass",
    );
    for (key, size) in ["heap_bytes", "toast_bytes", "index_bytes"].iter().zip(&sizes[0]) {
        assert_eq!(raw[key].to_string(), *size, "{key}");
    }
    let items = table("core.evo_sale_items");
    assert!(items["dead_tuples"].as_u64() > Some(500), "{items}");
    assert_eq!(items["recommendation"], "evo optimize-storage sales --vacuum");
    assert_eq!(items["partitions"][0]["table"], "core.evo_sale_items_all");
    evo.run(&["optimize-storage"]).exits(0).says("nothing was changed").says("toast").says("evo.batches");
    assert_eq!(evo.db.one("select count(*) from pg_stat_user_tables where last_vacuum is not null"), "0");
}

#[test]
fn vacuum_removes_dead_rows_and_gathers_statistics_of_partitioned_parents_too() {
    if cluster::is_left_out("it waits for statistics of the coordinator's own tables") {
        return;
    }
    let evo = loaded();
    // Nobody else vacuums it meanwhile.
    evo.db.sql("alter table core.evo_sales_all set (autovacuum_enabled = off)");
    evo.db.sql("update core.evo_sales set observations = 'x'; update core.evo_sales set observations = 'y'");
    // Before PostgreSQL 15 sessions report to a collector that is up to a second behind.
    let counted = || evo.db.one("select n_dead_tup from pg_stat_user_tables where relname = 'evo_sales_all'");
    eventually("the dead rows are counted", || counted().parse::<u64>().unwrap() >= 8_000);
    let done = evo.json(&["optimize-storage", "sales", "--vacuum"]);
    assert!(done["vacuumed"].as_array().unwrap().iter().any(|t| t["table"] == "core.evo_sales_all"), "{done}");
    eventually("none is left", || counted() == "0");
    assert_eq!(evo.db.one("select count(*) from core.evo_sales"), "4000");
    assert_eq!(evo.db.one("select reltuples from pg_class where oid = 'core.evo_sales'::regclass"), "4000");
    let dead = |when: &str| find(&done[when], "table", "core.evo_sales")["dead_tuples"].as_u64().unwrap();
    let is_prompt = evo.db.one("select current_setting('server_version_num')::int >= 150000") == "t";
    assert!(dead("before") >= 8_000 && (dead("after") == 0 || !is_prompt), "{done}");
}

#[test]
fn reindex_mends_an_invalid_index_and_drops_the_leftover_of_a_canceled_one() {
    if cluster::is_left_out("the leftover that it makes in the catalog is on no shard") {
        return;
    }
    let evo = loaded();
    // What a canceled REINDEX CONCURRENTLY leaves behind.
    evo.db.sql(
        "create index evo_sales_all_member_id_idx_ccnew on core.evo_sales_all (member_id);
         update pg_index set indisvalid = false where indexrelid = 'core.evo_sales_all_member_id_idx_ccnew'::regclass;",
    );
    evo.run(&["optimize-storage", "sales"]).exits(0).says("INVALID").says("evo_sales_all_member_id_idx_ccnew");
    let before = evo.db.sql("select relname from pg_class c join pg_index i on i.indexrelid = c.oid where relnamespace = 'core'::regnamespace and indisvalid order by 1");
    let done = evo.json(&["optimize-storage", "sales", "--reindex"]);
    assert_eq!(done["dropped"], serde_json::json!(["core.evo_sales_all_member_id_idx_ccnew"]), "{done}");
    assert!(done["reindexed"].as_array().unwrap().len() > 5, "{done}");
    let after = evo.db.sql("select relname from pg_class c join pg_index i on i.indexrelid = c.oid where relnamespace = 'core'::regnamespace order by 1");
    assert_eq!(after, before);
}

#[test]
fn a_rebuild_waits_for_a_slow_dashboard_and_blocks_neither_readers_nor_writers_meanwhile() {
    let evo = loaded();
    let dashboard = Session::reading(&evo, "core.evo_receivables");
    let rebuild = started(&evo, &["optimize-storage", "sales", "--vacuum", "--reindex"]);
    let others = Session::open(&evo);
    others
        .sql("set lock_timeout = '1s'; select count(*) from core.evo_receivables; select count(*) from core.evo_sales");
    others.sql("update core.evo_receivables set amount = amount; update core.evo_sales set observations = 'x'");
    evo.json(&["load", "sales"]);
    // One that runs a second time leaves the first one's half-built index alone.
    evo.run(&["optimize-storage", "sales", "--reindex"]).exits(7).says("another execution of optimize-storage");
    evo.run(&["optimize-storage", "sales"]).exits(0).says("is being built at this moment");
    // Holding the lock must not hold a snapshot: nothing could be vacuumed, and the rebuild would wait for
    // its own lock.
    let snapshots = "select count(*) from pg_stat_activity where datname = current_database() and application_name like 'evo:%lock' and ";
    assert_eq!(evo.db.one(&format!("{snapshots} backend_xmin is null")), "1");
    dashboard.sql("commit");
    ended(rebuild).exits(0);
    assert_eq!(invalid(&evo), "0");
}

#[test]
fn a_rebuild_that_waits_for_too_long_is_given_up_without_leaving_an_invalid_index() {
    let evo = loaded();
    let forgotten = Session::reading(&evo, "evo.runs");
    let run = evo.run(&["optimize-storage", "sales", "--vacuum", "--reindex", "--max-wait", "200ms"]);
    run.exits(5).says("gave up after waiting").says("--max-wait").says("4 tables vacuumed");
    assert_eq!(invalid(&evo), "0");
    forgotten.sql("commit");
    let indexes = evo.db.one(
        "select count(*) from pg_index i join pg_class c on c.oid = i.indrelid and c.relkind = 'r' \
         where c.relname in ('sales_raw', 'evo_sales_all', 'evo_sale_items_all', 'evo_receivables_all')",
    );
    let all = format!("{indexes} indexes rebuilt");
    evo.run(&["optimize-storage", "sales", "--reindex", "--max-wait", "5s"]).exits(0).says(&all);
}

#[test]
fn a_signal_ends_the_rebuild_on_the_server_too_and_leaves_no_invalid_index() {
    let evo = loaded();
    let reader = Session::reading(&evo, "evo.runs");
    let rebuild = started(&evo, &["optimize-storage", "sales", "--reindex"]);
    signal(rebuild.id() as i32, libc::SIGTERM);
    let signaled = Instant::now();
    ended(rebuild).exits(143).says("dropped the INVALID leftover");
    assert!(signaled.elapsed() < Duration::from_secs(20), "the platform would have killed it");
    let active = "select count(*) from pg_stat_activity where datname = current_database() and state = 'active' and query like 'reindex%'";
    assert_eq!((evo.db.one(active).as_str(), invalid(&evo).as_str()), ("0", "0"));
    let recorded = "select state || ' ' || exit_code from evo.runs where command = 'optimize-storage'";
    assert_eq!(evo.db.one(recorded), "interrupted 143");
    drop(reader);
}

#[test]
fn a_table_that_belongs_to_another_role_is_reported_and_not_passed_over() {
    let evo = loaded();
    let role = format!("r_{}", uuid::Uuid::new_v4().simple());
    evo.db.sql(&format!(
        "create role {role} login password 'x'; grant usage on schema evo, stg_evo, core to {role};
         grant select, insert, update, delete on all tables in schema evo, stg_evo, core to {role}"
    ));
    let (_, server) = evo.db.url.split_once('@').unwrap();
    let url = format!("postgresql://{role}:x@{server}");
    let mut command = crate::support::binary(evo.dir.path());
    let output = command.args(["optimize-storage", "sales", "--vacuum", "--database-url", &url]).output().unwrap();
    let run: Run = output.into();
    run.exits(5).says("core.evo_sales_all: only its owner may vacuum it").says("0 tables vacuumed");
    evo.db.sql(&format!("drop owned by {role}; drop role {role}"));
}

#[test]
fn bloat_is_estimated_from_statistics_and_measured_where_pgstattuple_is_installed() {
    let evo = loaded();
    // Half of each page and of each leaf is free afterwards.
    delete_every_second_receivable(&evo);
    evo.db.sql("vacuum (analyze) core.evo_receivables");
    let bloat = |args: &[&str]| {
        let found = evo.json(&[&["optimize-storage", "sales"], args].concat());
        let table = find(&found["tables"], "table", "core.evo_receivables").clone();
        let index = find(&found["indexes"], "index", "core.evo_receivables_all_receivable_id_idx").clone();
        let bytes = table["heap_bytes"].as_f64().unwrap() + table["toast_bytes"].as_f64().unwrap();
        let share = |of: &Value, bytes: f64| of["bloat"]["bytes"].as_f64().unwrap() / bytes;
        (share(&table, bytes), share(&index, index["bytes"].as_f64().unwrap()), table["bloat"]["is_measured"].clone())
    };
    // An index of a few pages, as each shard has one, is not filled evenly.
    let least = if cluster::is_cluster() { 0.2 } else { 0.35 };
    let near_half = |share: f64| (least..0.6).contains(&share);
    let (table, index, measured) = bloat(&[]);
    assert!(near_half(table) && near_half(index) && measured == false, "{table} {index} {measured}");
    if evo.db.one("select count(*) from pg_available_extensions where name = 'pgstattuple'") == "0" {
        evo.run(&["optimize-storage", "sales", "--exact"]).exits(3).says("pgstattuple");
        return;
    }
    evo.run(&["optimize-storage", "sales", "--exact"]).exits(3).says("create extension pgstattuple");
    evo.db.sql("create extension pgstattuple");
    for args in [&[][..], &["--exact"]] {
        let (table, index, measured) = bloat(args);
        assert!(near_half(table) && near_half(index) && measured == true, "{table} {index} {measured}");
    }
}

#[test]
fn with_min_bloat_only_indexes_with_that_much_of_it_are_rebuilt() {
    let evo = loaded();
    delete_every_second_receivable(&evo);
    evo.db.sql("vacuum (analyze)");
    let done = evo.json(&["optimize-storage", "sales", "--reindex", "--min-bloat", "30%"]);
    find(&done["reindexed"], "index", "core.evo_receivables_all_receivable_id_idx");
    let rebuilt = done["reindexed"].as_array().unwrap();
    assert!(rebuilt.iter().all(|step| step["index"] != "core.evo_sales_all_sale_date_idx"), "{done}");
    for step in rebuilt {
        assert!(step["after_bytes"].as_u64() < step["before_bytes"].as_u64(), "{step}");
    }
    evo.run(&["optimize-storage", "--min-bloat", "30%"]).exits(2).says("--reindex");
}
