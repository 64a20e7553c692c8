//! An entity: from the objects of the lake to its tables, what was extracted, loaded, rejected, and why.

use super::home::add_table;
use super::{Site, shell};
use crate::catalog::declared::Declared;
use crate::catalog::facts::DayVolume;
use crate::catalog::html::Html;
use crate::catalog::lineage::LineageDrawing;
use crate::catalog::paths::SitePath;
use crate::catalog::plot::{Plot, PlotShape, PlotUnit};
use crate::catalog::table::HtmlTable;
use crate::entity::Entity;

/// The page of an entity.
pub(in crate::catalog) fn entity(site: Site<'_>, entity: &Entity) -> String {
    let path = SitePath::entity(&entity.name);
    let mut html = Html::on(&path);
    let on = html.here();
    html.add(&facts(site, &on, entity));
    shell::heading(&mut html, "lineage", "Lineage");
    html.add(&lineage(site, &on, entity));
    shell::heading(&mut html, "tables", "Tables");
    html.add(&tables(site, &on, entity));
    if let Some(days) = site.facts.days.get(&entity.name) {
        shell::heading(&mut html, "volume", "Volume and speed by day");
        html.add(&plots(&on, days));
    }
    html.add(&reasons(site, &on, entity)).add(&windows(site, &on, entity));
    html.add(&checks(site, &on, entity)).add(&fields(site, &on, entity));
    shell::document(&path, &entity.name, "Entity", &html)
}

fn facts(site: Site<'_>, on: &Html, entity: &Entity) -> Html {
    let state = site.facts.entities.get(&entity.name).cloned().unwrap_or_default();
    let mut terms = shell::Terms::new(on);
    terms.add("Objects below", |html| {
        html.code(&entity.bronze_prefix);
    });
    terms.add("Key", |html| {
        html.code(&entity.key.fields().join(", ")).raw(" → ").code(&entity.staging.key_column);
    });
    terms.add("Time zone", |html| {
        html.text(&entity.zone);
    });
    terms.add("Loaded", |html| {
        html.time_or_never(state.loaded_at.as_deref());
    });
    terms.add("Newest run", |html| {
        html.name(state.newest_run.as_deref().unwrap_or("none"));
    });
    terms.add("Objects", |html| {
        html.count(state.loaded).raw(" loaded, ").count(state.pending).raw(" pending, ").count(state.quarantined);
        html.raw(" quarantined");
    });
    terms.add("To transform", |html| {
        html.count(state.waiting).raw(if state.waiting == 1 { " batch" } else { " batches" });
    });
    terms.add("Rejects, issues", |html| {
        html.count(state.rejects_open).raw(" open, ").count(state.issues);
    });
    for query in &entity.queries {
        terms.add("Extracted from", |html| {
            html.name(&query.source).raw(" ").code(&query.path);
            if !query.name.is_empty() {
                html.raw(" (").name(&query.name).raw(")");
            }
        });
    }
    terms.html()
}

fn lineage(site: Site<'_>, on: &Html, entity: &Entity) -> Html {
    let mut drawn = LineageDrawing::new(&["lake", "staging", "core", "dimension", "view or function"]);
    let is_own = |table: &str| entity.staging.table == table || entity.models.iter().any(|model| model.table == table);
    for relation in site.facts.relations.iter().filter(|relation| is_own(&relation.full_name())) {
        add_table(site, &mut drawn, relation);
        let name = relation.full_name();
        for dimension in site.declared.dimensions.iter().filter(|d| d.source_tables().contains(&name)) {
            let source = drawn.node(2, &name, relation.kind_word(), site.table_page(&name));
            let to = drawn.node(3, &dimension.table, "dimension", site.table_page(&dimension.table));
            drawn.edge(source, to);
        }
    }
    drawn.html(on, "From the lake to what people query")
}

