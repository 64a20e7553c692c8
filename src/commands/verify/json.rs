//! The summary of a verification for a machine.

use serde_json::{Value, json};

use super::dimensions::VerifiedDimension;
use super::repair::RepairedEntity;
use super::verified::VerifiedEntity;
use super::{remedy, show_dimensions};
use crate::transform::compare::CoreMismatch;
use crate::verify::Mismatch;

/// The summary of all entities and dimensions.
pub(super) fn summary((entities, dimensions): (&[RepairedEntity], &[VerifiedDimension]), accepted: &[String]) -> Value {
    json!({
        "entities": entities.iter().map(|entity| one(entity, accepted)).collect::<Vec<_>>(),
        "dimensions": dimensions.iter().map(|d| show_dimensions::json(d, accepted)).collect::<Vec<_>>(),
        "accepted": accepted,
    })
}

fn one(entity: &RepairedEntity, accepted: &[String]) -> Value {
    let mut value = verified(&entity.first, accepted);
    if let Some(last) = &entity.last {
        let repaired = &entity.repaired;
        value["repaired"] = json!({
            "removed_rows": repaired.removed, "loaded_objects": repaired.objects,
            "transformed_documents": repaired.documents, "recounted": repaired.is_recounted,
        });
        value["after"] = verified(last, accepted);
    }
    value
}

fn verified(v: &VerifiedEntity, accepted: &[String]) -> Value {
    let rate = |count: u64, seconds: f64| if seconds > 0.0 { (count as f64 / seconds).round() } else { 0.0 };
    let (documents, core) = (&v.documents, &v.core);
    json!({
        "entity": v.entity, "mode": v.depth.word(), "listed_objects": v.listed,
        "staging_rows": v.staging.rows, "counted_rows": v.staging.counted,
        "rewritten_rows": v.staging.rewritten_rows, "unread_rows": v.unread_rows,
        "objects": documents.objects, "bytes": documents.bytes, "documents": documents.documents,
        "documents_per_second": rate(documents.documents, v.reading.as_secs_f64()),
        "values_compared": documents.values, "unprovable_rows": documents.unprovable,
        "core_documents": core.documents, "left_out_documents": v.left_out(),
        "core_ranges_compared": core.ranges,
        "core_documents_per_second": rate(core.documents, v.comparing.as_secs_f64()),
        "elapsed_ms": v.elapsed.as_millis() as u64,
        "wrong": v.wrong(accepted).into_iter().map(|(kind, count)| json!({ "kind": kind, "count": count }))
            .collect::<Vec<_>>(),
        "mismatches": v.found.iter().map(row).chain(core.named.iter().map(core_row)).collect::<Vec<_>>(),
        "commands": remedy::commands(v),
    })
}

fn row(m: &Mismatch) -> Value {
    let place = m.place.as_ref();
    json!({
        "kind": m.kind.word(), "table": Value::Null, "key": m.key.as_ref().map(ToString::to_string),
        "object": place.map(|p| p.path.as_str()), "line": place.map(|p| p.line).filter(|line| *line > 0),
        "columns": [], "detail": m.detail,
    })
}

fn core_row(m: &CoreMismatch) -> Value {
    json!({
        "kind": m.kind.word(), "table": m.table, "key": m.key,
        "object": m.source.as_ref().map(|(path, _)| path), "line": m.source.as_ref().map(|(_, line)| line),
        "columns": m.columns, "detail": "",
    })
}
