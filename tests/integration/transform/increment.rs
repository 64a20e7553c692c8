//! Increments: chunks, watermarks, what they cost, and when a new generation is chosen instead.

use super::{RUN, RUN_2, TABLES, core};
use crate::support::{Evo, object};

/// A lake with `runs` runs of every entity, loaded, of which only the first is transformed.
fn two_versions(evo: &Evo) {
    let args = [
        "generate",
        "all",
        "--scale",
        "0.02",
        "--misfits",
        "3%",
        "--duplicates",
        "2%",
        "--changed",
        "30%",
        "--new",
        "5%",
    ];
    evo.run(&[&args[..], &["--runs", "1"]].concat()).exits(0);
    evo.json(&["load", "all"]);
    evo.json(&["transform", "all"]);
    evo.run(&[&args[..], &["--runs", "2"]].concat()).exits(0);
    evo.json(&["load", "all", "--batch-size", "1"]);
}

#[test]
fn chunks_of_any_size_and_number_of_workers_give_the_same_tables() {
    let evo = Evo::new();
    two_versions(&evo);
    let name = evo.db.one("select current_database()");
    let copies = [("7", "4"), ("100", "1"), ("20000", "3")].map(|(chunk, workers)| {
        let copy = crate::support::Database::copy_of(&name);
        let mut command = crate::support::binary(evo.dir.path());
        command.args(["transform", "all", "--incremental", "--workers", workers, "--database-url", &copy.url]);
        let run = command.env("EVO_TRANSFORM_CHUNK_ROWS", chunk).output().unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        copy
    });
    evo.json(&["transform", "all", "--full-refresh"]);
    let expected = core(&evo.db);
    for copy in &copies {
        for (table, (a, b)) in TABLES.iter().zip(core(copy).iter().zip(&expected)) {
            assert!(a == b, "{table} differs: {:?}", a.iter().zip(b).find(|(x, y)| x != y));
        }
        assert_eq!(copy.one("select count(*) from evo.batches b where not exists (select from evo.model_batches m where m.batch_id = b.batch_id)"), "0");
    }
}

