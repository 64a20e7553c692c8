//! The list of all tables and views.

use super::{Site, shell};
use crate::catalog::declared::TableRole;
use crate::catalog::facts::Relation;
use crate::catalog::html::Html;
use crate::catalog::paths::SitePath;
use crate::catalog::table::HtmlTable;
use crate::report::units;

/// The page with all tables and views.
pub(in crate::catalog) fn tables(site: Site<'_>) -> String {
    const HEADERS: [&str; 6] = ["table", "kind", "filled from", ">rows", ">size", "description"];
    let path = SitePath::fixed("tables.html");
    let mut html = Html::on(&path);
    let mut table = HtmlTable::new(&html, "Tables and views", &HEADERS);
    for relation in &site.facts.relations {
        let page = SitePath::table(&relation.schema, &relation.name);
        let bytes = site.facts.tables.get(&relation.quoted).map(|storage| storage.total_bytes());
        let size = bytes.map_or("–".to_owned(), units::bytes);
        table.row(&[
            html.cell(|html| html.link(&page, &relation.full_name())),
            html.cell(|html| html.text(relation.kind_word())),
            html.cell(|html| origin(html, site, relation)),
            html.cell(|html| rows(html, relation)),
            html.cell(|html| html.text(&size)),
            html.cell(|html| html.text(relation.comment.as_deref().unwrap_or_default())),
        ]);
    }
    let list = table.html();
    html.add(&list);
    shell::document(&path, "Tables and views", "Overview", &html)
}

fn rows<'h>(html: &'h mut Html, relation: &Relation) -> &'h mut Html {
    match relation.rows {
        Some(rows) => html.raw("~").count(rows),
        None => html.raw("–"),
    }
}

/// The entity or the dimension that fills a table.
pub(super) fn origin<'h>(html: &'h mut Html, site: Site<'_>, relation: &Relation) -> &'h mut Html {
    match site.declared.role(&relation.full_name()) {
        Some(TableRole::Staging(entity) | TableRole::Core(entity, _)) => {
            html.link(&SitePath::entity(&entity.name), &entity.name)
        }
        Some(TableRole::Dimension(dimension)) => html.raw("dimension ").name(&dimension.name),
        None => html,
    }
}
