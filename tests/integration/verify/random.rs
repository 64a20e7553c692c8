//! One corruption in a warehouse with a random past, and only that is found.

use serde_json::Value;

use crate::support::{Dice, Evo};

/// Entity, staging table, its key, and a parent and a child table with its column that may be changed.
const ENTITIES: [(&str, &str, &str, &str); 4] = [
    ("members", "member_id", "core.evo_members", "branch_name = 'changed by hand'"),
    ("sales", "sale_id", "core.evo_sales", "sale_date = '1999-01-01'"),
    ("prospects", "prospect_id", "core.evo_prospects", "first_name = 'changed by hand'"),
    ("entries", "entry_id", "core.evo_entries", "device = 'changed by hand'"),
];

/// Verifies a warehouse with a random past, then plants a corruption and asserts that it is found, alone, and
/// that a repair brings back what was there.
pub fn is_right_until_something_is_changed(evo: &Evo, seed: u64) {
    evo.run(&["verify"]).exits(0);
    evo.run(&["verify", "--deep"]).exits(0);
    let mut dice = Dice(seed + 7);
    let (entity, key, core, change) = ENTITIES[dice.index(ENTITIES.len())];
    let staging = format!("stg_evo.{entity}_raw");
    // A row of an object that can be read: one of an earlier version of its path proves nothing.
    let keys = evo.db.sql(&format!("select {key} from {staging} order by 1"));
    let Some(chosen) = keys.get(dice.index(keys.len().max(1))).map(|row| row[0].clone()) else { return };
    let content = || {
        evo.db.one(&format!("select md5(string_agg(x, ' ' order by x)) from (
        select concat_ws('|', {key}, raw_data, _content_hash) as x from {staging}
        union all select (to_jsonb(c) - '_updated_at' - '_loaded_at' - '_source_run_id')::text from {core} c) everything"))
    };
    let before = content();
    let (sql, kinds): (String, &[&str]) = match dice.roll(4) {
        0 => (format!("delete from {staging} where {key} = {chosen}"), &["row-missing"]),
        1 => (
            format!("update {staging} set raw_data = raw_data || '{{\"planted\": 1}}' where {key} = {chosen}"),
            &["row-altered"],
        ),
        2 => (format!("delete from {core} where {key} = {chosen}"), &["core-missing"]),
        _ => (format!("update {core} set {change} where {key} = {chosen}"), &["core-differs"]),
    };
    evo.db.sql(&sql);
    let run = evo.run(&["verify", entity, "--deep", "--output", "json"]).exits(6);
    let mismatches: Vec<Value> = run.json()["entities"][0]["mismatches"].as_array().unwrap().clone();
    let is_planted = |m: &Value| {
        let found = m["key"].as_str().unwrap().split(',').next() == Some(&chosen);
        found && kinds.contains(&m["kind"].as_str().unwrap())
    };
    assert!(!mismatches.is_empty() && mismatches.iter().all(is_planted), "history {seed}, {sql}: {mismatches:#?}");
    evo.run(&["verify", entity, "--deep", "--repair"]).exits(0);
    evo.run(&["verify", "--deep"]).exits(0);
    assert_eq!(content(), before, "history {seed}, {sql}");
}