fn tables(site: Site<'_>, on: &Html, entity: &Entity) -> Html {
    const HEADERS: [&str; 5] = ["table", "transformed", "full refresh", ">generation", ">rows"];
    let mut table = HtmlTable::new(on, "Tables of the entity", &HEADERS);
    let names = std::iter::once(&entity.staging.table).chain(entity.models.iter().map(|model| &model.table));
    for name in names {
        let state = site.facts.models.get(name);
        let rows = site.facts.relations.iter().find(|relation| relation.full_name() == *name).and_then(|r| r.rows);
        let counted = state.and_then(|state| state.rows);
        table.row(&[
            on.cell(|html| match site.table_page(name) {
                Some(page) => html.link(&page, name),
                None => html.name(name).raw(" (not there)"),
            }),
            on.cell(|html| match state {
                Some(state) => html.time_or_never(state.transformed_at()),
                None => html.raw("–"),
            }),
            on.cell(|html| match state {
                Some(state) => html.time_or_never(state.refreshed_at.as_deref()),
                None => html.raw("–"),
            }),
            on.cell(|html| html.count(state.map_or(0, |state| state.generation))),
            on.cell(|html| match (rows, counted) {
                (Some(rows), _) => html.raw("~").count(rows),
                (None, Some(rows)) => html.count(rows),
                (None, None) => html.raw("–"),
            }),
        ]);
    }
    table.html()
}

fn plots(on: &Html, days: &[DayVolume]) -> Html {
    let labels: Vec<String> = days.iter().map(|day| day.day.clone()).collect();
    let values = |of: &dyn Fn(&DayVolume) -> Option<f64>| days.iter().map(of).collect::<Vec<_>>();
    let count = |of: fn(&DayVolume) -> i64| values(&|day| Some(of(day) as f64));
    let plot = |key, title, unit, shape, series| {
        Plot { key, title, axis: "day", unit, shape, labels: labels.clone(), series }.html(on)
    };
    use PlotShape::{Bars, Lines};
    let mut html = on.here();
    html.raw("<div class=\"plots\">");
    let lines = vec![
        ("inserted", count(|day| day.inserted)),
        ("updated", count(|day| day.updated)),
        ("unchanged", count(|day| day.unchanged)),
        ("superseded", count(|day| day.superseded)),
    ];
    html.add(&plot("volume", "Lines loaded", PlotUnit::Count, Bars, lines));
    let rejected = vec![("rejected", count(|day| day.rejected))];
    html.add(&plot("rejects", "Lines rejected", PlotUnit::Count, Bars, rejected));
    let speed = vec![("lines/s", values(&DayVolume::lines_per_s))];
    html.add(&plot("speed", "Lines per second while loading", PlotUnit::Count, Lines, speed));
    let taken = vec![
        ("p50", values(&|day| day.taken_ms[0])),
        ("p95", values(&|day| day.taken_ms[1])),
        ("p99", values(&|day| day.taken_ms[2])),
    ];
    html.add(&plot("batches", "How long a batch took", PlotUnit::Milliseconds, Lines, taken));
    let waited = vec![("hours", values(&|day| day.waited_h))];
    html.add(&plot("waits", "Age of the data before the day's first load", PlotUnit::Hours, Bars, waited));
    let bytes = vec![("bytes", count(|day| day.bytes))];
    html.add(&plot("bytes", "Compressed bytes loaded", PlotUnit::Bytes, Bars, bytes));
    html.raw("</div>\n");
    html
}

