//! What a distributed warehouse holds is what a local one holds.

use super::distributed;
use crate::support::{Database, Evo, cluster, object};

const RUNS: [&str; 3] = ["20260110T020501Z", "20260111T020501Z", "20260112T020501Z"];

/// A local warehouse; on a cluster its tables are on the coordinator.
fn local() -> Evo {
    match cluster::is_cluster() {
        true => {
            let evo = Evo::with(Database::bare());
            evo.run(&["migrate"]).exits(0);
            evo
        }
        false => Evo::new(),
    }
}

/// Documents that are new, changed, repeated, do not fit, and are no documents.
fn write_lake(evo: &Evo) {
    let sale = |id: u32, day: u32, extra: &str| {
        format!(
            r#"{{"idSale": {id}, "idMember": {}, "saleDate": "2026-01-0{day}T10:00:00", "saleItens": [{{"idSaleItem": {}, "itemValue": {id}.5}}, {{"idSaleItem": {}}}]{extra}}}"#,
            id % 7,
            id * 2,
            id * 2 + 1
        )
    };
    let lines: Vec<String> = (1..=200).map(|id| sale(id, 1 + id % 9, "")).collect();
    let put = |entity: &str, run: &str, name: &str, lines: &[String]| {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        object(entity, run, name).lines(&evo.lake(), &lines);
    };
    put("sales", RUNS[0], "a", &lines[..120]);
    put("sales", RUNS[0], "b", &[&lines[120..], &[sale(3, 5, r#", "tab": "a\tb\\c""#), "{broken".to_owned()]].concat());
    let mut second = lines.clone();
    second[10] = sale(11, 2, r#", "removed": true"#);
    second[20] = sale(21, 2, r#", "updateDate": "never""#);
    second[30] = r#"{"idSale": 31, "saleItens": [{"idSaleItem": 62, "itemValue": "much"}]}"#.to_owned();
    second.push(sale(500, 3, ""));
    put("sales", RUNS[1], "a", &second);
    put("sales", RUNS[2], "other", &second[..50]);
    let entry =
        |id: u32, year: u32| format!(r#"{{"idEntry": {id}, "date": "{year}-03-04T05:06:07.123", "idMember": {id}}}"#);
    let entries: Vec<String> = (1..=90).map(|id| entry(id, 2023 + id % 3)).chain([entry(91, 1850)]).collect();
    put("entries", RUNS[0], "a", &entries);
    put("entries", RUNS[1], "a", &entries[..40]);
}

const SALES: &str = "select sale_id, raw_data, run_id, _source_line, _content_hash, _loaded_at = _updated_at from stg_evo.sales_raw order by 1";
const TABLES: [&str; 7] = [
    SALES,
    "select entry_id, entry_date, raw_data, run_id, _source_line from stg_evo.entries_raw order by 1, 2",
    "select sale_id, member_id, sale_date, update_date, removed from core.evo_sales order by 1",
    "select sale_id, sale_item_id, item_value from core.evo_sale_items order by 1, 2",
    "select entry_id, entry_date, member_id from core.evo_entries order by 1, 2",
    "select line_number, reason from evo.rejects order by 1, 2",
    "select table_name, column_name, key_text, path from evo.issues order by 1, 2, 3, 4",
];

/// What is in the tables.
fn held(evo: &Evo) -> Vec<Vec<Vec<String>>> {
    TABLES.iter().map(|query| evo.db.sql(query)).collect()
}

#[track_caller]
fn same(there: &Evo, here: &Evo, when: &str) {
    for (query, (there, here)) in TABLES.iter().zip(held(there).into_iter().zip(held(here))) {
        assert_eq!(there, here, "{when}: {query}");
    }
}

#[test]
fn loads_increments_refreshes_and_comparisons_end_with_the_same_rows() {
    let (there, here) = (distributed(), local());
    for evo in [&there, &here] {
        write_lake(evo);
        for run in RUNS {
            for entity in ["sales", "entries"] {
                evo.run(&["load", entity, "--run-id", run, "--max-rejects", "100%"]);
            }
            evo.run(&["transform", "sales", "entries", "--incremental"]).exits(0);
        }
    }
    same(&there, &here, "after increments");
    assert_eq!(there.db.one("select count(*) from stg_evo.sales_raw"), "201");
    assert_ne!(there.db.one("select count(*) from evo.issues"), "0");
    for evo in [&there, &here] {
        evo.run(&["transform", "sales", "entries", "--full-refresh"]).exits(0);
    }
    same(&there, &here, "after a full refresh");
    let again = there.json(&["transform", "sales", "entries", "--in-place"]);
    for entity in again["entities"].as_array().unwrap() {
        for table in entity["tables"].as_array().unwrap() {
            let written = ["inserted", "updated", "deleted"].map(|field| table[field].as_i64().unwrap());
            assert_eq!(written, [0, 0, 0], "{table}");
        }
    }
    same(&there, &here, "after a comparison in place");
    for evo in [&there, &here] {
        evo.run(&["transform", "entries", "--full-refresh", "--year", "2024"]).exits(0);
    }
    same(&there, &here, "after a refresh of a year");
}

#[test]
fn a_strict_refresh_names_the_first_value_that_does_not_fit_and_changes_nothing() {
    let evo = distributed();
    object("sales", RUNS[0], "a").lines(&evo.lake(), &[r#"{"idSale": 1, "saleDate": "2026-01-01T00:00:00"}"#]);
    evo.run(&["load", "sales"]).exits(0);
    evo.run(&["transform", "sales", "--full-refresh"]).exits(0);
    object("sales", RUNS[1], "a").lines(&evo.lake(), &[r#"{"idSale": 2, "saleDate": "soon"}"#]);
    evo.run(&["load", "sales"]).exits(0);
    evo.run(&["transform", "sales", "--full-refresh", "--strict"]).exits(6).says("sale_date");
    assert_eq!(evo.db.one("select count(*) from core.evo_sales"), "1");
    evo.run(&["transform", "sales", "--full-refresh"]).exits(0);
    assert_eq!(evo.db.sql("select sale_id, sale_date from core.evo_sales where sale_id = 2"), [["2", "∅"]]);
    assert_eq!(evo.db.one("select count(*) from evo.issues"), "1");
}

#[test]
fn a_new_generation_that_breaks_a_constraint_is_refused_by_its_name() {
    let evo = distributed();
    object("sales", RUNS[0], "a").lines(&evo.lake(), &[r#"{"idSale": 1, "idMember": 5}"#]);
    evo.run(&["load", "sales"]).exits(0);
    evo.run(&["transform", "sales"]).exits(0);
    evo.db.sql("alter table core.evo_sales_all add constraint few_members check (member_id < 10)");
    object("sales", RUNS[1], "a").lines(&evo.lake(), &[r#"{"idSale": 2, "idMember": 50}"#]);
    evo.run(&["load", "sales"]).exits(0);
    evo.run(&["transform", "sales", "--full-refresh"])
        .exits(6)
        .says("few_members")
        .says("the old generation still serves");
    assert_eq!(evo.db.one("select count(*) from core.evo_sales"), "1");
}

#[test]
fn an_id_that_comes_twice_in_an_array_is_one_row_of_a_refresh_of_shards() {
    let lines = [
        r#"{"idSale": 1, "saleItens": [{"idSaleItem": 1, "item": "a"}, {"idSaleItem": 1, "item": "b"}]}"#,
        r#"{"idSale": 2, "saleItens": [{"idSaleItem": 2, "item": "c"}]}"#,
    ];
    // With the key that would refuse a second row, and without it.
    for change in ["select", "alter table core.evo_sale_items drop constraint evo_sale_items_pkey"] {
        let evo = distributed();
        object("sales", RUNS[0], "a").lines(&evo.lake(), &lines);
        evo.run(&["load", "sales"]).exits(0);
        evo.db.sql(change);
        evo.run(&["transform", "sales", "--full-refresh"]).exits(0);
        let items = "select sale_id, sale_item_id, item from core.evo_sale_items order by 1, 2";
        assert_eq!(evo.db.sql(items), [["1", "1", "b"], ["2", "2", "c"]], "{change}");
        assert_eq!(evo.db.one("select count(*) from core.evo_sales"), "2", "{change}");
    }
}
