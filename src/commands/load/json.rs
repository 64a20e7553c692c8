//! The summary of a load for a machine.

use serde_json::{Value, json};

use super::Loaded;
use crate::bronze::{Sample, Unreadable};
use crate::commands::contract;
use crate::ids::ExecutionId;
use crate::load::{EntityLoad, LoadPlan};
use crate::report::usage::usage;

/// The summary of an execution, an object for each entity.
pub(super) fn summary(execution_id: ExecutionId, loaded: &[Loaded]) -> Value {
    let used = usage();
    json!({
        "execution_id": execution_id.to_string(),
        "cpu_ms": used.cpu.as_millis() as u64, "peak_resident_bytes": used.peak_resident,
        "entities": loaded.iter().map(entity).collect::<Vec<_>>(),
    })
}

fn entity(loaded: &Loaded) -> Value {
    let load = &loaded.load;
    let EntityLoad { plan, summary: s, aftermath, .. } = load;
    let mut json = json!({
        "entity": s.entity, "listed": plan.listed, "objects": s.objects, "batches": s.batches, "lines": s.counts.lines,
        "inserted": s.counts.inserted, "updated": s.counts.updated, "unchanged": s.counts.unchanged,
        "superseded": s.counts.superseded, "rejected": s.counts.rejected, "bytes": s.bytes,
        "inflated_bytes": s.inflated_bytes, "elapsed_ms": s.elapsed.as_millis() as u64,
        "phases": s.times.to_json(), "replaced": s.not_loaded.gone, "left_alone": left_alone(plan),
        "warnings": plan.warnings, "other_endings": others(plan), "unreadable": unreadable(&s.not_loaded.unreadable),
    });
    let quarantined = s.not_loaded.quarantined.iter();
    json["quarantined"] = quarantined.map(|(path, reason)| json!({ "path": path, "reason": reason })).collect();
    let seen = &plan.seen;
    json["known"] = json!({
        "new": seen.new, "pending": seen.pending, "loaded": seen.loaded, "quarantined": seen.quarantined,
        "ignored": seen.ignored,
    });
    json["limit_reached"] = json!(load.beyond_limit > 0);
    json["set_aside"] = json!(aftermath.set_aside.objects);
    json["vanished"] = json!(aftermath.vanished);
    json["missing"] = aftermath
        .missing
        .iter()
        .map(|m| json!({ "run_id": m.run_id, "objects": m.parts, "present": m.present, "vanished": m.vanished }))
        .collect();
    json["manifest_differences"] = aftermath
        .differences
        .iter()
        .map(|d| json!({ "run_id": d.run_id, "records": d.records, "lines": d.lines }))
        .collect();
    contract::add_json(&mut json, &loaded.contract);
    json
}

/// Runs that were left alone, with the reason.
pub(super) fn left_alone(plan: &LoadPlan) -> Value {
    let run =
        |run: &crate::load::LeftAlone| json!({ "run_id": run.run_id, "objects": run.objects, "reason": run.reason });
    plan.left_alone.iter().map(run).collect()
}

/// Objects with endings that evo does not read.
pub(super) fn others(plan: &LoadPlan) -> Value {
    json!({ "count": plan.others.count, "first": plan.others.first })
}

/// Files and folders that could not be listed or read.
pub(super) fn unreadable(sample: &Sample<Unreadable>) -> Value {
    json!({
        "count": sample.count,
        "first": sample.first.iter().map(|u| json!({ "path": u.path, "reason": u.reason })).collect::<Vec<_>>(),
    })
}
