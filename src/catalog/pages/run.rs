//! An execution: when its batches and phases ran, how fast, and what it waited for.

use serde_json::Value;

use super::runs::{entities, state};
use super::{Site, shell};
use crate::catalog::facts::RunFigures;
use crate::catalog::html::Html;
use crate::catalog::paths::SitePath;
use crate::catalog::plot::PlotUnit;
use crate::catalog::table::HtmlTable;
use crate::catalog::timeline::timeline;
use crate::ledger::history::PastExecution;
use crate::report::units;

/// The page of an execution.
pub(in crate::catalog) fn run(site: Site<'_>, run: &PastExecution) -> String {
    let path = SitePath::run(&run.execution_id);
    let mut html = Html::on(&path);
    let on = html.here();
    let none = RunFigures::default();
    let figures = site.facts.figures.get(&run.execution_id).unwrap_or(&none);
    html.add(&facts(site, &on, run));
    if !figures.batches.is_empty() {
        shell::heading(&mut html, "timeline", "Timeline");
        html.add(&timeline(&on, &figures.batches)).add(&batches(&on, figures));
    }
    html.add(&by_entity(&on, figures)).add(&results(&on, figures));
    if !figures.timings.is_empty() {
        shell::heading(&mut html, "waits", "How long things took");
        html.add(&timings(&on, figures)).add(&retries(&on, figures));
    }
    let title =
        format!("evo {} at {}", run.command, run.started_at.chars().take(16).collect::<String>().replace('T', " "));
    shell::document(&path, &title, "Execution", &html)
}

fn facts(site: Site<'_>, on: &Html, run: &PastExecution) -> Html {
    let mut terms = shell::Terms::new(on);
    terms.add("State", |html| {
        state(html, &run.state);
    });
    terms.add("Entities", |html| {
        entities(html, site, &run.entities);
    });
    terms.add("Began", |html| {
        html.time(&run.started_at);
    });
    if let Some(at) = &run.finished_at {
        terms.add("Ended", |html| {
            html.time(at);
        });
    }
    if let Some(s) = run.elapsed_s {
        terms.add("Took", |html| {
            html.text(&PlotUnit::Milliseconds.shown(s * 1000.0));
        });
    }
    terms.add("Rows", |html| {
        html.count(run.rows_count).raw(", ").count(run.written_count).raw(" written, ").count(run.rejected_count);
        html.raw(" rejected");
    });
    add_speed(&mut terms, run);
    if let Some(machine) = &run.machine {
        terms.add("Machine", |html| {
            html.name(machine);
        });
    }
    terms.add("Version", |html| {
        html.text(&run.evo_version);
    });
    if let Some(reason) = &run.reason {
        terms.add("Reason", |html| {
            html.text(reason);
        });
    }
    terms.add("More", |html| {
        html.code(&format!("evo runs {}", run.execution_id));
    });
    terms.html()
}

/// How fast it was, and what it waited for.
fn add_speed(terms: &mut shell::Terms, run: &PastExecution) {
    if run.bytes > 0 {
        terms.add("Compressed", |html| {
            html.text(&units::bytes(run.bytes.unsigned_abs()));
        });
    }
    if let Some(speed) = run.rows_per_s {
        terms.add("Speed", |html| {
            html.text(&PlotUnit::Count.shown(speed)).raw(" rows/s");
        });
    }
    if let (Some(peak), Some(limit)) = (run.connections_peak, run.connections_limit) {
        terms.add("Connections", |html| {
            html.count(peak.into()).raw(" of ").count(limit.into());
        });
    }
    if let (Some(downloaded), Some(decoded)) = (run.downloaded_fill, run.decoded_fill) {
        terms.add("Waiting bytes", |html| {
            html.text(&units::share(downloaded))
                .raw(" for the decoder, ")
                .text(&units::share(decoded))
                .raw(" for the server");
        });
    }
}

