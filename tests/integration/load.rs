//! `evo load`: nothing lost, nothing twice, newest wins.

use crate::support::{Evo, Object, counts, gz, object, write};

const RUN_1: &str = "20260110T020501Z";
const RUN_2: &str = "20260111T020501Z";
const RUN_3: &str = "20260112T020501Z";

#[test]
fn objects_of_the_predecessor_load_as_they_are() {
    let evo = Evo::new();
    let lake = evo.lake();
    // Python's separators, no line feed behind the last line, raw UTF-8.
    object("sales", RUN_1, "2025-12_part-00001")
        .lines(&lake, &[r#"{"idSale": 1, "observations": "Promoção"}"#, r#"{"idSale": 2}"#]);
    // A run that crossed midnight lies in two folders, and its manifest only in the last.
    Object { date: "2026-01-11", ..object("sales", RUN_1, "2026-01_part-00001") }.lines(&lake, &[r#"{"idSale": 3}"#]);
    write(&lake, &format!("bronze/evo/entity=sales/ingestion_date=2026-01-11/run_id={RUN_1}/_manifest.json"), b"{}");
    // No period prefix, compact separators, a line feed at the end, CRLF, blank lines, a byte order mark.
    let path = object("sales", RUN_1, "anything").path();
    write(&lake, &path, &gz(b"\xef\xbb\xbf{\"idSale\":4}\r\n\n  \n{\"idSale\":5}\n"));
    let summary = evo.entity(&["load", "sales"]);
    assert_eq!(counts(&summary), "5/0/0/0/0 of 5");
    assert_eq!(evo.db.one("select count(*) from evo.objects where state = 'loaded'"), "3");
    assert_eq!(evo.db.one("select raw_data ->> 'observations' from stg_evo.sales_raw where sale_id = 1"), "Promoção");
    assert_eq!(
        evo.db.sql("select _source_file, _source_line, ingestion_date from stg_evo.sales_raw where sale_id in (3, 5) order by sale_id"),
        [
            vec![format!("bronze/evo/entity=sales/ingestion_date=2026-01-11/run_id={RUN_1}/2026-01_part-00001.jsonl.gz"), "1".into(), "2026-01-11".into()],
            vec![path, "4".into(), "2026-01-10".into()],
        ]
    );
}

#[test]
fn loading_again_reads_nothing_and_says_so() {
    let evo = Evo::new();
    object("sales", RUN_1, "a").lines(&evo.lake(), &[r#"{"idSale": 1}"#]);
    evo.run(&["load", "sales"]).exits(0);
    let before = evo.db.sql("select * from stg_evo.sales_raw");
    let again = evo.run(&["load", "sales"]).exits(0).says("nothing new");
    assert!(again.stdout.contains("sales"));
    assert_eq!(evo.db.sql("select * from stg_evo.sales_raw"), before);
    assert_eq!(evo.db.one("select count(*) from evo.batches"), "1");
}

#[test]
fn unchanged_documents_of_a_new_run_are_not_touched() {
    let evo = Evo::new();
    let lines = [r#"{"idSale": 1}"#, r#"{"idSale": 2}"#];
    object("sales", RUN_1, "a").lines(&evo.lake(), &lines);
    evo.run(&["load", "sales"]).exits(0);
    let before = evo.db.sql("select ctid, xmin, * from stg_evo.sales_raw order by sale_id");
    object("sales", RUN_2, "a").lines(&evo.lake(), &lines);
    assert_eq!(counts(&evo.entity(&["load", "sales"])), "0/0/2/0/0 of 2");
    assert_eq!(evo.db.sql("select ctid, xmin, * from stg_evo.sales_raw order by sale_id"), before);
}

#[test]
fn the_last_version_of_a_key_in_a_batch_wins_and_the_others_are_counted() {
    let evo = Evo::new();
    object("sales", RUN_1, "a").lines(&evo.lake(), &[r#"{"idSale": 1, "v": 1}"#, r#"{"idSale": 1, "v": 2}"#]);
    object("sales", RUN_1, "b").lines(&evo.lake(), &[r#"{"idSale": 1, "v": 3}"#, r#"{"idSale": 2}"#]);
    assert_eq!(counts(&evo.entity(&["load", "sales"])), "2/0/0/2/0 of 4");
    assert_eq!(evo.db.one("select raw_data ->> 'v' from stg_evo.sales_raw where sale_id = 1"), "3");
    let per_object = evo.db.sql("select lines_count, inserted_count, superseded_count from evo.objects order by path");
    assert_eq!(per_object, [["2", "0", "2"], ["2", "2", "0"]]);
}

#[test]
fn an_older_run_that_arrives_late_changes_only_what_no_newer_run_has_seen() {
    let evo = Evo::new();
    object("sales", RUN_2, "a").lines(&evo.lake(), &[r#"{"idSale": 1, "v": "new"}"#]);
    evo.run(&["load", "sales"]).exits(0);
    object("sales", RUN_1, "a").lines(&evo.lake(), &[r#"{"idSale": 1, "v": "old"}"#, r#"{"idSale": 2, "v": "old"}"#]);
    assert_eq!(counts(&evo.entity(&["load", "sales"])), "1/0/0/1/0 of 2");
    object("sales", RUN_3, "a").lines(&evo.lake(), &[r#"{"idSale": 2, "v": "newest"}"#]);
    assert_eq!(counts(&evo.entity(&["load", "sales"])), "0/1/0/0/0 of 1");
    assert_eq!(
        evo.db.sql("select sale_id, raw_data ->> 'v', _updated_at > _loaded_at from stg_evo.sales_raw order by 1"),
        [["1", "new", "f"], ["2", "newest", "t"]]
    );
}

#[test]
fn a_late_run_loses_to_a_newer_one_that_saw_the_same_content_as_one_older_still() {
    let evo = Evo::new();
    let old_and_new = [r#"{"idSale": 1, "v": "a"}"#, r#"{"idSale": 2, "v": "a"}"#];
    object("sales", RUN_1, "a").lines(&evo.lake(), &old_and_new);
    evo.json(&["load", "sales"]);
    object("sales", RUN_3, "a").lines(&evo.lake(), &old_and_new[..1]);
    assert_eq!(counts(&evo.entity(&["load", "sales"])), "0/0/1/0/0 of 1");
    object("sales", RUN_2, "a").lines(&evo.lake(), &[r#"{"idSale": 1, "v": "b"}"#, r#"{"idSale": 2, "v": "b"}"#]);
    assert_eq!(counts(&evo.entity(&["load", "sales"])), "0/1/0/1/0 of 2");
    // Sale 1 was "a" again in the newest run; sale 2 was not in it.
    assert_eq!(evo.db.sql("select raw_data ->> 'v' from stg_evo.sales_raw order by sale_id"), [["a"], ["b"]]);
}

#[test]
fn any_order_of_arrival_of_the_runs_gives_the_same_documents() {
    // Three runs of six keys with contents drawn from two, so that A-B-A histories abound; every order of
    // arrival.
    let runs = [RUN_1, RUN_2, RUN_3];
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    for history in 0..4_u32 {
        let content = |run: u32, key: u32| (history * 31 + run * run * 7 + key * 13 + run * key) % 3;
        let mut results = Vec::new();
        for order in orders {
            let evo = Evo::new();
            for run in order {
                // Content 2 means that the run does not hold the key.
                let lines: Vec<String> = (0..6)
                    .filter(|key| content(run, *key) < 2)
                    .map(|key| format!(r#"{{"idSale": {key}, "v": {}}}"#, content(run, key)))
                    .collect();
                let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
                object("sales", runs[run as usize], "a").lines(&evo.lake(), &lines);
                counts(&evo.entity(&["load", "sales"]));
            }
            results.push(evo.db.sql("select sale_id, raw_data from stg_evo.sales_raw order by 1"));
        }
        assert!(results[0].len() >= 4, "{results:?}");
        assert!(results.iter().all(|r| *r == results[0]), "history {history}: {results:?}");
    }
}

#[test]
fn workers_batch_sizes_and_the_order_of_objects_make_no_difference() {
    // Every part of a run brings keys of the part before it again in the other of two versions, and every run
    // brings the same: A-B-A inside a run, while the row of the run before says A.
    let parts: i64 = 12;
    let version = |part: i64, id: i64| (part + id) % 2;
    let last = |id: i64| (0..parts).filter(|part| (part * 5..part * 5 + 13).contains(&id)).max().unwrap();
    let expected: Vec<Vec<String>> = (0..(parts - 1) * 5 + 13)
        .map(|id| vec![id.to_string(), format!(r#"{{"v": {}, "idSale": {id}}}"#, version(last(id), id))])
        .collect();
    for (workers, batch_size) in [("1", "1"), ("1", "100"), ("4", "1"), ("8", "1"), ("3", "2"), ("4", "1"), ("4", "1")]
    {
        let evo = Evo::new();
        for run in [RUN_1, RUN_2, RUN_3] {
            for part in 0..parts {
                let line = |id| format!(r#"{{"idSale": {id}, "v": {}}}"#, version(part, id));
                let lines: Vec<String> = (part * 5..part * 5 + 13).map(line).collect();
                let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
                object("sales", run, &format!("part-{part:05}")).lines(&evo.lake(), &lines);
            }
        }
        counts(&evo.entity(&["load", "sales", "--workers", workers, "--batch-size", batch_size]));
        let rows = evo.db.sql("select sale_id, raw_data from stg_evo.sales_raw order by 1");
        assert_eq!(rows, expected, "{workers} workers, batches of {batch_size}");
    }
}

#[test]
fn fault_14_refused_lines_are_kept_verbatim_with_place_and_reason_and_the_rest_loads() {
    let evo = Evo::new();
    let bad: [(&[u8], &str, &str); 9] = [
        (b"{\"idSale\": 10", "not valid JSON", "22P02"),
        (b"{\"idSale\": 11, \"o\": \"\\u0000\"}", "\\u0000", "22P05"),
        (b"{\"idSale\": 12, \"o\": \"\\ud83d\"}", "surrogate", "22P02"),
        (b"{\"idSale\": 13, \"o\": \"\xff\"}", "UTF-8", "22021"),
        (b"{\"id\": 14}", "no key", "∅"),
        (b"{\"idSale\": \"15\"}", "not an integer", "∅"),
        (b"[1]", "not a JSON object", "∅"),
        (b"{\"idSale\": 16, \"o\": 1e200000}", "refused by PostgreSQL", "22003"),
        (b"{\"idSale\": 17, \"o\": -1e-20000}", "refused by PostgreSQL", "22003"),
    ];
    let mut text = b"{\"idSale\": 1, \"o\": \"C:\\\\u0000\"}\n".to_vec();
    for (line, _, _) in bad {
        text.extend_from_slice(line);
        text.push(b'\n');
    }
    text.extend_from_slice(b"{\"idSale\": 2, \"o\": 1e400}");
    let path = object("sales", RUN_1, "a").path();
    write(&evo.lake(), &path, &gz(&text));
    let run = evo.run(&["load", "sales", "--output", "json"]).exits(6).says("9 of 11 lines were rejected");
    assert_eq!(counts(&run.json()["entities"][0]), "2/0/0/0/9 of 11");
    let rejects = evo.db.sql("select path, line_number, byte_offset, encode(line, 'hex'), reason, sqlstate from evo.rejects order by line_number");
    let mut offset = text.iter().position(|b| *b == b'\n').unwrap() + 1;
    for (i, (reject, (line, reason, sqlstate))) in rejects.iter().zip(bad).enumerate() {
        let hex: String = line.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(reject[..4], [path.clone(), (i + 2).to_string(), offset.to_string(), hex]);
        assert!(reject[4].contains(reason), "{} has not {reason}", reject[4]);
        assert_eq!(reject[5], sqlstate);
        offset += line.len() + 1;
    }
    assert_eq!(rejects.len(), bad.len());
    evo.run(&["load", "sales", "--max-rejects", "100%"]).exits(0);
}

#[test]
fn fault_13_a_broken_object_is_set_aside_with_its_reason_and_the_others_load() {
    let evo = Evo::new();
    object("sales", RUN_1, "a").lines(&evo.lake(), &[r#"{"idSale": 1}"#]);
    let whole = gz(br#"{"idSale": 2}"#);
    write(&evo.lake(), &object("sales", RUN_1, "b").path(), &whole[..whole.len() - 6]);
    object("sales", RUN_1, "c").lines(&evo.lake(), &[r#"{"idSale": 3}"#]);
    write(&evo.lake(), &object("sales", RUN_1, "d").path(), b"");
    evo.run(&["load", "sales"]).exits(6).says("set aside").says("b.jsonl.gz");
    assert_eq!(evo.db.one("select string_agg(sale_id::text, ',' order by sale_id) from stg_evo.sales_raw"), "1,3");
    assert_eq!(
        evo.db.sql("select path ~ '[bd].jsonl.gz$', reason <> '' from evo.objects where state = 'quarantined'"),
        [["t", "t"], ["t", "t"]]
    );
    // Extracted again, it is another object and loads. What was not, is still set aside.
    object("sales", RUN_1, "b").lines(&evo.lake(), &[r#"{"idSale": 2}"#, r#"{"idSale": 4}"#]);
    let summary = evo.run(&["load", "sales", "--output", "json"]).exits(6).says("d.jsonl.gz").json();
    assert_eq!(counts(&summary["entities"][0]), "2/0/0/0/0 of 2");
}

#[test]
fn a_path_without_a_run_is_set_aside_not_guessed() {
    let evo = Evo::new();
    object("sales", RUN_1, "a").lines(&evo.lake(), &[r#"{"idSale": 1}"#]);
    write(&evo.lake(), "bronze/evo/entity=sales/2025-12_part-00001.jsonl.gz", &gz(br#"{"idSale": 2}"#));
    let summary = evo.run(&["load", "sales", "--output", "json"]).exits(6).says("no run_id=").json();
    assert_eq!(counts(&summary["entities"][0]), "1/0/0/0/0 of 1");
    assert_eq!(
        evo.db.one("select reason from evo.objects where state = 'quarantined'"),
        "the path has no run_id=… segment, so its age is unknown"
    );
}

#[test]
fn a_run_is_selected_exactly_and_a_day_from_its_start() {
    let evo = Evo::new();
    for (run, date, id) in [(RUN_1, "2026-01-10", 1), (RUN_2, "2026-01-11", 2), (RUN_3, "2026-01-12", 3)] {
        Object { date, ..object("sales", run, "a") }.lines(&evo.lake(), &[&format!(r#"{{"idSale": {id}}}"#)]);
    }
    let ids = || evo.db.one("select string_agg(sale_id::text, ',' order by sale_id) from stg_evo.sales_raw");
    evo.run(&["load", "sales", "--run-id", "2026"]).exits(4).says("no run \"2026\"").says(RUN_3);
    evo.run(&["load", "sales", "--dry-run"]).exits(0).says("nothing was loaded");
    evo.json(&["load", "sales", "--run-id", RUN_2]);
    assert_eq!(ids(), "2");
    evo.json(&["load", "sales", "--since", "2026-01-11"]);
    assert_eq!(ids(), "2,3");
    evo.json(&["load", "sales"]);
    assert_eq!(ids(), "1,2,3");
}

#[test]
fn entry_times_are_read_in_the_declared_zone_whatever_the_servers_is() {
    let line = r#"{"date": "2023-12-31T22:30:00", "idMember": 2, "idBranch": 12, "device": "Catraca 1", "entryAction": "Entry"}"#;
    for zone in ["UTC", "America/Sao_Paulo", "Asia/Tokyo"] {
        let evo = Evo::new();
        let name = evo.db.one("select current_database()");
        evo.db.sql(&format!("alter database {name} set timezone = '{zone}'"));
        object("entries", RUN_1, "2023-12-31_part-00001").lines(&evo.lake(), &[line]);
        evo.json(&["load", "entries"]);
        evo.json(&["transform", "entries"]);
        for partition in ["stg_evo.entries_raw_2023", "core.evo_entries_2023"] {
            let row = evo.db.sql(&format!("select entry_id, entry_date at time zone 'UTC' from {partition}"));
            assert_eq!(row, [["785225325939991", "2024-01-01 01:30:00"]], "{partition} {zone}");
        }
    }
}

#[test]
fn an_absurd_date_is_parked_and_a_new_year_gets_its_partition() {
    let evo = Evo::new();
    let entry = |date: &str| format!(r#"{{"date": "{date}", "idMember": 2}}"#);
    let lines = [entry("1001-01-01T00:00:00"), entry("2019-05-05T10:00:00"), entry("2031-05-05T10:00:00")];
    object("entries", RUN_1, "a").lines(&evo.lake(), &lines.each_ref().map(String::as_str));
    assert_eq!(counts(&evo.entity(&["load", "entries"])), "3/0/0/0/0 of 3");
    let years = |table: &str, part: &str| {
        evo.db.one(&format!("select string_agg(extract(year from entry_date)::text, ' ') from {table}_{part}"))
    };
    let parts = ["default", "2019", "2031"];
    assert_eq!(parts.map(|part| years("stg_evo.entries_raw", part)), ["1001", "2019", "2031"]);
    evo.json(&["transform", "entries"]);
    assert_eq!(evo.db.one("select count(*) from core.evo_entries"), "3");
    evo.json(&["transform", "entries", "--full-refresh"]);
    assert_eq!(parts.map(|part| years("core.evo_entries", part)), ["1001", "2019", "2031"]);
}

#[test]
fn a_killed_session_costs_a_retry_and_no_row() {
    let evo = Evo::new();
    evo.run(&["generate", "sales", "--records", "20000", "--part-records", "500"]).exits(0);
    let mut child = evo
        .command(&["load", "sales", "--workers", "2"])
        .stderr(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut killed = 0;
    while child.try_wait().unwrap().is_none() {
        if killed < 2 {
            let n = evo.db.one(
                "select count(*) from (select pg_terminate_backend(pid) from pg_stat_activity \
                 where datname = current_database() and application_name like 'evo:load%' and query ilike 'copy %' limit 1) x",
            );
            killed += n.parse::<u32>().unwrap();
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(killed > 0, "no session was met in its COPY");
    // Whatever the first one managed, the second brings in the rest.
    evo.run(&["load", "sales"]).exits(0);
    assert_eq!(evo.db.one("select count(*) from stg_evo.sales_raw"), "20000");
    assert_eq!(evo.db.one("select sum(lines_count) from evo.objects where state = 'loaded'"), "20000");
    assert_eq!(evo.db.one("select sum(inserted_count) from evo.batches"), "20000");
}
