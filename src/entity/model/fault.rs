//! Why a model is not understood.

use crate::error::{Error, Kind};

/// What is wrong, and where.
#[derive(Debug)]
pub(super) struct Fault {
    /// Byte of the text.
    pub at: usize,
    message: String,
    hint: Option<String>,
}

impl Fault {
    pub(super) fn new(at: usize, message: impl Into<String>) -> Self {
        Self { at, message: message.into(), hint: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// As an error that names the line of `file`, whose content is `text`.
    pub(super) fn in_file(self, file: &str, text: &str) -> Error {
        let line = text[..self.at.min(text.len())].matches('\n').count() + 1;
        let error = Error::new(Kind::Config, format!("{file}:{line}: {}", self.message));
        match self.hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}
