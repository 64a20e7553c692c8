//! What commands say of distributed tables, whose rows are on other servers.

use serde_json::Value;

use super::distributed;
use crate::support::cluster::{coordinator, is_cluster, servers};
use crate::support::{Evo, Session, sql};

/// A warehouse with distributed sales.
fn loaded() -> Evo {
    let evo = distributed();
    evo.run(&["generate", "sales", "--records", "2000"]).exits(0);
    evo.json(&["load", "sales"]);
    evo.json(&["transform", "sales", "--full-refresh"]);
    evo
}

/// The addresses of this database on the servers with shards; its own without a cluster.
fn workers(evo: &Evo) -> Vec<String> {
    let name = evo.db.one("select current_database()");
    match coordinator() {
        Some(coordinator) => servers(coordinator)[1..].iter().map(|server| format!("{server}/{name}")).collect(),
        None => vec![evo.db.url.clone()],
    }
}

/// Leaves in one shard what a canceled rebuild leaves there, and looks for it.
fn leave_half_an_index(evo: &Evo) {
    let shard = "select shard_name(logicalrelid, shardid) from pg_dist_shard \
                 where logicalrelid = 'core.evo_sale_items_all'::regclass order by shardid limit 1";
    let shard = evo.db.one(shard);
    let leftover = format!("{}_ccnew", shard.trim_start_matches("core."));
    for worker in workers(evo) {
        let session = Session::open(&worker);
        session.run("set citus.enable_manual_changes_to_shards = on");
        // One of the servers has the shard.
        let made = session.try_run(&format!("create unique index concurrently {leftover} on {shard} ((1))"));
        made.expect_err("several rows have the same value");
    }
    assert_eq!(left(evo), 1);
    let found = evo.json(&["optimize-storage", "sales"]);
    assert_eq!(found["invalid_indexes"], serde_json::json!([format!("core.{leftover}")]));
    let doctor = evo.run(&["doctor"]).stdout;
    assert!(doctor.contains(&leftover), "{doctor}");
}

/// How many such indexes there are. Shards are hidden from who connects to their server.
fn left(evo: &Evo) -> usize {
    let count = "select count(*) from pg_class where relname ~ ''_ccnew$''";
    let sum = format!("select sum(result::int) from run_command_on_all_nodes('{count}')");
    evo.db.one(&sum).parse().unwrap()
}

fn of<'a>(list: &'a Value, key: &str, name: &str) -> &'a Value {
    list.as_array().unwrap().iter().find(|one| one[key] == name).unwrap_or_else(|| panic!("{name} in {list}"))
}

#[test]
fn storage_is_that_of_the_shards_and_is_looked_after_there() {
    let evo = loaded();
    evo.json(&["optimize-storage", "sales", "--vacuum"]);
    let found = evo.json(&["optimize-storage", "sales"]);
    for (table, rows) in [("stg_evo.sales_raw", 2000), ("core.evo_sales", 2000)] {
        let table = of(&found["tables"], "table", table);
        assert_eq!(table["live_tuples"], rows, "{table}");
        assert!(table["heap_bytes"].as_u64() > Some(100_000) && table["index_bytes"].as_u64() > Some(0), "{table}");
        assert!(table["last_vacuum"].is_string() && table["bloat"]["bytes"].is_u64(), "{table}");
    }
    if is_cluster() {
        leave_half_an_index(&evo);
    }
    let done = evo.json(&["optimize-storage", "sales", "--reindex"]);
    let failed: Vec<&Value> =
        done["reindexed"].as_array().unwrap().iter().filter(|step| !step["failure"].is_null()).collect();
    assert!(failed.is_empty(), "{failed:?}");
    if is_cluster() {
        assert_eq!(left(&evo), 0);
    }
}

#[test]
fn a_column_that_lost_its_values_fails_the_check() {
    let evo = loaded();
    let recorded = "select count(*) from evo.column_fill where filled > 0.5 and rows_count = 2000 \
                    and table_name = 'core.evo_sales'";
    assert_ne!(evo.db.one(recorded), "0");
    evo.run(&["check", "sales"]).exits(0);
    evo.db.sql("update core.evo_sales set sale_date = null");
    evo.db.sql("analyze core.evo_sales_all");
    let found = evo.run(&["check", "sales", "--only", "fill_rate"]).exits(6).stdout;
    assert!(found.contains("core.evo_sales.sale_date 100% → 0%"), "{found}");
}

#[test]
fn a_check_finds_rows_that_the_ledger_does_not_know() {
    let evo = loaded();
    evo.db.sql("delete from stg_evo.sales_raw where sale_id = (select min(sale_id) from stg_evo.sales_raw)");
    let found = evo.run(&["check", "sales", "--only", "ledger"]).exits(6).stdout;
    assert!(found.contains("rows of staging 1999, inserted by batches 2000"), "{found}");
}

#[test]
fn a_dry_run_forecasts_from_the_shards() {
    let evo = loaded();
    let found = evo.json(&["transform", "sales", "--full-refresh", "--dry-run"]);
    let table = of(&found["entities"][0]["tables"], "table", "core.evo_sales");
    assert_eq!(table["rows"], 2000);
    assert!(table["needs_bytes"].as_u64() > Some(100_000), "{table}");
}

#[test]
fn the_doctor_names_what_is_wrong_with_the_cluster() {
    let evo = loaded();
    let findings = || evo.run(&["doctor", "--output", "json"]).json()["findings"].clone();
    let has = |findings: &Value, id: &str| findings.as_array().unwrap().iter().any(|one| one["id"] == id);
    assert!(!has(&findings(), "cluster.mixed") && !has(&findings(), "cluster.silent"));
    evo.db.sql(match is_cluster() {
        true => "select undistribute_table('core.evo_prospects')",
        false => "delete from pg_dist_partition where logicalrelid = 'core.evo_prospects'::regclass",
    });
    for worker in workers(&evo) {
        let set = "alter role %I in database %I set datestyle = German";
        let set = sql(&worker, &format!("select format('{set}', current_user, current_database())"))[0][0].clone();
        sql(&worker, &set);
        // Connections that are kept have the settings of before.
        let others = "from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";
        sql(&worker, &format!("select pg_terminate_backend(pid, 10000) {others}"));
    }
    let found = findings();
    let style = of(&found, "id", "cluster.datestyle");
    assert!(style["what"].as_str().unwrap().to_lowercase().contains("german"), "{style}");
    assert!(style.to_string().contains("set datestyle = ISO, YMD;"), "{style}");
    assert!(of(&found, "id", "cluster.mixed").to_string().contains("evo distribute prospects"), "{found}");
}

#[test]
fn the_catalog_has_the_figures_of_the_shards() {
    let evo = loaded();
    evo.json(&["catalog", "--out", "site"]);
    let text = std::fs::read_to_string(evo.dir.path().join("site/catalog.json")).unwrap();
    let catalog: Value = serde_json::from_str(&text).unwrap();
    let table = catalog["tables"].as_array().unwrap().iter().find(|one| one["table"] == "evo_sales").unwrap();
    assert_eq!(table["rows_estimate"], 2000);
    assert!(table["heap_bytes"].as_u64() > Some(100_000), "{}", table["heap_bytes"]);
    let key = table["columns"].as_array().unwrap().iter().find(|one| one["column"] == "sale_id").unwrap();
    assert_eq!((&key["filled_estimate"], &key["distinct_estimate"]), (&1.0.into(), &2000.into()), "{key}");
}
