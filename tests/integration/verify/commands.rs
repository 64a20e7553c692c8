//! The commands that repair a hole by hand, and what they refuse.

use super::{content, deep_is_clean, found, sales, with_a_past};
use crate::support::{Evo, object};

const RUN: &str = "20260110T020501Z";

/// Splits a command as it is printed into its arguments.
fn arguments(command: &str) -> Vec<String> {
    command.split(' ').skip(1).map(|word| word.trim_matches('\'').to_owned()).collect()
}

#[test]
fn the_printed_commands_fill_a_hole_without_a_full_refresh() {
    let evo = with_a_past();
    let before = content(&evo);
    evo.db.sql("delete from stg_evo.sales_raw where sale_id = (select min(sale_id) from stg_evo.sales_raw)");
    evo.db.sql("delete from core.evo_receivables where sale_id = (select max(sale_id) from core.evo_receivables)");
    let deep = sales(&evo, &["--deep"]);
    let commands: Vec<&str> = deep["commands"].as_array().unwrap().iter().map(|c| c.as_str().unwrap()).collect();
    assert!(commands[0].starts_with("evo load sales --objects 'bronze/"), "{commands:?}");
    assert!(commands[1].starts_with("evo transform sales --keys "), "{commands:?}");
    assert_eq!(commands.len(), 2, "{commands:?}");
    for command in commands {
        let arguments = arguments(command);
        let run = evo.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        // The object also has a line that was rejected before, and is again.
        assert!([0, 6].contains(&run.code), "{command}\n{}", run.stderr);
    }
    assert_eq!(content(&evo), before);
    // The row was inserted twice: only the counts remember that.
    assert_eq!(found(&sales(&evo, &["--deep"])), ["row-count "]);
    evo.run(&["verify", "sales", "--deep", "--repair"]).exits(0).says("counts settled");
    deep_is_clean(&evo);
    evo.run(&["check", "sales", "--only", "ledger"]).exits(0);
}

#[test]
fn a_repair_that_is_killed_after_it_has_deleted_rows_is_completed_by_the_next_load() {
    let evo = with_a_past();
    let before = content(&evo);
    evo.db.sql(
        "update stg_evo.sales_raw set raw_data = raw_data || '{\"x\": 1}', _content_hash = null
         where sale_id = (select min(sale_id) from stg_evo.sales_raw)",
    );
    let rows = evo.db.one("select count(*) from stg_evo.sales_raw");
    let mut repair = evo.command(&["verify", "sales", "--deep", "--repair"]);
    repair.env("EVO_FAILPOINTS", "verify.after_remove=kill@1").output().unwrap();
    assert_ne!(evo.db.one("select count(*) from stg_evo.sales_raw"), rows, "it was killed in between");
    let run = evo.run(&["load", "sales"]);
    // The object also has a line that was rejected before, and is again.
    assert!([0, 6].contains(&run.code), "{}", run.stderr);
    assert_eq!(evo.db.one("select count(*) from stg_evo.sales_raw"), rows);
    evo.run(&["verify", "sales", "--deep", "--repair"]).exits(0);
    assert_eq!(content(&evo), before);
    deep_is_clean(&evo);
}

