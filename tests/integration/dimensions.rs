//! Branches and employees: derived, deterministic, and quiet when nothing changed; and the order of `evo
//! transform all`.

use crate::support::{Evo, cluster, object};

fn run_id(day: u64) -> String {
    format!("202601{day:02}T020501Z")
}

/// Loads one object of lines.
fn load(evo: &Evo, entity: &str, day: u64, lines: &[&str]) {
    object(entity, &run_id(day), "part-00001").lines(&evo.lake(), lines);
    // By name: beside runs that have a manifest, one without is taken for unfinished.
    evo.json(&["load", entity, "--run-id", &run_id(day)]);
}

fn branches(evo: &Evo) -> Vec<Vec<String>> {
    evo.db.sql("select branch_id, branch_name, _source_table, _source_key from core.evo_branches order by 1")
}

fn employees(evo: &Evo) -> Vec<Vec<String>> {
    evo.db.sql("select employee_id, employee_name, _source_table, _source_key from core.evo_employees order by 1")
}

/// Both dimensions without the column that says when they were written.
fn all(evo: &Evo) -> Vec<Vec<Vec<String>>> {
    ["branch", "employee"]
        .map(|d| {
            evo.db.sql(&format!(
                "select to_jsonb(t) - '_updated_at' from core.evo_{d}{} t order by {d}_id",
                if d == "branch" { "es" } else { "s" }
            ))
        })
        .into()
}

