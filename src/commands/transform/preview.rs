//! The output of `evo transform --dry-run`: what a transform would do.

use serde_json::{Value, json};

use crate::report::table::table;
use crate::report::{Outcome, units};
use crate::transform::{Forecast, Mode};

pub(super) fn outcome(previews: &[Forecast]) -> Outcome {
    Outcome::new(text(previews), json!({ "entities": previews.iter().map(to_json).collect::<Vec<_>>() }))
}

fn text(previews: &[Forecast]) -> String {
    let rows = previews.iter().flat_map(|f| {
        f.tables.iter().map(|t| {
            vec![
                t.table.clone(),
                f.mode.word().to_owned(),
                units::count(t.rows),
                units::bytes(t.bytes),
                match (f.mode, t.needs_bytes) {
                    (Mode::FullRefresh, None) => "?".to_owned(),
                    (_, bytes) => bytes.map_or(String::new(), units::bytes),
                },
            ]
        })
    });
    let mut text = table(&["table", "mode", ">rows now", ">size now", ">disk needed"], rows);
    for f in previews {
        text += &format!(
            "\n{}: {} of {} documents new or changed, in {} batches",
            f.entity,
            units::count(f.changed),
            units::count(f.staged),
            units::count(f.batches)
        );
        if f.mode != Mode::FullRefresh {
            text += &format!("; {} transactions", units::count(f.chunks));
        }
    }
    text + "\ndry run: nothing was changed"
}

fn to_json(f: &Forecast) -> Value {
    json!({
        "entity": f.entity, "mode": f.mode.word(), "batches": f.batches, "changed": f.changed, "staged": f.staged,
        "chunks": f.chunks,
        "tables": f.tables.iter().map(|t| json!({
            "table": t.table, "partitions": t.partitions, "rows": t.rows, "bytes": t.bytes,
            "needs_bytes": t.needs_bytes,
        })).collect::<Vec<_>>(),
    })
}
