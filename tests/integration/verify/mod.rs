//! `evo verify`: what is right is called right, and each corruption is found, located and repaired.

mod commands;
mod corruptions;
mod dimensions;
mod lake;
mod random;

pub use random::is_right_until_something_is_changed;
use serde_json::Value;

use crate::support::{Evo, Run};

/// The entity of a verification that only sales are part of.
fn sales(evo: &Evo, args: &[&str]) -> Value {
    let run = evo.run(&[&["verify", "sales", "--output", "json"], args].concat());
    let json: Value =
        serde_json::from_str(&run.stdout).unwrap_or_else(|e| panic!("{e}: {}\n{}", run.stdout, run.stderr));
    json["entities"][0].clone()
}

/// Kind, table and key of each mismatch, and its object and line.
fn mismatches(entity: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let one = |m: &Value| {
        let what = format!("{} {}{}", text(&m["kind"]), text(&m["table"]), text(&m["key"]));
        let columns: Vec<String> = m["columns"].as_array().into_iter().flatten().map(text).collect();
        let line = m["line"].as_i64().map_or(String::new(), |line| format!(" line {line}"));
        (what + if columns.is_empty() { "" } else { " " } + &columns.join(","), text(&m["object"]) + &line)
    };
    entity["mismatches"].as_array().unwrap().iter().map(one).collect()
}

/// Kinds, tables and keys alone.
fn found(entity: &Value) -> Vec<String> {
    mismatches(entity).into_iter().map(|(what, _)| what).collect()
}

/// Everything that staging and core hold, except when and by which batch it was written, and from which of
/// the lines with that content: a row that is loaded again may come from another one.
fn content(evo: &Evo) -> String {
    evo.db.one(
        "select md5(string_agg(x, e'\\n' order by x)) from (
            select 'staging ' || concat_ws('|', sale_id, raw_data, _content_hash) as x
            from stg_evo.sales_raw
            union all select 'sale ' || (to_jsonb(s) - '_updated_at' - '_loaded_at' - '_source_run_id')::text from core.evo_sales s
            union all select 'item ' || (to_jsonb(i) - '_updated_at' - '_loaded_at')::text from core.evo_sale_items i
            union all select 'receivable ' || (to_jsonb(r) - '_updated_at' - '_loaded_at')::text from core.evo_receivables r
        ) everything",
    )
}

/// A warehouse with a past: runs that arrived in another order, increments, rejects that were replayed,
/// misfits, and a full refresh at the end.
fn with_a_past() -> Evo {
    looked_at(|_| ())
}

/// The same, looked at after each step.
fn looked_at(look: impl Fn(&Evo)) -> Evo {
    let evo = Evo::new();
    let generate = ["generate", "sales", "--runs", "4", "--records", "90", "--part-records", "20"];
    evo.run(
        &[&generate[..], &["--broken", "3%", "--misfits", "4%", "--duplicates", "4%", "--changed", "20%"]].concat(),
    )
    .exits(0);
    let dirs = std::fs::read_dir(evo.lake().join("bronze/evo/entity=sales")).unwrap();
    let runs = dirs.flat_map(|date| std::fs::read_dir(date.unwrap().path()).unwrap());
    let mut runs: Vec<String> =
        runs.map(|run| run.unwrap().file_name().to_str().unwrap().trim_start_matches("run_id=").to_owned()).collect();
    runs.sort();
    let load = |run: &str| {
        evo.run(&["load", "sales", "--run-id", run, "--max-rejects", "100%", "--batch-size", "2"]).exits(0);
        evo.run(&["transform", "sales", "--incremental"]).exits(0);
        look(&evo);
    };
    // The third arrives before the second.
    [0, 2, 1, 3].into_iter().for_each(|i| load(&runs[i]));
    evo.run(&["load", "sales", "--all-runs", "--max-rejects", "100%"]).exits(0);
    evo.run(&["rejects", "replay", "sales"]).exits(6);
    look(&evo);
    evo.run(&["transform", "sales", "--full-refresh", "--accept", "fill_rate"]).exits(0);
    look(&evo);
    evo
}

#[track_caller]
fn deep_is_clean(evo: &Evo) -> Run {
    evo.run(&["verify", "sales"]).exits(0);
    evo.run(&["verify", "sales", "--deep"]).exits(0)
}

#[test]
fn a_warehouse_is_right_after_every_load_increment_replay_and_refresh() {
    looked_at(|evo| drop(deep_is_clean(evo)));
}
