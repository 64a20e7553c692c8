//! A table or view: its columns with their origin, its size, indexes, checks, and who reads it.

use super::tables::origin;
use super::{Site, shell};
use crate::catalog::declared::TableRole;
use crate::catalog::facts::{ColumnFact, Reader, Relation};
use crate::catalog::html::Html;
use crate::catalog::lineage::LineageDrawing;
use crate::catalog::paths::SitePath;
use crate::catalog::plot::{Plot, PlotShape, PlotUnit};
use crate::catalog::table::HtmlTable;
use crate::report::units;
use crate::storage::Bloat;

/// A table or view with its columns.
#[derive(Debug, Clone, Copy)]
pub(in crate::catalog) struct TableSubject<'a> {
    pub(in crate::catalog) relation: &'a Relation,
    pub(in crate::catalog) columns: &'a [ColumnFact],
}

impl TableSubject<'_> {
    fn name(self) -> String {
        self.relation.full_name()
    }

    fn readers(self, site: Site<'_>) -> &[Reader] {
        site.facts.readers.get(&self.relation.oid).map(Vec::as_slice).unwrap_or_default()
    }
}

/// The page of a table or view.
pub(in crate::catalog) fn table(site: Site<'_>, subject: TableSubject<'_>) -> String {
    let path = SitePath::table(&subject.relation.schema, &subject.relation.name);
    let mut html = Html::on(&path);
    let on = html.here();
    if let Some(comment) = &subject.relation.comment {
        html.raw("<p class=\"lead\">").prose(comment).raw("</p>\n");
    }
    html.add(&facts(site, &on, subject));
    shell::heading(&mut html, "columns", "Columns");
    html.add(&columns(site, &on, subject));
    let drawn = lineage(site, &on, subject);
    if !drawn.is_empty() {
        shell::heading(&mut html, "lineage", "Lineage, column by column");
        html.add(&drawn);
    }
    html.add(&indexes(site, &on, subject)).add(&bloat(site, &on, subject));
    html.add(&checks(site, &on, subject)).add(&issues(site, &on, subject));
    html.add(&dependents(site, &on, subject));
    shell::document(&path, &subject.name(), "Table", &html)
}

fn facts(site: Site<'_>, on: &Html, subject: TableSubject<'_>) -> Html {
    let mut terms = shell::Terms::new(on);
    terms.add("Kind", |html| {
        html.text(subject.relation.kind_word());
        if subject.relation.partitions > 0 {
            html.raw(", ").count(subject.relation.partitions);
            html.raw(if subject.relation.partitions == 1 { " partition" } else { " partitions" });
        }
    });
    if site.declared.role(&subject.name()).is_some() {
        terms.add("Filled from", |html| {
            origin(html, site, subject.relation);
        });
    }
    if let Some(TableRole::Core(_, model)) = site.declared.role(&subject.name()) {
        terms.add("Key", |html| {
            html.code(&model.key.join(", "));
        });
    }
    if let Some(rows) = subject.relation.rows {
        terms.add("Rows", |html| {
            html.raw("~").count(rows);
        });
    }
    if let Some(state) = site.facts.models.get(&subject.name()) {
        terms.add("Transformed", |html| {
            html.time_or_never(state.transformed_at());
        });
        terms.add("Full refresh", |html| {
            html.time_or_never(state.refreshed_at.as_deref());
        });
    }
    if let Some(storage) = site.facts.tables.get(&subject.relation.quoted) {
        let parts = [storage.heap_bytes, storage.toast_bytes, storage.index_bytes].map(units::bytes);
        terms.add("Size", |html| {
            html.text(&units::bytes(storage.total_bytes())).raw(": ").text(&parts[0]).raw(" rows, ").text(&parts[1]);
            html.raw(" TOAST, ").text(&parts[2]).raw(" indexes");
        });
        terms.add("Bloat", |html| {
            html.text(&shown(storage.bloat));
        });
        terms.add("Dead rows", |html| {
            html.count(i64::try_from(storage.dead_tuples).unwrap_or(i64::MAX));
        });
        if let Some(at) = &storage.last_vacuum {
            terms.add("Vacuumed", |html| {
                html.text(at);
            });
        }
        if let Some(at) = &storage.last_analyze {
            terms.add("Analyzed", |html| {
                html.text(at);
            });
        }
    }
    terms.html()
}

/// A bloat; an estimate is marked.
fn shown(bloat: Option<Bloat>) -> String {
    bloat.map_or("unknown".to_owned(), |bloat| {
        format!("{}{}", if bloat.is_measured { "" } else { "~" }, units::bytes(bloat.bytes))
    })
}

