//! The end of a command: text for a person, JSON for a machine, and the exit code.

mod print;
pub mod progress;
pub mod table;
pub mod terminal;
pub mod units;
pub mod usage;
pub mod watch;

pub use print::Printer;

use crate::error::Error;

/// The result of a command: its summary in both formats and whether it failed.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The summary on stdout for a person; empty prints nothing.
    pub text: String,
    /// The summary that `--output json` prints, one document; null prints nothing.
    pub json: serde_json::Value,
    /// Set when the command did some work but must not exit 0: gives the exit code and is printed on stderr.
    pub failure: Option<Error>,
}

impl Outcome {
    /// The outcome of a command that succeeded.
    pub fn new(text: impl Into<String>, json: serde_json::Value) -> Self {
        Self { text: text.into(), json, failure: None }
    }

    /// The same summary with the exit code of `error`; `None` leaves it a success.
    pub fn failed_with(mut self, error: Option<Error>) -> Self {
        self.failure = error;
        self
    }
}
