//! What `evo extract` prints.

use std::fmt::Write;
use std::time::Duration;

use serde_json::{Value, json};

use super::run::Extracted;
use crate::config::{Auth, Rate};
use crate::extract::{ExtractPlan, Trial};
use crate::ids::ExecutionId;
use crate::report::Outcome;
use crate::report::table::table;
use crate::report::units::{count, duration};

/// How the run stands, in a word or two.
fn state(one: &Extracted) -> String {
    let state = one.summary.run.as_ref().map_or("unknown", |run| run.state.as_str());
    match one.summary.is_spent && state == "open" {
        true => "open, budget spent".to_owned(),
        false => state.to_owned(),
    }
}

/// The summary for a person: of each run what it holds, whichever processes brought it there.
pub(super) fn text(extracted: &[Extracted]) -> String {
    if extracted.is_empty() {
        return String::new();
    }
    let headers =
        ["entity", "run", "days", ">windows", ">records", ">objects", ">failed", ">requests", ">time", "state"];
    let rows = extracted.iter().map(|one| {
        let last = one.extraction.until_day.pred_opt().unwrap_or(one.extraction.until_day);
        let shown = |n: i64| count(n.unsigned_abs());
        let run = one.summary.run.as_ref().map(|run| {
            let windows = match run.complete == run.windows {
                true => shown(run.windows),
                false => format!("{} of {}", shown(run.complete), shown(run.windows)),
            };
            [windows, shown(run.records), shown(run.objects), shown(run.failed)]
        });
        let mut row =
            vec![one.entity.clone(), one.extraction.run_id.clone(), format!("{} to {last}", one.extraction.from_day)];
        row.extend(run.unwrap_or_default());
        row.extend([count(one.requests), duration(one.summary.elapsed), state(one)]);
        row
    });
    let mut text = table(&headers, rows);
    for one in extracted {
        text += &own_share(one).map_or(String::new(), |share| format!("\n\n{share}"));
    }
    if extracted.iter().any(|one| one.summary.is_spent) {
        text += "\n\nThe budget is spent; the same command continues where this one stopped.";
    }
    text
}

/// What this process did, where others have worked on the run as well, now or before.
fn own_share(one: &Extracted) -> Option<String> {
    let (own, run) = (&one.summary, one.summary.run.as_ref()?);
    let is_whole = own.records == run.records.unsigned_abs() && own.objects == run.objects.unsigned_abs();
    (!is_whole).then(|| {
        format!(
            "{}: this process has fetched {} windows and written {} records to {} objects of run {}.",
            one.entity,
            count(own.windows),
            count(own.records),
            count(own.objects),
            one.extraction.run_id
        )
    })
}

/// The summary for a machine: what this process did, and below `run` what the run holds.
pub(super) fn to_json(execution_id: ExecutionId, extracted: &[Extracted]) -> Value {
    let entities: Vec<Value> = extracted
        .iter()
        .map(|one| {
            let own = &one.summary;
            let run = own.run.as_ref().map(|run| {
                json!({
                    "windows": run.windows, "complete": run.complete, "failed": run.failed,
                    "records": run.records, "objects": run.objects,
                })
            });
            json!({
                "entity": one.entity,
                "run_id": one.extraction.run_id,
                "from": one.extraction.from_day,
                "to": one.extraction.until_day.pred_opt(),
                "state": state(one),
                "windows": own.windows,
                "records": own.records,
                "objects": own.objects,
                "requests": one.requests,
                "failed": own.failed,
                "refreshed": one.refreshed,
                "run": run,
                "elapsed_ms": u64::try_from(own.elapsed.as_millis()).unwrap_or(u64::MAX),
            })
        })
        .collect();
    json!({ "execution_id": execution_id.to_string(), "entities": entities })
}

/// Hours that requests take at the slowest of the limits.
fn hours(requests: f64, rates: &[Rate]) -> Option<f64> {
    let pause = rates.iter().map(|rate| rate.per.as_secs_f64() / f64::from(rate.count)).fold(0.0, f64::max);
    (pause > 0.0).then_some(requests * pause / 3_600.0)
}