fn columns(site: Site<'_>, on: &Html, subject: TableSubject<'_>) -> Html {
    const HEADERS: [&str; 8] = ["column", "type", "from", "cast", ">filled", ">distinct", "read by", "description"];
    let mut table = HtmlTable::new(on, "Columns", &HEADERS);
    let name = subject.name();
    for column in subject.columns {
        let from = site.declared.origin(&name, &column.name);
        let filled = column.filled.map_or("–".to_owned(), |filled| format!("~{:.1} %", filled * 100.0));
        let distinct = column.distinct_count(subject.relation.rows);
        table.row(&[
            on.cell(|html| html.code(&column.name)),
            on.cell(|html| {
                html.text(&column.data_type).raw(if column.is_not_null { " <small>not null</small>" } else { "" })
            }),
            on.cell(|html| {
                let columns = from.columns.iter().map(|(table, column)| format!("{table}.{column}"));
                let mut parts = from.paths.iter().cloned().chain(columns).peekable();
                while let Some(part) = parts.next() {
                    html.code(&part).raw(if parts.peek().is_some() { ", " } else { "" });
                }
                html
            }),
            on.cell(|html| match from.casts.is_empty() {
                true => html,
                false => html.code(&format!("evo.as_{}", from.casts.join(", evo.as_"))),
            }),
            on.cell(|html| html.text(&filled)),
            on.cell(|html| match distinct {
                Some(distinct) => html.raw("~").count(distinct),
                None => html.raw("–"),
            }),
            on.cell(|html| read_by(html, site, subject, &column.name)),
            on.cell(|html| html.prose(column.comment.as_deref().unwrap_or_default())),
        ]);
    }
    table.html()
}

fn read_by<'h>(html: &'h mut Html, site: Site<'_>, subject: TableSubject<'_>, column: &str) -> &'h mut Html {
    let mut is_first = true;
    let mut comma = |html: &mut Html| {
        html.raw(if std::mem::take(&mut is_first) { "" } else { ", " });
    };
    for dimension in site.declared.readers(&subject.name(), column) {
        comma(html);
        match site.table_page(&dimension.table) {
            Some(page) => html.link(&page, &dimension.table),
            None => html.name(&dimension.table),
        };
    }
    for reader in subject.readers(site).iter().filter(|reader| reader.column.as_deref() == Some(column)) {
        comma(html);
        match site.reader_page(reader) {
            Some(page) => html.link(&page, &reader.full_name()),
            None => html.name(&reader.full_name()),
        };
    }
    html
}

/// Paths of the document → columns → dimensions, views and functions.
fn lineage(site: Site<'_>, on: &Html, subject: TableSubject<'_>) -> Html {
    let mut drawn =
        LineageDrawing::new(&["lake", "document or core column", "column", "dimension", "view or function"]);
    let name = subject.name();
    let role = site.declared.role(&name);
    for column in subject.columns {
        let from = site.declared.origin(&name, &column.name);
        let readers: Vec<&Reader> =
            subject.readers(site).iter().filter(|reader| reader.column.as_deref() == Some(&column.name)).collect();
        if from.paths.is_empty() && from.columns.is_empty() && readers.is_empty() {
            continue;
        }
        let cast: String = from.casts.iter().map(|cast| format!(", evo.as_{cast}")).collect();
        let own = drawn.node(2, &column.name, &format!("{}{cast}", column.data_type), None);
        for path in &from.paths {
            let path = drawn.node(1, path, "JSON path", None);
            drawn.edge(path, own);
            if let Some(TableRole::Core(entity, _) | TableRole::Staging(entity)) = role {
                let lake = drawn.node(0, &entity.bronze_prefix, "objects", Some(SitePath::entity(&entity.name)));
                drawn.edge(lake, path);
            }
        }
        for (table, column) in &from.columns {
            let source = drawn.node(1, &format!("{table}.{column}"), "column", site.table_page(table));
            drawn.edge(source, own);
        }
        for dimension in site.declared.readers(&name, &column.name) {
            let to = drawn.node(3, &dimension.table, "dimension", site.table_page(&dimension.table));
            drawn.edge(own, to);
        }
        for reader in readers {
            let to = drawn.node(4, &reader.full_name(), reader.kind, site.reader_page(reader));
            drawn.edge(own, to);
        }
    }
    drawn.html(on, "Lineage of the columns")
}

