//! The list of executions.

use super::{Site, shell};
use crate::catalog::html::Html;
use crate::catalog::paths::SitePath;
use crate::catalog::plot::{Plot, PlotShape, PlotUnit};
use crate::catalog::table::HtmlTable;
use crate::ledger::history::PastExecution;

/// The page with the latest executions.
pub(in crate::catalog) fn runs(site: Site<'_>) -> String {
    let path = SitePath::fixed("runs.html");
    let mut html = Html::on(&path);
    let on = html.here();
    html.raw(
        "<p>The latest executions of jobs, at most 200. <code>evo runs</code> has all of them.</p>\n<div \
          class=\"plots\">",
    );
    for (command, key) in [("load", "load"), ("transform", "transform"), ("extract", "extract")] {
        html.add(&durations(site, &on, command, key));
    }
    html.raw("</div>\n").add(&run_rows(site, &on, "Executions", site.facts.runs.iter()));
    shell::document(&path, "Executions", "Overview", &html)
}

/// How long the executions of a command took.
fn durations(site: Site<'_>, on: &Html, command: &str, key: &'static str) -> Html {
    let is_done = |run: &&PastExecution| run.command == command && run.finished_at.is_some();
    let mut runs: Vec<&PastExecution> = site.facts.runs.iter().filter(is_done).take(90).collect();
    runs.reverse();
    Plot {
        key,
        title: match command {
            "load" => "Duration of loads",
            "transform" => "Duration of transforms",
            _ => "Duration of extractions",
        },
        axis: "began",
        unit: PlotUnit::Milliseconds,
        shape: PlotShape::Bars,
        labels: runs.iter().map(|run| run.started_at.chars().take(16).collect::<String>().replace('T', " ")).collect(),
        series: vec![("duration", runs.iter().map(|run| run.elapsed_s.map(|s| s * 1000.0)).collect())],
    }
    .html(on)
}

/// Executions as rows.
pub(super) fn run_rows<'a>(
    site: Site<'_>,
    on: &Html,
    caption: &'static str,
    runs: impl Iterator<Item = &'a PastExecution>,
) -> Html {
    const HEADERS: [&str; 9] =
        ["began", "command", "entities", "state", ">took", ">rows", ">rows/s", ">rejected", ">retries"];
    let mut table = HtmlTable::new(on, caption, &HEADERS);
    for run in runs {
        let page = SitePath::run(&run.execution_id);
        table.row(&[
            on.cell(|html| html.opened(&page).time(&run.started_at).raw("</a>")),
            on.cell(|html| html.code(&format!("evo {}", run.command))),
            on.cell(|html| entities(html, site, &run.entities)),
            on.cell(|html| state(html, &run.state)),
            on.cell(|html| {
                html.text(&run.elapsed_s.map_or("–".to_owned(), |s| PlotUnit::Milliseconds.shown(s * 1000.0)))
            }),
            on.cell(|html| html.count(run.rows_count)),
            on.cell(|html| html.text(&run.rows_per_s.map_or("–".to_owned(), |n| PlotUnit::Count.shown(n)))),
            on.cell(|html| html.count(run.rejected_count)),
            on.cell(|html| html.count(run.retries_count)),
        ]);
    }
    table.html()
}

/// Links to entities; a dimension is only named.
pub(super) fn entities<'h>(html: &'h mut Html, site: Site<'_>, names: &[String]) -> &'h mut Html {
    for (i, name) in names.iter().enumerate() {
        html.raw(if i > 0 { ", " } else { "" });
        match site.declared.entities.iter().any(|entity| entity.name == *name) {
            true => html.link(&SitePath::entity(name), name),
            false => html.name(name),
        };
    }
    html
}

/// The state of an execution, with a sign and not only a color.
pub(super) fn state<'h>(html: &'h mut Html, state: &str) -> &'h mut Html {
    match state {
        "succeeded" => html.raw("<span class=\"good\">✓ "),
        "running" => html.raw("<span class=\"quiet\">▸ "),
        _ => html.raw("<span class=\"bad\">✗ "),
    };
    html.text(state).raw("</span>")
}
