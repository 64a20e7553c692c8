//! Writes realistic bronze: the objects that an extraction of the EVO API leaves in the lake, for demos,
//! tests and benchmarks.
//!
//! A record follows from (plan, entity, index, version) alone. Parts are therefore written in parallel and in
//! any order with the same bytes, and memory is bounded by one part per thread. Ids agree between entities:
//! the buyer of a sale is a member, and the sale of a contract is a sale of that member.
//!
//! ```text
//! plan → world (who exists when, and who refers to whom) → layout (runs, windows, parts)
//!      → part (the lines of one object: member, sale, entry, prospect) → lake (files)
//!                                                                      → serve (an imitation of the API)
//! ```
//!
//! The crate knows nothing of evo: `evo generate` is its only caller.

mod address;
mod clock;
mod contract;
mod doc;
mod entity;
mod entry;
mod error;
mod fault;
mod lake;
mod layout;
mod manifest;
mod member;
mod names;
mod object;
mod part;
mod places;
mod plan;
mod prng;
mod prospect;
mod receivable;
mod sale;
mod sale_document;
pub mod serve;
mod share;
mod texts;
mod world;

pub use entity::{Entity, Records};
pub use error::{Error, Result};
pub use lake::{RunSummary, Summary, write_lake, write_lake_with};
pub use part::Tally;
pub use plan::Plan;
pub use share::Portion;

#[cfg(test)]
mod tests;
