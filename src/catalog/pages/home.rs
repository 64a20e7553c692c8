//! The first page: how fresh the data is, what happened last night, what needs attention. And the lineage of
//! all.

use std::collections::BTreeMap;

use super::attention::{self, Attention, is_of_last_night};
use super::runs::run_rows;
use super::{Site, shell};
use crate::catalog::declared::TableRole;
use crate::catalog::facts::Relation;
use crate::catalog::html::Html;
use crate::catalog::lineage::LineageDrawing;
use crate::catalog::paths::SitePath;
use crate::catalog::plot::{Plot, PlotShape, PlotUnit};
use crate::catalog::table::HtmlTable;

/// Nodes of a drawing, at most: more are drawn on the pages of the entities.
const NODES: usize = 1_500;

/// The first page.
pub(in crate::catalog) fn home(site: Site<'_>, list: &[Attention]) -> String {
    let path = SitePath::fixed("index.html");
    let mut html = Html::on(&path);
    let on = html.here();
    shell::heading(&mut html, "attention", "What needs attention");
    html.add(&attention::html(&on, list));
    shell::heading(&mut html, "freshness", "Freshness");
    html.add(&freshness(site, &on));
    shell::heading(&mut html, "night", "The last 24 hours of work");
    html.raw("<p>The newest execution, and those that began less than a day before it.</p>\n");
    let recent = site.facts.runs.iter().filter(|run| is_of_last_night(site, &run.started_at));
    html.add(&run_rows(site, &on, "Executions of the last 24 hours", recent));
    shell::heading(&mut html, "volume", "Volume and speed");
    html.add(&plots(site, &on));
    shell::document(&path, "The warehouse", "Overview", &html)
}

fn freshness(site: Site<'_>, on: &Html) -> Html {
    const HEADERS: [&str; 8] =
        ["entity", "loaded", "transformed", "newest run", ">objects", ">pending", ">rejects", ">issues"];
    let mut table = HtmlTable::new(on, "Freshness of each entity and dimension", &HEADERS);
    for entity in site.declared.entities {
        let state = site.facts.entities.get(&entity.name).cloned().unwrap_or_default();
        let models = entity.models.iter().filter_map(|model| site.facts.models.get(&model.table));
        let transformed = models.filter_map(|model| model.transformed_at()).min();
        table.row(&[
            on.cell(|html| html.link(&SitePath::entity(&entity.name), &entity.name)),
            on.cell(|html| html.time_or_never(state.loaded_at.as_deref())),
            on.cell(|html| html.time_or_never(transformed)),
            on.cell(|html| html.text(state.newest_run.as_deref().unwrap_or("none"))),
            on.cell(|html| html.count(state.loaded)),
            on.cell(|html| html.count(state.pending)),
            on.cell(|html| html.count(state.rejects_open)),
            on.cell(|html| html.count(state.issues)),
        ]);
    }
    for dimension in site.declared.dimensions {
        let transformed = site.facts.models.get(&dimension.table).and_then(|model| model.transformed_at());
        let page = site.table_page(&dimension.table);
        let none = || on.cell(|html| html.raw("–"));
        table.row(&[
            on.cell(|html| match &page {
                Some(page) => html.link(page, &dimension.name),
                None => html.name(&dimension.name),
            }),
            none(),
            on.cell(|html| html.time_or_never(transformed)),
            none(),
            none(),
            none(),
            none(),
            none(),
        ]);
    }
    table.html()
}

/// Sums over all entities, by day.
fn plots(site: Site<'_>, on: &Html) -> Html {
    let mut days: BTreeMap<&str, [f64; 5]> = BTreeMap::new();
    for day in site.facts.days.values().flatten() {
        let sum = days.entry(&day.day).or_default();
        let values = [day.inserted + day.updated, day.unchanged + day.superseded, day.rejected, day.bytes, day.lines];
        sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += value as f64);
    }
    let labels: Vec<String> = days.keys().map(|day| (*day).to_owned()).collect();
    let series = |i: usize| days.values().map(|sum| Some(sum[i])).collect::<Vec<_>>();
    let plot = |key, title, unit, series| Plot {
        key,
        title,
        axis: "day",
        unit,
        shape: PlotShape::Bars,
        labels: labels.clone(),
        series,
    };
    let lines = vec![("written", series(0)), ("known", series(1)), ("rejected", series(2))];
    let mut html = on.here();
    html.raw("<div class=\"plots\">");
    html.add(&plot("lines", "Lines loaded by day", PlotUnit::Count, lines).html(on));
    html.add(&plot("bytes", "Compressed bytes loaded by day", PlotUnit::Bytes, vec![("bytes", series(3))]).html(on));
    html.add(&waits(site, on));
    html.add(&commits(site, on));
    html.raw("</div>\n");
    html
}

