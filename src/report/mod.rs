//! What a command hands back to be shown: text for a person, JSON for a machine, and the exit code.

mod print;
pub mod progress;
pub mod table;
pub mod terminal;
pub mod units;
pub mod usage;

pub use print::Printer;

use crate::error::Error;

/// The end of a command that ran: its summary in both shapes and how it went.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What a person reads on stdout; empty prints nothing.
    pub text: String,
    /// What `--output json` prints on stdout, one document.
    pub json: serde_json::Value,
    /// Set when the command did its work but must not exit 0: the error gives the exit code and is printed on stderr.
    pub failure: Option<Error>,
}

impl Outcome {
    /// A successful end with `text` for a person and `json` for a machine.
    pub fn new(text: impl Into<String>, json: serde_json::Value) -> Self {
        Self { text: text.into(), json, failure: None }
    }

    /// The same summary, but the process ends with the exit code of `error`.
    pub fn failed_with(mut self, error: Option<Error>) -> Self {
        self.failure = error;
        self
    }
}
