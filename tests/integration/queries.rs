//! The queries of `sql/queries/`, which reports ran before evo: each on a generated warehouse, with an answer
//! that adds up.

use std::collections::BTreeMap;

use crate::support::Evo;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/sql/queries");

#[test]
fn the_published_queries_run_unchanged_and_give_plausible_rows() {
    let evo = Evo::new();
    evo.run(&["generate", "all", "--scale", "0.1"]).exits(0);
    evo.json(&["load", "all"]);
    evo.json(&["transform", "all"]);
    let mut answers = BTreeMap::new();
    for file in std::fs::read_dir(FOLDER).unwrap().flatten() {
        let name = file.file_name().to_string_lossy().trim_end_matches(".sql").to_owned();
        let rows = evo.db.sql(&std::fs::read_to_string(file.path()).unwrap());
        assert!(!rows.is_empty(), "{name}");
        answers.insert(name, rows);
    }
    let sum = |query: &str, column: usize| -> f64 {
        answers[query].iter().filter(|row| row[column] != "∅").map(|row| row[column].parse::<f64>().unwrap()).sum()
    };
    let one = |sql: &str| evo.db.one(sql).parse::<f64>().unwrap();
    // The parts are the whole.
    for (query, column, whole) in [
        ("active_members_by_branch", 2, "select count(*) from core.evo_members where status = 'Active'"),
        ("retention", 1, "select count(start_date) from core.evo_member_memberships"),
        ("daily_entries", 1, "select count(*) from stg_evo.entries_raw"),
        ("channel_mix", 1, "select count(*) from stg_evo.prospects_raw"),
        ("channel_mix", 2, "select count(member_id) from core.evo_prospects"),
        ("revenue_by_month", 4, "select sum(amount_paid) from core.evo_receivables where receiving_date is not null"),
        ("load_progress", 2, "select sum(inserted_count) from evo.batches"),
        ("load_progress", 3, "select count(*) from evo.objects where state = 'loaded'"),
        ("processing_rate", 1, "select sum(inserted_count) from evo.batches"),
        (
            "staff_sales",
            2,
            "select count(distinct sale_id) from core.evo_sales join core.evo_sale_items using (sale_id) where not removed",
        ),
    ] {
        let whole = one(whole);
        assert!(
            whole > 10.0 && (sum(query, column) - whole).abs() < 0.01,
            "{query}: {} of {whole}",
            sum(query, column)
        );
    }
    // And they look like a gym.
    let retained = sum("retention", 2) / sum("retention", 1);
    assert!((0.05..0.95).contains(&retained), "{retained}");
    assert!(sum("channel_mix", 2) > 0.0 && sum("daily_entries", 3) > 0.0 && sum("active_members_by_branch", 3) > 0.0);
    assert!(answers["active_members_by_branch"].iter().all(|row| row[1] != "∅"));
    assert!(answers["freshness"].len() == 4 && answers["freshness"].iter().all(|row| row[1] != "∅"));
    assert!(
        answers["staff_sales"].iter().all(|row| row[0] != "∅"),
        "every sale's branch is in the dimension, with a name"
    );
    let tables: Vec<&str> = answers["dead_tuples"].iter().map(|row| row[1].as_str()).collect();
    for table in ["members_raw", "entries_raw_2025", "evo_members_all", "evo_entries_2025", "evo_branches"] {
        assert!(tables.contains(&table), "{table} in {tables:?}");
    }
}

#[test]
fn every_query_stands_in_the_documentation() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/queries.md")).unwrap();
    for file in std::fs::read_dir(FOLDER).unwrap().flatten() {
        let name = file.file_name().to_string_lossy().into_owned();
        assert!(text.contains(&format!("sql/queries/{name}")), "docs/queries.md does not name {name}");
    }
}
