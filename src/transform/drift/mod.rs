//! Drift: fields that documents did not have before, or not of that type.
//!
//! Each transform samples the documents that it reads and adds their fields to `evo.fields`. A field that no
//! sampled document has goes unnoticed here; a value that does not fit its column is an issue in any case.
//!
//! The documents travel to evo as texts: it finds their fields in a tenth of the time that the server needs.
//!
//! Bounded: an object whose names are data (ids, for example) would bring new fields with every document.
//! From its 201st name on they count as one field, `attributes.*`; that is reported once, like any new field.

mod document;
mod known;
mod new_fields;
mod unknown;

pub use unknown::Drift;
pub(in crate::transform) use unknown::UnknownFields;
