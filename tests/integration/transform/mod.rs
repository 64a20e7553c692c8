//! `evo transform`: both modes give the same tables, and readers never see a gap.

mod catalog;
mod faults;
mod increment;
mod issues;
mod lock;
mod meanwhile;
mod own;
mod own_models;
mod own_values;
mod refresh;
mod refused;
mod shapes;

use serde_json::Value;

use crate::support::{Database, Evo, Session, object};

const RUN: &str = "20260110T020501Z";
const RUN_2: &str = "20260111T020501Z";
const TABLES: [&str; 8] = [
    "evo_members",
    "evo_member_memberships",
    "evo_member_contacts",
    "evo_prospects",
    "evo_sales",
    "evo_sale_items",
    "evo_receivables",
    "evo_entries",
];

/// Every row of every core table without the column that says when it was written.
fn core(db: &Database) -> Vec<Vec<Vec<String>>> {
    TABLES
        .iter()
        .map(|t| db.sql(&format!("select (to_jsonb(t) - '_updated_at')::text from core.{t} t order by 1")))
        .collect()
}

/// So many sales, loaded and transformed.
fn sales(records: &str) -> Evo {
    sales_in(Evo::new(), records)
}

/// The same there.
fn sales_in(evo: Evo, records: &str) -> Evo {
    evo.run(&["generate", "sales", "--records", records]).exits(0);
    evo.json(&["load", "sales"]);
    evo.json(&["transform", "sales"]);
    evo
}

#[test]
fn a_recorded_document_of_each_entity_gives_exactly_the_expected_rows() {
    let evo = Evo::new();
    for (entity, text) in [
        ("members", include_str!("../../fixtures/documents/members.jsonl")),
        ("sales", include_str!("../../fixtures/documents/sales.jsonl")),
        ("entries", include_str!("../../fixtures/documents/entries.jsonl")),
        ("prospects", include_str!("../../fixtures/documents/prospects.jsonl")),
    ] {
        object(entity, RUN, "recorded").lines(&evo.lake(), &text.lines().collect::<Vec<_>>());
    }
    evo.json(&["load", "all"]);
    evo.json(&["transform", "all"]);
    evo.db.sql(&format!("alter database {} set timezone = 'UTC'", evo.db.one("select current_database()")));
    for table in TABLES {
        let rows: Vec<Value> = evo
            .db
            .sql(&format!("select (to_jsonb(t) - '_updated_at' - '_loaded_at')::text from core.{table} t order by 1"))
            .iter()
            .map(|row| serde_json::from_str(&row[0]).unwrap())
            .collect();
        insta::with_settings!({ sort_maps => true, prepend_module_to_snapshot => false, snapshot_path => "../../snapshots" }, {
            insta::assert_json_snapshot!(table, rows);
        });
    }
}

#[test]
fn every_mapped_column_is_filled_where_the_documents_have_a_value() {
    let evo = Evo::new();
    evo.run(&["generate", "all", "--scale", "0.2"]).exits(0);
    evo.json(&["load", "all"]);
    evo.json(&["transform", "all"]);
    for table in TABLES {
        let columns = evo.db.sql(&format!(
            "select column_name from information_schema.columns where table_schema = 'core' and table_name = '{table}' order by ordinal_position"
        ));
        let counts: Vec<String> = columns.iter().map(|c| format!("count(\"{}\")", c[0])).collect();
        let filled = evo.db.sql(&format!("select {} from core.{table}", counts.join(", ")));
        let empty: Vec<&str> =
            columns.iter().zip(&filled[0]).filter(|(_, n)| *n == "0").map(|(c, _)| c[0].as_str()).collect();
        assert!(empty.is_empty(), "core.{table} has no value in {empty:?}");
    }
    let mut checked = 0;
    for line in include_str!("../../fixtures/columns.txt").lines().filter(|l| !l.starts_with('#')) {
        let [table, entity, array, child, column, path] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let parent =
            if entity == "entries" { "entry_id, entry_date" } else { &format!("{}_id", entity.trim_end_matches('s')) };
        let path = format!("'{{{}}}'", path.replace('.', ","));
        let lost = match child.split_once('=') {
            None => format!(
                "select count(*) from core.{table} t join stg_evo.{entity}_raw s using ({parent}) \
                 where t.\"{column}\" is null and nullif(s.raw_data #>> {path}, '') is not null"
            ),
            Some((key, field)) => format!(
                "select count(*) from stg_evo.{entity}_raw s \
                 cross join lateral jsonb_array_elements(case when jsonb_typeof(s.raw_data -> '{array}') = 'array' then s.raw_data -> '{array}' end) x \
                 left join core.{table} t on t.{parent} = s.{parent} and t.{key} = (x ->> '{field}')::bigint \
                 where t.\"{column}\" is null and nullif(x #>> {path}, '') is not null"
            ),
        };
        assert_eq!(evo.db.one(&lost), "0", "{table}.{column} is null where the documents have {path}");
        checked += 1;
    }
    assert!(checked > 150, "{checked}");
}

