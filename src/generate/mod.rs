//! Writes realistic bronze: the objects that an extraction of the EVO API leaves in the lake, for demos, tests and
//! benchmarks.
//!
//! A record follows from (plan, entity, index, version) alone. Parts are therefore written in parallel, in any order,
//! with the same bytes; memory is bounded by one part a thread. Ids agree between entities: the buyer of a sale is a
//! member, the sale of a contract is a sale of that member.

mod address;
mod clock;
mod contract;
mod doc;
mod entry;
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
mod share;
mod texts;
mod world;

pub use lake::{RunSummary, Summary, write_lake, write_lake_with};
pub use part::Tally;
pub use plan::{Entity, Plan, Records};
pub use share::Portion;

#[cfg(test)]
mod tests;