fn batches(on: &Html, figures: &RunFigures) -> Html {
    const HEADERS: [&str; 12] = [
        "batch",
        "entity",
        "run",
        ">lines",
        ">rejected",
        ">size",
        ">took",
        ">lake",
        ">decode",
        ">copy",
        ">merge",
        ">commit",
    ];
    let mut table = HtmlTable::new(on, "Batches, the latest 120 at most", &HEADERS);
    for batch in &figures.batches {
        let ms = |value: Option<f64>| value.map_or("–".to_owned(), |ms| PlotUnit::Milliseconds.shown(ms));
        let phase = |name: &str| {
            let timings = batch.timings.as_ref();
            on.cell(|html| html.text(&ms(timings.and_then(|timings| timings[name].as_f64()))))
        };
        table.row(&[
            on.cell(|html| html.count(batch.batch_id)),
            on.cell(|html| html.name(&batch.entity)),
            on.cell(|html| {
                html.name(&batch.run_id);
                if batch.attempt > 1 { html.raw(" (attempt ").count(batch.attempt.into()).raw(")") } else { html }
            }),
            on.cell(|html| html.count(batch.lines)),
            on.cell(|html| html.count(batch.rejected)),
            on.cell(|html| html.text(&units::bytes(batch.bytes.unsigned_abs()))),
            on.cell(|html| html.text(&ms(Some((batch.committed_ms - batch.started_ms) as f64)))),
            phase("lake_ms"),
            phase("decode_ms"),
            phase("copy_ms"),
            phase("merge_ms"),
            phase("commit_ms"),
        ]);
    }
    let mut html = on.here();
    html.raw("<details><summary>Batches as a table</summary>").add(&table.html()).raw("</details>\n");
    html
}

fn by_entity(on: &Html, figures: &RunFigures) -> Html {
    const HEADERS: [&str; 10] = [
        "entity",
        ">objects",
        ">rows",
        ">inserted",
        ">updated",
        ">unchanged",
        ">superseded",
        ">deleted",
        ">rejected",
        ">issues",
    ];
    const FIELDS: [&str; 9] = [
        "objects_count",
        "rows_count",
        "inserted_count",
        "updated_count",
        "unchanged_count",
        "superseded_count",
        "deleted_count",
        "rejected_count",
        "issues_count",
    ];
    let mut table = HtmlTable::new(on, "What it did to each entity", &HEADERS);
    for row in &figures.entities {
        let mut cells = vec![on.cell(|html| html.name(row["entity"].as_str().unwrap_or_default()))];
        cells.extend(FIELDS.iter().map(|field| on.cell(|html| html.count(row[*field].as_i64().unwrap_or(0)))));
        table.row(&cells);
    }
    let mut html = on.here();
    if !table.is_empty() {
        shell::heading(&mut html, "entities", "What it did");
        html.add(&table.html());
    }
    html
}

fn results(on: &Html, figures: &RunFigures) -> Html {
    let mut phases = HtmlTable::new(on, "Phases", &["phase", ">took"]);
    let mut checks = HtmlTable::new(on, "Checks", &["check", "on", "severity", ">rows found"]);
    for result in &figures.results {
        let number = result.number.unwrap_or(0);
        match result.kind.as_str() {
            "phase" => phases.row(&[
                on.cell(|html| html.name(&result.name)),
                on.cell(|html| html.text(&PlotUnit::Milliseconds.shown(number as f64))),
            ]),
            "check" => checks.row(&[
                on.cell(|html| html.code(&result.name)),
                on.cell(|html| html.name(result.on.as_deref().unwrap_or_default())),
                on.cell(|html| html.text(result.severity.as_deref().unwrap_or_default())),
                on.cell(|html| html.count(number)),
            ]),
            _ => {}
        }
    }
    let mut html = on.here();
    html.add(&phases.html()).add(&checks.html());
    html
}

fn timings(on: &Html, figures: &RunFigures) -> Html {
    const HEADERS: [&str; 8] = ["what", "entity", ">times", ">sum", ">p50", ">p95", ">p99", ">longest"];
    let mut table = HtmlTable::new(on, "Timings of batches, phases, commits and waits", &HEADERS);
    for row in &figures.timings {
        let text = |name: &str| on.cell(|html| html.name(row[name].as_str().unwrap_or_default()));
        let ms = |name: &str| {
            let shown = row[name].as_f64().map_or("–".to_owned(), |ms| PlotUnit::Milliseconds.shown(ms));
            on.cell(|html| html.text(&shown))
        };
        let times = on.cell(|html| html.count(row["times_count"].as_i64().unwrap_or(0)));
        let entity = text("entity");
        table.row(&[
            text("timing"),
            entity,
            times,
            ms("sum_ms"),
            ms("p50_ms"),
            ms("p95_ms"),
            ms("p99_ms"),
            ms("max_ms"),
        ]);
    }
    table.html()
}

fn retries(on: &Html, figures: &RunFigures) -> Html {
    let mut table = HtmlTable::new(on, "What was repeated", &["kind of error", ">times", ">waited"]);
    for row in &figures.retries {
        let waited = row["waited_s"].as_f64().map(|s| s * 1000.0).unwrap_or(0.0);
        table.row(&[
            on.cell(|html| html.code(row["kind"].as_str().unwrap_or_default())),
            on.cell(|html| html.count(Value::as_i64(&row["retries_count"]).unwrap_or(0))),
            on.cell(|html| html.text(&PlotUnit::Milliseconds.shown(waited))),
        ]);
    }
    table.html()
}
