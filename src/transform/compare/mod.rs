//! Compares core with what the models give for the staged documents. Changes nothing.
//!
//! * [`CoreDepth::Sums`]: documents against parents by number and sum of keys, and elements of arrays against
//!   children by number, range by range. Where they differ, the rows of the range are compared.
//! * [`CoreDepth::Rows`]: the model is evaluated again and every row compared, column by column.
//!
//! Documents of batches that core has not transformed yet are left out, on both sides.

mod finding;
mod plan;
mod range;
mod rows;
mod sums;

pub use finding::{CoreMismatch, CoreMismatchKind, CoreMismatches};
pub use plan::{CoreDepth, compare};
