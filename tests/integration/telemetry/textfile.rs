//! The file for Prometheus, read by the parser of Prometheus' own client library.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{load, prepared, run};

/// The samples of a file, as the parser of `prometheus-client` (PyPI) sees them: name, labels, value.
fn parse(text: &str) -> Vec<(String, Value, f64)> {
    let library = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("prometheus");
    assert!(library.exists(), "install the parser with ./scripts/setup --tests");
    let script = "import json, sys\n\
                  from prometheus_client.parser import text_string_to_metric_families as parse\n\
                  families = list(parse(sys.stdin.read()))\n\
                  names = [f.name for f in families]\n\
                  assert len(names) == len(set(names)), names\n\
                  assert all(f.documentation and f.type != 'unknown' for f in families), names\n\
                  print(json.dumps([[s.name, s.labels, s.value] for f in families for s in f.samples]))";
    let mut python = Command::new("python3");
    python.args(["-c", script]).env("PYTHONPATH", library).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = python.spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{text}");
    let samples: Vec<(String, Value, f64)> = serde_json::from_slice(&output.stdout).unwrap();
    samples
}

fn value(samples: &[(String, Value, f64)], name: &str) -> Option<f64> {
    let found: Vec<f64> = samples.iter().filter(|(n, _, _)| n == name).map(|(_, _, value)| *value).collect();
    (!found.is_empty()).then(|| found.iter().sum())
}

#[test]
fn the_file_is_what_prometheus_reads_and_outlives_a_failure() {
    let evo = prepared();
    let path = evo.dir.path().join("metrics/nightly.prom");
    fs::create_dir(path.parent().unwrap()).unwrap();
    let file = [("EVO_METRICS_FILE", path.to_str().unwrap())];
    load(&evo, &file).exits(0);
    let samples = parse(&fs::read_to_string(&path).unwrap());
    for (name, expected) in [
        ("evo_lines_total", 3.0),
        ("evo_rows_total", 3.0),
        ("evo_batch_duration_seconds_count", 2.0),
        ("evo_execution_running", 0.0),
        ("evo_execution_exit_code", 0.0),
    ] {
        assert_eq!(value(&samples, name), Some(expected), "{name}");
    }
    let keys = |sample: &(String, Value, f64)| {
        (sample.1["evo_command"].clone(), sample.1["evo_file"].clone()) == ("load".into(), "nightly".into())
    };
    assert!(samples.iter().all(keys), "{samples:?}");
    let succeeded = value(&samples, "evo_execution_last_success_timestamp_seconds").unwrap();
    assert!(succeeded > 1.7e9);
    // The next one fails: the file says so, and still when it last went well.
    run(evo.command(&["load", "sale"]), &file).exits(2);
    let samples = parse(&fs::read_to_string(&path).unwrap());
    assert_eq!(value(&samples, "evo_execution_exit_code"), Some(2.0));
    assert_eq!(value(&samples, "evo_execution_last_success_timestamp_seconds"), Some(succeeded));
    let names: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["nightly.prom"], "nothing is left beside it");
}

#[test]
fn each_command_has_a_file_of_its_own_in_a_folder() {
    let evo = prepared();
    let folder = evo.dir.path().join("metrics");
    fs::create_dir(&folder).unwrap();
    let folder_flag = ["--metrics-file", folder.to_str().unwrap()];
    for args in [["load", "sales"], ["transform", "sales"], ["rejects", "replay"], ["status", "--ledger-only"]] {
        run(evo.command(&[&args[..], &folder_flag].concat()), &[]);
    }
    let mut names: Vec<_> =
        fs::read_dir(&folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(
        names,
        ["evo-load.prom", "evo-rejects.prom", "evo-transform.prom"],
        "a command that only reads has none"
    );
    for name in names {
        assert!(!parse(&fs::read_to_string(folder.join(name)).unwrap()).is_empty());
    }
}

#[test]
fn a_running_job_shows_in_the_file_and_one_that_cannot_be_written_costs_a_warning() {
    let evo = prepared();
    let path = evo.dir.path().join("running.prom");
    let mut command = evo.command(&["load", "sales", "--max-rejects", "50%"]);
    command.env("EVO_METRICS_FILE", &path).env("EVO_METRICS_INTERVAL", "1s");
    command.env("EVO_FAILPOINTS", "load.before_commit=sleep(2500)@1");
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let is_running = || {
        let text = fs::read_to_string(&path).unwrap_or_default();
        let running = |line: &str| line.starts_with("evo_execution_running{") && line.ends_with(" 1");
        text.lines().any(running) && text.contains("evo_phase_progress_ratio")
    };
    crate::support::server::eventually("the file shows the job", is_running);
    assert!(child.wait().unwrap().success());
    let nowhere = evo.dir.path().join("nowhere/x.prom");
    let run = load(&evo, &[("EVO_METRICS_FILE", nowhere.to_str().unwrap())]).exits(0);
    assert_eq!(run.stderr.matches("the metrics file cannot be written").count(), 1, "{}", run.stderr);
}
