//! `evo distribute`.

use super::{distributed, with_stub};
use crate::support::{Database, Evo, cluster, object};

const RUN: &str = "20260110T020501Z";

#[test]
fn a_server_without_citus_is_no_cluster() {
    let evo = Evo::with(Database::bare());
    evo.run(&["migrate"]).exits(0);
    evo.run(&["distribute"]).exits(3).says("does not have the extension citus").says("docs/scale.md");
}

#[test]
fn tables_are_distributed_once_and_a_dry_run_changes_nothing() {
    if cluster::is_left_out("its databases are distributed from the beginning") {
        return;
    }
    let evo = with_stub(Database::migrated());
    evo.run(&["distribute", "sales", "--dry-run"]).exits(0).says("would be").says("jit = 'off'");
    assert_eq!(evo.db.one("select count(*) from pg_dist_partition"), "0");
    assert_eq!(evo.json(&["distribute", "--dry-run"])["tables"][0]["was_distributed"], false);
    let done = evo.json(&["distribute", "sales", "--shards", "8"]);
    assert_eq!((done["servers"].as_i64(), done["shards"].as_i64()), (Some(1), Some(8)));
    let placed = "select logicalrelid::text, partmethod, partkey from pg_dist_partition order by 1";
    assert_eq!(
        evo.db.sql(placed),
        [
            ["core.evo_branches", "n", "∅"],
            ["core.evo_employees", "n", "∅"],
            ["core.evo_receivables", "h", "sale_id"],
            ["core.evo_sale_items", "h", "sale_id"],
            ["core.evo_sales", "h", "sale_id"],
            ["stg_evo.sales_raw", "h", "sale_id"],
        ]
    );
    evo.run(&["distribute", "sales"]).exits(0).says("everything is distributed");
    evo.run(&["distribute", "nothing"]).exits(2).says("unknown entity");
    let set = evo.db.one("select setconfig::text from pg_db_role_setting where setrole = current_user::regrole and setdatabase = (select oid from pg_database where datname = current_database())");
    assert!(set.contains("jit=off") && set.to_lowercase().contains("datestyle=iso, ymd"), "{set}");
}

#[test]
fn half_an_entity_is_refused_with_what_completes_it() {
    if cluster::is_left_out("its databases are distributed from the beginning") {
        return;
    }
    let evo = with_stub(Database::migrated());
    object("sales", RUN, "a").lines(&evo.lake(), &[r#"{"idSale": 1}"#]);
    evo.db.sql("select create_distributed_table('stg_evo.sales_raw', 'sale_id')");
    for command in ["load", "transform"] {
        evo.run(&[command, "sales"])
            .exits(3)
            .says("the tables of sales are not distributed alike")
            .says("core.evo_sales is local")
            .says("evo distribute sales");
    }
    evo.run(&["distribute", "sales"]).exits(0);
    evo.run(&["load", "sales"]).exits(0);
    evo.db.sql("update pg_dist_partition set partkey = 'member_id' where logicalrelid = 'core.evo_sales'::regclass");
    evo.run(&["distribute", "sales"]).exits(3).says("core.evo_sales is distributed by member_id");
}

#[test]
fn nothing_is_distributed_while_a_job_is_at_work() {
    if cluster::is_left_out("its databases are distributed from the beginning") {
        return;
    }
    let evo = with_stub(Database::migrated());
    evo.db.sql(
        "insert into evo.runs (execution_id, command, entities, arguments, evo_version, state, seen_at) \
         values (gen_random_uuid(), 'transform', '{sales}', '{}', '0', 'running', now())",
    );
    evo.run(&["distribute", "sales"]).exits(7).says("a job is at work");
    assert_eq!(evo.db.one("select count(*) from pg_dist_partition"), "0");
}

#[test]
fn a_session_that_would_read_values_otherwise_is_refused_with_what_sets_it() {
    if cluster::is_left_out("its servers are set alike") {
        return;
    }
    let evo = distributed();
    object("sales", RUN, "a").lines(&evo.lake(), &[r#"{"idSale": 1}"#]);
    let database = evo.db.one("select current_database()");
    evo.db.sql(&format!("alter role current_user in database {database} set timezone = 'Asia/Tokyo'"));
    for command in ["load", "transform"] {
        evo.run(&[command, "sales"]).exits(3).says("timezone = Asia/Tokyo").says("evo distribute");
    }
    evo.run(&["distribute", "sales"]).exits(0).says("set timezone = 'UTC'");
    evo.run(&["load", "sales"]).exits(0);
}
