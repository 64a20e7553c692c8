//! The readings of a model: each is a rendering of its [`Select`](crate::entity::Select), over some rows of
//! staging.
//!
//! | reading | what is sent to the server | a value that does not fit |
//! |---|---|---|
//! | written | the select as its author wrote it, with evo's guards | fails the statement |
//! | typed | the same, but the server parses numbers: stricter, never laxer | fails the statement |
//! | careful | `evo.try_…` for `evo.as_…` | is null |
//! | misfits | the careful one, with what it nulled and in which document | is listed |
//!
//! Where the rows are versions, each but the last stands inside of the select that makes a history of them.

mod binding;
mod clocks;
mod misfits;
mod once;
mod render;
#[cfg(test)]
mod tests;
mod tries;
mod typed;
mod typed_fields;
mod unfold;
mod versions;
mod written;

pub(super) use misfits::misfit_column;
pub(super) use render::{Reading, misfits, select};
pub(super) use tries::TypedTries;
pub(super) use typed::AT_SESSION_ZONE;
