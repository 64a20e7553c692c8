//! Why an attempt at a batch failed.

use super::refused::is_of_a_row;
use crate::error::Error;

/// An error with what the batch's next attempt needs to know about it.
#[derive(Debug)]
pub(super) struct AttemptError {
    pub error: Error,
    /// Index of the object that it concerns, if it concerns one alone.
    pub object: Option<usize>,
    /// Years whose partitions must be made before the batch can be tried again.
    pub years: Vec<i32>,
    /// Whether the server refuses rows of the batch, or one of them. Of other statements the same error may
    /// have nothing to do with them.
    pub is_of_rows: bool,
}

impl AttemptError {
    /// An error that concerns one object of the batch.
    pub(super) fn of_object(object: usize, error: Error) -> Self {
        Self { object: Some(object), ..Self::from(error) }
    }

    /// An error of a statement that writes rows of the batch.
    pub(super) fn of_rows(error: Error) -> Self {
        Self { is_of_rows: is_of_a_row(&error), ..Self::from(error) }
    }
}

impl From<Error> for AttemptError {
    fn from(error: Error) -> Self {
        Self { error, object: None, years: Vec::new(), is_of_rows: false }
    }
}
