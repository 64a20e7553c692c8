//! `evo load --dry-run`: the plan, with what would be loaded, what would not, and why.

use serde_json::{Value, json};

use super::{absence, json as shape, show};
use crate::bronze::Sample;
use crate::commands::loading;
use crate::error::Result;
use crate::ledger::objects::Again;
use crate::load::{self, LoadJob, LoadPlan};
use crate::report::table::table;
use crate::report::{Outcome, units};

pub(super) async fn run(jobs: &[LoadJob], may_be_absent: bool, limit: Option<usize>) -> Result<Outcome> {
    let (mut plans, mut absences, mut unreadable) = (Vec::new(), Vec::new(), Sample::default());
    for job in jobs {
        let mut plan = load::preview(job).await?;
        absences.push(absence::of_one(&mut plan, may_be_absent)?);
        unreadable.extend(plan.unreadable.clone());
        plans.push((job.entity.name.as_str(), plan));
    }
    let failure = loading::unreadable(&unreadable).or_else(|| absence::of_everything(absences.iter_mut()));
    let again = jobs.iter().any(|job| job.selection.again == Again::All);
    Ok(Outcome::new(text(&plans, again, limit), to_json(&plans)).failed_with(failure))
}

fn text(plans: &[(&str, LoadPlan)], again: bool, limit: Option<usize>) -> String {
    let rows = plans.iter().flat_map(|(entity, plan)| rows(entity, plan, again));
    let mut text = table(&["entity", "run", ">objects", ">bytes", ">batches", "what"], rows);
    for (entity, plan) in plans {
        text += &show::warnings(entity, plan);
    }
    if let Some(limit) = limit {
        let objects = units::counted(limit as u64, "object", "objects");
        text += &format!("\n\nof each entity, {objects} at most would be loaded, oldest run first (--limit)");
    }
    text + "\n\nnothing was loaded (--dry-run)"
}

fn rows(entity: &str, plan: &LoadPlan, again: bool) -> Vec<Vec<String>> {
    let row = |run: &str, objects: u64, bytes: Option<u64>, batches: Option<u64>, what: &str| {
        let (bytes, batches) = (bytes.map(units::bytes), batches.map(units::count));
        let (bytes, batches) = (bytes.unwrap_or_default(), batches.unwrap_or_default());
        vec![entity.to_owned(), run.to_owned(), units::count(objects), bytes, batches, what.to_owned()]
    };
    let mut rows = Vec::new();
    for run in &plan.runs {
        rows.push(row(&run.run_id, run.objects, Some(run.bytes), Some(run.batches), "to load"));
    }
    for run in &plan.left_alone {
        rows.push(row(&run.run_id, run.objects, None, None, &format!("skipped: {}", run.reason)));
    }
    for s in &plan.standing {
        let why = match (s.state.as_str(), s.is_selected) {
            ("loaded" | "quarantined", true) if again => continue,
            ("loaded", _) => "skipped: loaded",
            ("quarantined", _) => "skipped: set aside",
            ("ignored", _) => "skipped: set aside and acknowledged",
            ("pending", false) => "skipped: not selected",
            _ => continue,
        };
        rows.push(row("", s.objects.unsigned_abs(), Some(s.bytes.unsigned_abs()), None, why));
    }
    rows
}

fn to_json(plans: &[(&str, LoadPlan)]) -> Value {
    let plan_json = |(entity, plan): &(&str, LoadPlan)| {
        json!({
            "entity": entity, "listed": plan.listed, "new": plan.seen.new, "objects": plan.objects(),
            "bytes": plan.bytes(), "batches": plan.batches(),
            "runs": plan.runs.iter().map(|run| json!({
                "run_id": run.run_id, "objects": run.objects, "bytes": run.bytes, "batches": run.batches,
            })).collect::<Vec<_>>(),
            "left_alone": shape::left_alone(plan), "warnings": plan.warnings,
            "other_endings": shape::others(plan), "unreadable": shape::unreadable(&plan.unreadable),
            "known": plan.standing.iter().map(|s| json!({
                "state": s.state, "selected": s.is_selected, "objects": s.objects, "bytes": s.bytes,
            })).collect::<Vec<_>>(),
        })
    };
    json!({ "entities": plans.iter().map(plan_json).collect::<Vec<_>>() })
}
