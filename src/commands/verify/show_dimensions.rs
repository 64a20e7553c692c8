//! The verification of dimensions, for a person and for a machine.

use serde_json::{Value, json};

use super::dimensions::{DimensionEnd, VerifiedDimension, wrong};
use crate::report::table::table;
use crate::report::units;
use crate::transform::dimension::{ComparedDimension, DimensionMismatch};

/// Mismatches of a dimension that are shown.
const SHOWN: usize = 10;

/// The summary of all dimensions; empty if there are none.
pub(super) fn text(dimensions: &[VerifiedDimension], accepted: &[String]) -> String {
    let compared = dimensions.iter().filter_map(|d| match &d.end {
        DimensionEnd::Compared { first, .. } => Some((d, first)),
        DimensionEnd::NotCompared(_) => None,
    });
    let compared: Vec<(&VerifiedDimension, &ComparedDimension)> = compared.collect();
    let mut text = String::new();
    if !compared.is_empty() {
        let rows = compared.iter().map(|(d, first)| {
            let seconds = format!("{:.1}", d.elapsed.as_secs_f64());
            vec![d.name.clone(), units::count(first.rows), seconds, result(d, accepted).to_owned()]
        });
        text += &format!("\n{}", table(&["dimension", ">rows", ">seconds", "result"], rows));
    }
    for (dimension, first) in compared {
        text += &findings(dimension, first);
        if result(dimension, accepted) == "WRONG" {
            text += &format!("\n{}: to repair it: {}", dimension.name, command(dimension));
        }
    }
    for dimension in dimensions {
        if let DimensionEnd::NotCompared(reason) = &dimension.end {
            text += &format!("\n{}: not compared: {reason}", dimension.name);
        }
    }
    text
}

fn findings(dimension: &VerifiedDimension, first: &ComparedDimension) -> String {
    let shown = first.named.len().min(SHOWN);
    let mut text: String = first.named.iter().take(SHOWN).map(|m| finding(dimension, m)).collect();
    let more = first.counts.values().sum::<u64>().saturating_sub(shown as u64);
    if more > 0 {
        text += &format!("\n{}: {} more", dimension.name, units::count(more));
    }
    text
}

fn finding(dimension: &VerifiedDimension, m: &DimensionMismatch) -> String {
    let mut line = format!("\n{}: {} {} {}", dimension.name, m.kind.word(), dimension.table, m.key);
    if !m.columns.is_empty() {
        line += &format!(" ({})", m.columns.join(", "));
    }
    line + &match &m.source {
        Some((table, key)) => format!(": named by {table} {key}"),
        None => ": no row of core names it".to_owned(),
    }
}

fn result(dimension: &VerifiedDimension, accepted: &[String]) -> &'static str {
    match &dimension.end {
        DimensionEnd::NotCompared(_) => "not compared",
        DimensionEnd::Compared { first, .. } if wrong(first, accepted).is_empty() => "right",
        DimensionEnd::Compared { last: Some(last), .. } if wrong(last, accepted).is_empty() => "repaired",
        DimensionEnd::Compared { .. } => "WRONG",
    }
}

/// What to type when a dimension is wrong.
pub(super) fn command(dimension: &VerifiedDimension) -> String {
    format!("evo transform {} --full-refresh", dimension.name)
}

/// A dimension in the summary for a machine.
pub(super) fn json(dimension: &VerifiedDimension, accepted: &[String]) -> Value {
    let result = result(dimension, accepted).to_lowercase();
    let (mut rows, mut mismatches, mut kinds, mut reason) = (Value::Null, Vec::new(), Vec::new(), Value::Null);
    match &dimension.end {
        DimensionEnd::NotCompared(why) => reason = json!(why),
        DimensionEnd::Compared { first, .. } => {
            rows = json!(first.rows);
            kinds = wrong(first, accepted).into_iter().map(|(kind, n)| json!({ "kind": kind, "count": n })).collect();
            mismatches = first.named.iter().map(|m| mismatch(&dimension.table, m)).collect();
        }
    }
    let is_wrong = !dimension.wrong(accepted).is_empty();
    let commands: Vec<String> = is_wrong.then(|| command(dimension)).into_iter().collect();
    json!({
        "dimension": dimension.name, "result": result, "reason": reason, "rows": rows, "wrong": kinds,
        "mismatches": mismatches, "commands": commands, "elapsed_ms": dimension.elapsed.as_millis() as u64,
    })
}

fn mismatch(table: &str, m: &DimensionMismatch) -> Value {
    let source = m.source.as_ref().map(|(table, key)| json!({ "table": table, "key": key }));
    json!({
        "kind": m.kind.word(), "table": table, "key": m.key, "columns": m.columns, "named_by": source,
    })
}
