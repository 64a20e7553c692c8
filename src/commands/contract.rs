//! How documents keep the contract of their entity, in the summaries of `evo load` and `evo transform`.

use serde_json::{Value, json};

use crate::drift::{self, Breach, FieldFindings};
use crate::visible;

/// Breaches that are listed for a machine.
const LISTED: usize = 100;

/// The first breaches and every note, each on a line that begins with a line break.
pub(super) fn text(entity: &str, findings: &FieldFindings, is_shown: impl Fn(&Breach) -> bool) -> String {
    let breaches = drift::lines(findings.breaches.iter().filter(|breach| is_shown(breach)));
    let lines = breaches.iter().chain(&findings.notes);
    lines.map(|line| format!("\n{entity}: contract: {}", visible::line(line))).collect()
}

/// Adds the first breaches, how many there are, and the notes.
pub(super) fn add_json(json: &mut Value, findings: &FieldFindings) {
    json["contract"] = findings.breaches.iter().take(LISTED).map(breach).collect();
    json["contract_count"] = json!(findings.breaches.len());
    json["contract_notes"] = json!(findings.notes);
}

fn breach(b: &Breach) -> Value {
    json!({
        "rule": b.rule.word(), "path": b.path, "type": b.json_type, "known_types": b.known_types,
        "documents": b.documents, "of": b.of, "before": b.before,
        "source_file": b.first.as_ref().map(|at| &at.source_file),
        "source_line": b.first.as_ref().map(|at| at.source_line),
    })
}
