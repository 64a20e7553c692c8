//! One execution in full.

use serde_json::{Value, json};

use crate::commands::measured::{millis, moment, phase_line, seconds};
use crate::ledger::history::{ExecutionRecord, PastExecution, RunningPhase};
use crate::report::table::table;
use crate::report::units;
use crate::visible;

pub(super) fn to_json(record: &ExecutionRecord, progress: &[RunningPhase]) -> Value {
    json!({
        "execution": record.row, "arguments": record.arguments, "entities": record.entities,
        "measures": record.measures, "progress": progress, "checks": checks(record), "batches": record.batches,
        "windows": record.windows, "summary": record.summary, "error": record.error,
    })
}

pub(super) fn text(record: &ExecutionRecord, progress: &[RunningPhase]) -> String {
    let mut parts = vec![head(record)];
    parts.extend((!progress.is_empty()).then(|| progress.iter().map(phase_line).collect::<Vec<_>>().join("\n")));
    parts.extend(entities(record));
    parts.extend(timings(record));
    parts.push(process(record));
    parts.extend(checked(record));
    parts.extend(batches(record));
    parts.extend(windows(record));
    parts.extend(record.error.as_deref().map(|error| visible::lines(error).into_owned()));
    parts.extend((record.row.state == "silent").then(|| silent(&record.row)));
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n")
}

/// The execution's command, state, time and place.
fn head(record: &ExecutionRecord) -> String {
    let r = &record.row;
    let code = r.exit_code.map_or(String::new(), |code| format!(", exit code {code}"));
    let took = r
        .elapsed_s
        .map_or(String::new(), |s| format!(", {} {}", if r.is_running() { "for" } else { "took" }, seconds(s)));
    let machine = r.machine.as_deref().or(r.host.as_deref()).unwrap_or("unknown");
    let process = r.process_id.map_or(String::new(), |id| format!(", process {id}"));
    let container =
        r.container_execution.as_deref().map_or(String::new(), |name| format!(", container execution {name}"));
    let mut lines = vec![
        format!("execution  {}", r.execution_id),
        format!("command    {} {}", r.command, r.entities.join(" ")).trim_end().to_owned(),
        format!("state      {}{code}", r.state),
        format!("started    {} UTC{took}", moment(&r.started_at)),
        format!("where      {}{process}{container}; evo {}", visible::line(machine), r.evo_version),
    ];
    let given: Vec<String> = record.arguments.as_object().into_iter().flatten().filter_map(argument).collect();
    lines.extend((!given.is_empty()).then(|| format!("arguments  {}", given.join(", "))));
    lines.join("\n")
}

/// An argument that was given: `workers 8`.
fn argument((name, value): (&String, &Value)) -> Option<String> {
    let name = name.replace('_', " ");
    match value {
        Value::Null | Value::Bool(false) => None,
        Value::Array(list) if list.is_empty() => None,
        Value::Bool(true) => Some(name),
        Value::String(text) => Some(format!("{name} {}", visible::line(text))),
        other => Some(format!("{name} {other}")),
    }
}

fn entities(record: &ExecutionRecord) -> Option<String> {
    let keys = ["objects", "rows", "inserted", "updated", "unchanged", "superseded", "deleted", "rejected", "issues"];
    let row = |e: &Value| {
        let mut cells = vec![text_of(e, "entity")];
        cells.extend(keys.iter().map(|key| count_of(e, &format!("{key}_count"))));
        cells.push(e["share"].as_f64().map_or(String::new(), units::share));
        cells
    };
    let headers: Vec<String> = std::iter::once("entity".to_owned())
        .chain(keys.iter().map(|key| format!(">{key}")))
        .chain([">share".to_owned()])
        .collect();
    let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
    let note = "share: of all lines of the runs that it helped to load";
    let shared = record.entities.iter().any(|e| e["share"].as_f64().is_some_and(|share| share < 1.0));
    let text = table(&headers, record.entities.iter().map(row));
    (!record.entities.is_empty()).then(|| if shared { format!("{text}\n{note}") } else { text })
}

/// Where its time went.
fn timings(record: &ExecutionRecord) -> Option<String> {
    let list = record.measures.as_ref()?["timings"].as_array().filter(|list| !list.is_empty())?;
    let ms = |t: &Value, key: &str| t[key].as_f64().map_or(String::new(), millis);
    let row = |t: &Value| {
        let entity = text_of(t, "entity");
        let entity = if entity.is_empty() { "(all)".to_owned() } else { entity };
        vec![
            entity,
            text_of(t, "timing").replace('_', " "),
            count_of(t, "count"),
            ms(t, "p50_ms"),
            ms(t, "p95_ms"),
            ms(t, "p99_ms"),
            ms(t, "max_ms"),
            ms(t, "sum_ms"),
        ]
    };
    Some(table(&["entity", "timing", ">times", ">p50", ">p95", ">p99", ">max", ">total"], list.iter().map(row)))
}

