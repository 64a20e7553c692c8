//! The `_manifest.json` that ends a run.

use serde_json::{Map, Value, json};

use crate::entity::Entity;
use crate::layout::{Run, Window};
use crate::part::Tally;
use crate::plan::Plan;

/// Records of a page, and parallel workers, of the extractor of an entity.
fn extractor(entity: Entity) -> (u64, u64) {
    match entity {
        Entity::Members | Entity::Prospects => (50, 4),
        Entity::Sales => (100, 4),
        Entity::Entries => (1_000, 8),
    }
}

/// The manifest of `run`, whose windows came to `windows` (parts and counts); nothing for prospects, which
/// have none.
///
/// Times are those that the extractor would take at its pace of a request every 1.5 seconds a worker: the
/// measured ones would make two manifests of the same run differ.
pub(crate) fn text(plan: &Plan, run: &Run, windows: &[(u64, Tally)]) -> Option<String> {
    let (page, workers) = extractor(run.entity);
    if run.entity == Entity::Prospects {
        return None;
    }
    let requests = |lines: u64| lines / page + 1;
    let result = |(n, (window, (parts, tally))): (usize, (&Window, &(u64, Tally)))| {
        json!({
            "period": format!("{} - {}", window.start, window.end),
            "records": tally.lines,
            "parts": parts,
            "elapsed": requests(tally.lines) as f64 * 1.5,
            "requests": requests(tally.lines),
            "worker_id": n as u64 % workers,
        })
    };
    let results: Vec<Value> = run.windows.iter().zip(windows).enumerate().map(result).collect();
    let seconds = windows.iter().map(|(_, tally)| requests(tally.lines)).sum::<u64>() as f64 * 1.5 / workers as f64;
    let mut fields = Map::new();
    let mut put = |key: &str, value: Value| fields.insert(key.into(), value);
    put("entity", run.entity.name().into());
    put("mode", if plan.only_changed && run.number > 0 { "incremental" } else { "full_parallel" }.into());
    put("run_id", run.run_id.as_str().into());
    put("start_date", plan.start_date.to_string().into());
    put("end_date", run.windows.last().map(|window| window.end.to_string()).into());
    put("workers", workers.into());
    if run.entity == Entity::Members {
        put("show_memberships", true.into());
    }
    put("total_records", windows.iter().map(|(_, tally)| tally.lines).sum::<u64>().into());
    put("total_parts", windows.iter().map(|(parts, _)| parts).sum::<u64>().into());
    put("total_elapsed_seconds", ((seconds * 10.0).round() / 10.0).into());
    put("periods", (run.windows.len() as u64).into());
    if run.entity == Entity::Entries {
        put("errors", 0.into());
    }
    put("results", results.into());
    serde_json::to_string_pretty(&fields).ok()
}
