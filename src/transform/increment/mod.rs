//! The incremental mode: the staged rows of the batches that core does not have yet.
//!
//! Pending batches are cut into chunks of `chunk_rows` documents: several small batches, or a piece of a
//! large one. A chunk is one transaction over all tables of the entity. Chunks run side by side, because no
//! two of them share a key. A batch enters the watermark with its last chunk. After an interruption the next
//! run repeats the pieces of unfinished batches; what those had written no longer differs.

mod attempt;
mod changed;
mod chunk;
mod known;
mod marking;
mod marks;
mod one_by_one;
mod plan;
mod refused;
mod table;
mod typed;
mod work;

pub(super) use marking::{MarkedChunks, mark};
pub(super) use marks::MarkedRow;
pub(super) use plan::{IncrementPlan, owned, plan, plan_unless_refreshed, whole};
pub(super) use work::{increment, no_key};
