//! Columns and partitions of people's own: kept, ignored, or refused by name.

use super::{RUN, RUN_2};
use crate::support::{Evo, Session, cluster, object, write};

const RUN_3: &str = "20260112T020501Z";

fn sale(id: u32, branch: u32) -> String {
    format!(r#"{{"idSale": {id}, "idBranch": {branch}, "saleItens": [{{"idSaleItem": {id}0}}]}}"#)
}

fn load(evo: &Evo, run: &str, lines: &[String]) {
    object("sales", run, "a").lines(&evo.lake(), &lines.iter().map(String::as_str).collect::<Vec<_>>());
    evo.json(&["load", "sales"]);
}

#[test]
fn columns_that_somebody_added_are_left_alone_and_keep_their_values_through_every_transform() {
    let evo = Evo::new();
    load(&evo, RUN, &[sale(1, 1), sale(2, 2), sale(3, 3)]);
    evo.json(&["transform", "sales"]);
    evo.db.sql(
        r#"alter table core.evo_sales add column my_note text default 'new';
           alter table core.evo_sales add column "it's ""mine""" int;
           alter table core.evo_sales add column twice bigint generated always as (branch_id * 2) stored;
           alter table core.evo_sale_items add column tag text;
           update core.evo_sales set my_note = 'kept', "it's ""mine""" = 7 where sale_id = 1;
           update core.evo_sales set my_note = null where sale_id = 2;
           update core.evo_sale_items set tag = 't' where sale_id = 3;
           alter table stg_evo.sales_raw add column seen int generated always as identity, add column tenfold bigint generated always as (sale_id * 10) stored, add column note text"#,
    );
    load(&evo, RUN_2, &[sale(1, 11), sale(4, 4)]);
    let rows = r#"select sale_id, branch_id, my_note, "it's ""mine""", twice, tag from core.evo_sales left join core.evo_sale_items using (sale_id) order by 1"#;
    let expected = [
        ["1", "11", "kept", "7", "22", "∅"],
        ["2", "2", "∅", "∅", "4", "∅"],
        ["3", "3", "new", "∅", "6", "t"],
        ["4", "4", "new", "∅", "8", "∅"],
    ];
    for mode in
        [&["transform", "sales"][..], &["transform", "sales", "--full-refresh"], &["transform", "sales", "--in-place"]]
    {
        evo.json(mode);
        assert_eq!(evo.db.sql(rows), expected, "{mode:?}");
    }
    evo.run(&["check", "sales"]).exits(0);
    evo.run(&["optimize-storage", "sales", "--vacuum", "--reindex"]).exits(0);
    // What is written while the next generation is built, after the values were copied.
    let mut refresh = evo.command(&["transform", "sales", "--full-refresh"]);
    refresh.env("EVO_FAILPOINTS", "transform.after_index=sleep(2000)").stderr(std::process::Stdio::null());
    let mut refresh = refresh.stdout(std::process::Stdio::null()).spawn().unwrap();
    evo.db.wait_for("select count(*) from pg_constraint where conname = 'evo_partition_bound'", "3");
    evo.db.sql("update core.evo_sales set my_note = 'late' where sale_id = 4");
    assert!(refresh.wait().unwrap().success());
    assert_eq!(
        evo.db.one("select string_agg(coalesce(my_note, '-'), ' ' order by sale_id) from core.evo_sales"),
        "kept - new late"
    );
    // A column that somebody dropped is left out.
    evo.db.sql("alter table core.evo_sales drop column my_note, drop column observations");
    load(&evo, RUN_3, &[sale(5, 5)]);
    for mode in [&["transform", "sales"][..], &["transform", "sales", "--full-refresh"]] {
        let summary = evo.json(mode);
        let absent = &summary["entities"][0]["absent_columns"];
        assert_eq!(*absent, serde_json::json!(["core.evo_sales.observations"]), "{summary}");
    }
    assert_eq!(evo.db.one("select count(*) from core.evo_sales"), "5");
    let text = evo.run(&["transform", "sales"]).exits(0).stdout;
    assert!(text.contains("left out: core.evo_sales.observations, which the model gives"), "{text}");
}

#[test]
fn a_column_that_somebody_made_narrower_costs_the_value_and_not_its_document() {
    let evo = Evo::new();
    let lines = [
        r#"{"idSale": 1, "observations": "too long", "idMember": 3000000000, "saleSource": 70000, "receivables": [{"idReceivable": 10, "amount": 1234.5}]}"#,
        r#"{"idSale": 2, "observations": "fine", "idMember": 7, "saleSource": 3, "receivables": [{"idReceivable": 20, "amount": -12.5}]}"#,
    ];
    load(&evo, RUN, &lines.map(str::to_owned));
    evo.db.sql(
        "alter table core.evo_sales alter column observations type varchar(5), alter column member_id type integer,
             alter column sale_source type smallint;
         alter table core.evo_receivables alter column amount type numeric(5, 2)",
    );
    for mode in
        [&["transform", "sales"][..], &["transform", "sales", "--full-refresh"], &["transform", "sales", "--in-place"]]
    {
        evo.run(mode).exits(0);
        let rows = "select sale_id, observations, member_id, sale_source, amount from core.evo_sales join core.evo_receivables using (sale_id) order by 1";
        assert_eq!(evo.db.sql(rows), [["1", "∅", "∅", "∅", "∅"], ["2", "fine", "7", "3", "-12.50"]], "{mode:?}");
        let issues = "select key_text, column_name, raw_value, reason from evo.issues order by column_name";
        let reason = "does not fit the column's type";
        assert_eq!(
            evo.db.sql(issues),
            [
                ["1,10", "amount", "1234.50", reason],
                ["1", "member_id", "3000000000", reason],
                ["1", "observations", "too long", reason],
                ["1", "sale_source", "70000", reason],
            ],
            "{mode:?}"
        );
    }
}

#[test]
fn nothing_is_rounded_or_cut_to_fit_a_column_that_somebody_changed() {
    let evo = Evo::new();
    let long = "x".repeat(64);
    let lines = [
        format!(
            r#"{{"idSale": 1, "observations": "{long}", "idMember": 16777217, "saleDate": "2024-03-18T06:12:45.5", "saleSource": 12, "receivables": [{{"idReceivable": 10, "amount": 12.25}}]}}"#
        ),
        r#"{"idSale": 2, "observations": "fine", "idMember": 7, "saleDate": "2024-03-18T06:12:45", "saleSource": 10, "receivables": [{"idReceivable": 20, "amount": 12.5}]}"#.to_owned(),
    ];
    load(&evo, RUN, &lines);
    // Scales below zero came with PostgreSQL 15.
    let has_tens = evo.db.one("select current_setting('server_version_num')::int >= 150000") == "t";
    let (tens, source, issue) =
        if has_tens { ("numeric(3, -1)", "∅", " sale_source") } else { ("integer", "12", "") };
    evo.db.sql(&format!(
        "create domain public.tenths as numeric(15, 1);
         alter table core.evo_sales alter column observations type name, alter column member_id type real,
             alter column sale_date type timestamptz(0), alter column sale_source type {tens};
         alter table core.evo_receivables alter column amount type public.tenths"
    ));
    for mode in
        [&["transform", "sales"][..], &["transform", "sales", "--full-refresh"], &["transform", "sales", "--in-place"]]
    {
        evo.run(mode).exits(0);
        let rows =
            "select sale_id, observations, member_id, sale_date at time zone 'America/Sao_Paulo', sale_source, amount
             from core.evo_sales join core.evo_receivables using (sale_id) order by 1";
        let fine = ["2", "fine", "7", "2024-03-18 06:12:45", "10", "12.5"];
        assert_eq!(evo.db.sql(rows), [["1", "∅", "∅", "∅", source, "∅"], fine], "{mode:?}");
        let issues = "select string_agg(column_name, ' ' order by column_name) from evo.issues";
        assert_eq!(evo.db.one(issues), format!("amount member_id observations sale_date{issue}"), "{mode:?}");
        evo.run(&["verify", "sales", "--deep"]).exits(0);
    }
}

#[test]
fn only_the_session_that_keeps_the_snapshot_may_be_idle_in_its_transaction() {
    if cluster::is_left_out("a default is evaluated by a server that does not have the settings of the session") {
        return;
    }
    let evo = Evo::new();
    evo.db.sql(
        "alter table core.evo_sales add column idle text default current_setting('idle_in_transaction_session_timeout')",
    );
    load(&evo, RUN, &[sale(1, 1)]);
    evo.json(&["transform", "sales", "--full-refresh"]);
    load(&evo, RUN_2, &[sale(2, 2)]);
    evo.json(&["transform", "sales", "--incremental"]);
    let idle = "select sale_id, idle from core.evo_sales order by 1";
    assert_eq!(evo.db.sql(idle), [["1", "1min"], ["2", "1min"]]);
}

/// An entity whose tables have no columns but their keys.
fn links() -> Evo {
    let evo = Evo::new();
    let write = |path: &str, text: &str| write(&evo.dir.path().join("own"), path, text.as_bytes());
    write(
        "migrations/0001_links.up.sql",
        "create table stg_evo.links_raw (like stg_evo.prospects_raw including all);
         alter table stg_evo.links_raw rename column prospect_id to link_id;
         create table core.links (link_id bigint primary key) partition by range (link_id);
         create table core.links_all partition of core.links for values from (minvalue) to (maxvalue);
         create table core.link_tags (link_id bigint, tag_id bigint, both_ids bigint generated always as (link_id + tag_id) stored,
             primary key (link_id, tag_id)) partition by range (link_id);
         create table core.link_tags_all partition of core.link_tags for values from (minvalue) to (maxvalue)",
    );
    write(
        "models/links/entity.toml",
        "name = 'links'\nbronze_prefix = 'bronze/evo/entity=links'\nzone = 'UTC'\nmodels = ['links', 'link_tags']\n[staging]\ntable = 'stg_evo.links_raw'\nkey_column = 'link_id'\n[key]\nfield = 'idLink'\n",
    );
    let head = |grain: &str, key: &str| {
        format!("-- grain: {grain}\n-- source: stg_evo.links_raw\n-- parent key: link_id\n-- key: {key}\n")
    };
    write("models/links/links.sql", &(head("one row per link", "link_id") + "select\n    s.link_id\nfrom {source} s"));
    write(
        "models/links/link_tags.sql",
        &(head("one row per tag", "link_id, tag_id")
            + "select\n    s.link_id,\n    c.id as tag_id\nfrom {source} s\ncross join lateral evo.as_children(s.raw_data, 'tags', 'idTag') c"),
    );
    evo
}

#[test]
fn a_table_whose_columns_are_all_in_its_key_is_written_in_every_mode() {
    let evo = links();
    let own = |args: &[&str]| evo.run(&[args, &["--extend", "own"]].concat()).exits(0);
    own(&["migrate"]);
    let rows = "select l.link_id, t.tag_id, t.both_ids from core.links l left join core.link_tags t using (link_id) order by 1, 2";
    object("links", RUN, "a")
        .lines(&evo.lake(), &[r#"{"idLink": 1, "tags": [{"idTag": 5}, {"idTag": 6}]}"#, r#"{"idLink": 2}"#]);
    own(&["load", "links"]);
    own(&["transform", "links"]);
    assert_eq!(evo.db.sql(rows), [["1", "5", "6"], ["1", "6", "7"], ["2", "∅", "∅"]]);
    object("links", RUN_2, "a")
        .lines(&evo.lake(), &[r#"{"idLink": 1, "tags": [{"idTag": 6}, {"idTag": 7}]}"#, r#"{"idLink": 3}"#]);
    own(&["load", "links"]);
    own(&["transform", "links"]);
    let expected = [["1", "6", "7"], ["1", "7", "8"], ["2", "∅", "∅"], ["3", "∅", "∅"]];
    assert_eq!(evo.db.sql(rows), expected);
    evo.db.sql("delete from core.link_tags where tag_id = 7; insert into core.links values (9)");
    own(&["transform", "links", "--in-place"]);
    assert_eq!(evo.db.sql(rows), expected);
    own(&["transform", "links", "--full-refresh"]);
    assert_eq!(evo.db.sql(rows), expected);
    evo.db.sql("truncate core.links, core.link_tags");
    own(&["transform", "links", "--full-refresh"]);
    assert_eq!(evo.db.sql(rows), expected);
}

fn entry(date: &str, member: u32) -> String {
    format!(r#"{{"date": "{date}", "idMember": {member}, "device": "d"}}"#)
}

const LONG: &str = "a_name_of_sixty_three_bytes_is_the_longest_that_postgresql_take";

/// What people do to partitions. Zone of the entity: three hours west of UTC.
fn reshapes() -> Vec<(&'static str, String)> {
    let year = "for values from ('2024-01-01 00:00-03') to ('2025-01-01 00:00-03')";
    let away = "alter table core.evo_entries detach partition core.evo_entries_2024; drop table core.evo_entries_2024;";
    vec![
        ("staging renamed", "alter table stg_evo.entries_raw_2024 rename to entries_raw_p2024".into()),
        ("core renamed oddly", r#"alter table core.evo_entries_2024 rename to "It's 2024.""x"" $1""#.into()),
        ("core renamed as long as can be", format!("alter table core.evo_entries_2024 rename to {LONG}")),
        (
            "a half is missing",
            format!("{away} create table core.evo_entries_2024h1 partition of core.evo_entries for values from ('2024-01-01 00:00-03') to ('2024-04-01 00:00-03')"),
        ),
        (
            "in two halves",
            format!(
                "{away} create table core.h1 partition of core.evo_entries for values from ('2024-01-01 00:00-03') to ('2024-04-01 00:00-03');
                 create table core.h2 partition of core.evo_entries for values from ('2024-04-01 00:00-03') to ('2025-01-01 00:00-03')"
            ),
        ),
        (
            "one for all years",
            format!("{away} create table core.every_year partition of core.evo_entries for values from ('2000-01-01') to ('2100-01-01')"),
        ),
        (
            "cut further, by hash, with the old name",
            format!(
                "{away} create table core.evo_entries_2024 partition of core.evo_entries {year} partition by hash (entry_id);
                 create table core.evo_entries_2024_0 partition of core.evo_entries_2024 for values with (modulus 2, remainder 0);
                 create table core.\"Evo.entries_2024_1\" partition of core.evo_entries_2024 for values with (modulus 2, remainder 1)"
            ),
        ),
        (
            "cut further, with a default one in another schema",
            format!(
                "{away} create schema other; create table other.cut partition of core.evo_entries {year} partition by range (entry_date);
                 create table other.cut_rest partition of other.cut default;
                 create table other.cut_march partition of other.cut for values from ('2024-03-01 00:00-03') to ('2024-04-01 00:00-03')"
            ),
        ),
        (
            "detached on both sides, the tables left",
            "alter table stg_evo.entries_raw detach partition stg_evo.entries_raw_2024; alter table core.evo_entries detach partition core.evo_entries_2024".into(),
        ),
        ("core detached, and a view in its place", format!("{away} create view core.evo_entries_2024 as select 1 as a")),
        ("renamed default", "alter table core.evo_entries_default rename to \"Rest\"; alter table stg_evo.entries_raw_default rename to rest".into()),
        ("staging with a generated column", "alter table stg_evo.entries_raw add column d int generated always as (extract(day from entry_date at time zone 'UTC')) stored".into()),
        ("staging cut in halves", "alter table stg_evo.entries_raw detach partition stg_evo.entries_raw_2024;
            create table stg_evo.h1 partition of stg_evo.entries_raw for values from ('2024-01-01 00:00-03') to ('2024-04-01 00:00-03');
            create table stg_evo.h2 partition of stg_evo.entries_raw for values from ('2024-04-01 00:00-03') to ('2025-01-01 00:00-03');
            insert into stg_evo.entries_raw select * from stg_evo.entries_raw_2024; drop table stg_evo.entries_raw_2024".into()),
    ]
}

#[test]
fn partitions_are_known_by_their_bounds_whatever_they_are_named_and_cut_into() {
    for (what, reshape) in reshapes() {
        if what == "core renamed as long as can be"
            && cluster::is_left_out("Citus refuses to change it: its shards' names are too long")
        {
            continue;
        }
        let evo = Evo::new();
        object("entries", RUN, "a")
            .lines(&evo.lake(), &[&entry("2024-03-18T06:12:45", 1), &entry("2024-05-18T06:12:45", 2)]);
        evo.json(&["load", "entries"]);
        evo.json(&["transform", "entries"]);
        evo.db.sql(&reshape);
        // In a detached table, rows are not evo's any more.
        let kept = if what.starts_with("detached") { "3 4 5" } else { "1 2 3 4 5" };
        let members = "select string_agg(member_id::text, ' ' order by member_id) from core.evo_entries";
        object("entries", RUN_2, "a").lines(
            &evo.lake(),
            &[&entry("2024-04-18T06:12:45", 3), &entry("2024-12-31T23:59:59", 4), &entry("2025-01-01T00:00:00", 5)],
        );
        let run = |args: &[&str]| {
            let run = evo.run(args);
            assert_eq!(run.code, 0, "{what}: {args:?}\n{}\n{}", run.stdout, run.stderr);
        };
        run(&["load", "entries"]);
        run(&["transform", "entries"]);
        run(&["transform", "entries", "--in-place"]);
        assert_eq!(evo.db.one(members), kept, "{what}");
        evo.db.sql("update core.evo_entries set device = 'tampered'");
        run(&["transform", "entries", "--full-refresh", "--year", "2024"]);
        run(&["transform", "entries", "--full-refresh"]);
        assert_eq!(evo.db.one(members), kept, "{what}");
        assert_eq!(evo.db.one("select count(*) from core.evo_entries where device = 'tampered'"), "0", "{what}");
        if what.starts_with("cut") {
            run(&["check", "entries"]);
            run(&["optimize-storage", "entries", "--vacuum", "--reindex"]);
            run(&["transform", "entries", "--full-refresh", "--dry-run"]);
        }
    }
}

#[test]
fn a_default_partition_of_somebody_s_own_does_not_count_the_documents_again() {
    let evo = Evo::new();
    load(&evo, RUN, &[sale(1, 1), sale(2, 1), sale(3, 1)]);
    evo.json(&["transform", "sales"]);
    evo.db.sql("create table core.evo_sales_else partition of core.evo_sales default");
    evo.run(&["transform", "sales", "--full-refresh"]).exits(0);
    assert_eq!(evo.db.one("select count(*) from core.evo_sales"), "3");
}

#[test]
fn a_full_refresh_of_tables_of_another_role_says_whose_they_are_before_anything_is_built() {
    let evo = Evo::new();
    load(&evo, RUN, &[sale(1, 1)]);
    evo.json(&["transform", "sales"]);
    let role = format!("evo_{}", evo.db.one("select current_database()"));
    evo.db.sql(&format!(
        "create role {role} login password 'x'; grant usage, create on schema evo, evo_next, evo_old, stg_evo, core to {role};
         grant all on all tables in schema evo, stg_evo, core to {role}; grant usage on all sequences in schema evo to {role};
         do $$ declare t text; begin for t in select oid::regclass from pg_class where relnamespace = 'evo'::regnamespace and relkind in ('r', 'v')
            loop execute format('alter table %s owner to {role}', t); end loop; end $$"
    ));
    let url = evo.db.url.replacen("//", "", 0);
    let (_, rest) = url.split_once('@').unwrap();
    let url = format!("postgresql://{role}:x@{rest}");
    if cluster::is_cluster() {
        let run: crate::support::Run = evo.command_at(&url, &["distribute"]).output().unwrap().into();
        run.exits(0);
    }
    let run: crate::support::Run =
        evo.command_at(&url, &["transform", "sales", "--full-refresh"]).output().unwrap().into();
    run.exits(5).says("core.evo_sales belongs to role").says(&format!("to \"{role}\""));
    let run: crate::support::Run = evo.command_at(&url, &["transform", "sales", "--in-place"]).output().unwrap().into();
    run.exits(0);
    // A coordinator of Citus 13.2 crashes when its tables are reassigned.
    if cluster::is_cluster() {
        return;
    }
    let session = Session::open(&evo.db.url);
    session.run(&format!("reassign owned by {role} to current_user; drop owned by {role}; drop role {role}"));
}

#[test]
fn a_transform_of_nothing_says_that_staging_is_empty() {
    let evo = Evo::new();
    for mode in
        [&["transform", "sales"][..], &["transform", "sales", "--full-refresh"], &["transform", "sales", "--in-place"]]
    {
        evo.run(mode).exits(0).says("sales: staging is empty; load something first: evo load sales");
    }
    load(&evo, RUN, &[sale(1, 1)]);
    let run = evo.run(&["transform", "sales"]).exits(0);
    assert!(!run.stdout.contains("staging is empty"), "{}", run.stdout);
}

#[test]
fn the_rows_that_a_refresh_wrote_are_shown_once() {
    if cluster::is_left_out("it waits for statistics of the coordinator's own table") {
        return;
    }
    let evo = super::sales("300");
    for _ in 0..2 {
        evo.json(&["transform", "sales", "--full-refresh"]);
        // The statistics of the sessions that filled the tables arrive late, and are added then.
        evo.db.wait_for(
            "select n_live_tup >= 300 from pg_stat_user_tables where relid = 'core.evo_sales_all'::regclass",
            "t",
        );
        let storage = evo.json(&["optimize-storage", "sales"]);
        let tables = storage["tables"].as_array().unwrap();
        let sales = tables.iter().find(|t| t["table"] == "core.evo_sales").unwrap();
        assert_eq!(sales["live_tuples"], 300, "{sales}");
    }
}
