//! The readings of a model: each is a rendering of its [`Select`](crate::entity::Select), over some rows of staging.
//!
//! * written: as its author wrote it. A value that does not fit fails the statement.
//! * typed: the same, but the server parses numbers as it takes the document apart. Stricter, never laxer.
//! * careful: `evo.try_…` for `evo.as_…`: what does not fit is null.
//! * misfits: the careful one with what it nulled, and of which document.

mod misfits;
#[cfg(test)]
mod tests;
mod text;
mod typed;
mod written;

pub(super) use misfits::{misfit_column, misfits};
pub(super) use text::Rows;
pub(super) use typed::{AT_SESSION_ZONE, typed};
pub(super) use written::{careful, written};
