//! What needs attention, the most urgent first.

use super::Site;
use crate::catalog::html::Html;
use crate::catalog::paths::SitePath;
use crate::counted::counted;

/// Executions since the newest one that count as last night, hours.
const NIGHT_H: i64 = 24;

/// Something that somebody should see to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::catalog) struct Attention {
    pub(in crate::catalog) page: SitePath,
    /// The entity, table or command.
    pub(in crate::catalog) what: String,
    pub(in crate::catalog) why: String,
    /// The command that shows more, or does something about it.
    pub(in crate::catalog) command: String,
}

/// Everything that needs attention.
pub(in crate::catalog) fn attention(site: Site<'_>) -> Vec<Attention> {
    let mut found = Vec::new();
    for run in site.facts.runs.iter().filter(|run| is_of_last_night(site, &run.started_at)) {
        if ["failed", "interrupted", "silent"].contains(&run.state.as_str()) {
            found.push(Attention {
                page: SitePath::run(&run.execution_id),
                what: format!("evo {}", run.command),
                why: format!(
                    "{} at {}",
                    run.state,
                    run.started_at.chars().take(16).collect::<String>().replace('T', " ")
                ),
                command: format!("evo runs {}", run.execution_id),
            });
        }
    }
    for (name, state) in &site.facts.entities {
        let mut add = |n: i64, (one, many): (&str, &str), command: String| {
            if n > 0 {
                let why = counted(n.unsigned_abs(), one, many);
                found.push(Attention { page: SitePath::entity(name), what: name.clone(), why, command });
            }
        };
        add(
            state.quarantined,
            ("object is quarantined", "objects are quarantined"),
            format!("evo objects list {name}"),
        );
        add(state.rejects_open, ("line is rejected", "lines are rejected"), format!("evo rejects list {name}"));
        add(state.pending, ("object waits to be loaded", "objects wait to be loaded"), format!("evo load {name}"));
        add(
            state.waiting,
            ("batch waits for a transform", "batches wait for a transform"),
            format!("evo transform {name}"),
        );
        let windows = site.facts.windows.get(name).map(Vec::as_slice).unwrap_or_default();
        let failed = windows.iter().filter(|window| window.state == "failed").count() as i64;
        add(
            failed,
            ("window could not be extracted", "windows could not be extracted"),
            format!("evo extract {name} --last 7d"),
        );
        add(
            state.issues,
            ("value did not fit its column", "values did not fit their columns"),
            format!("evo status {name}"),
        );
    }
    found.extend(failed_checks(site));
    found
}

/// Checks that returned rows the last time that they ran.
fn failed_checks(site: Site<'_>) -> Vec<Attention> {
    let mut seen: Vec<(&str, Option<&str>)> = Vec::new();
    let mut found = Vec::new();
    for run in &site.facts.runs {
        let results = site.facts.figures.get(&run.execution_id).map(|figures| figures.results.as_slice());
        for result in results.unwrap_or_default().iter().filter(|result| result.kind == "check") {
            let check = (result.name.as_str(), result.on.as_deref());
            if seen.contains(&check) {
                continue;
            }
            seen.push(check);
            if let Some(rows) = result.number.filter(|rows| *rows > 0) {
                let on = result.on.as_deref().unwrap_or_default();
                let rows = counted(rows.unsigned_abs(), "row", "rows");
                found.push(Attention {
                    page: SitePath::run(&run.execution_id),
                    what: format!("{} of {on}", result.name),
                    why: format!("the check found {rows}"),
                    command: format!("evo check --only {}", result.name),
                });
            }
        }
    }
    found
}

/// Whether a moment is less than a day before the newest execution began.
pub(super) fn is_of_last_night(site: Site<'_>, at: &str) -> bool {
    let moment = |text: &str| chrono::DateTime::parse_from_rfc3339(text).ok();
    let newest = site.facts.runs.first().and_then(|run| moment(&run.started_at));
    match (newest, moment(at)) {
        (Some(newest), Some(at)) => (newest - at).num_hours() < NIGHT_H,
        _ => false,
    }
}

/// The list, or that there is nothing.
pub(super) fn html(on: &Html, list: &[Attention]) -> Html {
    let mut html = on.here();
    if list.is_empty() {
        html.raw("<p>Nothing needs attention.</p>\n");
        return html;
    }
    html.raw("<ul class=\"attention\">");
    for item in list {
        html.raw("<li>")
            .link(&item.page, &item.what)
            .raw(": ")
            .text(&item.why)
            .raw(" <code>")
            .text(&item.command)
            .raw("</code></li>");
    }
    html.raw("</ul>\n");
    html
}
