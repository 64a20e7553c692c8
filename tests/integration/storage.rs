//! `evo optimize-storage`.

use crate::support::Evo;

fn loaded() -> Evo {
    let evo = Evo::new();
    evo.run(&["generate", "sales", "--records", "4000"]).exits(0);
    evo.json(&["load", "sales"]);
    evo.json(&["transform", "sales"]);
    evo
}

#[test]
fn analyze_changes_nothing_and_shows_heap_toast_and_indexes_apart() {
    let evo = loaded();
    evo.db.sql("delete from core.evo_sale_items where sale_item_id % 2 = 0; analyze core.evo_sale_items");
    let tables = evo.json(&["optimize-storage", "sales"])["tables"].clone();
    let table = |name: &str| tables.as_array().unwrap().iter().find(|t| t["table"] == name).unwrap().clone();
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
    assert!(items["recommendation"].as_str().unwrap().contains("--vacuum"), "{items}");
    evo.run(&["optimize-storage"]).exits(0).says("nothing was changed").says("toast").says("evo.batches");
    assert_eq!(evo.db.one("select count(*) from pg_stat_user_tables where last_vacuum is not null"), "0");
}

#[test]
fn vacuum_removes_dead_tuples_while_a_reader_holds_its_snapshot_elsewhere() {
    let evo = loaded();
    evo.db.sql("update core.evo_sales set observations = 'x'; update core.evo_sales set observations = 'y'");
    let done = evo.json(&["optimize-storage", "sales", "--vacuum"]);
    assert!(done["vacuumed"].as_array().unwrap().iter().any(|t| t["table"] == "core.evo_sales_all"), "{done}");
    assert_eq!(evo.db.one("select n_dead_tup from pg_stat_user_tables where relname = 'evo_sales_all'"), "0");
    assert_eq!(evo.db.one("select count(*) from core.evo_sales"), "4000");
}

#[test]
fn reindex_mends_an_invalid_index_and_drops_the_leftover_of_a_canceled_one() {
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
