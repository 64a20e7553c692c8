//! Checks: queries that must return no rows, before a swap, after an increment, and on their own.

use serde_json::Value;

use crate::support::{Database, Evo, Run, object};

const RUN: &str = "20260110T020501Z";
const RUN_2: &str = "20260111T020501Z";

/// A warehouse of generated records, transformed.
fn warehouse(scale: &str) -> Evo {
    let evo = Evo::new();
    evo.run(&["generate", "all", "--scale", scale]).exits(0);
    evo.json(&["load", "all"]);
    evo.json(&["transform", "all", "--full-refresh"]);
    evo
}

/// What `evo check` found, as `check on rows: keys`, only where there are rows.
fn found(evo: &Evo, code: i32, args: &[&str]) -> Vec<String> {
    let summary = evo.run(&[&["check", "--output", "json"], args].concat()).exits(code).json();
    let findings = summary["checks"].as_array().unwrap();
    assert!(!findings.is_empty());
    let shown = |f: &Value| {
        let keys: Vec<&str> = f["keys"].as_array().unwrap().iter().map(|k| k.as_str().unwrap()).collect();
        format!("{} {} {}: {}", f["check"].as_str().unwrap(), f["on"].as_str().unwrap(), f["rows"], keys.join(" | "))
    };
    findings.iter().filter(|f| f["rows"] != 0).map(shown).collect()
}

#[test]
fn a_sound_warehouse_passes_every_check() {
    let evo = warehouse("0.02");
    let run = evo.run(&["check"]).exits(0);
    for check in
        ["child_id_twice", "fact_without_branch", "fact_without_member", "fill_rate", "freshness", "ledger", "orphan"]
    {
        assert!(run.stdout.contains(check), "{check}\n{}", run.stdout);
    }
    assert!(run.stdout.contains("0 failed"), "{}", run.stdout);
    evo.run(&["check", "sales", "--set", "freshness.max_age=soon"]).exits(3).says("its parameters are max_age = soon");
    assert_eq!(evo.db.one("select count(*) from evo.runs where command = 'check'"), "0", "it changes nothing");
}

#[test]
fn each_check_finds_what_it_is_for_and_names_keys_and_exit_code() {
    let evo = warehouse("0.03");
    let cases: [(&str, &str, i32, &str); 8] = [
        (
            "orphan",
            "insert into core.evo_sale_items (sale_id, sale_item_id) values (-5, 1), (-5, 2)",
            6,
            "orphan core.evo_sale_items 2: -5,1 | -5,2",
        ),
        (
            "child_id_twice",
            "insert into core.evo_receivables (sale_id, receivable_id) select min(sale_id), -7 from core.evo_sales union all select max(sale_id), -7 from core.evo_sales",
            0,
            "child_id_twice core.evo_receivables 1: -7",
        ),
        (
            "fact_without_member",
            "update core.evo_entries set member_id = -3 where entry_id = (select min(entry_id) from core.evo_entries)",
            0,
            "fact_without_member entries 1: -3",
        ),
        (
            "fact_without_branch",
            "delete from core.evo_branches where branch_id = 12",
            0,
            "fact_without_branch entries 1: 12",
        ),
        (
            "freshness",
            "update evo.batches set committed_at = '2025-01-02 03:04Z' where entity = 'prospects'",
            6,
            "freshness prospects 1: prospects was last loaded at 2025-01-02 03:04 UTC",
        ),
        (
            "ledger",
            "delete from stg_evo.prospects_raw where prospect_id = (select min(prospect_id) from stg_evo.prospects_raw)",
            6,
            "ledger prospects 2: rows of core",
        ),
        (
            "fill_rate",
            "update evo.column_fill set filled = 1 where column_name = 'gympass_id' and table_name = 'core.evo_members'",
            6,
            "fill_rate members 1: core.evo_members.gympass_id 100% →",
        ),
        ("fill_rate", "update evo.column_fill set rows_count = 3", 0, ""),
    ];
    for (check, damage, code, expected) in cases {
        assert!(check == "fill_rate" || found(&evo, 0, &["--only", check]).is_empty(), "{check}");
        evo.db.sql(damage);
        let found = found(&evo, code, &["--only", check]);
        assert!(expected.is_empty() == found.is_empty(), "{check}: {found:?}");
        assert!(found.first().is_none_or(|f| f.starts_with(expected)), "{check}: {found:?}");
    }
    evo.run(&["check", "--only", "orphan"])
        .exits(6)
        .says("FAIL")
        .says("-5,1, -5,2")
        .says("evo transform sales --full-refresh");
    evo.run(&["check", "members", "--only", "orphan"]).exits(0);
    evo.run(&["check", "--only", "freshness", "--set", "freshness.max_age=100 years"]).exits(0);
    evo.run(&["check", "--only", "freshnes"]).exits(2).says("did you mean \"freshness\"?");
    evo.run(&["check", "--set", "freshness.age=1"]).exits(2).says("max_age");
}

