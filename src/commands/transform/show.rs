//! The summary of a transform.

use serde_json::{Value, json};

use crate::commands::check::finding_json;
use crate::commands::contract;
use crate::commands::failures;
use crate::drift::{Breach, BrokenRule};
use crate::entity::{MissingRows, Reaction};
use crate::error::Error;
use crate::ids::ExecutionId;
use crate::report::table::table;
use crate::report::units;
use crate::shutdown::Shutdown;
use crate::suggest::did_you_mean;
use crate::transform::checks::{self, Finding, Severity};
use crate::transform::order::{Task, TaskEnd};
use crate::transform::refusal;
use crate::transform::{Drift, MissingSummary, Mode, TransformSummary};

/// How every entity and dimension ended.
#[derive(Debug)]
pub(super) struct TransformReport {
    summaries: Vec<TransformSummary>,
    /// Name and error, where there was no summary.
    failed: Vec<(String, String)>,
    /// Name, and what failed before it.
    skipped: Vec<(String, String)>,
    /// The error that gives the exit code; `None` for 0.
    pub(super) failure: Option<Error>,
}

impl TransformReport {
    pub(super) fn new(tasks: &[Task], ended: Vec<TaskEnd<TransformSummary>>, shutdown: &Shutdown) -> Self {
        let mut report = Self { summaries: Vec::new(), failed: Vec::new(), skipped: Vec::new(), failure: None };
        let mut failures = Vec::new();
        for (task, ended) in tasks.iter().zip(ended) {
            match ended {
                TaskEnd::Done(summary) => {
                    failures.extend(refusal::failure(&summary.refused).map(|error| (task.name.clone(), error)));
                    let missing = summary.missing.as_ref().and_then(|missing| missing.failure(&task.name));
                    failures.extend(missing.map(|error| (task.name.clone(), error)));
                    failures.extend(checks::failure(&summary.checks).map(|error| (task.name.clone(), error)));
                    report.summaries.push(summary);
                }
                TaskEnd::Failed(error) => {
                    report.failed.push((task.name.clone(), error.to_string()));
                    failures.push((task.name.clone(), error));
                }
                TaskEnd::Skipped(because) => report.skipped.push((task.name.clone(), because)),
                TaskEnd::Stopped => {}
            }
        }
        if failures.is_empty() && shutdown.is_requested() && report.summaries.len() < tasks.len() {
            report.failure = Some(shutdown.error());
        } else {
            report.failure = failures::combined(failures);
        }
        report
    }

    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        if !self.summaries.is_empty() {
            let headers = ["table", ">rows", ">inserted", ">updated", ">deleted", ">issues", ">seconds"];
            text = table(&headers, self.summaries.iter().flat_map(rows));
            for summary in &self.summaries {
                text += &notes(summary);
            }
        }
        for (name, error) in &self.failed {
            text += &format!("\n{name}: failed: {error}");
        }
        for (name, because) in &self.skipped {
            text += &format!("\n{name}: skipped, because {because} failed or was skipped");
        }
        text.trim_start_matches('\n').to_owned()
    }

    pub(super) fn json(&self, execution_id: ExecutionId) -> Value {
        json!({
            "execution_id": execution_id.to_string(),
            "entities": self.summaries.iter().map(to_json).collect::<Vec<_>>(),
            "failed": self.failed.iter().map(|(name, e)| json!({ "entity": name, "error": e })).collect::<Vec<_>>(),
            "skipped": self.skipped.iter().map(|(name, b)| json!({ "entity": name, "because": b })).collect::<Vec<_>>(),
        })
    }
}

fn rows(s: &TransformSummary) -> Vec<Vec<String>> {
    let row = |(i, t): (usize, &crate::transform::TableSummary)| {
        vec![
            t.table.clone(),
            units::count(t.rows),
            units::count(t.inserted),
            units::count(t.updated),
            units::count(t.deleted),
            units::count(t.issues),
            if i == 0 { format!("{:.1}", s.elapsed.as_secs_f64()) } else { String::new() },
        ]
    };
    s.tables.iter().enumerate().map(row).collect()
}

fn notes(s: &TransformSummary) -> String {
    let mut text = String::new();
    match s.swap {
        Some(swap) => {
            let waited = units::duration(swap);
            text += &format!("\n{}: new generation swapped in; readers waited {waited} at most", s.entity);
        }
        None if s.batches == 0 && s.staged == Some(0) => {}
        None if s.batches == 0 && s.mode == Mode::Incremental && s.refused.is_empty() && !has_moved(s) => {
            text += &format!("\n{}: nothing changed in staging since the last transform", s.entity)
        }
        None => {}
    }
    if s.staged == Some(0) {
        text += &format!("\n{0}: staging is empty; load something first: evo load {0}", s.entity);
    }
    for reader in &s.older_readers {
        text +=
            &format!("\n{}: {reader}: its snapshot is older than the new generation, which it finds empty", s.entity);
    }
    let issues: u64 = s.tables.iter().map(|t| t.issues).sum();
    if issues > 0 {
        let values = units::counted(issues, "value", "values");
        text += &format!("\n{}: {values} did not fit and became null: select * from evo.issues", s.entity);
    }
    text += &definitions(s);
    for refusal in &s.refused {
        text += &format!("\n{}: refused: {}", s.entity, refusal.line());
    }
    text += &missing(s);
    text += &contract(s);
    text += &drift(s);
    for finding in s.checks.iter().filter(|f| f.rows > 0) {
        text += &format!("\n{}", line(finding));
    }
    text
}