#[test]
fn an_increment_reads_no_core_table_whole() {
    // The cost follows the change: no sequential scan of a table of core for few changed documents among
    // many.
    let evo = Evo::new();
    evo.run(&["generate", "sales", "--records", "300"]).exits(0);
    evo.json(&["load", "sales"]);
    evo.json(&["transform", "sales"]);
    evo.db.sql(
        "insert into core.evo_sales (sale_id) select n from generate_series(1000000000, 1000050000) n;
         insert into core.evo_sale_items (sale_id, sale_item_id) select n, n from generate_series(1000000000, 1000050000) n;
         insert into core.evo_receivables (sale_id, receivable_id) select n, n from generate_series(1000000000, 1000050000) n;
         insert into stg_evo.sales_raw (sale_id, raw_data) select n, '{}' from generate_series(1000000000, 1000050000) n;
         analyze core.evo_sales, core.evo_sale_items, core.evo_receivables, stg_evo.sales_raw",
    );
    let lines: Vec<String> = evo
        .db
        .sql("select sale_id from core.evo_sales order by 1 limit 100")
        .iter()
        .map(|row| format!(r#"{{"idSale": {}, "observations": "x"}}"#, row[0]))
        .collect();
    object("sales", "20260401T000000Z", "a").lines(&evo.lake(), &lines.iter().map(String::as_str).collect::<Vec<_>>());
    evo.json(&["load", "sales", "--run-id", "20260401T000000Z"]);
    let scans = || {
        let sql =
            "select coalesce(sum(seq_tup_read), 0) from pg_stat_user_tables where schemaname in ('core', 'stg_evo')";
        evo.db.one(sql).parse::<u64>().unwrap()
    };
    std::thread::sleep(std::time::Duration::from_millis(1500));
    let before = scans();
    let summary = evo.entity(&["transform", "sales"]);
    assert_eq!(summary["tables"][0]["updated"], 100, "{summary}");
    assert!(summary["tables"][1]["deleted"].as_u64() >= Some(1), "{summary}");
    // The server writes its statistics a second later.
    std::thread::sleep(std::time::Duration::from_millis(1500));
    assert_eq!(scans() - before, 0);
}

#[test]
fn a_batch_enters_the_watermark_with_its_last_chunk_only() {
    let evo = Evo::new();
    let lines: Vec<String> =
        (1..=100).map(|i| format!(r#"{{"idSale": {i}, "saleItens": [{{"idSaleItem": {i}}}]}}"#)).collect();
    object("sales", RUN, "a").lines(&evo.lake(), &lines.iter().map(String::as_str).collect::<Vec<_>>());
    evo.json(&["load", "sales"]);
    // The third of ten chunks is not in as a whole: a constraint of the user's own refuses a row.
    evo.db.sql("alter table core.evo_sales add constraint no_25 check (sale_id <> 25)");
    let transform = || {
        evo.command(&["transform", "sales", "--workers", "1"]).env("EVO_TRANSFORM_CHUNK_ROWS", "10").output().unwrap()
    };
    assert_eq!(transform().status.code(), Some(6));
    assert_eq!(evo.db.one("select count(*) from core.evo_sales"), "99");
    assert_eq!(evo.db.one("select count(*) from core.evo_sale_items"), "99");
    assert_eq!(evo.db.one("select count(*) from evo.model_batches"), "0");
    evo.db.sql("alter table core.evo_sales drop constraint no_25");
    assert!(transform().status.success());
    assert_eq!(evo.db.one("select count(*) from core.evo_sales join core.evo_sale_items using (sale_id)"), "100");
    assert_eq!(evo.db.one("select count(*) from evo.model_batches"), "1");
}

#[test]
fn in_place_mends_whatever_differs_and_deletes_what_staging_does_not_have() {
    let evo = Evo::new();
    evo.run(&["generate", "all", "--scale", "0.02"]).exits(0);
    evo.json(&["load", "all"]);
    evo.json(&["transform", "all"]);
    let expected = core(&evo.db);
    evo.db.sql(
        "update core.evo_sales set observations = 'tampered' where sale_id % 7 = 0;
         delete from core.evo_receivables where receivable_id % 5 = 0;
         insert into core.evo_sale_items (sale_id, sale_item_id) values (-1, 1);
         insert into core.evo_sales (sale_id) values (-1), (9223372036854775807);
         insert into core.evo_entries (entry_id, entry_date) select entry_id, entry_date + interval '1 second' from core.evo_entries limit 3;
         delete from core.evo_members where member_id % 3 = 0",
    );
    let oids = "select oid::text, relname from pg_class where relnamespace = 'core'::regnamespace order by 2";
    let before = evo.db.sql(oids);
    let summary = evo.json(&["transform", "all", "--in-place"]);
    assert_eq!(core(&evo.db), expected);
    let sales = summary["entities"].as_array().unwrap().iter().find(|e| e["entity"] == "sales").unwrap();
    assert_eq!((&sales["mode"], &sales["tables"][0]["deleted"]), (&"in place".into(), &2.into()), "{sales}");
    assert_eq!(evo.db.sql(oids), before, "it changes rows, not tables");
    // What fits is not touched.
    let again = evo.json(&["transform", "all", "--in-place"]);
    for table in again["entities"].as_array().unwrap().iter().flat_map(|e| e["tables"].as_array().unwrap()) {
        assert_eq!([&table["inserted"], &table["updated"], &table["deleted"]], [0, 0, 0], "{table}");
    }
}

#[test]
fn a_dry_run_says_what_would_be_done_and_changes_nothing() {
    let evo = Evo::new();
    evo.run(&["generate", "sales", "--records", "300"]).exits(0);
    evo.json(&["load", "sales"]);
    evo.json(&["transform", "sales", "--full-refresh"]);
    object("sales", RUN_2, "a").lines(&evo.lake(), &[r#"{"idSale": 1}"#, r#"{"idSale": 2}"#]);
    evo.json(&["load", "sales", "--run-id", RUN_2]);
    let state = "select (select count(*) from evo.runs), (select count(*) from evo.model_batches), (select count(*) from core.evo_sales)";
    let before = evo.db.sql(state);
    let plan = evo.entity(&["transform", "sales", "--dry-run"]);
    assert_eq!(
        (&plan["mode"], &plan["batches"], &plan["changed"]),
        (&"incremental".into(), &1.into(), &2.into()),
        "{plan}"
    );
    assert_eq!(plan["staged"], 302);
    let plan = evo.entity(&["transform", "sales", "--dry-run", "--full-refresh"]);
    let table = &plan["tables"][0];
    assert_eq!((&plan["mode"], &table["rows"]), (&"full refresh".into(), &300.into()), "{plan}");
    assert!(table["needs_bytes"].as_u64() > table["bytes"].as_u64(), "302 documents need more than 300: {table}");
    evo.run(&["transform", "sales", "--dry-run"])
        .exits(0)
        .says("2 of 302 documents new or changed")
        .says("nothing was changed");
    assert_eq!(evo.db.sql(state), before);
}
