//! A new run is compared with what older runs brought in the same objects, and new keys go straight into the
//! staging table, partitioned or not: what comes out is what every other way of staging gives.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::support::{Evo, counts, object};

const RUN_1: &str = "20260110T020501Z";
const RUN_2: &str = "20260111T020501Z";
const RUN_3: &str = "20260112T020501Z";

/// The ways in which the batches of a run were staged.
fn ways(evo: &Evo, run: &str) -> String {
    evo.db.one(&format!(
        "select string_agg(distinct timings ->> 'mode', ',' order by timings ->> 'mode') from evo.batches where run_id = '{run}'"
    ))
}

fn put(evo: &Evo, entity: &str, run: &str, name: &str, lines: &[String]) {
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    object(entity, run, name).lines(&evo.lake(), &lines);
}

fn sale(id: u32, version: &str) -> String {
    format!(r#"{{"idSale": {id}, "v": "{version}"}}"#)
}

fn entry(date: &str, member: u32, version: &str) -> String {
    format!(r#"{{"date": "{date}", "idMember": {member}, "v": "{version}"}}"#)
}

/// What a load leaves behind, apart from ids, times and the names of objects.
fn left(evo: &Evo, table: &str) -> Vec<Vec<String>> {
    let rows = evo.db.sql(&format!(
        "select raw_data, run_id, _source_line, _content_hash, _loaded_at = _updated_at from {table} order by raw_data"
    ));
    let objects = evo.db.sql(
        "select o.run_id, o.lines_count, o.inserted_count, o.updated_count, o.unchanged_count, o.superseded_count,
                o.rejected_count, encode(s.keys, 'hex')
         from evo.objects o left join evo.seen_keys s using (object_id) order by o.run_id, o.path",
    );
    let rejects = evo.db.sql("select line_number, byte_offset, reason from evo.rejects order by 1, 2");
    [rows, objects, rejects].concat()
}

/// Loads a first run, then a second one whose objects have the same names, or others.
fn two_runs(entity: &str, names: [&str; 2], first: &[Vec<String>], second: &[Vec<String>]) -> (Evo, String) {
    let evo = Evo::new();
    for (run, name, objects) in [(RUN_1, names[0], first), (RUN_2, names[1], second)] {
        for (i, lines) in objects.iter().enumerate() {
            put(&evo, entity, run, &format!("{name}-{i}"), lines);
        }
        evo.run(&["load", entity, "--workers", "1", "--max-rejects", "100%"]).exits(0);
    }
    let summary = ways(&evo, RUN_2);
    (evo, summary)
}

#[test]
fn the_statements_of_a_batch_may_have_no_parallel_workers() {
    let evo = Evo::new();
    evo.db.sql(
        "create table public.helpers (most text);
         create function public.note() returns trigger language plpgsql as $$ begin
             insert into public.helpers values (current_setting('max_parallel_workers_per_gather')); return null;
         end $$;
         create trigger note after insert or update on stg_evo.sales_raw for each statement execute function public.note()",
    );
    for (run, version) in [(RUN_1, "a"), (RUN_2, "b")] {
        put(&evo, "sales", run, "part", &[sale(1, version)]);
        evo.run(&["load", "sales"]).exits(0);
    }
    assert_eq!(ways(&evo, RUN_2), "compared");
    assert_eq!(evo.db.one("select string_agg(distinct most, ',') from public.helpers"), "0");
    assert_ne!(evo.db.one("show max_parallel_workers_per_gather"), "0", "it is the batch that says so");
}

#[test]
fn a_run_that_is_compared_ends_as_one_of_which_keys_are_staged_first() {
    let first = |id: u32| [sale(id, "a"), entry(&format!("2024-0{}-03T10:00:00", 1 + id % 9), id, "a")];
    for (kind, entity, table) in [(0, "sales", "stg_evo.sales_raw"), (1, "entries", "stg_evo.entries_raw")] {
        let line = |id: u32, version: &str| first(id)[kind].replace(r#""v": "a""#, &format!(r#""v": "{version}""#));
        let run_1 = [(0..40).map(|id| line(id, "a")).collect(), (40..60).map(|id| line(id, "a")).collect()];
        let mut part_0: Vec<String> = (0..40).map(|id| line(id, if id == 7 { "b" } else { "a" })).collect();
        // Twice, the same; twice, the last one differs; twice, the first one differs; new; no document at
        // all.
        part_0.extend([line(3, "a"), line(4, "b"), line(70, "a"), "{\"broken\"".to_owned()]);
        part_0.insert(0, line(5, "b"));
        // Again in another object: the same, and not.
        let mut part_1: Vec<String> = (40..60).map(|id| line(id, "a")).collect();
        part_1.extend([line(8, "a"), line(9, "c"), line(70, "a")]);
        let run_2 = [part_0, part_1];
        let (compared, way) = two_runs(entity, ["part", "part"], &run_1, &run_2);
        assert_eq!(way, "compared");
        let (keys, way) = two_runs(entity, ["part", "piece"], &run_1, &run_2);
        assert_eq!(way, "keys");
        assert_eq!(left(&compared, table), left(&keys, table), "{entity}");
        assert_eq!(compared.db.one(&format!("select count(*) from {table} where raw_data ->> 'v' <> 'a'")), "3");
    }
}

#[test]
fn rows_that_come_in_several_slices_are_all_compared() {
    // A slice has 8,192 rows at most. If one were lost, the rows would be counted anew, and the keys staged first.
    let sales: Vec<String> = (0..20_000).map(|id| sale(id, "a")).collect();
    let entries: Vec<String> = (0..20_000).map(|id| entry("2024-05-03T10:00:00", id, "a")).collect();
    for (entity, lines) in [("sales", sales), ("entries", entries)] {
        let run = std::slice::from_ref(&lines);
        let (evo, way) = two_runs(entity, ["part", "part"], run, run);
        assert_eq!(way, "compared", "{entity}");
        let counts = format!("select lines_count, unchanged_count from evo.objects where run_id = '{RUN_2}'");
        assert_eq!(evo.db.sql(&counts), [["20000", "20000"]], "{entity}");
    }
}

#[test]
fn a_row_that_changes_while_a_batch_is_compared_with_it_is_compared_again() {
    let evo = Evo::new();
    let lines = |version: &str| -> Vec<String> { (0..20).map(|id| sale(id, version)).collect() };
    put(&evo, "sales", RUN_1, "part", &lines("a"));
    evo.json(&["load", "sales"]);
    // The third run brings the first one's documents again. While it is read, the second one arrives late and
    // changes them.
    put(&evo, "sales", RUN_3, "part", &lines("a"));
    let mut third = evo
        .command(&["load", "sales", "--workers", "1"])
        .env("EVO_FAILPOINTS", "load.after_copy=sleep(3000)@1")
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(third.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("failpoint load.after_copy") {
        line.clear();
        assert!(stderr.read_line(&mut line).unwrap() > 0, "nothing was copied");
    }
    put(&evo, "sales", RUN_2, "other", &lines("b"));
    assert_eq!(counts(&evo.entity(&["load", "sales", "--run-id", RUN_2])), "0/20/0/0/0 of 20");
    assert!(third.try_wait().unwrap().is_none(), "the third run was quicker");
    let rest = std::io::read_to_string(stderr).unwrap();
    assert!(third.wait().unwrap().success(), "{rest}");
    assert_eq!(evo.db.sql("select distinct raw_data ->> 'v', run_id from stg_evo.sales_raw"), [["a", RUN_3]], "{rest}");
    assert_eq!(ways(&evo, RUN_3), "keys");
}

#[test]
fn new_entries_go_straight_into_their_partitions_at_the_instants_that_the_server_would_give_them() {
    let evo = Evo::new();
    let times = [
        // The hour that summer time skipped, the one that it repeated, and the edges of a year.
        "2018-11-04T00:30:00",
        "2018-02-17T23:30:00",
        "2018-12-31T23:59:59.999999",
        "2019-01-01T00:00:00",
        "2019-01-01T01:30:00Z",
        "2019-07-01T10:00:00-05:00",
    ];
    let lines: Vec<String> = (0..).zip(times).map(|(member, time)| entry(time, member, "a")).collect();
    put(&evo, "entries", RUN_1, "part", &lines);
    assert_eq!(counts(&evo.entity(&["load", "entries"])), "6/0/0/0/0 of 6");
    assert_eq!(ways(&evo, RUN_1), "direct");
    let wrong = "select raw_data ->> 'date' from stg_evo.entries_raw where entry_date <>
        case when raw_data ->> 'date' ~ '(Z|-05:00)$' then (raw_data ->> 'date')::timestamptz
             else (raw_data ->> 'date')::timestamp at time zone 'America/Sao_Paulo' end";
    assert_eq!(evo.db.sql(wrong), Vec::<Vec<String>>::new());
    let rows = |part: &str| evo.db.one(&format!("select count(*) from stg_evo.entries_raw_{part}"));
    assert_eq!(["2018", "2019", "default"].map(rows), ["4", "2", "0"]);
}

#[test]
fn an_entry_without_a_year_of_its_own_keeps_its_batch_from_going_straight_into_partitions() {
    let evo = Evo::new();
    put(&evo, "entries", RUN_1, "part", &[entry("1001-01-01T00:00:00", 1, "a"), entry("2024-05-05T10:00:00", 2, "a")]);
    assert_eq!(counts(&evo.entity(&["load", "entries"])), "2/0/0/0/0 of 2");
    assert_eq!(ways(&evo, RUN_1), "jsonb");
    let parked = "select count(*) from stg_evo.entries_raw_default";
    assert_eq!(evo.db.one(parked), "1");
}

#[test]
fn partitions_that_somebody_cut_in_another_way_are_filled_by_their_bounds() {
    let evo = Evo::new();
    evo.db.sql(
        "create table stg_evo.first_half partition of stg_evo.entries_raw
             for values from ('2024-01-01 03:00+00') to ('2024-07-01 03:00+00')",
    );
    put(&evo, "entries", RUN_1, "part", &[entry("2024-05-05T10:00:00", 1, "a")]);
    put(&evo, "entries", RUN_1, "port", &[entry("2024-08-05T10:00:00", 2, "a")]);
    assert_eq!(counts(&evo.entity(&["load", "entries", "--batch-size", "1", "--workers", "1"])), "2/0/0/0/0 of 2");
    assert_eq!(ways(&evo, RUN_1), "direct,jsonb", "the second half has the default partition alone");
    let days = |part: &str| evo.db.one(&format!("select string_agg(entry_date::date::text, ' ') from stg_evo.{part}"));
    assert_eq!(["first_half", "entries_raw_default"].map(days), ["2024-05-05", "2024-08-05"]);
}

#[test]
fn later_lines_of_a_key_win_in_a_batch_that_is_copied_directly() {
    let evo = Evo::new();
    let at = "2024-05-05T10:00:00";
    put(&evo, "entries", RUN_1, "a", &[entry(at, 1, "a"), entry(at, 1, "b"), entry(at, 2, "a")]);
    put(&evo, "entries", RUN_1, "b", &[entry(at, 1, "c"), "{\"broken\"".to_owned(), entry(at, 3, "a")]);
    evo.run(&["load", "entries", "--max-rejects", "100%"]).exits(0);
    assert_eq!(ways(&evo, RUN_1), "direct");
    let rows = evo.db.sql(
        "select raw_data ->> 'idMember', raw_data ->> 'v', right(_source_file, 10), _source_line, _loaded_at = _updated_at
         from stg_evo.entries_raw order by 1",
    );
    assert_eq!(
        rows,
        [["1", "c", "b.jsonl.gz", "1", "t"], ["2", "a", "a.jsonl.gz", "3", "t"], ["3", "a", "b.jsonl.gz", "3", "t"]]
    );
    let objects = evo
        .db
        .sql("select lines_count, inserted_count, superseded_count, rejected_count from evo.objects order by path");
    assert_eq!(objects, [["3", "1", "2", "0"], ["3", "2", "0", "1"]]);
    // More of them than are kept in memory.
    let many: Vec<String> = (0..4).map(|n| entry("2024-06-06T10:00:00", 9, &"x".repeat(400_000 + n))).collect();
    let evo_2 = Evo::new();
    put(&evo_2, "entries", RUN_1, "many", &many);
    assert_eq!(counts(&evo_2.entity(&["load", "entries"])), "1/0/0/3/0 of 4");
    assert_eq!(ways(&evo_2, RUN_1), "jsonb");
}