/// What the models and their tables do not agree on.
fn definitions(s: &TransformSummary) -> String {
    let (mut text, name) = (String::new(), &s.entity);
    for column in &s.absent_columns {
        let near = did_you_mean(column, s.unfilled_columns.iter().map(String::as_str));
        let advice = match near.and_then(|near| near.rsplit('.').next()) {
            Some(near) => format!("did you mean {near}?"),
            None => "add it in a migration, or correct the model".to_owned(),
        };
        text += &format!("\n{name}: left out: {column}, which the model gives and the table lacks; {advice}");
    }
    for column in &s.unfilled_columns {
        text += &format!(
            "\n{name}: {column} keeps the values that it had: its model filled it once and no longer does; give it in \
             the model again, or drop it in a migration"
        );
    }
    let tables = s.changed_definitions.join(", ");
    if !tables.is_empty() && !s.has_all_rows {
        text += &format!(
            "\n{name}: model, zone or date formats have changed since the rows of {tables} were made; rows that \
             did not change are still the old ones: evo transform {name} --full-refresh"
        );
    } else if !tables.is_empty() {
        text += &format!("\n{name}: the definition of {tables} had changed: all rows were made again");
    }
    text
}

/// Whether rows were found missing, or back.
fn has_moved(s: &TransformSummary) -> bool {
    s.missing.as_ref().is_some_and(|m| m.lost + m.returned > 0)
}

fn missing(s: &TransformSummary) -> String {
    let Some(m) = s.missing.as_ref().filter(|m| m.lost + m.returned > 0 && m.failure(&s.entity).is_none()) else {
        return String::new();
    };
    let done = if m.rule == MissingRows::Delete { "deleted" } else { "marked" };
    let lost = units::counted(m.lost, "document is", "documents are");
    let all = units::count(m.lost + m.still);
    format!(
        "\n{}: {lost} not in run {} any more and {done}, {all} in total; {} there again",
        s.entity,
        m.run_id,
        units::counted(m.returned, "is", "are")
    )
}

/// As JSON.
pub(super) fn missing_json(m: &MissingSummary) -> Value {
    json!({
        "rule": m.rule.word(), "run_id": m.run_id, "lost": m.lost, "returned": m.returned,
        "total": if m.is_refused() { m.still } else { m.lost + m.still }, "refused": m.is_refused(),
    })
}

/// What the contract let through; what is new is shown as drift.
fn contract(s: &TransformSummary) -> String {
    let is_shown = |b: &Breach| b.rule == BrokenRule::MissingField || b.reaction == Reaction::Fail;
    contract::text(&s.entity, &s.contract, is_shown)
}

/// Up to ten lines; evo.fields has all of it.
fn drift(s: &TransformSummary) -> String {
    let line = |d: &Drift| {
        let was = if d.known_types.is_empty() { "new".to_owned() } else { format!("was {}", d.known_types.join(", ")) };
        format!(
            "\n{}: drift: {} is {} ({was}), first in {} line {}",
            s.entity, d.path, d.json_type, d.source_file, d.source_line
        )
    };
    let more = s.drift.len().saturating_sub(10);
    let lines: String = s.drift.iter().take(10).map(line).collect();
    if more == 0 { lines } else { format!("{lines}\n{}: drift: {more} more in evo.fields", s.entity) }
}

/// A finding in one line, with its hint below.
fn line(f: &Finding) -> String {
    let severity = if f.severity == Severity::Fail { "failed" } else { "warns" };
    let more = if f.rows > f.keys.len() as u64 { ", …" } else { "" };
    let rows = units::counted(f.rows, "row", "rows");
    let mut text = format!("check {} {severity} on {}: {rows}: {}{more}", f.check, f.on, f.keys.join(", "));
    if let Some(hint) = &f.hint {
        text += &format!("\n  {hint}");
    }
    text
}

fn to_json(s: &TransformSummary) -> Value {
    let mut json = json!({
        "entity": s.entity, "mode": s.mode.word(), "batches": s.batches, "elapsed_ms": s.elapsed.as_millis() as u64,
        "swap_ms": s.swap.map(|d| d.as_millis() as u64), "older_readers": s.older_readers,
        "absent_columns": s.absent_columns, "unfilled_columns": s.unfilled_columns,
        "changed_definitions": s.changed_definitions,
        "has_old_rows": !s.changed_definitions.is_empty() && !s.has_all_rows,
        "tables": s.tables.iter().map(|t| json!({
            "table": t.table, "rows": t.rows, "inserted": t.inserted, "updated": t.updated, "deleted": t.deleted,
            "issues": t.issues,
        })).collect::<Vec<_>>(),
        "drift": s.drift.iter().map(|d| json!({
            "path": d.path, "type": d.json_type, "known_types": d.known_types, "source_file": d.source_file,
            "source_line": d.source_line,
        })).collect::<Vec<_>>(),
        "refused": s.refused.iter().map(|r| json!({
            "table": r.table, "reason": r.reason, "documents": r.documents, "keys": r.keys,
        })).collect::<Vec<_>>(),
        "missing": s.missing.as_ref().map(missing_json),
        "checks": s.checks.iter().map(finding_json).collect::<Vec<_>>(),
    });
    contract::add_json(&mut json, &s.contract);
    json
}