#[test]
fn a_check_that_fails_before_the_swap_keeps_the_old_generation() {
    let evo = warehouse("0.02");
    // The vendor renames a field: the next generation would lose a column.
    let before = evo.db.one("select count(branch_name) from core.evo_members");
    assert_ne!(before, "0");
    evo.db.sql("update stg_evo.members_raw set raw_data = jsonb_set(raw_data - 'branchName', '{nameOfBranch}', raw_data -> 'branchName')");
    let run = evo.run(&["transform", "members", "--full-refresh"]).exits(6);
    let run =
        run.says("fill_rate").says("core.evo_members.branch_name 100% → 0%").says("the old generation still serves");
    assert!(run.stderr.contains("--accept fill_rate"), "{}", run.stderr);
    assert_eq!(evo.db.one("select count(branch_name) from core.evo_members"), before);
    assert_eq!(evo.db.one("select state || exit_code from evo.runs order by started_at desc limit 1"), "failed6");
    // The leftovers of the refused generation are in nobody's way, and the operator may insist.
    let summary = evo.json(&["transform", "members", "--full-refresh", "--accept", "fill_rate"]);
    assert_eq!(summary["entities"][0]["checks"].as_array().unwrap().iter().filter(|c| c["rows"] != 0).count(), 1);
    assert_eq!(evo.db.one("select count(branch_name) from core.evo_members"), "0");
    // From now on this is what the next one is held against.
    evo.json(&["transform", "members", "--full-refresh"]);
    evo.run(&["transform", "members", "--accept", "fillrate"]).exits(2).says("there is no check \"fillrate\"");
}