#[test]
fn a_load_of_named_objects_writes_a_changed_row_again_and_leaves_other_objects_alone() {
    let evo = Evo::new();
    object("sales", RUN, "a").lines(&evo.lake(), &[r#"{"idSale": 1, "v": 1}"#, r#"{"idSale": 2, "v": 1}"#]);
    object("sales", RUN, "b").lines(&evo.lake(), &[r#"{"idSale": 3, "v": 1}"#]);
    evo.run(&["load", "sales", "--batch-size", "1"]).exits(0);
    object("sales", RUN, "c").lines(&evo.lake(), &[r#"{"idSale": 4, "v": 1}"#]);
    evo.db.sql("update stg_evo.sales_raw set raw_data = '{\"v\": \"wrong\"}'");
    let loaded = evo.entity(&["load", "sales", "--objects", "*/a.jsonl.gz"]);
    assert_eq!(crate::support::counts(&loaded), "0/2/0/0/0 of 2");
    let rows = evo.db.sql("select sale_id, raw_data ->> 'v', _content_hash is null from stg_evo.sales_raw order by 1");
    assert_eq!(rows, [["1", "1", "f"], ["2", "1", "f"], ["3", "wrong", "f"]], "b is not named, c waits for a load");
    evo.run(&["load", "sales", "--objects", "*/b*", &object("sales", RUN, "a").path()]).exits(0);
    assert_eq!(evo.db.one("select count(*) from stg_evo.sales_raw where raw_data ->> 'v' = '1'"), "3");
    evo.run(&["load", "sales"]).exits(0);
    evo.run(&["verify", "sales", "--deep"]).exits(0);
}

#[test]
fn a_load_of_named_objects_and_a_transform_of_keys_say_what_they_do_not_take() {
    let evo = Evo::new();
    object("sales", RUN, "a").lines(&evo.lake(), &[r#"{"idSale": 1}"#]);
    evo.run(&["load", "sales"]).exits(0);
    let unknown = evo.run(&["load", "sales", "--objects", "nothing"]).exits(2);
    unknown.says("the ledger knows no object nothing of sales").says("evo objects list sales --state loaded");
    evo.run(&["load", "sales", "--objects", "*", "--all-runs"]).exits(2);
    evo.run(&["load", "sales", "--objects"]).exits(2);
    evo.run(&["transform", "sales", "members", "--keys", "1"]).exits(2).says("one entity");
    evo.run(&["transform", "branches", "--keys", "1"]).exits(2).says("not a dimension");
    evo.run(&["transform", "sales", "--keys", "x"]).exits(2);
    evo.run(&["transform", "sales", "--keys", "1", "--full-refresh"]).exits(2);
    evo.run(&["verify", "salse"]).exits(2).says("sales");
    evo.run(&["verify", "--sample", "101%"]).exits(2);
    evo.run(&["verify", "--accept", "nothing"]).exits(2);
}

#[test]
fn a_transform_of_keys_changes_these_documents_alone() {
    let evo = Evo::new();
    let lines: Vec<String> = (1..=6).map(|key| format!(r#"{{"idSale": {key}, "idBranch": {key}}}"#)).collect();
    object("sales", RUN, "a").lines(&evo.lake(), &lines.iter().map(String::as_str).collect::<Vec<_>>());
    evo.run(&["load", "sales"]).exits(0);
    evo.run(&["transform", "sales"]).exits(0);
    evo.db.sql(
        "update core.evo_sales set branch_id = 0; delete from core.evo_sales where sale_id = 3;
                insert into core.evo_sales (sale_id) values (-9)",
    );
    evo.run(&["transform", "sales", "--keys", "2,3", "-9", "77"]).exits(0);
    let rows = evo.db.sql("select sale_id, branch_id from core.evo_sales order by 1");
    assert_eq!(rows, [["1", "0"], ["2", "2"], ["3", "3"], ["4", "0"], ["5", "0"], ["6", "0"]]);
    evo.run(&["transform", "sales", "--in-place"]).exits(0);
    evo.run(&["verify", "sales", "--deep"]).exits(0);
}

#[test]
fn a_dry_run_says_how_much_would_be_read() {
    let evo = Evo::new();
    evo.run(&["generate", "sales", "--records", "100", "--part-records", "20"]).exits(0);
    evo.run(&["load", "sales"]).exits(0);
    let objects = evo.db.one("select count(*) from evo.objects").parse::<u64>().unwrap();
    let cost = |args: &[&str]| evo.entity(&[&["verify", "sales", "--dry-run"], args].concat());
    let deep = cost(&["--deep"]);
    assert_eq!((deep["objects"].as_u64(), deep["lines"].as_u64()), (Some(objects), Some(100)));
    assert_eq!(cost(&[])["objects"], 0);
    assert_eq!(cost(&["--sample", "50%"])["lines"], 50);
}
