//! A model as data: one select over `{source}`, read once, when its entity is declared.
//!
//! What a transform does with a model is a rendering of [`Select`] (`transform/reading`): as it is written, with typed
//! records, with careful casts, as the list of its misfits. None of them searches in text. A model that this floor
//! cannot read is refused with its file and line, because a cast that no reading knows of would null values unnoticed.
//!
//! ```text
//! [with …] select [distinct [on (…)]] column, … from {source} s, … [where …] [window …] [order by …]
//! column     expression as name | d.name
//! expression any SQL; casts are evo.as_…, in no select of their own
//! from       cross join lateral evo.as_children(s.raw_data, 'array', 'id') c      at most one
//!            cross join lateral jsonb_to_record(s.raw_data) as d (name text, …)   text or jsonb
//! ```
//!
//! The text stays the author's: comments, quotes and white space are kept, and only what a reading changes is replaced.

mod casts;
mod column;
mod dates;
mod expression;
mod fault;
mod from;
mod lex;
mod native;
mod path;
mod reads;
mod select;
mod shapes;
#[cfg(test)]
mod tests;
mod tokens;

pub use casts::CASTS;
pub use column::{Column, Plain};
pub use expression::{Case, Cast, Expression, Part};
pub use from::{Children, Record, RecordColumn};
pub use lex::Span;
pub use select::{Placeholder, Select};
