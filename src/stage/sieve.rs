//! Which lines of a batch are sent to the server.

use super::first_lines::FirstLines;
use super::frame::Position;
use super::key::DocumentKey;
use super::known_rows::KnownRows;
use crate::error::Result;

/// Decides for each valid line of a batch, in their order, whether it is sent.
#[derive(Debug, Default)]
pub enum Sieve {
    /// Every line is.
    #[default]
    Everything,
    /// The first line of each key is.
    FirstOfKey(FirstLines),
    /// Lines that do not repeat a row of staging are.
    Unknown(KnownRows),
}

impl Sieve {
    /// The key to send the line with; `None` when it is not sent.
    ///
    /// # Errors
    /// When the batch cannot be copied straight into the staging table: see [`FirstLines`].
    pub fn admit(&mut self, at: Position, key: DocumentKey, hash: u128, text: &str) -> Result<Option<DocumentKey>> {
        match self {
            Sieve::Everything => Ok(Some(key)),
            Sieve::FirstOfKey(lines) => lines.admit(at, key, hash, text),
            Sieve::Unknown(rows) => Ok((!rows.repeats(at, &key, hash)).then_some(key)),
        }
    }

    /// The year whose partition was missing, where that ended the stream.
    pub fn missing_year(&self) -> Option<i32> {
        match self {
            Sieve::FirstOfKey(lines) => lines.missing_year(),
            Sieve::Everything | Sieve::Unknown(_) => None,
        }
    }
}