#[test]
fn the_newest_document_with_a_name_gives_it_and_a_nameless_one_only_the_id() {
    let evo = Evo::new();
    load(
        &evo,
        "sales",
        10,
        &[
            r#"{"idSale": 1, "saleDate": "2024-03-19T10:00:00", "idBranch": 84, "idEmployeeSale": 311, "nameEmployeeSale": "Carlos", "idEmployee": 312}"#,
            r#"{"idSale": 2, "idBranch": 85, "idEmployeeRemoval": 313, "idEmployee": 0}"#,
        ],
    );
    load(
        &evo,
        "members",
        12,
        &[
            r#"{"idMember": 5, "updateDate": "2024-03-16T10:00:00", "idBranch": 84, "branchName": "Centro", "idEmployeeConsultant": 311, "nameEmployeeConsultant": "C. Ribeiro"}"#,
        ],
    );
    load(
        &evo,
        "prospects",
        11,
        &[
            r#"{"idProspect": 9, "registerDate": "2024-03-17T10:00:00", "idBranch": 84, "branchName": " Centro Novo\t"}"#,
            r#"{"idProspect": 8, "registerDate": "2024-03-18T10:00:00", "idBranch": 84, "branchName": "  "}"#,
        ],
    );
    load(
        &evo,
        "entries",
        12,
        &[r#"{"date": "2024-03-18T06:12:45", "idBranch": 86, "idEmployee": 312, "nameEmployee": "Ana"}"#],
    );
    evo.json(&["transform", "all"]);
    let entry = evo.db.one("select entry_id from core.evo_entries");
    assert_eq!(
        branches(&evo),
        [
            ["84", "Centro Novo", "core.evo_prospects", "9"],
            ["85", "∅", "core.evo_sales", "2"],
            ["86", "∅", "core.evo_entries", entry.as_str()],
        ]
    );
    assert_eq!(
        employees(&evo),
        [
            ["311", "Carlos", "core.evo_sales", "1"],
            ["312", "Ana", "core.evo_entries", entry.as_str()],
            ["313", "∅", "core.evo_sales", "2"],
        ]
    );
}

#[test]
fn an_id_that_its_last_document_no_longer_names_goes_and_the_next_best_name_returns() {
    let evo = Evo::new();
    let member = |id: u64, branch: u64, name: &str| {
        format!(
            r#"{{"idMember": {id}, "idBranch": {branch}, "branchName": "{name}", "updateDate": "2024-03-{:02}T10:00:00"}}"#,
            10 + id
        )
    };
    load(&evo, "members", 10, &[&member(1, 84, "Old"), &member(2, 85, "Other")]);
    evo.json(&["transform", "all"]);
    load(&evo, "members", 11, &[&member(3, 84, "New")]);
    evo.json(&["transform", "all"]);
    assert_eq!(branches(&evo)[0][1], "New");
    // The newest witness of 84 moves to 86, the only one of 85 to 86 too.
    load(&evo, "members", 12, &[&member(3, 86, "Third"), &member(2, 86, "Third")]);
    let summary = evo.json(&["transform", "all"]);
    let of_branches = summary["entities"].as_array().unwrap().iter().find(|e| e["entity"] == "branches").unwrap();
    assert_eq!((&of_branches["tables"][0]["deleted"], &of_branches["tables"][0]["inserted"]), (&1.into(), &1.into()));
    assert_eq!(branches(&evo), [["84", "Old", "core.evo_members", "1"], ["86", "Third", "core.evo_members", "3"]]);
    let incremental = all(&evo);
    evo.json(&["transform", "branches", "employees", "--full-refresh"]);
    assert_eq!(all(&evo), incremental);
}

#[test]
fn an_older_document_that_arrives_late_does_not_take_the_name_back() {
    let evo = Evo::new();
    load(&evo, "members", 15, &[r#"{"idMember": 1, "updateDate": "2024-03-15", "idBranch": 84, "branchName": "New"}"#]);
    evo.json(&["transform", "all"]);
    load(&evo, "members", 11, &[r#"{"idMember": 2, "updateDate": "2024-03-11", "idBranch": 84, "branchName": "Old"}"#]);
    evo.json(&["transform", "all"]);
    assert_eq!(branches(&evo), [["84", "New", "core.evo_members", "1"]]);
}

#[test]
fn the_order_in_which_runs_of_the_same_content_arrive_makes_no_difference() {
    let stays = r#"{"idMember": 1, "updateDate": "2024-03-15T10:00:00", "idBranch": 84, "branchName": "Stays"}"#;
    let other = r#"{"idMember": 2, "updateDate": "2024-03-11T10:00:00", "idBranch": 84, "branchName": "Other"}"#;
    let results = [[10, 11, 12], [12, 11, 10], [11, 12, 10]].map(|days| {
        let evo = Evo::new();
        for day in days {
            // Of the three runs that say the same, the first one loaded is the one that the row in staging
            // names.
            let lines = [stays, other];
            load(&evo, "members", day, &lines[..if day == 11 { 2 } else { 1 }]);
            evo.json(&["transform", "all"]);
        }
        let incremental = all(&evo);
        evo.json(&["transform", "branches", "employees", "--full-refresh"]);
        assert_eq!(all(&evo), incremental);
        (evo.db.one("select run_id from stg_evo.members_raw where member_id = 1"), incremental)
    });
    assert_ne!(results[0].0, results[1].0, "the lineage differs");
    assert!(results[0].1[0][0][0].contains("Stays"), "{results:?}");
    assert!(results.iter().all(|(_, dimensions)| *dimensions == results[0].1), "{results:?}");
}

#[test]
fn the_order_in_which_the_sources_come_makes_no_difference() {
    let results =
        [["members", "sales", "entries", "prospects"], ["prospects", "entries", "sales", "members"]].map(|order| {
            let evo = Evo::new();
            evo.run(&["generate", "all", "--scale", "0.02", "--runs", "2", "--changed", "20%"]).exits(0);
            for entity in order {
                evo.json(&["load", entity]);
                evo.json(&["transform", entity, "branches"]);
            }
            evo.json(&["transform", "branches", "employees"]);
            all(&evo)
        });
    assert!(results[0].iter().all(|rows| rows.len() > 10), "{}", results[0][0].len());
    assert_eq!(results[0], results[1]);
}

#[test]
fn a_dimension_is_not_touched_when_nothing_changed_and_rows_that_stay_are_not_rewritten() {
    let evo = Evo::new();
    evo.run(&["generate", "all", "--scale", "0.02"]).exits(0);
    evo.json(&["load", "all"]);
    evo.json(&["transform", "all"]);
    let rows = || {
        evo.db.sql("select ctid, xmin, * from core.evo_branches union all select ctid, xmin, * from core.evo_employees order by 3")
    };
    let (before, models) = (rows(), "select * from evo.models where entity = 'branches'");
    let ledger = evo.db.sql(models);
    evo.run(&["transform", "all"]).exits(0).says("branches: nothing changed");
    assert_eq!((rows(), evo.db.sql(models)), (before.clone(), ledger));
    // A full build reads everything and writes nothing.
    evo.json(&["transform", "branches", "employees", "--full-refresh"]);
    assert_eq!(rows(), before);
}

#[test]
fn a_full_refresh_of_a_source_reaches_the_dimension_although_no_batch_is_new() {
    let evo = Evo::new();
    load(&evo, "members", 10, &[r#"{"idMember": 1, "idBranch": 84, "branchName": "Centro"}"#]);
    evo.json(&["transform", "all"]);
    // As a mended model would: what a full refresh changes came with no batch.
    evo.db.sql("update stg_evo.members_raw set raw_data = raw_data || '{\"branchName\": \"Mended\"}'");
    evo.json(&["transform", "all"]);
    assert_eq!(branches(&evo)[0][1], "Centro");
    evo.json(&["transform", "members", "--full-refresh"]);
    evo.json(&["transform", "branches"]);
    assert_eq!(branches(&evo)[0][1], "Mended");
}

#[test]
fn what_changed_is_found_by_index_and_not_by_reading_the_sources_whole() {
    if cluster::is_left_out("it reads statistics of the coordinator's own tables") {
        return;
    }
    let evo = Evo::new();
    evo.run(&["generate", "all", "--scale", "0.1"]).exits(0);
    evo.json(&["load", "all"]);
    evo.json(&["transform", "all"]);
    evo.db.sql("analyze");
    load(
        &evo,
        "sales",
        28,
        &[
            r#"{"idSale": 77, "saleDate": "2030-01-01", "idBranch": 12, "idEmployeeSale": 301, "nameEmployeeSale": "Nova"}"#,
        ],
    );
    evo.json(&["transform", "sales"]);
    let read = || {
        // A session reports what it read when it ends, a moment after the command that it served.
        let others =
            "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";
        while evo.db.one(others) != "0" {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let sql = "select coalesce(sum(seq_tup_read), 0) from pg_stat_user_tables \
                   where relname ~ '^(evo_(sales|entries|members)|(sales|entries|members)_raw)'";
        evo.db.one(sql).parse::<i64>().unwrap()
    };
    let before = read();
    evo.json(&["transform", "branches", "employees"]);
    assert_eq!(evo.db.one("select employee_name from core.evo_employees where employee_id = 301"), "Nova");
    assert_eq!(read() - before, 0, "rows of the sources were read one after the other");
}

#[test]
fn one_that_fails_takes_along_what_depends_on_it_and_the_others_go_on() {
    let evo = Evo::new();
    evo.run(&["generate", "all", "--scale", "0.01"]).exits(0);
    evo.json(&["load", "all"]);
    evo.db.sql("alter table core.evo_prospects drop column mkt_channel cascade; alter table core.evo_prospects add column needless int not null");
    let run = evo.run(&["transform", "all", "--output", "json"]);
    assert_ne!(run.code, 0);
    let summary = run.json();
    let names = |list: &str| -> Vec<String> {
        summary[list].as_array().unwrap().iter().map(|e| e["entity"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names("failed"), ["prospects"]);
    assert_eq!(names("skipped"), ["branches"]);
    assert_eq!(summary["skipped"][0]["because"], "prospects");
    let mut done = names("entities");
    done.sort();
    assert_eq!(done, ["employees", "entries", "members", "sales"]);
    let code = run.code;
    let text = evo.run(&["transform", "all"]);
    assert_eq!(text.code, code);
    text.says("prospects: failed").says("branches: skipped, because prospects failed");
    assert_eq!(
        evo.db.one(
            "select state || exit_code from evo.runs where command = 'transform' order by started_at desc limit 1"
        ),
        format!("failed{code}")
    );
}

#[test]
fn a_dimension_of_ones_own_is_one_file_and_a_migration() {
    let evo = Evo::new();
    let own = evo.dir.path().join("own");
    for folder in ["dimensions", "migrations"] {
        std::fs::create_dir_all(own.join(folder)).unwrap();
    }
    std::fs::write(
        own.join("dimensions/partners.sql"),
        "-- purpose: companies\n-- table: core.partners\n-- key: partner_id\n-- name: partner_name\n\
         select corporate_partnership_id as partner_id, corporate_partnership_name as partner_name, sale_date as _source_time, 'core.evo_sales' as _source_table, sale_id as _source_key\n\
         from {core.evo_sales} s\n",
    )
    .unwrap();
    std::fs::write(
        own.join("migrations/0001_partners.up.sql"),
        "create table core.partners (partner_id bigint primary key, partner_name text, _source_time timestamptz, _source_table text not null, \
         _source_key bigint not null, _updated_at timestamptz not null default now())",
    )
    .unwrap();
    let extend = ["--extend", own.to_str().unwrap()];
    evo.run(&[&["migrate"], &extend[..]].concat()).exits(0);
    object("sales", &run_id(10), "a").lines(
        &evo.lake(),
        &[r#"{"idSale": 1, "coporatePartnershipId": 77, "corporatePartnershipName": "Prefeitura"}"#],
    );
    evo.json(&[&["load", "sales"], &extend[..]].concat());
    evo.json(&[&["transform", "sales", "partners"], &extend[..]].concat());
    assert_eq!(evo.db.sql("select partner_id, partner_name from core.partners"), [["77", "Prefeitura"]]);
    evo.run(&["transform", "partner"]).exits(2).says("unknown entity \"partner\"");
}

#[test]
fn a_generation_swapped_in_while_a_dimension_waits_for_it_is_seen_whole() {
    let evo = Evo::new();
    evo.run(&["generate", "members", "--records", "300"]).exits(0);
    evo.json(&["load", "members"]);
    evo.json(&["transform", "members", "branches"]);
    let before = branches(&evo);
    let url = evo.db.url.clone();
    let swap = std::thread::spawn(move || {
        crate::support::sql(
            &url,
            "begin; lock table core.evo_members in access exclusive mode; select pg_sleep(2);
             create table core.fresh (like core.evo_members_all including all);
             insert into core.fresh (member_id, branch_id, branch_name, register_date, conversion_date, last_access_date, update_date)
                 select member_id, branch_id, branch_name, register_date, conversion_date, last_access_date, update_date from core.evo_members_all;
             drop table core.evo_members_all;
             alter table core.evo_members attach partition core.fresh for values from (minvalue) to (maxvalue);
             alter table core.fresh rename to evo_members_all;
             commit",
        );
    });
    while evo.db.one(
        "select count(*) from pg_locks where relation = 'core.evo_members'::regclass and mode = 'AccessExclusiveLock'",
    ) == "0"
    {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    evo.json(&["transform", "branches", "--full-refresh"]);
    swap.join().unwrap();
    assert!(before.len() > 10);
    assert_eq!(branches(&evo), before);
}

#[test]
fn status_shows_what_a_dimension_waits_for_and_a_load_of_one_says_where_its_rows_come_from() {
    let evo = Evo::new();
    load(&evo, "sales", 10, &[r#"{"idSale": 1, "idBranch": 12}"#]);
    let branches = || {
        let list = evo.json(&["status"]);
        let found = list["entities"].as_array().unwrap().iter().find(|e| e["entity"] == "branches").unwrap().clone();
        assert_eq!(found["derived_from"], serde_json::json!(["members", "prospects", "sales", "entries"]));
        (found["batches_to_transform"].clone(), found["transformed_at"].is_null())
    };
    assert_eq!(branches(), (0.into(), true), "sales have not taken the batch in");
    evo.json(&["transform", "sales"]);
    assert_eq!(branches(), (1.into(), true));
    evo.run(&["status", "branches"]).exits(0).says("branches").says("next: evo transform all");
    evo.json(&["transform", "branches"]);
    assert_eq!(branches(), (0.into(), false));
    evo.json(&["transform", "sales", "--full-refresh"]);
    assert_eq!(branches(), (1.into(), false), "another generation of a source means a full build");
    evo.run(&["load", "sales", "branches"])
        .exits(2)
        .says("branches is a dimension")
        .says("members, prospects, sales, entries")
        .says("evo transform branches");
}