fn reasons(site: Site<'_>, on: &Html, entity: &Entity) -> Html {
    let mut rejects = HtmlTable::new(on, "Rejected lines by reason", &["reason", ">lines", ">open"]);
    let mut issues = HtmlTable::new(on, "Values that did not fit", &["table", "column", "reason", ">values"]);
    for reason in site.facts.reasons.get(&entity.name).into_iter().flatten() {
        match reason.is_reject {
            true => rejects.row(&[
                on.cell(|html| html.text(&reason.reason)),
                on.cell(|html| html.count(reason.count)),
                on.cell(|html| html.count(reason.open)),
            ]),
            false => issues.row(&[
                on.cell(|html| {
                    let table = reason.table.as_deref().unwrap_or_default();
                    match site.table_page(table) {
                        Some(page) => html.link(&page, table),
                        None => html.name(table),
                    }
                }),
                on.cell(|html| html.code(reason.column.as_deref().unwrap_or_default())),
                on.cell(|html| html.text(&reason.reason)),
                on.cell(|html| html.count(reason.count)),
            ]),
        }
    }
    let mut html = on.here();
    if !(rejects.is_empty() && issues.is_empty()) {
        shell::heading(&mut html, "reasons", "Rejects and issues");
        html.add(&rejects.html()).add(&issues.html());
    }
    html
}

fn windows(site: Site<'_>, on: &Html, entity: &Entity) -> Html {
    const HEADERS: [&str; 8] = ["from", "until", "query", "state", ">records", ">requests", ">attempts", "read"];
    let mut table = HtmlTable::new(on, "Windows of the extraction, the latest 400 at most", &HEADERS);
    for window in site.facts.windows.get(&entity.name).into_iter().flatten() {
        table.row(&[
            on.cell(|html| html.text(&window.from)),
            on.cell(|html| html.text(&window.until)),
            on.cell(|html| html.name(if window.query.is_empty() { "first" } else { &window.query })),
            on.cell(|html| match window.state.as_str() {
                "failed" => html.raw("<span class=\"bad\">✗ failed</span>"),
                state => html.text(state),
            }),
            on.cell(|html| html.count(window.records)),
            on.cell(|html| html.count(window.requests)),
            on.cell(|html| html.count(window.attempts.into())),
            on.cell(|html| html.time_or_never(window.finished_at.as_deref())),
        ]);
    }
    let mut html = on.here();
    if !table.is_empty() {
        shell::heading(&mut html, "windows", "Extraction");
        html.add(&table.html());
    }
    html
}

fn checks(site: Site<'_>, on: &Html, entity: &Entity) -> Html {
    let mut table = HtmlTable::new(on, "Checks of the entity", &["check", "severity", "purpose"]);
    for (name, purpose, severity) in site.declared.checks(entity) {
        table.row(&[
            on.cell(|html| html.code(name)),
            on.cell(|html| html.text(severity)),
            on.cell(|html| html.text(purpose)),
        ]);
    }
    let mut html = on.here();
    if !table.is_empty() {
        shell::heading(&mut html, "checks", "Checks");
        html.add(&table.html());
    }
    html
}

/// The fields of the documents, and the columns that read each.
fn fields(site: Site<'_>, on: &Html, entity: &Entity) -> Html {
    let read = Declared::read_paths(entity);
    let known = site.facts.fields.get(&entity.name);
    let mut table = HtmlTable::new(on, "Fields of the documents", &["JSON path", "types found", "columns"]);
    let mut row = |path: &str, types: &str| {
        let columns = read.get(path).map(Vec::as_slice).unwrap_or_default();
        table.row(&[
            on.cell(|html| html.code(path)),
            on.cell(|html| html.text(types)),
            on.cell(|html| {
                for (i, (of, column)) in columns.iter().enumerate() {
                    html.raw(if i > 0 { ", " } else { "" });
                    match site.table_page(of) {
                        Some(page) => html.link(&page, &format!("{of}.{column}")),
                        None => html.name(&format!("{of}.{column}")),
                    };
                }
                html
            }),
        ]);
    };
    known.into_iter().flatten().for_each(|(path, types)| row(path, types));
    let is_new = |path: &&&str| !known.is_some_and(|known| known.iter().any(|(own, _)| own == **path));
    read.keys().filter(is_new).for_each(|path| row(path, "not seen yet"));
    let mut html = on.here();
    if !table.is_empty() {
        shell::heading(&mut html, "fields", "Fields");
        html.add(&table.html());
    }
    html
}
