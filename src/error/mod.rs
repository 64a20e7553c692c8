//! The crate's error type: what happened ([`Kind`]), how a job reacts ([`Disposition`]), and the report to
//! the operator (message, detail, hint and exit code).
//!
//! A message is lowercase, names the flag or object at fault, and never holds a credential or a cell value.

mod kind;
mod mistakes;
mod value;

pub use kind::{Disposition, Facts, KINDS, Kind, Signal};
pub use mistakes::Mistakes;
pub use value::{Context, Error, Named, Result};
