//! Constraints that the rows of a new generation break.

use crate::error::{Error, Kind};
use crate::pg::sqlstate::{
    CHECK_VIOLATION, EXCLUSION_VIOLATION, FOREIGN_KEY_VIOLATION, NOT_NULL_VIOLATION, UNIQUE_VIOLATION,
};

/// The server's codes for a broken constraint.
const CONSTRAINTS: [&str; 5] =
    [UNIQUE_VIOLATION, NOT_NULL_VIOLATION, FOREIGN_KEY_VIOLATION, CHECK_VIOLATION, EXCLUSION_VIOLATION];

/// Says of a broken constraint that it is one of the new generation.
pub(super) fn broken_constraint(error: Error) -> Error {
    match error.sqlstate() {
        Some(code) if CONSTRAINTS.contains(&code) => {
            Error::new(Kind::Refused, format!("the new generation breaks a constraint: {}", error.message()))
                .with_sqlstate(code.to_owned())
                .naming(error.named().clone())
                .hint("the old generation still serves; correct the rows at the source, or the constraint")
        }
        _ => error,
    }
}