#[test]
fn after_an_increment_only_what_it_changed_is_checked_and_warnings_are_told() {
    let evo = Evo::new();
    let sale = |id: u64, items: &str| format!(r#"{{"idSale": {id}, "saleItens": {items}}}"#);
    object("sales", RUN, "a")
        .lines(&evo.lake(), &[&sale(1, r#"[{"idSaleItem": 7}]"#), &sale(2, r#"[{"idSaleItem": 8}]"#)]);
    evo.json(&["load", "sales"]);
    evo.run(&["transform", "sales"]).exits(0);
    // An orphan that was there before is none of the increment's business.
    evo.db.sql("insert into core.evo_sale_items (sale_id, sale_item_id) values (-5, 1)");
    object("sales", RUN_2, "a").lines(&evo.lake(), &[&sale(3, r#"[{"idSaleItem": 7}]"#)]);
    evo.json(&["load", "sales"]);
    let run = evo.run(&["transform", "sales"]).exits(0);
    run.says("check child_id_twice warns on core.evo_sale_items: 1 row: 7");
    evo.run(&["transform", "sales"]).exits(0).says("nothing changed");
}

#[test]
fn after_an_increment_children_are_asked_for_their_parents_unless_they_must_have_them() {
    let evo = Evo::new();
    let load = |run: &str, line: &str| {
        object("sales", run, "a").lines(&evo.lake(), &[line]);
        evo.json(&["load", "sales"]);
    };
    load(RUN, r#"{"idSale": 1, "saleItens": [{"idSaleItem": 7}]}"#);
    let asked = evo.json(&["transform", "sales"])["entities"][0]["checks"].as_array().unwrap().clone();
    // It is among the checks that passed, for both children.
    assert_eq!(asked.iter().filter(|check| check["check"] == "orphan").count(), 2);
    // Somebody's trigger keeps the sale out, and lets its item in.
    evo.db.sql(
        "create function core.keep_out() returns trigger language plpgsql as 'begin return null; end';
         create trigger keep_out before insert on core.evo_sales_all for each row execute function core.keep_out()",
    );
    load(RUN_2, r#"{"idSale": 2, "saleItens": [{"idSaleItem": 8}]}"#);
    evo.run(&["transform", "sales"]).exits(6).says("check orphan failed on core.evo_sale_items: 1 row: 2,8");
}

#[test]
fn after_an_increment_ids_of_children_are_compared_where_a_row_is_new() {
    let evo = Evo::new();
    let load = |run: &str, sales: &[(u64, &str)]| {
        let lines: Vec<String> = (sales.iter())
            .map(|(id, remark)| {
                format!(r#"{{"idSale": {id}, "observations": "{remark}", "saleItens": [{{"idSaleItem": 7}}]}}"#)
            })
            .collect();
        object("sales", run, "a").lines(&evo.lake(), &lines.iter().map(String::as_str).collect::<Vec<_>>());
        evo.json(&["load", "sales"]);
    };
    let warning = "check child_id_twice warns on core.evo_sale_items: 1 row: 7";
    load(RUN, &[(1, "a"), (2, "a")]);
    evo.run(&["transform", "sales"]).exits(0).says(warning);
    // The sales change, and their items stay: whoever brought the second one has been told.
    load(RUN_2, &[(1, "b"), (2, "b")]);
    let run = evo.run(&["transform", "sales"]).exits(0);
    assert!(!run.stderr.contains("child_id_twice"), "{}", run.stderr);
    assert_eq!(evo.db.one("select string_agg(observations, '') from core.evo_sales"), "bb");
    // A batch in pieces: an execution that did not come to its checks may have written some of them.
    evo.db.sql("delete from evo.model_batches where batch_id = (select max(batch_id) from evo.batches)");
    let mut transform = evo.command(&["transform", "sales"]);
    Run::from(transform.env("EVO_TRANSFORM_CHUNK_ROWS", "1").output().unwrap()).exits(0).says(warning);
}

#[test]
fn checks_of_ones_own_run_beside_the_built_in_ones_and_may_replace_them() {
    let evo = Evo::new();
    let own = evo.dir.path().join("own");
    std::fs::create_dir_all(own.join("checks")).unwrap();
    let check = |name: &str, severity: &str, sql: &str| {
        let header = format!(
            "-- purpose: p\n-- for: each entity\n-- entity: sales\n-- severity: {severity}\n-- when: swap, increment, check\n-- hint: ask the shop\n"
        );
        std::fs::write(own.join(format!("checks/{name}.sql")), header + sql).unwrap();
    };
    check(
        "no_future",
        "fail",
        "select sale_id, 'a cell value' from {core.evo_sales} s where sale_date > '2030-01-01';\n",
    );
    check("freshness", "warn", "select 'replaced'");
    let extend = ["--extend", own.to_str().unwrap()];
    object("sales", RUN, "a").lines(
        &evo.lake(),
        &[r#"{"idSale": 1, "saleDate": "2024-03-18T06:12:45"}"#, r#"{"idSale": 2, "saleDate": "2031-01-01T00:00:00"}"#],
    );
    evo.json(&[&["load", "sales"], &extend[..]].concat());
    // An increment is committed when it is checked: the exit code says that its data must not be used.
    let run = evo
        .run(&[&["transform", "sales"], &extend[..]].concat())
        .exits(6)
        .says("check no_future failed on sales")
        .says("ask the shop");
    assert!(!run.stderr.contains("cell value") && !run.stdout.contains("cell value"));
    assert_eq!(evo.db.one("select count(*) from core.evo_sales"), "2");
    assert_eq!(evo.run(&[&["check", "--output", "json"], &extend[..]].concat()).exits(6).json()["failed"], 1);
    evo.run(&[&["transform", "sales", "--full-refresh"], &extend[..]].concat())
        .exits(6)
        .says("the old generation still serves");
    // It may read and nothing else.
    check("no_future", "fail", "delete from core.evo_sales returning sale_id");
    evo.run(&[&["check"], &extend[..]].concat()).exits(3).says("check no_future writes");
    assert_eq!(evo.db.one("select count(*) from core.evo_sales"), "2");
    check("no_future", "fail", "select no_such_column from {parent} p");
    let run = evo.run(&[&["check", "sales"], &extend[..]].concat()).exits(3).says("no_such_column");
    assert!(run.stdout.contains("orphan") && run.stdout.contains("replaced"), "the others ran: {}", run.stdout);
    check(
        "no_future",
        "fail",
        "with gone as (select * from evo.model_batches) select batch_id from gone where nextval('evo.issues_issue_id_seq') > 0",
    );
    evo.run(&[&["check"], &extend[..]].concat()).exits(3).says("check no_future writes");
    check("no_future", "dire", "select 1");
    evo.run(&[&["check"], &extend[..]].concat()).exits(3).says("no_future.sql").says("\"dire\"");
}

#[test]
fn the_example_of_the_documentation_is_a_check_that_works() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/checks.md")).unwrap();
    let example = text.split("```sql\n").nth(1).unwrap().split("```").next().unwrap();
    let evo = Evo::new();
    let own = evo.dir.path().join("own");
    std::fs::create_dir_all(own.join("checks")).unwrap();
    std::fs::write(own.join("checks/no_future.sql"), example).unwrap();
    object("sales", RUN, "a").lines(&evo.lake(), &[r#"{"idSale": 5, "saleDate": "2999-03-18T06:12:45"}"#]);
    evo.json(&["load", "sales"]);
    let own = own.to_str().unwrap();
    evo.run(&["transform", "sales", "--extend", own]).exits(0).says("check no_future warns on sales: 1 row: 5");
    assert_eq!(found(&evo, 0, &["--only", "no_future", "--extend", own]), ["no_future sales 1: 5"]);
    assert!(
        found(&evo, 0, &["--only", "no_future", "--extend", own, "--set", "no_future.margin=2000 years"]).is_empty()
    );
    // Every built-in check stands in the documentation, with its severity.
    let summary = evo.json(&["check"]);
    for check in summary["checks"].as_array().unwrap() {
        let row = format!("| `{}` | {} |", check["check"].as_str().unwrap(), check["severity"].as_str().unwrap());
        assert!(text.contains(&row), "docs/checks.md has no row that begins\n{row}");
    }
}

#[test]
fn a_year_that_never_had_a_field_is_refreshed_alone_and_not_held_against_the_other_years() {
    let evo = Evo::new();
    let line = |year: u32, i: u32| {
        let device = if year == 2024 { "null" } else { "\"turnstile\"" };
        format!(r#"{{"date": "{year}-03-01T10:00:00", "idMember": {i}, "idBranch": 1, "device": {device}}}"#)
    };
    let lines: Vec<String> = [2024, 2025].iter().flat_map(|y| (1..=150).map(|i| line(*y, i))).collect();
    object("entries", RUN, "a").lines(&evo.lake(), &lines.iter().map(String::as_str).collect::<Vec<_>>());
    evo.json(&["load", "entries"]);
    evo.json(&["transform", "entries", "--full-refresh"]);
    let device = "select filled from evo.column_fill where table_name = 'core.evo_entries' and column_name = 'device'";
    assert_eq!(evo.db.one(device), "0.5");
    evo.run(&["transform", "entries", "--full-refresh", "--year", "2024"]).exits(0);
    assert_eq!(evo.db.one(device), "0.5");
    // What the year loses it loses of the whole.
    evo.db.sql("update stg_evo.entries_raw set raw_data = raw_data - 'device'");
    evo.run(&["transform", "entries", "--full-refresh", "--year", "2025"]).exits(6).says("fill_rate");
}

#[test]
fn before_a_swap_only_children_that_may_lack_their_parents_are_asked_for_them() {
    let evo = Evo::with(Database::bare());
    let own = evo.dir.path().join("own");
    crate::toy::copy(std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/toy")), &own);
    let run = |args: &[&str]| evo.run(&[args, &["--extend", "own"]].concat());
    run(&["migrate"]).exits(0);
    let lines = [r#"{"idVisit": 1, "guests": [{"idGuest": 5}]}"#, r#"{"idVisit": 2, "guests": [{"idGuest": 6}]}"#];
    object("visits", RUN, "a").lines(&evo.lake(), &lines);
    run(&["load", "visits"]).exits(0);
    let refresh = ["transform", "visits", "--full-refresh", "--output", "json"];
    let asked = |run: Run| {
        let checks = run.json()["entities"][0]["checks"].as_array().unwrap().clone();
        checks.iter().filter(|check| check["check"] == "orphan").count()
    };
    // It is among the checks that passed.
    assert_eq!(asked(run(&refresh).exits(0)), 1);
    // Guests of a visit that no document is about.
    let model = own.join("models/visits/visit_guests.sql");
    let good = std::fs::read_to_string(&model).unwrap();
    std::fs::write(&model, good.replace("s.visit_id,", "s.visit_id + 1 as visit_id,")).unwrap();
    run(&refresh[..3]).exits(6).says("check orphan failed on core.visit_guests").says("3,6");
    // A check of one's own by that name is always asked.
    std::fs::write(&model, good).unwrap();
    std::fs::create_dir(own.join("checks")).unwrap();
    let header = "-- purpose: p\n-- for: each child\n-- severity: fail\n-- when: swap\n";
    let check = format!("{header}select c.guest_id from {{child}} c where c.guest_id = 6");
    std::fs::write(own.join("checks/orphan.sql"), check).unwrap();
    run(&refresh[..3]).exits(6).says("check orphan failed on core.visit_guests");
}
