//! The output of `evo transform --dry-run`: what a transform would do.

use serde_json::{Value, json};

use super::show;
use crate::entity::MissingRows;
use crate::report::table::table;
use crate::report::{Outcome, units};
use crate::transform::{Mode, TransformPreview};
use crate::visible;

pub(super) fn outcome(previews: &[TransformPreview]) -> Outcome {
    Outcome::new(text(previews), json!({ "entities": previews.iter().map(to_json).collect::<Vec<_>>() }))
}

fn text(previews: &[TransformPreview]) -> String {
    let rows = previews.iter().flat_map(|p| {
        p.tables.iter().map(|t| {
            vec![
                t.table.clone(),
                p.mode.word().to_owned(),
                units::count(t.rows),
                units::bytes(t.bytes),
                match (p.mode, t.needs_bytes) {
                    (Mode::FullRefresh, None) => "?".to_owned(),
                    (_, bytes) => bytes.map_or(String::new(), units::bytes),
                },
            ]
        })
    });
    let mut text = table(&["table", "mode", ">rows now", ">size now", ">disk needed"], rows);
    for p in previews {
        text += &format!(
            "\n{}: {} of {} new or changed, in {}",
            p.entity,
            units::count(p.changed),
            units::counted(p.staged, "document", "documents"),
            units::counted(p.batches, "batch", "batches")
        );
        if !p.changed_definitions.is_empty() {
            text += &format!("; the definition of {} has changed", p.changed_definitions.join(", "));
        }
        if p.mode != Mode::FullRefresh {
            text += &format!("; {}", units::counted(p.chunks, "transaction", "transactions"));
        }
        text += &missing(p);
    }
    text + "\ndry run: nothing was changed"
}

/// What would become of rows that the source no longer has.
fn missing(p: &TransformPreview) -> String {
    let Some(m) = p.missing.as_ref().filter(|m| m.lost + m.returned > 0) else { return String::new() };
    let lost = units::counted(m.lost, "document is", "documents are");
    let done = match (m.is_refused(), m.rule) {
        (true, _) => {
            let (shown, allowed) = (units::count(m.shown), m.max_shrink * 100.0);
            format!("left alone: of {shown} rows, --max-shrink {allowed:.0}% allows no more to be missing")
        }
        (false, MissingRows::Delete) => "would be deleted".to_owned(),
        (false, _) => "would be marked".to_owned(),
    };
    let back = units::counted(m.returned, "is", "are");
    format!("\n{}: {lost} not in run {} any more and {done}; {back} there again", p.entity, visible::line(&m.run_id))
}

fn to_json(p: &TransformPreview) -> Value {
    json!({
        "entity": p.entity, "mode": p.mode.word(), "batches": p.batches, "changed": p.changed, "staged": p.staged,
        "chunks": p.chunks, "changed_definitions": p.changed_definitions,
        "missing": p.missing.as_ref().map(show::missing_json),
        "tables": p.tables.iter().map(|t| json!({
            "table": t.table, "partitions": t.partitions, "rows": t.rows, "bytes": t.bytes,
            "needs_bytes": t.needs_bytes,
        })).collect::<Vec<_>>(),
    })
}
