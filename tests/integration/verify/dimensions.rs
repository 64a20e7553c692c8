//! Dimensions: compared by a deep verification, after their sources.

use serde_json::Value;

use crate::support::{Evo, object};

const RUN: &str = "20260110T020501Z";

fn member(id: u64, branch: u64, name: &str) -> String {
    format!(
        r#"{{"idMember": {id}, "updateDate": "2024-03-16T10:00:00", "idBranch": {branch}, "branchName": "{name}"}}"#
    )
}

fn warehouse() -> Evo {
    let evo = Evo::new();
    let lines = [member(1, 84, "Centro"), member(2, 85, "Norte")];
    object("members", RUN, "a").lines(&evo.lake(), &lines.each_ref().map(String::as_str));
    object("sales", RUN, "a").lines(&evo.lake(), &[r#"{"idSale": 9, "idBranch": 86, "idEmployee": 311}"#]);
    evo.run(&["load", "all"]).exits(0);
    evo.run(&["transform", "all"]).exits(0);
    evo
}

/// Name, result and mismatches of each dimension.
fn dimensions(evo: &Evo, args: &[&str]) -> Vec<(String, String, Vec<String>)> {
    let run = evo.run(&[&["verify", "--output", "json"], args].concat());
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mismatch = |m: &Value| {
        let columns: Vec<String> = m["columns"].as_array().unwrap().iter().map(text).collect();
        let by = format!("{} {}", text(&m["named_by"]["table"]), text(&m["named_by"]["key"]));
        format!("{} {} {} [{}] {}", text(&m["kind"]), text(&m["table"]), text(&m["key"]), columns.join(","), by.trim())
    };
    let one = |d: &Value| {
        let mismatches = d["mismatches"].as_array().unwrap().iter().map(mismatch).collect();
        (text(&d["dimension"]), text(&d["result"]), mismatches)
    };
    run.json()["dimensions"].as_array().unwrap().iter().map(one).collect()
}

#[test]
fn a_wrong_row_of_a_dimension_is_found_named_and_repaired() {
    let evo = warehouse();
    let rows =
        "select branch_id, branch_name, _source_time, _source_table, _source_key from core.evo_branches order by 1";
    let before = evo.db.sql(rows);
    evo.run(&["verify", "--deep"]).exits(0).says("branches").says("right");
    evo.db.sql(
        "update core.evo_branches set branch_name = 'by hand' where branch_id = 84;
         delete from core.evo_branches where branch_id = 85;
         insert into core.evo_branches (branch_id, branch_name, _source_table, _source_key)
             values (99, 'nobody', 'core.evo_members', 99)",
    );
    let found = [
        "core-added core.evo_branches 99 [] ",
        "core-differs core.evo_branches 84 [branch_name] core.evo_members 1",
        "core-missing core.evo_branches 85 [] core.evo_members 2",
    ];
    let expected = ("branches".to_owned(), "wrong".to_owned(), found.map(str::to_owned).to_vec());
    assert_eq!(dimensions(&evo, &["--deep"])[0], expected);
    let run = evo.run(&["verify", "branches", "--deep"]).exits(6);
    run.says("branches is not right: core-missing 1, core-added 1, core-differs 1").says("evo transform branches");
    evo.run(&["verify", "branches", "--deep", "--accept", "core-added"]).exits(6);
    evo.run(&["verify", "branches", "employees", "--deep", "--repair"]).exits(0).says("repaired");
    assert_eq!(evo.db.sql(rows), before);
    let right = |name: &str| (name.to_owned(), "right".to_owned(), Vec::new());
    assert_eq!(dimensions(&evo, &["--deep"]), [right("branches"), right("employees")]);
}

#[test]
fn a_dimension_whose_sources_are_wrong_or_ahead_is_not_compared_and_the_summary_says_why() {
    let evo = warehouse();
    evo.run(&["verify"]).exits(0).says("branches: not compared: only --deep compares dimensions");
    evo.run(&["verify", "branches"])
        .exits(2)
        .says("only --deep compares dimensions")
        .says("evo verify branches --deep");
    evo.db.sql("update core.evo_members set branch_name = 'by hand' where member_id = 1");
    let run = evo.run(&["verify", "--deep"]).exits(6);
    run.says("branches: not compared: members, its source, is not right");
    // A core row that was changed by hand may be in a dimension that was built meanwhile.
    evo.run(&["transform", "branches", "--full-refresh"]).exits(0);
    evo.run(&["verify", "--repair", "--deep"]).exits(0);
    assert_eq!(evo.db.one("select branch_name from core.evo_branches where branch_id = 84"), "Centro");
    object("members", RUN, "b").lines(&evo.lake(), &[&member(3, 87, "Sul")]);
    evo.run(&["load", "members"]).exits(0);
    evo.run(&["transform", "members"]).exits(0);
    let run = evo.run(&["verify", "--deep"]).exits(0);
    run.says("branches: not compared: it is older than its sources: evo transform branches");
    evo.run(&["transform", "all"]).exits(0);
    evo.run(&["verify", "--deep"]).exits(0).says("right");
}