fn indexes(site: Site<'_>, on: &Html, subject: TableSubject<'_>) -> Html {
    const HEADERS: [&str; 6] = ["name", "kind", ">size", ">bloat", ">scans", "definition"];
    let mut table = HtmlTable::new(on, "Indexes and constraints", &HEADERS);
    for index in site.facts.indexes.get(&subject.relation.oid).into_iter().flatten() {
        let leaves: Vec<_> = index.leaves.iter().filter_map(|leaf| site.facts.index_storage.get(leaf)).collect();
        let bytes: u64 = leaves.iter().map(|leaf| leaf.bytes).sum();
        let scans: u64 = leaves.iter().map(|leaf| leaf.scans).sum();
        // An index of two pages or less has none.
        let gauged = leaves.iter().map(|leaf| if leaf.bytes <= 2 * 8192 { Some(Bloat::default()) } else { leaf.bloat });
        let bloat = shown(Bloat::sum(gauged));
        let dash = |text: String| if leaves.is_empty() { "–".to_owned() } else { text };
        table.row(&[
            on.cell(|html| html.name(&index.name)),
            on.cell(|html| {
                html.text(&index.kind);
                if index.is_valid { html } else { html.raw(" <span class=\"bad\">not valid</span>") }
            }),
            on.cell(|html| html.text(&dash(units::bytes(bytes)))),
            on.cell(|html| html.text(&dash(bloat))),
            on.cell(|html| html.text(&dash(units::count(scans)))),
            on.cell(|html| html.raw("<code>").text(&index.definition).raw("</code>")),
        ]);
    }
    let mut html = on.here();
    if !table.is_empty() {
        shell::heading(&mut html, "indexes", "Indexes and constraints");
        html.add(&table.html());
    }
    html
}

/// What `evo optimize-storage` found each time that it ran.
fn bloat(site: Site<'_>, on: &Html, subject: TableSubject<'_>) -> Html {
    let (mut labels, mut values) = (Vec::new(), Vec::new());
    let found = site.facts.results.get(&subject.relation.quoted).into_iter().flatten().rev();
    for (run, result) in found.filter(|(_, result)| result.kind == "bloat") {
        labels.push(site.facts.runs[*run].started_at.chars().take(10).collect());
        values.push(result.number.map(|bytes| bytes as f64));
    }
    let plot = Plot {
        key: "bloat",
        title: "Bloat after each evo optimize-storage",
        axis: "day",
        unit: PlotUnit::Bytes,
        shape: PlotShape::Bars,
        labels,
        series: vec![("bloat", values)],
    };
    plot.html(on)
}

fn checks(site: Site<'_>, on: &Html, subject: TableSubject<'_>) -> Html {
    let mut table =
        HtmlTable::new(on, "Latest results of checks on this table", &["check", "severity", ">rows found", "run"]);
    let mut seen: Vec<&str> = Vec::new();
    for (run, result) in site.facts.results.get(&subject.name()).into_iter().flatten() {
        if result.kind != "check" || seen.contains(&result.name.as_str()) {
            continue;
        }
        seen.push(&result.name);
        let run = &site.facts.runs[*run];
        table.row(&[
            on.cell(|html| html.code(&result.name)),
            on.cell(|html| html.text(result.severity.as_deref().unwrap_or_default())),
            on.cell(|html| html.count(result.number.unwrap_or(0))),
            on.cell(|html| html.opened(&SitePath::run(&run.execution_id)).time(&run.started_at).raw("</a>")),
        ]);
    }
    let mut html = on.here();
    if !table.is_empty() {
        shell::heading(&mut html, "checks", "Checks");
        html.add(&table.html());
    }
    html
}

fn issues(site: Site<'_>, on: &Html, subject: TableSubject<'_>) -> Html {
    let mut table = HtmlTable::new(on, "Values that did not fit", &["column", "reason", ">values"]);
    let name = subject.name();
    let all = site.facts.reasons.values().flatten();
    for reason in all.filter(|reason| !reason.is_reject && reason.table.as_deref() == Some(&name)) {
        table.row(&[
            on.cell(|html| html.code(reason.column.as_deref().unwrap_or_default())),
            on.cell(|html| html.text(&reason.reason)),
            on.cell(|html| html.count(reason.count)),
        ]);
    }
    let mut html = on.here();
    if !table.is_empty() {
        shell::heading(&mut html, "issues", "Issues");
        html.add(&table.html());
    }
    html
}

fn dependents(site: Site<'_>, on: &Html, subject: TableSubject<'_>) -> Html {
    let mut table = HtmlTable::new(on, "Views and functions that read it", &["name", "kind", "columns"]);
    let readers = subject.readers(site);
    for (i, reader) in readers.iter().enumerate() {
        if readers[..i].iter().any(|earlier| earlier.oid == reader.oid) {
            continue;
        }
        let own = readers.iter().filter(|other| other.oid == reader.oid);
        let columns: Vec<&str> = own.filter_map(|other| other.column.as_deref()).collect();
        table.row(&[
            on.cell(|html| match site.reader_page(reader) {
                Some(page) => html.link(&page, &reader.full_name()),
                None => html.name(&reader.full_name()),
            }),
            on.cell(|html| html.text(reader.kind)),
            on.cell(|html| html.code(&columns.join(", "))),
        ]);
    }
    let mut html = on.here();
    if !table.is_empty() {
        shell::heading(&mut html, "readers", "Read by");
        html.add(&table.html());
    }
    html
}