#[test]
fn incremental_and_full_refresh_give_equal_tables() {
    let evo = Evo::new();
    let generate = |more: &[&str]| {
        let args = [
            &[
                "generate",
                "all",
                "--scale",
                "0.05",
                "--misfits",
                "3%",
                "--duplicates",
                "2%",
                "--changed",
                "10%",
                "--new",
                "5%",
            ],
            more,
        ]
        .concat();
        evo.run(&args).exits(0);
    };
    generate(&["--runs", "1"]);
    evo.json(&["load", "all"]);
    evo.json(&["transform", "all"]);
    generate(&["--runs", "3"]);
    evo.json(&["load", "all", "--batch-size", "2"]);
    let changed = evo.json(&["transform", "all"]);
    assert!(changed["entities"].as_array().unwrap().iter().all(|e| e["batches"].as_u64() > Some(0)), "{changed}");
    let incremental = core(&evo.db);
    let issues = evo.db.sql("select table_name, key_text, column_name, raw_value from evo.issues order by 1, 2, 3");
    assert!(!issues.is_empty());
    evo.json(&["transform", "all", "--full-refresh"]);
    let refreshed = core(&evo.db);
    for (table, (a, b)) in TABLES.iter().zip(incremental.iter().zip(&refreshed)) {
        assert!(!a.is_empty(), "{table} is empty");
        assert_eq!(a.len(), b.len(), "{table}");
        assert!(a == b, "{table} differs: {:?}", a.iter().zip(b).find(|(x, y)| x != y));
    }
    assert_eq!(
        evo.db.sql("select table_name, key_text, column_name, raw_value from evo.issues order by 1, 2, 3"),
        issues
    );
}

#[test]
fn transforming_again_changes_nothing_and_says_so() {
    let evo = Evo::new();
    evo.run(&["generate", "sales", "--records", "300"]).exits(0);
    evo.json(&["load", "sales"]);
    evo.json(&["transform", "sales"]);
    let before = evo.db.sql("select ctid, xmin, * from core.evo_receivables order by 3, 4");
    evo.run(&["transform", "sales"]).exits(0).says("nothing changed in staging");
    // A new run with the same documents changes nothing either.
    evo.run(&["generate", "sales", "--records", "300", "--runs", "2", "--changed", "0%", "--new", "0%"]).exits(0);
    assert_eq!(evo.entity(&["load", "sales"])["unchanged"], 300);
    evo.json(&["transform", "sales"]);
    assert_eq!(evo.db.sql("select ctid, xmin, * from core.evo_receivables order by 3, 4"), before);
}

#[test]
fn a_child_that_its_document_no_longer_has_is_deleted() {
    let evo = Evo::new();
    let sale = |items: &str| format!(r#"{{"idSale": 7, "saleItens": {items}}}"#);
    object("sales", RUN, "a").lines(
        &evo.lake(),
        &[
            &sale(r#"[{"idSaleItem": 1, "item": "a"}, {"idSaleItem": 2}]"#),
            r#"{"idSale": 8, "saleItens": [{"idSaleItem": 9}]}"#,
        ],
    );
    evo.json(&["load", "sales"]);
    evo.json(&["transform", "sales"]);
    object("sales", RUN_2, "a").lines(&evo.lake(), &[&sale(r#"[{"idSaleItem": 1, "item": "b"}]"#)]);
    evo.json(&["load", "sales"]);
    let summary = evo.entity(&["transform", "sales"]);
    assert_eq!((&summary["tables"][1]["updated"], &summary["tables"][1]["deleted"]), (&1.into(), &1.into()));
    assert_eq!(
        evo.db.sql("select sale_id, sale_item_id, item from core.evo_sale_items order by 1, 2"),
        [["7", "1", "b"], ["8", "9", "∅"]]
    );
    // Null, absent, an object or a text in the array's place: no children, no failure.
    for (i, array) in ["null", "{}", r#""x""#, r#"[null, 5, {"idSaleItem": null}, {}]"#].iter().enumerate() {
        let run = format!("20260112T02050{i}Z");
        object("sales", &run, "a").lines(&evo.lake(), &[&sale(array)]);
        evo.json(&["load", "sales"]);
        evo.json(&["transform", "sales"]);
        assert_eq!(evo.db.one("select count(*) from core.evo_sale_items where sale_id = 7"), "0", "{array}");
    }
}

#[test]
fn an_entity_that_another_execution_transforms_is_left_to_it_with_code_7_and_the_others_are_done() {
    let evo = Evo::new();
    object("sales", RUN, "a").lines(&evo.lake(), &[r#"{"idSale": 1}"#]);
    object("prospects", RUN, "a").lines(&evo.lake(), &[r#"{"idProspect": 1}"#]);
    evo.json(&["load", "sales", "prospects"]);
    let other = Session::open(&evo.db.url);
    other.run("begin; select pg_advisory_xact_lock(hashtextextended('evo:transform:sales', 0))");
    evo.run(&["transform", "sales", "prospects"]).exits(7).says("another execution of transform works on sales");
    let rows = "select (select count(*) from core.evo_sales) || ' ' || (select count(*) from core.evo_prospects)";
    assert_eq!(evo.db.one(rows), "0 1");
    other.run("commit");
    evo.run(&["transform", "sales", "prospects"]).exits(0);
    assert_eq!(evo.db.one(rows), "1 1");
}
