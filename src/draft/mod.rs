//! An entity drafted from samples of its files: what its key is, which columns of which types its tables
//! have, and the files that declare it.
//!
//! ```text
//! sample ─▶ shape: what each field holds, ─▶ tables ─▶ files
//!           keys: which fields are unique     └▶ compared with an entity ─▶ additions
//! ```
//!
//! Memory does not grow with the samples: a shape counts, and keys are looked for among the first documents.

mod counts;
mod earlier;
mod example;
mod keys;
mod names;
mod nodes;
mod plan;
mod read;
mod render;
mod scalars;
mod sniff;
mod tables;
mod update;
mod update_files;

pub use counts::{ValueCounts, ValueType};
pub use earlier::EarlierMigrations;
pub use example::{example_documents, test_file};
pub use keys::{KeyGuess, KeyRows};
pub use nodes::{NodeShape, add_document};
pub use plan::{DraftWish, EntityDraft, plan};
pub use read::{SampleFile, SampleReading, first_documents, read_samples};
pub use render::{DraftFile, files};
pub use tables::{Certainty, DraftColumn, DraftTable, TableKind};
pub use update::{ChangedType, EntityUpdate, TableUpdate, update};
pub use update_files::{UpdatedFile, updated_files};