/// The plan of a dry run.
pub(super) fn dry_run(plans: &[(&str, ExtractPlan, Vec<Rate>)]) -> Outcome {
    let headers = ["entity", "days", ">windows", ">read again", ">expected requests", ">time at the limit"];
    let rows = plans.iter().map(|(entity, plan, rates)| {
        let last = plan.days.until.pred_opt().unwrap_or(plan.days.until);
        let time = plan.requests.and_then(|requests| hours(requests, rates));
        let unknown = || "unknown".to_owned();
        vec![
            (*entity).to_owned(),
            format!("{} to {last}", plan.days.from),
            count(plan.wanted.len() as u64),
            count(plan.refreshed as u64),
            plan.requests.map_or_else(unknown, |requests| count(requests.ceil() as u64)),
            time.map_or_else(unknown, |hours| duration(Duration::from_secs_f64(hours * 3_600.0))),
        ]
    });
    let text = table(&headers, rows) + "\n\nNothing was fetched. Requests are known from earlier extractions.";
    let entities: Vec<Value> = plans
        .iter()
        .map(|(entity, plan, rates)| {
            let windows: Vec<Value> = plan
                .wanted
                .iter()
                .map(|w| json!({ "query": w.query, "from": w.from_day, "to": w.until_day.pred_opt() }))
                .collect();
            json!({
                "entity": entity, "from": plan.days.from, "to": plan.days.until.pred_opt(), "windows": windows,
                "refreshed": plan.refreshed, "expected_requests": plan.requests,
                "expected_hours": plan.requests.and_then(|requests| hours(requests, rates)),
            })
        })
        .collect();
    Outcome::new(text, json!({ "dry_run": true, "entities": entities }))
}

/// An entity's query, as a person reads it.
pub(super) fn title(entity: &str, query: &str) -> String {
    if query.is_empty() { entity.to_owned() } else { format!("{entity}, query {query}") }
}

/// What a page of a query shows.
#[derive(Debug)]
pub(super) struct Tried<'a> {
    pub(super) entity: &'a str,
    pub(super) query: &'a str,
    pub(super) auth: &'a Auth,
    pub(super) trial: Trial,
}

/// The variables that sign a request.
fn signed(auth: &Auth) -> String {
    match auth {
        Auth::None => "without signing in".to_owned(),
        Auth::Basic { user, password } => format!("with {} and {}", user.variable, password.variable),
        Auth::Bearer(token) => format!("with the token in {}", token.variable),
        Auth::Header { name, value } => format!("with {} in the header {name}", value.variable),
        Auth::OAuth2(oauth2) => format!("with a token for {} and {}", oauth2.client.variable, oauth2.secret.variable),
    }
}

/// What single pages show.
pub(super) fn trials(tried: &[Tried<'_>]) -> Outcome {
    let mut text = String::new();
    for Tried { entity, query, auth, trial } in tried {
        let order =
            if trial.is_stable { "the same records in the same order" } else { "other records, or another order" };
        let _ = writeln!(text, "{}\n  request   {}", title(entity, query), trial.address);
        let _ = writeln!(text, "  sent      {}\n  status    {}", signed(auth), trial.status);
        let _ = writeln!(text, "  records   {} in {} bytes\n  paging    {}", trial.records, trial.bytes, trial.paging);
        let _ = writeln!(text, "  again     {order}");
        if let Some(changed) = trial.changed {
            let _ = writeln!(text, "  since     {changed} of {} records say when they changed", trial.records);
        }
        if trial.records == 0 {
            let _ = writeln!(text, "  note      nothing to see on these days; choose others with --from and --to");
        }
        for (name, value) in &trial.rate_headers {
            let _ = writeln!(text, "  header    {name}: {value}");
        }
        for (name, kinds) in &trial.fields {
            let _ = writeln!(text, "  field     {name}: {kinds}");
        }
        text.push('\n');
    }
    let json: Vec<Value> = tried
        .iter()
        .map(|Tried { entity, query, trial, .. }| {
            json!({
                "entity": entity, "query": query, "request": trial.address, "status": trial.status,
                "records": trial.records, "bytes": trial.bytes, "paging": trial.paging, "is_stable": trial.is_stable,
                "changed": trial.changed, "rate_headers": trial.rate_headers, "fields": trial.fields,
            })
        })
        .collect();
    Outcome::new(text, json!({ "pages": json }))
}
