//! What an execution records of itself, and how it is shown: `evo runs`, `evo status`, `--watch`, views.

use std::process::Stdio;

use serde_json::Value;

use crate::support::{Evo, Run, object, write};
use crate::terminal::on_window;

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
    let load = load.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
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

#[test]
fn runs_lists_what_was_executed_and_shows_one_in_full() {
    let evo = Evo::new();
    evo.run(&["runs"]).exits(0).says("nothing was executed yet").says("evo load all");
    evo.run(&["runs", "last"]).exits(2).says("no command was executed yet");
    evo.run(&["generate", "sales", "--records", "300", "--part-records", "50", "--broken", "2%"]).exits(0);
    let loaded = evo.run(&["load", "sales", "--batch-size", "2", "--max-rejects", "0", "--output", "json"]).exits(6);
    let loaded = loaded.json()["entities"][0].clone();
    let transformed = evo.entity(&["transform", "sales"]);
    let listed = evo.json(&["runs"]);
    let executions = listed["executions"].as_array().unwrap();
    let facts = |e: &Value| (e["command"].clone(), e["state"].clone(), e["exit_code"].clone(), e["rows_count"].clone());
    assert_eq!(executions.len(), 2);
    assert_eq!(
        facts(&executions[0]),
        ("transform".into(), "succeeded".into(), 0.into(), transformed["tables"][0]["rows"].clone())
    );
    assert_eq!(facts(&executions[1]), ("load".into(), "failed".into(), 6.into(), loaded["lines"].clone()));
    assert_eq!(executions[1]["rejected_count"], loaded["rejected"]);
    assert_eq!(executions[1]["written_count"], loaded["inserted"]);
    assert!(executions[1]["rows_per_s"].as_f64() > Some(0.0) && executions[1]["elapsed_s"].as_f64() > Some(0.0));
    assert_eq!((&listed["running"], &listed["json_version"]), (&0.into(), &1.into()));
    let failed = evo.run(&["runs", "--failed"]).exits(0).says("lines were rejected");
    assert!(!failed.stdout.contains("transform"), "{}", failed.stdout);
    assert_eq!(evo.json(&["runs", "--since", "1h"])["executions"].as_array().unwrap().len(), 2);
    assert_eq!(evo.json(&["runs", "--limit", "1"])["executions"].as_array().unwrap().len(), 1);
    evo.db.sql("update evo.runs set started_at = started_at - interval '3 days', finished_at = finished_at - interval '3 days', seen_at = seen_at - interval '3 days'");
    evo.run(&["runs", "--since", "1d"]).exits(0).says("nothing was executed since then");
    // One in full, by the beginning of its id.
    let id = executions[1]["execution_id"].as_str().unwrap();
    let load = evo.json(&["runs", &id[..20]]);
    assert_eq!(load["execution"]["execution_id"], id);
    assert_eq!(load["summary"]["entities"][0]["lines"], loaded["lines"]);
    let entity = &load["entities"][0];
    assert_eq!((&entity["rows_count"], &entity["share"]), (&loaded["lines"], &1.0.into()));
    assert_eq!(load["batches"].as_array().unwrap().len() as u64, loaded["batches"].as_u64().unwrap());
    let sum: i64 = load["batches"].as_array().unwrap().iter().map(|b| b["lines"].as_i64().unwrap()).sum();
    assert_eq!(sum, loaded["lines"].as_i64().unwrap());
    let shown =
        evo.run(&["runs", id]).exits(0).says(id).says("exit code 6").says("merge").says("evo rejects list sales");
    assert!(shown.stdout.contains("p95") && shown.stdout.contains("connections: at most"), "{}", shown.stdout);
    let transform = evo.json(&["runs", "last"]);
    assert_eq!(transform["execution"]["command"], "transform");
    assert!(!transform["checks"].as_array().unwrap().is_empty());
    evo.run(&["runs", "0"]).exits(2).says("several executions").says("type more of it");
    evo.run(&["runs", "ffffffff"]).exits(2).says("no execution has an id").says("evo runs last");
    evo.run(&["runs", "sales"]).exits(2).says("expected the id of an execution");
}