/// Phases, retries, connections and channels.
fn process(record: &ExecutionRecord) -> String {
    let mut lines = Vec::new();
    let measures = record.measures.clone().unwrap_or_default();
    let list = |key: &str| measures[key].as_array().cloned().unwrap_or_default();
    let ended = list("phases")
        .iter()
        .map(|p| format!("{} {}", text_of(p, "phase"), total_ms(p, "elapsed_ms")))
        .collect::<Vec<_>>();
    lines.extend((!ended.is_empty()).then(|| format!("phases: {}", ended.join(" · "))));
    let retries = list("retries")
        .iter()
        .map(|r| format!("{} after {} (waited {})", count_of(r, "count"), text_of(r, "kind"), total_ms(r, "waited_ms")))
        .collect::<Vec<_>>();
    lines.extend((!retries.is_empty()).then(|| format!("retries: {}", retries.join(" · "))));
    let r = &record.row;
    if let (Some(peak), Some(limit)) = (r.connections_peak, r.connections_limit) {
        let waited = r.connection_p95_ms.map_or(String::new(), |ms| format!("; 95 % were there within {}", millis(ms)));
        lines.push(format!("connections: at most {peak} of {limit} in use{waited}"));
    }
    lines.extend(channels(r));
    lines.join("\n")
}

/// How full the channels of a load were: which side waited for which.
fn channels(r: &PastExecution) -> Option<String> {
    let (downloaded, decoded) = (units::share(r.downloaded_fill?), units::share(r.decoded_fill?));
    Some(format!(
        "channels: to the decoder {downloaded} full, to the server {decoded} full; what follows a full one is the limit"
    ))
}

/// The checks of its summary, with the entity that they belong to.
fn checks(record: &ExecutionRecord) -> Vec<Value> {
    let entities = record.summary.as_ref().and_then(|summary| summary["entities"].as_array());
    let checks = entities.into_iter().flatten().filter_map(|entity| entity["checks"].as_array());
    checks.flatten().cloned().collect()
}

fn checked(record: &ExecutionRecord) -> Option<String> {
    let checks = checks(record);
    let found: Vec<&Value> = checks.iter().filter(|check| check["rows"].as_u64() > Some(0)).collect();
    let ok = checks.len() - found.len();
    let mut text = format!("checks: {ok} ok");
    for check in found {
        let severity = if check["severity"] == "fail" { "failed" } else { "warns" };
        text += &format!(
            "\n  {} {severity} on {}: {} rows",
            text_of(check, "check"),
            text_of(check, "on"),
            count_of(check, "rows")
        );
    }
    (!checks.is_empty()).then_some(text)
}

fn batches(record: &ExecutionRecord) -> Option<String> {
    let row = |b: &Value| {
        vec![
            b["batch_id"].to_string(),
            text_of(b, "entity"),
            text_of(b, "run_id"),
            text_of(b, "state"),
            count_of(b, "attempt"),
            count_of(b, "objects"),
            count_of(b, "lines"),
            b["elapsed_s"].as_f64().map_or(String::new(), seconds),
            text_of(&b["timings"], "mode"),
        ]
    };
    let headers = [">batch", "entity", "run", "state", ">attempts", ">objects", ">lines", ">took", "staged"];
    (!record.batches.is_empty()).then(|| table(&headers, record.batches.iter().map(row)))
}

fn windows(record: &ExecutionRecord) -> Option<String> {
    let row = |w: &Value| {
        vec![
            w["window_id"].to_string(),
            text_of(w, "entity"),
            text_of(w, "from"),
            text_of(w, "until"),
            text_of(w, "state"),
            count_of(w, "requests"),
            count_of(w, "records"),
            text_of(w, "reason"),
        ]
    };
    let headers = [">window", "entity", "from", "until", "state", ">requests", ">records", "reason"];
    (!record.windows.is_empty()).then(|| table(&headers, record.windows.iter().map(row)))
}

/// Advice about an execution that fell silent.
fn silent(r: &PastExecution) -> String {
    let since = r.seen_at.as_deref().map_or(String::new(), |at| format!(" since {}", moment(at)));
    let again = format!("evo {} {}", r.command, r.entities.join(" "));
    format!(
        "Its end is not recorded, and it has shown no sign of life{since}: it was killed, or cannot reach the \
         database. What it committed stays.\n\nnext: {}",
        again.trim_end()
    )
}

fn text_of(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

fn count_of(value: &Value, key: &str) -> String {
    value[key].as_i64().map_or(String::new(), |n| units::count(n.unsigned_abs()))
}

fn total_ms(value: &Value, key: &str) -> String {
    millis(value[key].as_f64().unwrap_or_default())
}
