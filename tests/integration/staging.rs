//! A staging table that somebody has altered: what evo cannot work with is named before anything is done.

use crate::support::{Evo, cluster, object};

/// What is done to stg_evo.sales_raw, what evo says, and what undoes it.
const FAULTS: [(&str, &str, &str); 6] = [
    (
        "alter table stg_evo.sales_raw alter column raw_data type json",
        "the column raw_data of stg_evo.sales_raw is of type json, and has to be jsonb",
        "alter table stg_evo.sales_raw alter column raw_data type jsonb",
    ),
    (
        "alter table stg_evo.sales_raw alter column sale_id type text",
        "the column sale_id of stg_evo.sales_raw is of type text, and has to be bigint",
        "alter table \"stg_evo\".\"sales_raw\" alter column \"sale_id\" type bigint using \"sale_id\"::bigint",
    ),
    (
        "alter table stg_evo.sales_raw add column team text not null default ''; alter table stg_evo.sales_raw alter column team drop default",
        "the column team of stg_evo.sales_raw is NOT NULL and has no default",
        "alter table stg_evo.sales_raw alter column team drop not null",
    ),
    (
        "create rule quiet as on insert to stg_evo.sales_raw do instead nothing",
        "the rule quiet on stg_evo.sales_raw",
        "drop rule quiet on stg_evo.sales_raw",
    ),
    (
        "alter table stg_evo.sales_raw drop constraint sales_raw_pkey",
        "stg_evo.sales_raw has no unique index on its key (\"sale_id\")",
        "alter table \"stg_evo\".\"sales_raw\" add primary key (\"sale_id\")",
    ),
    (
        "create table public.kid () inherits (stg_evo.sales_raw)",
        "the table public.kid inherits from stg_evo.sales_raw",
        "alter table public.kid no inherit stg_evo.sales_raw",
    ),
];

fn a_sale() -> Evo {
    let evo = Evo::new();
    object("sales", "20260110T020501Z", "a").lines(&evo.lake(), &[r#"{"idSale": 1, "idEmployee": 7}"#]);
    object("prospects", "20260110T020501Z", "a").lines(&evo.lake(), &[r#"{"idProspect": 1}"#]);
    evo
}

#[test]
fn a_staging_table_that_does_not_fit_stops_its_entity_by_name_and_the_others_go_on() {
    let evo = a_sale();
    for (make, says, undo) in FAULTS {
        evo.db.sql(make);
        evo.run(&["load", "sales", "prospects"]).exits(3).says(says).says("hint:");
        evo.run(&["transform", "sales"]).exits(3).says(says).says("hint:");
        evo.db.sql(undo);
    }
    assert_eq!(evo.db.one("select count(*) from stg_evo.prospects_raw"), "1");
    assert_eq!(evo.entity(&["load", "sales"])["inserted"], 1);
    evo.json(&["transform", "sales"]);
}

#[test]
fn what_has_the_name_of_a_table_and_is_none_is_named_by_every_command() {
    if cluster::is_left_out("a job says before that the tables are not distributed alike") {
        return;
    }
    for table in ["stg_evo.sales_raw", "core.evo_sales"] {
        let evo = a_sale();
        evo.json(&["load", "sales"]);
        evo.json(&["transform", "sales"]);
        let kept = format!("{}.kept", table.split_once('.').unwrap().0);
        evo.db.sql(&format!("alter table {table} rename to kept; create view {table} as select * from {kept}"));
        let says = format!("{table} is a view, and has to be a table");
        let commands = [&["transform", "sales"][..], &["transform", "sales", "--full-refresh"], &["verify", "sales"]];
        for command in commands {
            evo.run(command).exits(3).says(&says).says("hint: rename it");
        }
        if table.starts_with("stg_evo") {
            evo.run(&["load", "sales"]).exits(3).says(&says);
        }
    }
}

#[test]
fn a_published_table_without_replica_identity_is_for_its_publisher_to_correct() {
    if cluster::is_left_out("the shards of a published table are not published") {
        return;
    }
    let evo = a_sale();
    evo.json(&["load", "sales"]);
    evo.json(&["transform", "sales"]);
    evo.db.sql(
        "alter table core.evo_sales_all replica identity nothing;
         create publication news for table core.evo_sales_all",
    );
    object("sales", "20260111T020501Z", "a").lines(&evo.lake(), &[r#"{"idSale": 1, "idEmployee": 8}"#]);
    evo.json(&["load", "sales"]);
    evo.run(&["transform", "sales"]).exits(3).says("does not have a replica identity").says("hint: ");
    evo.db.sql("alter table core.evo_sales_all replica identity default");
    evo.json(&["transform", "sales"]);
    assert_eq!(evo.db.one("select employee_id from core.evo_sales"), "8");
}

#[test]
fn a_trigger_that_leaves_rows_out_of_staging_is_named_and_nothing_counts_as_loaded() {
    let evo = a_sale();
    evo.db.sql(
        "create function public.skip() returns trigger language plpgsql as $$ begin return null; end $$;
         create trigger skip before insert on stg_evo.sales_raw for each row execute function public.skip()",
    );
    let load = evo.run(&["load", "sales"]).exits(6).says("trigger skip on stg_evo.sales_raw does not let every row");
    assert!(!load.stderr.contains("gave up"), "time does not heal it: {}", load.stderr);
    assert_eq!(evo.db.one("select count(*) from evo.objects where state = 'loaded'"), "0");
    evo.db.sql("alter table stg_evo.sales_raw disable trigger skip");
    assert_eq!(evo.entity(&["load", "sales"])["inserted"], 1);
}

#[test]
fn a_name_that_a_trigger_of_somebodys_does_not_qualify_is_for_them_to_correct() {
    let evo = a_sale();
    evo.db.sql(
        "create table public.seen (n int);
         create function public.note() returns trigger language plpgsql as $$ begin insert into seen values (1); return null; end $$;
         create trigger note after insert on stg_evo.sales_raw for each statement execute function public.note()",
    );
    evo.run(&["load", "sales"])
        .exits(3)
        .says("public.note()")
        .says("\"seen\" does not exist")
        .says("write SCHEMA.NAME");
    evo.db.sql("alter function public.note() set search_path = public");
    assert_eq!(evo.entity(&["load", "sales"])["inserted"], 1);
}

#[test]
fn a_column_of_core_that_became_a_text_takes_the_values_as_texts() {
    let evo = a_sale();
    evo.json(&["load", "sales"]);
    evo.db.sql("alter table core.evo_sales alter column employee_id type text");
    evo.json(&["transform", "sales"]);
    evo.json(&["transform", "sales", "--full-refresh"]);
    assert_eq!(evo.db.one("select employee_id from core.evo_sales"), "7");
    // What no assignment can bring there is named.
    evo.db.sql("alter table core.evo_sales alter column sale_date type bigint using null");
    evo.run(&["transform", "sales", "--full-refresh"]).exits(3).says("column \"sale_date\" is of type bigint");
    evo.db.sql("alter table core.evo_sales alter column branch_id type text");
    evo.run(&["check", "sales", "--only", "fact_without_branch"]).exits(3).says("check fact_without_branch");
}