#[test]
fn executions_that_share_a_run_say_how_much_of_it_each_has_loaded() {
    let evo = Evo::new();
    let lines =
        |from: usize, to: usize| (from..to).map(|n| format!(r#"{{"idSale": {n}}}"#)).collect::<Vec<_>>().join("\n");
    let run = "20260110T020501Z";
    write(&evo.lake(), &object("sales", run, "a").path().replace(".gz", ""), lines(0, 30).as_bytes());
    evo.json(&["load", "sales", "--run-id", run]);
    write(&evo.lake(), &object("sales", run, "b").path().replace(".gz", ""), lines(30, 40).as_bytes());
    evo.json(&["load", "sales", "--run-id", run]);
    let shares: Vec<f64> = evo.json(&["runs"])["executions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| evo.json(&["runs", e["execution_id"].as_str().unwrap()])["entities"][0]["share"].as_f64().unwrap())
        .collect();
    assert_eq!(shares, [0.25, 0.75]);
    evo.run(&["runs", "last"]).exits(0).says("25 %");
}

/// A load that stays in the middle of its only batch for seven seconds, and has begun.
fn begun_load(evo: &Evo) -> std::process::Child {
    let mut load = evo.command(&["load", "sales", "--workers", "1"]);
    load.env("EVO_FAILPOINTS", "load.after_merge=sleep(7000)@1");
    let load = load.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    evo.db.wait_for("select count(*) from evo.runs where state = 'running'", "1");
    load
}

#[test]
fn an_execution_that_was_killed_is_silent_and_says_what_to_type_next() {
    let evo = Evo::new();
    evo.run(&["generate", "sales", "--records", "50"]).exits(0);
    let mut load = begun_load(&evo);
    let listed = evo.json(&["runs"]);
    assert_eq!((&listed["executions"][0]["state"], &listed["running"]), (&"running".into(), &1.into()));
    load.kill().unwrap();
    load.wait().unwrap();
    evo.db.wait_for("select evo.is_running(execution_id) from evo.runs", "f");
    evo.db.sql("update evo.runs set seen_at = now() - interval '5 minutes', started_at = now() - interval '6 minutes'");
    let listed = evo.json(&["runs", "--failed"]);
    assert_eq!((&listed["executions"][0]["state"], &listed["running"]), (&"silent".into(), &0.into()));
    assert!((listed["executions"][0]["elapsed_s"].as_f64().unwrap() - 60.0).abs() < 1.0, "to its last sign of life");
    evo.run(&["runs"]).exits(0).says("no sign of life since");
    evo.run(&["runs", "last"]).exits(0).says("no sign of life").says("next: evo load sales");
    // Nothing that is silent keeps a watch going.
    evo.run(&["runs", "--watch"]).exits(0).says("nothing is running");
    evo.run(&["status", "--watch"]).exits(0);
}

#[test]
fn a_watch_is_redrawn_in_its_window_and_ends_with_the_job() {
    let evo = Evo::new();
    evo.run(&["generate", "sales", "--records", "2000", "--part-records", "100"]).exits(0);
    let mut load = begun_load(&evo);
    let piped: Vec<_> =
        [&["runs", "--watch"][..], &["runs", "last", "--watch", "--output", "json"], &["status", "--watch"]]
            .map(|args| {
                let mut watch = evo.command(args);
                watch.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
            })
            .into();
    let text = on_window(evo.command(&["status", "--watch"]), 60, 12);
    assert!(load.wait().unwrap().success());
    // Each frame takes the place of the one before, and none is wider or higher than the window.
    let frames: Vec<&str> = text.split("\u{1b}[J").skip(1).collect();
    assert!(frames.len() >= 3 && text.contains("\u{1b}[11A"), "{text:?}");
    for frame in &frames[..frames.len() - 1] {
        let lines: Vec<&str> = frame.split("\r\n").map(|line| line.split('\u{1b}').next().unwrap()).collect();
        assert!(lines.len() <= 12, "{lines:?}");
        assert!(lines.iter().all(|line| evo::report::terminal::width_of(line) <= 60), "{lines:?}");
    }
    let outputs = piped.into_iter().map(|watch| Run::from(watch.wait_with_output().unwrap()).exits(0));
    let [runs, json, status] = outputs.collect::<Vec<_>>().try_into().unwrap();
    for (run, ended) in [(&runs, "succeeded"), (&status, "transform all")] {
        assert!(!run.stdout.contains('\u{1b}'), "a pipe is no terminal: {}", run.stdout);
        assert!(run.stdout.contains("sales: loading: ") && run.stdout.trim_end().contains(ended), "{}", run.stdout);
    }
    let documents: Vec<Value> = json.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let states: Vec<&str> = documents.iter().map(|d| d["execution"]["state"].as_str().unwrap()).collect();
    assert!(states.len() >= 2 && states[0] == "running" && states.ends_with(&["succeeded"]), "{states:?}");
    let seen = documents.iter().find(|d| !d["progress"].as_array().unwrap().is_empty()).unwrap();
    assert_eq!(
        (&seen["progress"][0]["phase"], &seen["progress"][0]["unit"]),
        (&"sales: loading".into(), &"bytes".into())
    );
}

#[test]
fn status_estimates_how_long_what_waits_will_take() {
    let evo = Evo::new();
    evo.run(&["generate", "sales", "--records", "300", "--runs", "2"]).exits(0);
    let activity = || evo.json(&["status", "sales"])["activity"].clone();
    assert_eq!(activity(), Value::Array(vec![]), "nothing was planned yet");
    let first = evo.entity(&["load", "sales"]);
    let seen = activity()[0].clone();
    assert_eq!((&seen["hour_lines"], &seen["hour_batches"]), (&first["lines"], &first["batches"]));
    let rate = seen["hour_lines_per_s"].as_f64().unwrap();
    let (lines, elapsed) = (first["lines"].as_f64().unwrap(), first["elapsed_ms"].as_f64().unwrap() / 1000.0);
    assert!(rate >= lines / elapsed * 0.9, "{rate} while loading, {} with everything", lines / elapsed);
    assert_eq!(
        seen["documents_to_transform"],
        first["inserted"].as_u64().unwrap() + first["updated"].as_u64().unwrap()
    );
    assert_eq!(
        (&seen["transform_left_s"], &seen["load_left_s"]),
        (&Value::Null, &0.0.into()),
        "nothing to go by, nothing to do"
    );
    evo.json(&["transform", "sales"]);
    assert_eq!(activity()[0]["documents_to_transform"], 0);
    // New objects in the lake, and some that are planned.
    evo.run(&["generate", "sales", "--records", "400", "--runs", "3", "--force"]).exits(0);
    let status = evo.json(&["status", "sales"]);
    let (seen, sales) = (&status["activity"][0], &status["entities"][0]);
    assert_eq!(seen["bytes_pending"], sales["bytes_new"]);
    assert!(seen["load_left_s"].as_f64() > Some(0.0) && status["load_left_s"] == seen["load_left_s"], "{seen}");
    evo.run(&["status", "sales"]).exits(0).says("next: evo load all (about ").says("lines last hour");
    evo.json(&["load", "sales"]);
    let seen = activity()[0].clone();
    assert!(seen["transform_left_s"].as_f64() > Some(0.0), "{seen}");
    evo.run(&["status", "sales"]).exits(0).says("next: evo transform all (about ");
}

#[test]
fn every_view_is_documented_with_its_columns_and_the_documented_queries_run() {
    let evo = Evo::new();
    evo.run(&["generate", "sales", "members", "--records", "200"]).exits(0);
    evo.json(&["load", "sales", "members"]);
    evo.json(&["transform", "sales", "members"]);
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/monitoring.md")).unwrap();
    let columns = evo.db.sql(
        "select c.relname, a.attname, obj_description(c.oid) from pg_class c join pg_attribute a on a.attrelid = c.oid
         where c.relnamespace = 'evo'::regnamespace and c.relkind = 'v' and a.attnum > 0 order by 1, a.attnum",
    );
    let mut views = std::collections::BTreeSet::new();
    for column in &columns {
        let [view, name, comment] = [0, 1, 2].map(|i| column[i].as_str());
        let section =
            page.split(&format!("\n### evo.{view}\n")).nth(1).unwrap_or_else(|| panic!("no section evo.{view}"));
        let section = section.split("\n##").next().unwrap();
        assert!(section.contains(&format!("`{name}`")), "docs/monitoring.md does not name {view}.{name}");
        assert!(comment.starts_with(|c: char| c.is_uppercase()), "{view} has no comment");
        views.insert(view);
    }
    assert!(views.len() >= 7, "{views:?}");
    for view in views.iter().filter(|view| !["v_progress", "v_run_retries"].contains(*view)) {
        assert_ne!(evo.db.one(&format!("select count(*) from evo.{view}")), "0", "{view}");
    }
    let queries: Vec<&str> = page.split("```sql\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(queries.len() >= 5);
    for query in queries {
        evo.db.sql(query);
    }
    // A dashboard's role reads the views, and no table.
    let role = format!("dashboard_{}", uuid::Uuid::new_v4().simple());
    evo.db.sql(&format!(
        "create role {role}; grant usage on schema evo to {role}; grant select on evo.v_runs, evo.v_entities, evo.v_progress to {role}"
    ));
    let read = |table: &str| {
        crate::support::try_sql(&evo.db.url, &format!("set role {role}; select count(*) from evo.{table}"))
    };
    for view in ["v_runs", "v_entities", "v_progress"] {
        assert!(read(view).is_ok(), "{view}: {:?}", read(view));
    }
    assert!(read("runs").is_err());
    evo.db.sql(&format!("drop owned by {role}; drop role {role}"));
}