/// The longest wait for new data, by day.
fn waits(site: Site<'_>, on: &Html) -> Html {
    let mut days: BTreeMap<&str, Option<f64>> = BTreeMap::new();
    for day in site.facts.days.values().flatten() {
        let longest = days.entry(&day.day).or_default();
        *longest = match (*longest, day.waited_h) {
            (Some(longest), Some(hours)) => Some(longest.max(hours)),
            (longest, hours) => longest.or(hours),
        };
    }
    Plot {
        key: "waits",
        title: "Age of the data before each day's first load, hours (the entity that waited longest)",
        axis: "day",
        unit: PlotUnit::Hours,
        shape: PlotShape::Bars,
        labels: days.keys().map(|day| (*day).to_owned()).collect(),
        series: vec![("hours", days.into_values().collect())],
    }
    .html(on)
}

/// How long commits took in the latest executions.
fn commits(site: Site<'_>, on: &Html) -> Html {
    let mut runs: Vec<_> = site.facts.runs.iter().filter(|run| run.commit_p50_ms.is_some()).take(90).collect();
    runs.reverse();
    Plot {
        key: "commits",
        title: "How long a commit took, by execution",
        axis: "began",
        unit: PlotUnit::Milliseconds,
        shape: PlotShape::Lines,
        labels: runs.iter().map(|run| run.started_at.chars().take(16).collect::<String>().replace('T', " ")).collect(),
        series: vec![
            ("p50", runs.iter().map(|run| run.commit_p50_ms).collect()),
            ("p95", runs.iter().map(|run| run.commit_p95_ms).collect()),
            ("p99", runs.iter().map(|run| run.commit_p99_ms).collect()),
        ],
    }
    .html(on)
}

/// The page with the lineage of the whole warehouse, table by table.
pub(in crate::catalog) fn lineage(site: Site<'_>) -> String {
    let path = SitePath::fixed("lineage.html");
    let mut html = Html::on(&path);
    let on = html.here();
    html.raw("<p>From the objects of the lake to what people query. Columns are drawn on the page of each table. ");
    html.raw("Point at a node, or focus it, to see what flows through it.</p>\n");
    let mut drawn = LineageDrawing::new(&["lake", "staging", "core", "dimension", "view or function"]);
    for relation in &site.facts.relations {
        add_table(site, &mut drawn, relation);
    }
    match drawn.len() {
        0..NODES => {
            html.add(&drawn.html(&on, "Lineage of the warehouse"));
        }
        _ => {
            html.raw("<p>There are too many tables for one drawing: each entity has its own.</p><ul>");
            for entity in site.declared.entities {
                html.raw("<li>").link(&SitePath::entity(&entity.name), &entity.name).raw("</li>");
            }
            html.raw("</ul>\n");
        }
    }
    shell::document(&path, "Lineage", "Overview", &html)
}

/// Adds what flows into a table, and who reads it.
pub(super) fn add_table(site: Site<'_>, drawn: &mut LineageDrawing, relation: &Relation) {
    let name = relation.full_name();
    let page = |table: &str| site.table_page(table);
    let own = match site.declared.role(&name) {
        Some(TableRole::Staging(entity)) => {
            let lake =
                drawn.node(0, &entity.bronze_prefix, "objects of the lake", Some(SitePath::entity(&entity.name)));
            let own = drawn.node(1, &name, "documents", page(&name));
            drawn.edge(lake, own);
            own
        }
        Some(TableRole::Core(entity, _)) => {
            let staging = drawn.node(1, &entity.staging.table, "documents", page(&entity.staging.table));
            let own = drawn.node(2, &name, relation.kind_word(), page(&name));
            drawn.edge(staging, own);
            own
        }
        Some(TableRole::Dimension(dimension)) => {
            let own = drawn.node(3, &name, relation.kind_word(), page(&name));
            for source in dimension.source_tables() {
                let source = drawn.node(2, &source, "table", page(&source));
                drawn.edge(source, own);
            }
            own
        }
        // A table or view that nothing declares is drawn if something reads it.
        None if site.facts.readers.contains_key(&relation.oid) => match relation.is_table() {
            true => drawn.node(2, &name, relation.kind_word(), page(&name)),
            false => drawn.node(4, &name, relation.kind_word(), page(&name)),
        },
        None => return,
    };
    for reader in site.facts.readers.get(&relation.oid).into_iter().flatten() {
        let page = site.reader_page(reader);
        let reader = drawn.node(4, &format!("{}.{}", reader.schema, reader.name), reader.kind, page);
        if reader != own {
            drawn.edge(own, reader);
        }
    }
}
