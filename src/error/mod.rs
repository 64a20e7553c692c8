//! The error of the whole crate: what happened ([`Kind`]), what a job does about it ([`Disposition`]), and
//! what it tells the operator (message, detail, hint and exit code).
//!
//! A message is lowercase, names the flag or object at fault, and never holds a credential or a cell value.

mod kind;
mod value;

pub use kind::{Disposition, Facts, KINDS, Kind, Signal};
pub use value::{Context, Error, Named, Result};
