//! `evo catalog`: the warehouse as pages that open without a server, a build step or a network.
//!
//! `facts` reads the catalog of the database, the ledger and the statistics with a fixed number of queries,
//! `declared` knows what models, dimensions and checks say, and `pages/` writes what they give. Names come
//! from anywhere and may be anything: markup takes them only through [`html`](self), file names only as
//! slugs. A page whose bytes are the same is not written again. No query reads a value of a table.

mod build;
mod declared;
mod facts;
mod folder;
mod html;
mod json;
mod lineage;
mod openlineage;
mod pages;
mod paths;
mod plot;
mod search;
mod serve;
mod table;
mod timeline;

pub use build::{BuiltSite, CatalogPlan, build, state};
pub use folder::SiteChanges;
pub use openlineage::Namespaces;
pub use serve::{SiteServer, SiteVersion};
