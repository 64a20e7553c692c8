//! The output of `evo objects`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::ledger::lakes::KnownLake;
use crate::ledger::objects::ObjectRow;
use crate::report::table::table;
use crate::report::{Outcome, units};
use crate::visible;

pub(super) fn list(entries: &[ObjectRow], all: u64, is_default: bool) -> Outcome {
    let json = json!({ "objects": entries.iter().map(entry_json).collect::<Vec<_>>(), "count": all });
    if all == 0 {
        let text = if is_default { "no object is set aside, and none vanished" } else { "no such object" };
        return Outcome::new(text, json);
    }
    let rows = entries.iter().map(|e| {
        let reason = match (&e.reason, e.state.as_str()) {
            (Some(reason), _) => reason.clone(),
            (None, "gone") => "replaced or deleted before it was loaded".to_owned(),
            (None, _) => String::new(),
        };
        let bytes = units::bytes(e.bytes.unsigned_abs());
        vec![
            e.entity.clone(),
            shown(&e.state).to_owned(),
            bytes,
            e.seen_at.clone(),
            visible::line(&e.path).to_string(),
            visible::line(&reason).to_string(),
        ]
    });
    let mut text = table(&["entity", "state", ">bytes", "seen (UTC)", "object", "reason"], rows);
    if (entries.len() as u64) < all {
        let shown = units::count(entries.len() as u64);
        text += &format!("\nthe first {shown} of {}; more with --limit", units::count(all));
    }
    if entries.iter().any(|e| e.state == "quarantined") {
        text += "\n\nnext: extract them again, or evo objects retry ENTITY, or evo objects ignore ENTITY";
    }
    Outcome::new(text, json)
}

/// The word for a state in what a person reads.
fn shown(state: &str) -> &str {
    match state {
        "quarantined" => "set aside",
        other => other,
    }
}

fn entry_json(e: &ObjectRow) -> Value {
    json!({
        "entity": e.entity, "path": e.path, "state": e.state, "reason": e.reason, "bytes": e.bytes, "run_id": e.run_id,
        "ingestion_date": e.ingestion_date, "seen_at": format!("{}Z", e.seen_at.replace(' ', "T")), "lake": e.lake,
    })
}

pub(super) fn ignored(objects: &[(String, String)]) -> Outcome {
    let text = match objects.len() {
        0 => "no such object is set aside: nothing to ignore".to_owned(),
        n => format!("{} acknowledged; they are not tried again", count(n)),
    };
    let paths: Vec<Value> = objects.iter().map(|(entity, path)| json!({ "entity": entity, "path": path })).collect();
    Outcome::new(text, json!({ "ignored": paths }))
}

/// The entities of the objects that are waiting, as arguments.
fn entities(objects: &[(String, String, bool)]) -> String {
    let waiting: BTreeSet<&str> = objects.iter().filter(|o| o.2).map(|o| o.0.as_str()).collect();
    waiting.into_iter().collect::<Vec<_>>().join(" ")
}

pub(super) fn again(objects: &[(String, String, bool)]) -> Outcome {
    let waiting = objects.iter().filter(|o| o.2).count();
    let mut text = match (objects.len(), waiting) {
        (0, _) => "no such object is set aside: nothing to try again".to_owned(),
        (_, 0) => String::new(),
        (_, n) => format!("{} waiting again\n\nnext: evo load {}", count(n), entities(objects)),
    };
    if objects.len() > waiting {
        let n = count(objects.len() - waiting);
        let text_of_rest = format!("{n} without a run in the path: move them below run_id=…/ to have them loaded");
        text = if text.is_empty() { text_of_rest } else { format!("{text_of_rest}\n{text}") };
    }
    let json = |o: &(String, String, bool)| json!({ "entity": o.0, "path": o.1, "waits": o.2 });
    Outcome::new(text, json!({ "objects": objects.iter().map(json).collect::<Vec<_>>() }))
}

fn count(n: usize) -> String {
    units::counted(n as u64, "object", "objects")
}

pub(super) fn lakes(lakes: &[KnownLake]) -> Outcome {
    let rows = lakes.iter().map(|l| {
        let addresses =
            if l.addresses.is_empty() { "none yet: the next load names it".to_owned() } else { l.addresses.join(", ") };
        vec![l.lake.to_string(), units::count(l.objects.unsigned_abs()), addresses]
    });
    let text = table(&["lake", ">objects", "addresses"], rows);
    let json: Vec<Value> =
        lakes.iter().map(|l| json!({ "lake_id": l.lake.0, "objects": l.objects, "addresses": l.addresses })).collect();
    Outcome::new(text, json!({ "lakes": json }))
}
