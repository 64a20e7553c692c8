//! Drift: fields that documents did not have before, or not of that type; and contracts, which say what
//! that is worth.
//!
//! Each transform samples the documents that it reads and adds their fields to `evo.fields`. A field that no
//! sampled document has goes unnoticed here; a value that does not fit its column is an issue in any case.
//! Where an entity has a contract, documents are compared with what is known before they are loaded or
//! transformed.
//!
//! The documents travel to evo as texts: it finds their fields in a tenth of the time that the server needs.
//!
//! Bounded: an object whose names are data (ids, for example) would bring new fields with every document.
//! From its 201st name on they count as one field, `attributes.*`; that is reported once, like any new field.
//! A contract says nothing about such names if documents hardly repeat them, and everything about the columns
//! of a wide record, which they do.

mod breach;
mod changes;
mod counts;
mod data_names;
mod document;
mod known;
mod new_fields;
mod place;
mod sample;

pub use breach::{Breach, BrokenRule, FieldFindings, compared, failure, lines};
pub use changes::{FieldChange, changes, newest_batches};
pub use counts::{FieldCount, FieldCounts};
pub use known::KnownFields;
pub use new_fields::{NewField, NewFields};
pub use place::SampledLine;
pub use sample::{SAMPLE, of_first, of_rows, of_table, read_documents};
