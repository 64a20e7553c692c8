//! Metrics and spans as a collector decodes them, with the official message types.

use std::collections::BTreeSet;

use super::{load, prepared, run};
use crate::support::{Collector, attributes, cluster, metrics_of};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn metrics_reach_a_collector_and_say_what_the_summary_says() {
    let (evo, collector) = (prepared(), Collector::start());
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20hunter2".to_owned()),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip".to_owned()),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test".to_owned()),
    ];
    let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
    load(&evo, &variables).exits(0);
    let values = collector.values();
    for (name, expected) in [
        ("evo.lines", 3.0),
        ("evo.rows", 3.0),
        ("evo.objects", 2.0),
        ("evo.batches", 2.0),
        ("evo.batch.duration", 2.0),
        ("evo.execution.running", 0.0),
        ("evo.execution.exit_code", 0.0),
    ] {
        assert_eq!(values.get(name), Some(&expected), "{name}: {values:?}");
    }
    assert!(values["db.client.operation.duration"] >= 2.0 && values["process.cpu.time"] > 0.0, "{values:?}");
    let posted = collector.posted();
    assert!(posted.iter().all(|p| p.header("authorization") == "Bearer hunter2"), "{posted:?}");
    assert!(posted.iter().all(|p| p.header("content-encoding") == "gzip"));
    let last = collector.metrics().pop().unwrap();
    let resource = attributes(&last.resource_metrics[0].resource.as_ref().unwrap().attributes);
    assert_eq!((resource["service.name"].as_str(), resource["evo.command"].as_str()), ("evo", "load"));
    assert_eq!(resource["deployment.environment.name"], "test");
    let rows = metrics_of(&last).into_iter().find(|metric| metric.name == "evo.rows").unwrap();
    assert_eq!(rows.unit, "{row}");
    // A second run finds nothing to do, and says so.
    load(&evo, &variables).exits(0);
    assert!(!collector.values().contains_key("evo.lines"), "{:?}", collector.values());
}

#[test]
fn spans_form_one_tree_in_the_trace_of_the_environment() {
    let (evo, collector) = (prepared(), Collector::start());
    let parent = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let variables = [
        ("EVO_OTLP_ENDPOINT", collector.url()),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json".to_owned()),
        ("TRACEPARENT", parent.clone()),
        ("TRACESTATE", "vendor=x".to_owned()),
    ];
    let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
    load(&evo, &variables).exits(0);
    let spans = collector.spans();
    assert!(spans.iter().all(|span| hex(&span.trace_id) == TRACE && span.trace_state == "vendor=x"), "{spans:?}");
    let root = spans.iter().find(|span| span.name == "evo load").unwrap();
    assert_eq!(hex(&root.parent_span_id), "00f067aa0ba902b7");
    assert_eq!(attributes(&root.attributes)["process.exit.code"], "0");
    assert!(attributes(&root.attributes).contains_key("evo.execution.id"));
    let ids: BTreeSet<&[u8]> = spans.iter().map(|span| span.span_id.as_slice()).collect();
    assert_eq!(ids.len(), spans.len(), "each span once");
    for span in spans.iter().filter(|span| span.name != "evo load") {
        assert!(ids.contains(span.parent_span_id.as_slice()), "{} hangs in the tree", span.name);
        assert!(span.start_time_unix_nano >= root.start_time_unix_nano && span.end_time_unix_nano > 0);
    }
    let batches: Vec<_> = spans.iter().filter(|span| span.name == "batch").map(|s| attributes(&s.attributes)).collect();
    let lines: u32 = batches.iter().map(|batch| batch["evo.lines"].parse::<u32>().unwrap()).sum();
    assert_eq!((batches.len(), lines), (2, 3), "{batches:?}");
    assert!(batches.iter().all(|batch| batch["evo.entity"] == "sales" && batch.contains_key("evo.batch.id")));
    // The caller began the trace, and may have decided not to record it.
    let unsampled = parent.replace("-01", "-00");
    let (before, url) = (spans.len(), collector.url());
    load(&evo, &[("EVO_OTLP_ENDPOINT", &url), ("TRACEPARENT", &unsampled)]).exits(0);
    assert_eq!(collector.spans().len(), before);
}

