//! A fault in SQL that a user wrote.

use crate::error::{Error, Kind};

/// A fault, and at which byte of the text it is.
#[derive(Debug)]
pub(in crate::entity) struct Fault {
    pub at: usize,
    message: String,
    hint: Option<String>,
}

impl Fault {
    pub(in crate::entity) fn new(at: usize, message: impl Into<String>) -> Self {
        Self { at, message: message.into(), hint: None }
    }

    pub(in crate::entity) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The fault as a `Config` error that names the line of `file`, whose content is `text`.
    pub(in crate::entity) fn in_file(self, file: &str, text: &str) -> Error {
        let line = text[..self.at.min(text.len())].matches('\n').count() + 1;
        let error = Error::new(Kind::Config, format!("{file}:{line}: {}", self.message));
        match self.hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}
