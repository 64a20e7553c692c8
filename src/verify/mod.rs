//! `evo verify`: does staging hold what the lake and the ledger say?
//!
//! ```text
//! listing    the lake's listing ↔ the objects that were loaded: replaced, gone
//! counts     the ledger's counts ↔ the rows of staging, by batch, object and writing transaction
//! documents  objects read again, line by line ↔ the rows of staging: missing, altered, outdated, added
//! ```
//!
//! `transform/compare` continues from staging to core. Nothing here changes anything, except [`remove`] and
//! [`recount`], which a repair uses.
//!
//! **What a line must find.** Of each key staging holds the newest line ([`crate::bronze::order`]), or an
//! older one with the same content. So a line whose key is missing was lost; a line whose row has other
//! content is beaten if the row is newer, or if a newer object has seen the row's content
//! ([`crate::ledger::seen`]); otherwise the row is wrong. And each row says which line it came from: rows
//! that no line accounts for were added.
//!
//! **Values.** A row with the line's content hash was written with that line's document. It still has it if
//! the transaction that loaded the object wrote this version of the row, which the row shows. Where it was
//! written by another one, or that is not certain, the server parses the line and compares the values.
//!
//! **Bounded.** Objects are read through the same bounded channels as in a load, lines are compared in
//! chunks, and of what is found a limited number is named.

mod chunk;
mod clues;
mod counts;
mod documents;
mod job;
mod listing;
mod loaded;
mod mismatch;
mod object;
mod probe;
mod reader;
mod repair;
mod statements;
mod strangers;

pub use counts::{StagingCounts, count};
pub use documents::{DocumentCounts, Reread, compare_documents};
pub use job::VerifyJob;
pub use listing::compare_listing;
pub use loaded::{Cost, cost};
pub use mismatch::{Mismatch, MismatchKind, Mismatches, Place};
pub use repair::{newest_batch, recount, remove};
