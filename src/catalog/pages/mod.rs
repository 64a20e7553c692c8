//! The pages, each a function of what is known.

mod attention;
mod entity;
mod home;
mod run;
mod runs;
mod shell;
mod table;
mod tables;

pub(super) use attention::{Attention, attention};
pub(super) use entity::entity;
pub(super) use home::{home, lineage};
pub(super) use run::run;
pub(super) use runs::runs;
pub(super) use shell::ASSETS;
pub(super) use table::{TableSubject, table};
pub(super) use tables::tables;

use super::declared::Declared;
use super::facts::{Reader, SiteFacts};
use super::paths::SitePath;

/// What every page may need.
#[derive(Debug, Clone, Copy)]
pub(super) struct Site<'a> {
    pub(super) facts: &'a SiteFacts,
    pub(super) declared: &'a Declared<'a>,
}

impl Site<'_> {
    /// The page of a table by its qualified name, if it exists.
    pub(super) fn table_page(self, table: &str) -> Option<SitePath> {
        let (schema, name) = table.split_once('.')?;
        self.facts.names.contains(table).then(|| SitePath::table(schema, name))
    }

    /// The page of a view that reads something; functions have none.
    pub(super) fn reader_page(self, reader: &Reader) -> Option<SitePath> {
        let is_known = reader.is_view && self.facts.names.contains(&reader.full_name());
        is_known.then(|| SitePath::table(&reader.schema, &reader.name))
    }
}
