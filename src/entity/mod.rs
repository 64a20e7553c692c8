//! Entities: what is extracted together, staged in one table and transformed into one family of core tables.
//!
//! An entity is a folder `sql/models/<name>/` with an `entity.toml` and one SQL model per core table. The
//! built-in ones are embedded in the binary; more come from `--extend DIR` (`DIR/models/<name>/…`). To add
//! one takes no Rust.
//!
//! SQL that users write (models, checks, dimensions) is scanned once, by the tokens of PostgreSQL. What evo
//! changes in it is a rendering of what was read, and what it cannot read is refused with file and line.

mod catalog;
mod contract;
mod dates;
mod declaration;
mod definition;
mod digest;
pub mod extract;
mod header;
mod history;
mod input;
mod key;
mod missing;
mod model;
mod scan;
mod shape;
mod template;

pub use catalog::{Catalog, unknown_entity};
pub use contract::{FieldContract, Reaction};
pub use dates::DateFormat;
pub use definition::{Entity, Model, Staging};
pub use digest::of_statement;
pub use header::{Header, HeaderLine};
pub use input::{Compression, Format, Input};
pub use key::{History, KeyRule, KeyTime, KeyType, Partition, PartitionBy};
pub use missing::{MissingRows, Snapshots};
pub use model::{
    AddedField, CASTS, CASTS_CHANGED, Case, Cast, CastSite, Children, Column, Edits, Expression, JsonRecord, Limit,
    LocalTime, Placeholder, PlainCast, Question, RecordColumn, Select, WholeCast,
};
pub use scan::Span;
pub use shape::declaration_schema;
pub use template::Template;