#[test]
fn a_transform_and_a_failure_are_spans_too() {
    let (evo, collector) = (prepared(), Collector::start());
    load(&evo, &[]).exits(0);
    let endpoint = collector.url();
    run(evo.command(&["transform", "sales", "--full-refresh"]), &[("EVO_OTLP_ENDPOINT", &endpoint)]).exits(0);
    let spans = collector.spans();
    let names: BTreeSet<&str> = spans.iter().map(|span| span.name.as_str()).collect();
    assert!(names.is_superset(&["evo transform", "transform", "filling"].into()), "{names:?}");
    assert_eq!(collector.values()["evo.execution.exit_code"], 0.0);
    let failed = Collector::start();
    let endpoint = failed.url();
    run(evo.command(&["load", "sale"]), &[("EVO_OTLP_ENDPOINT", &endpoint)]).exits(2);
    let spans = failed.spans();
    assert_eq!((spans.len(), spans[0].status.as_ref().unwrap().code), (1, 2), "{spans:?}");
    assert_eq!(attributes(&spans[0].attributes)["error.type"], "Usage");
    assert_eq!(failed.values()["evo.execution.exit_code"], 2.0);
}

#[test]
fn a_retry_is_an_event_of_the_batch_that_was_repeated() {
    let (evo, collector) = (prepared(), Collector::start());
    let mut command = evo.command(&["load", "sales", "--max-rejects", "50%"]);
    command.env("EVO_OTLP_ENDPOINT", collector.url()).env("EVO_FAILPOINTS", "load.after_merge=error(DatabaseBusy)@1");
    run(command, &[]).exits(0);
    let spans = collector.spans();
    let batch = spans.iter().find(|span| span.name == "batch").unwrap();
    let events: Vec<&str> = batch.events.iter().map(|event| event.name.as_str()).collect();
    assert!(events.iter().any(|event| event.contains("failed; nothing of it was kept")), "{events:?}");
    assert_eq!(collector.values()["evo.retries"], 1.0);
}

#[test]
fn no_credential_is_in_anything_that_is_sent() {
    if cluster::is_left_out("the servers of the tests' cluster ask for no password") {
        return;
    }
    let (evo, collector) = (prepared(), Collector::start());
    let (head, _) = evo.db.url.rsplit_once('/').unwrap();
    let password = head.split([':', '@']).nth(2).unwrap().to_owned();
    let webhook = format!("{}/services/hunter2", collector.url());
    let variables = [
        ("EVO_OTLP_ENDPOINT", collector.url()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=hunter2".to_owned()),
        ("EVO_NOTIFY", webhook),
        ("EVO_PASSWORD", "hunter2".to_owned()),
        ("AZURE_STORAGE_ACCOUNT_KEY", "hunter2".to_owned()),
    ];
    let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
    let loaded = load(&evo, &variables).exits(0);
    let wrong = evo.db.url.replace(&password, "hunter2");
    let refused = run(evo.command_at(&wrong, &["load", "sales"]), &variables).exits(5);
    let shown = run(evo.command(&["config", "show"]), &variables).exits(0);
    assert!(shown.stdout.contains("/***"), "{}", shown.stdout);
    let printed = [loaded, refused, shown].map(|run| run.stdout + &run.stderr);
    let sent: Vec<String> =
        collector.posted().iter().map(|posted| String::from_utf8_lossy(&posted.body).into_owned()).collect();
    assert!(sent.len() >= 4, "{sent:?}");
    for text in sent.iter().chain(&printed) {
        assert!(!text.contains("hunter2") && !text.contains(&password), "{text}");
        assert!(!text.contains("idSale"), "no cell value: {text}");
    }
}
