//! Full refreshes: guards, parts, and what becomes of the generations.

use super::{RUN, RUN_2, core};
use crate::support::{Evo, object};

fn generations(evo: &Evo) -> String {
    evo.db
        .one("select count(*) from pg_class where relnamespace in ('evo_next'::regnamespace, 'evo_old'::regnamespace)")
}

#[test]
fn what_an_interrupted_refresh_left_behind_is_collected() {
    let evo = Evo::new();
    evo.run(&["generate", "prospects", "--records", "50"]).exits(0);
    evo.json(&["load", "prospects"]);
    evo.db.sql(
        "create table evo_next.evo_prospects_all (like core.evo_prospects);
         create table evo_old.evo_prospects_all (like core.evo_prospects including all);
         create table evo_next.evo_sales_all (like core.evo_sales)",
    );
    evo.json(&["transform", "prospects", "--full-refresh"]);
    // Another entity's may be in the making.
    assert_eq!(generations(&evo), "1");
    assert_eq!(evo.db.one("select count(*) from core.evo_prospects"), "50");
}

#[test]
fn a_generation_that_lost_too_many_rows_does_not_replace_the_old_one() {
    let evo = Evo::new();
    let sale = |i: u32, children: u32| {
        let items: Vec<String> = (0..children).map(|c| format!(r#"{{"idSaleItem": {}}}"#, i * 10 + c)).collect();
        format!(r#"{{"idSale": {i}, "saleItens": [{}]}}"#, items.join(", "))
    };
    let lines: Vec<String> = (1..=10).map(|i| sale(i, 4)).collect();
    object("sales", RUN, "a").lines(&evo.lake(), &lines.iter().map(String::as_str).collect::<Vec<_>>());
    evo.json(&["load", "sales"]);
    evo.json(&["transform", "sales", "--full-refresh"]);
    // Nine of forty items vanish: 22.5 %.
    let lines: Vec<String> = (1..=3).map(|i| sale(i, 1)).collect();
    object("sales", RUN_2, "a").lines(&evo.lake(), &lines.iter().map(String::as_str).collect::<Vec<_>>());
    evo.json(&["load", "sales"]);
    let before = (core(&evo.db), evo.db.sql("select table_name, generation, rows_count from evo.models order by 1"));
    evo.run(&["transform", "sales", "--full-refresh"])
        .exits(6)
        .says("core.evo_sale_items")
        .says("31 rows, the old one 40")
        .says("--max-shrink");
    assert_eq!(
        (core(&evo.db), evo.db.sql("select table_name, generation, rows_count from evo.models order by 1")),
        before
    );
    assert_eq!(generations(&evo), "0");
    assert_eq!(evo.db.one("select count(*) from evo.model_batches"), "1", "the second batch is still pending");
    evo.json(&["transform", "sales", "--full-refresh", "--max-shrink", "22.5%"]);
    assert_eq!(evo.db.one("select count(*) from core.evo_sale_items"), "31");
    evo.run(&["transform", "sales", "--full-refresh", "--max-shrink", "half"]).exits(2).says("--max-shrink");
}

#[test]
fn a_model_that_loses_or_repeats_documents_does_not_get_its_generation_swapped_in() {
    let evo = Evo::new();
    let models = evo.dir.path().join("own/models/visits");
    let migrations = evo.dir.path().join("own/migrations");
    std::fs::create_dir_all(&models).unwrap();
    std::fs::create_dir_all(&migrations).unwrap();
    std::fs::write(
        migrations.join("0001_visits.up.sql"),
        "create table stg_evo.visits_raw (like stg_evo.prospects_raw including all);
         alter table stg_evo.visits_raw rename column prospect_id to visit_id;
         create table core.visits (visit_id bigint not null, note text not null, primary key (visit_id)) partition by range (visit_id);
         create table core.visits_all partition of core.visits for values from (minvalue) to (maxvalue)",
    )
    .unwrap();
    let toml = "name = 'visits'\nbronze_prefix = 'bronze/evo/entity=visits'\nzone = 'UTC'\nmodels = ['visits']\n[staging]\ntable = 'stg_evo.visits_raw'\nkey_column = 'visit_id'\n[key]\nfield = 'idVisit'\n";
    std::fs::write(models.join("entity.toml"), toml).unwrap();
    let model = |body: &str| {
        let header =
            "-- grain: one row per visit\n-- source: stg_evo.visits_raw\n-- parent key: visit_id\n-- key: visit_id\n";
        std::fs::write(models.join("visits.sql"), format!("{header}{body}")).unwrap();
    };
    let good = "select s.visit_id, s.raw_data ->> 'note' as note from {source} s";
    model(good);
    let own = |args: &[&str]| evo.run(&[args, &["--extend", "own"]].concat());
    own(&["migrate"]).exits(0);
    object("visits", RUN, "a")
        .lines(&evo.lake(), &[r#"{"idVisit": 1, "note": "a"}"#, r#"{"idVisit": 2, "note": "b"}"#]);
    own(&["load", "visits"]).exits(0);
    own(&["transform", "visits", "--full-refresh"]).exits(0);
    for (bad, says) in [
        (format!("{good} where s.visit_id <> 2"), "1 row for 2 staged documents"),
        (format!("{good} cross join generate_series(1, 2)"), "breaks a constraint"),
        (good.replace("s.raw_data ->> 'note'", "null::text"), "breaks a constraint"),
    ] {
        model(&bad);
        own(&["transform", "visits", "--full-refresh", "--max-shrink", "100%"])
            .exits(6)
            .says(says)
            .says("the old generation still serves");
        assert_eq!(evo.db.sql("select visit_id, note from core.visits order by 1"), [["1", "a"], ["2", "b"]]);
        assert_eq!(generations(&evo), "0");
    }
}

#[test]
fn a_year_is_refreshed_alone_and_in_ranges() {
    let evo = Evo::new();
    let entry = |date: &str, member: u32| {
        format!(
            r#"{{"date": "{date}", "idMember": {member}, "idBranch": 1, "device": "d", "entryAction": "Entry", "releasesByID": "x"}}"#
        )
    };
    let mut lines: Vec<String> =
        (1..=200).map(|i| entry(&format!("2024-{:02}-{:02}T10:00:00", 1 + i % 12, 1 + i % 28), i)).collect();
    lines.extend((1..=50).map(|i| entry(&format!("2025-{:02}-01T10:00:00", 1 + i % 12), i)));
    lines.push(entry("1900-01-01T00:00:00", 7));
    object("entries", RUN, "a").lines(&evo.lake(), &lines.iter().map(String::as_str).collect::<Vec<_>>());
    evo.json(&["load", "entries"]);
    evo.json(&["transform", "entries"]);
    let expected = core(&evo.db);
    let issues = "select table_name, key_text, column_name, raw_value from evo.issues order by 1, 2";
    let filed = evo.db.sql(issues);
    assert_eq!(filed.len(), 251);
    evo.db.sql("update core.evo_entries set device = 'tampered'; analyze stg_evo.entries_raw");
    let nodes = "select c.relname, pg_relation_filenode(c.oid)::text from pg_class c where relnamespace = 'core'::regnamespace and relname ~ '^evo_entries_' and relkind = 'r' order by 1";
    let before = evo.db.sql(nodes);
    let refresh = |year: &str| {
        let mut command = evo.command(&["transform", "entries", "--full-refresh", "--year", year, "--workers", "3"]);
        crate::support::Run::from(command.env("EVO_TRANSFORM_CHUNK_ROWS", "20").output().unwrap())
    };
    refresh("2024").exits(0);
    assert_eq!(
        evo.db.sql("select extract(year from entry_date)::int, count(*) from core.evo_entries where device <> 'tampered' group by 1"),
        [["2024", "200"]]
    );
    let moved: Vec<String> =
        evo.db.sql(nodes).iter().zip(&before).filter(|(a, b)| a != b).map(|(a, _)| a[0].clone()).collect();
    assert_eq!(moved, ["evo_entries_2024"], "only that partition is rebuilt");
    refresh("2025").exits(0);
    refresh("1999").exits(2).says("evo_entries_2024, evo_entries_2025");
    for dry_run in [&[][..], &["--dry-run"]] {
        let refresh = |entity: &str, year: &str| {
            evo.run(&[&["transform", entity, "--full-refresh", "--year", year][..], dry_run].concat())
        };
        refresh("sales", "2024").exits(2).says("not partitioned by year");
        refresh("entries", "1999").exits(2).says("core.evo_entries has no partition of that year");
    }
    evo.db.sql("update core.evo_entries set device = 'd'");
    assert_eq!(core(&evo.db), expected);
    assert_eq!(evo.db.sql(issues), filed, "the issues of the other years stay");
    // The whole, in ranges too.
    evo.db.sql("update core.evo_entries set device = 'tampered'");
    let mut command = evo.command(&["transform", "entries", "--full-refresh"]);
    crate::support::Run::from(command.env("EVO_TRANSFORM_CHUNK_ROWS", "20").output().unwrap()).exits(0);
    assert_eq!(core(&evo.db), expected);
}

#[test]
fn what_arrives_while_a_generation_is_built_is_taken_in_by_the_next_transform() {
    let evo = Evo::new();
    evo.run(&["generate", "sales", "--records", "500"]).exits(0);
    evo.json(&["load", "sales"]);
    evo.json(&["transform", "sales"]);
    // The refresh has its snapshot and waits for the reader; meanwhile a batch is loaded.
    let reader = crate::support::Session::open(&evo.db.url);
    reader.run("begin; select count(*) from core.evo_sales");
    let refresh =
        evo.command(&["transform", "sales", "--full-refresh"]).stderr(std::process::Stdio::null()).spawn().unwrap();
    evo.db.wait_for("select count(*) from pg_constraint where conname = 'evo_partition_bound'", "3");
    object("sales", "20260401T000000Z", "a")
        .lines(&evo.lake(), &[r#"{"idSale": 1, "saleItens": [{"idSaleItem": 1}]}"#]);
    evo.json(&["load", "sales", "--run-id", "20260401T000000Z"]);
    reader.run("commit");
    assert!(refresh.wait_with_output().unwrap().status.success());
    assert_eq!(evo.db.one("select count(*) from core.evo_sales where sale_id = 1"), "0");
    assert_eq!(evo.entity(&["transform", "sales"])["batches"], 1);
    assert_eq!(
        evo.db.one("select count(*) from core.evo_sales join core.evo_sale_items using (sale_id) where sale_id = 1"),
        "1"
    );
}

#[test]
fn readers_see_one_generation_or_the_other_through_full_refreshes_and_never_wait_long() {
    let evo = Evo::new();
    evo.run(&["generate", "sales", "--records", "2000"]).exits(0);
    evo.json(&["load", "sales"]);
    evo.json(&["transform", "sales"]);
    let counts = "select (select count(*) from core.evo_sales), (select count(*) from core.evo_sales join core.evo_sale_items using (sale_id)),
                         (select count(*) from core.evo_receivables), (select max(_loaded_at) from core.evo_sales) = (select max(_loaded_at) from core.evo_receivables)";
    let expected = evo.db.sql(counts);
    let done = std::sync::atomic::AtomicBool::new(false);
    let (seen, longest) = std::thread::scope(|scope| {
        let readers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let session = crate::support::Session::open(&evo.db.url);
                    let (mut seen, mut longest) = (0, std::time::Duration::ZERO);
                    while !done.load(std::sync::atomic::Ordering::Relaxed) {
                        let started = std::time::Instant::now();
                        assert_eq!(session.run(counts), expected, "a reader saw a gap or a mixture");
                        longest = longest.max(started.elapsed());
                        seen += 1;
                    }
                    (seen, longest)
                })
            })
            .collect();
        for _ in 0..5 {
            let summary = evo.entity(&["transform", "sales", "--full-refresh"]);
            assert!(summary["swap_ms"].as_u64().is_some(), "{summary}");
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        readers
            .into_iter()
            .map(|r| r.join().unwrap())
            .fold((0, std::time::Duration::ZERO), |(n, l), (seen, longest)| (n + seen, l.max(longest)))
    });
    assert!(seen > 30, "{seen}");
    // A loose bound for a busy machine; what it is on a quiet one stands in docs/decisions/0006.
    assert!(longest < std::time::Duration::from_secs(2), "a reader waited {longest:?}");
}

/// Sales in several blocks of staging. One has an id twice in its items, another a value that does not fit.
fn repeated_ids(repeating: usize) -> (Evo, Vec<Vec<Vec<String>>>) {
    let evo = Evo::new();
    let filler = "x".repeat(1500);
    let sale = |i: usize| {
        let item = |id: usize, item: &str| format!(r#"{{"idSaleItem": {id}, "item": "{item}", "quantity": 1}}"#);
        let items = match i {
            _ if i == repeating => [item(i, "a"), item(100 + i, "b"), item(i, "c")].join(", "),
            7 => item(i, "d").replace(": 1}", r#": "one"}"#),
            _ => item(i, "e"),
        };
        format!(r#"{{"idSale": {i}, "observations": "{filler}", "saleItens": [{items}]}}"#)
    };
    let lines: Vec<String> = (1..=40).map(sale).collect();
    object("sales", RUN, "a").lines(&evo.lake(), &lines.iter().map(String::as_str).collect::<Vec<_>>());
    evo.json(&["load", "sales"]);
    evo.json(&["transform", "sales"]);
    let by_increments = core(&evo.db);
    assert_eq!(evo.db.one(&format!("select item from core.evo_sale_items where sale_item_id = {repeating}")), "c");
    (evo, by_increments)
}

fn refresh_in_small_parts(evo: &Evo) -> std::process::Command {
    let mut command = evo.command(&["transform", "sales", "--full-refresh", "--workers", "1", "--output", "json"]);
    command.env("EVO_TRANSFORM_CHUNK_ROWS", "4");
    command
}

#[test]
fn an_id_that_comes_twice_in_an_array_is_one_row_of_a_new_generation_whatever_finds_it() {
    for (repeating, change) in [
        // The first part is counted, the last is left to the key's index.
        (1, "select"),
        (40, "select"),
        // An index of one's own refuses it, too.
        (40, "create unique index own on core.evo_sale_items_all (sale_item_id)"),
        // No index does.
        (40, "alter table core.evo_sale_items drop constraint evo_sale_items_pkey"),
    ] {
        let (evo, by_increments) = repeated_ids(repeating);
        evo.db.sql(change);
        let run = crate::support::Run::from(refresh_in_small_parts(&evo).output().unwrap()).exits(0);
        let summary: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        let items = &summary["entities"][0]["tables"][1];
        assert_eq!((&items["rows"], &items["issues"]), (&41.into(), &1.into()), "{change}: {summary}");
        assert_eq!(core(&evo.db), by_increments, "{change}");
        assert_eq!(evo.db.one("select count(*) from evo.issues"), "1", "{change}");
        assert_eq!(generations(&evo), "0", "{change}");
    }
}

#[test]
fn a_key_that_is_dropped_while_a_generation_is_filled_is_not_needed_to_find_an_id_that_comes_twice() {
    let (evo, by_increments) = repeated_ids(40);
    let mut refresh = refresh_in_small_parts(&evo);
    refresh.env("EVO_FAILPOINTS", "transform.after_create=sleep(2000)");
    let refresh = refresh.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
    let created = "select count(*) from pg_class where relnamespace = 'evo_next'::regnamespace and relkind = 'r'";
    evo.db.wait_for(created, "3");
    evo.db.sql("alter table core.evo_sale_items drop constraint evo_sale_items_pkey");
    assert!(refresh.wait_with_output().unwrap().status.success());
    assert_eq!(core(&evo.db), by_increments);
    assert_eq!(generations(&evo), "0");
}
