//! A model as data: one select over `{source}`, read once, when its entity is declared.
//!
//! A transform runs renderings of [`Select`] (`transform/reading`): the model as it is written, with typed
//! records, with careful casts, and the list of its misfits. None of them searches in text. A model that
//! cannot be read is refused with its file and line: a cast that no reading knows of would null values
//! unnoticed.
//!
//! ```text
//! [with …] select [distinct [on (…)]] column, … from {source} s, … [where …] [window …] [order by …]
//! column     expression as name | d.name
//! expression any SQL; casts are evo.as_…, in no select of their own
//! from       cross join lateral evo.as_children(s.raw_data, 'array', 'id') c      at most one
//!            cross join lateral jsonb_to_record(s.raw_data) as d (name text, …)   text or jsonb
//! ```
//!
//! The text stays the author's: comments, quotes and white space are kept, and only what a reading changes is
//! replaced.

mod additions;
mod casts;
mod column;
mod dates;
mod edits;
mod expression;
mod from;
mod guards;
mod limits;
mod native;
mod path;
mod questions;
mod reads;
mod rewrite;
mod select;
#[cfg(test)]
mod tests;
mod zones;

pub use additions::AddedField;
pub use casts::{CASTS, CASTS_CHANGED};
pub use column::{Column, LocalTime, PlainCast, WholeCast};
pub use edits::Edits;
pub use expression::{Case, Cast, CastSite, Expression};
pub use from::{Children, JsonRecord, RecordColumn};
pub use limits::Limit;
pub use questions::Question;
pub use select::{Placeholder, Select};
