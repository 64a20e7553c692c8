//! What an execution records of itself.

use serde_json::Value;

use crate::support::{Evo, Run};

/// What the newest execution has recorded.
fn measures(evo: &Evo) -> Value {
    let text = evo.db.one("select measures::text from evo.runs order by started_at desc limit 1");
    serde_json::from_str(&text).unwrap()
}

/// The entry of a list with these texts.
fn entry<'a>(list: &'a Value, wanted: &[(&str, &str)]) -> &'a Value {
    let found = list.as_array().unwrap().iter().find(|entry| wanted.iter().all(|(key, text)| entry[*key] == *text));
    found.unwrap_or_else(|| panic!("no {wanted:?} in {list:#}"))
}

#[test]
fn an_execution_records_where_it_ran_what_it_did_and_where_its_time_went() {
    let evo = Evo::new();
    evo.run(&["generate", "sales", "--records", "400", "--part-records", "50", "--broken", "1%"]).exits(0);
    let mut load = evo.command(&["load", "sales", "--batch-size", "2", "--output", "json", "--max-rejects", "100%"]);
    let load = Run::from(load.env("CONTAINER_APP_JOB_EXECUTION_NAME", "evo-load-x1").output().unwrap()).exits(0);
    let summary = load.json()["entities"][0].clone();
    let place = "select container_execution, machine <> '', process_id > 0, seen_at = finished_at from evo.runs";
    assert_eq!(evo.db.sql(place), [["evo-load-x1", "t", "t", "t"]]);
    let seen = measures(&evo);
    let counts = entry(&seen["counts"], &[("entity", "sales")]);
    for key in ["batches", "objects", "bytes", "inflated_bytes", "lines", "inserted", "rejected"] {
        assert_eq!(counts[key], summary[key], "{key}: {seen:#}");
    }
    for timing in ["batch", "lake", "decode", "copy", "merge", "turn", "commit"] {
        let timing = entry(&seen["timings"], &[("entity", "sales"), ("timing", timing)]);
        assert_eq!(timing["count"], summary["batches"]);
        let [p50, p95, p99, max] = ["p50_ms", "p95_ms", "p99_ms", "max_ms"].map(|key| timing[key].as_f64().unwrap());
        assert!(p50 <= p95 && p95 <= p99 && p99 <= max, "{timing}");
    }
    let commits = entry(&seen["timings"], &[("entity", ""), ("timing", "commit_reply")]);
    assert!(commits["count"].as_u64() >= summary["batches"].as_u64() && commits["p50_ms"].as_f64() > Some(0.0));
    entry(&seen["phases"], &[("phase", "sales: loading")]);
    for backlog in ["downloaded", "decoded"] {
        let fill = entry(&seen["backlogs"], &[("backlog", backlog)])["mean_fill"].as_f64().unwrap();
        assert!((0.0..=1.0).contains(&fill), "{fill}");
    }
    assert!(seen["pool"]["peak"].as_u64() > Some(0) && seen["pool"]["limit"].as_u64() > seen["pool"]["peak"].as_u64());
    assert_eq!((&seen["retries"], &seen["running"]), (&Value::Array(vec![]), &Value::Array(vec![])));
    for (mode, timing) in [("--incremental", "chunk"), ("--full-refresh", "part")] {
        let summary = evo.entity(&["transform", "sales", mode]);
        let seen = measures(&evo);
        let counts = entry(&seen["counts"], &[("entity", "sales")]);
        assert_eq!(counts["documents"], summary["tables"][0]["rows"]);
        let inserted: u64 = summary["tables"].as_array().unwrap().iter().map(|t| t["inserted"].as_u64().unwrap()).sum();
        assert_eq!(counts["inserted"], inserted);
        entry(&seen["timings"], &[("entity", "sales"), ("timing", timing)]);
    }
}

#[test]
fn retries_and_the_pauses_before_them_are_counted_by_the_kind_of_the_error() {
    let evo = Evo::new();
    evo.run(&["generate", "sales", "--records", "50"]).exits(0);
    let mut load = evo.command(&["load", "sales", "--workers", "1"]);
    // The session of the first batch is ended by the server.
    load.env("EVO_FAILPOINTS", "load.after_merge=sleep(700)@1");
    let load = load.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
    let held = "select count(*) > 0 from pg_locks l join pg_class c on c.oid = l.relation
        where c.relname = 'sales_raw' and l.mode = 'RowExclusiveLock' and l.database = (select oid from pg_database where datname = current_database())";
    evo.db.wait_for(held, "t");
    evo.db.sql(
        "select pg_terminate_backend(l.pid) from pg_locks l join pg_class c on c.oid = l.relation
         where c.relname = 'sales_raw' and l.mode = 'RowExclusiveLock'
           and l.database = (select oid from pg_database where datname = current_database())",
    );
    assert!({ load }.wait().unwrap().success());
    let seen = measures(&evo);
    let retried = entry(&seen["retries"], &[("kind", "DatabaseUnavailable")]);
    assert!(retried["count"].as_u64() >= Some(1) && retried["waited_ms"].as_f64() > Some(0.0), "{retried}");
}
