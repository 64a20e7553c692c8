//! Prints the end of a command: the summary on stdout, the error on stderr, each in the format that was asked
//! for.
//!
//! Nobody may be reading, and the disk of a log may be full. That neither ends a job nor changes its exit
//! code, except for a command that has no purpose but its output.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::{Outcome, terminal};
use crate::config::{LogFormat, Output, Settings, columns_of_stderr};
use crate::error::{Error, Kind, Result};
use crate::visible;

/// Version of the documents that `--output json` prints. It grows when a field is removed or means something
/// else; fields may be added at any time.
const JSON_VERSION: u32 = 1;

/// Prints the summary or the error of a command.
#[derive(Debug)]
pub struct Printer {
    command: &'static str,
    output: Output,
    /// Whether stderr is a stream of JSON lines; then stdout is one too.
    lines: bool,
    columns: Option<usize>,
}

impl Printer {
    /// For a command under these settings.
    pub fn new(settings: &Settings, command: &'static str) -> Self {
        let lines = settings.log_format == LogFormat::Json;
        Self { command, output: settings.output, lines, columns: settings.columns }
    }

    /// For an error that occurs before the settings are known.
    pub fn before_settings(lines: bool) -> Self {
        Self { command: "", output: Output::Text, lines, columns: None }
    }

    /// Writes the summary to stdout. A reader that has stopped reading (`evo status | head`) is not an error.
    ///
    /// # Errors
    /// `Internal` when it cannot be written and the command has changed nothing, so that its output was its
    /// only purpose. For a job it is only a warning, because its summary is in `evo.runs` too.
    pub fn summary(&self, outcome: &Outcome) -> Result<()> {
        let text = match (self.output, self.lines) {
            (Output::Text, _) => terminal::wrap(&visible::lines(outcome.text.trim_end()), self.columns),
            (Output::Json, _) if outcome.json.is_null() => String::new(),
            (Output::Json, true) => self.document(&outcome.json),
            (Output::Json, false) => serde_json::to_string_pretty(&with_version(&outcome.json)).unwrap_or_default(),
        };
        if text.is_empty() {
            return Ok(());
        }
        let mut stdout = io::stdout().lock();
        match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
            Ok(()) => Ok(()),
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Err(e) if outcome.json.get("execution_id").is_some() => {
                tracing::warn!(error = %e, "the summary cannot be written to stdout; evo.runs has it");
                Ok(())
            }
            Err(e) => Err(Error::new(Kind::Internal, "cannot write to stdout").caused_by(e)),
        }
    }

    /// A summary as JSON in one line.
    pub(super) fn document(&self, summary: &Value) -> String {
        let summary = with_version(summary);
        if self.lines { self.line(&summary).to_string() } else { summary.to_string() }
    }

    /// A summary as a log line: the fields of every line and those of the summary.
    fn line(&self, summary: &Value) -> Value {
        let mut line = json!({ "timestamp": now(), "level": "INFO", "message": "summary", "command": self.command });
        match summary {
            Value::Object(fields) => fields.iter().for_each(|(name, value)| line[name] = value.clone()),
            other => line["summary"] = other.clone(),
        }
        line
    }

    /// Writes the error of a command to stderr. Does not fail when nobody reads it.
    pub fn error(&self, error: &Error) {
        let text = match self.lines {
            true => json_of(error).to_string(),
            false => terminal::wrap(&error.render(), columns_of_stderr()),
        };
        let _ = writeln!(io::stderr(), "{text}");
    }
}

/// A document that says in which version of docs/json.md it is written.
fn with_version(summary: &Value) -> Value {
    let Value::Object(fields) = summary else { return summary.clone() };
    let mut document = json!({ "json_version": JSON_VERSION });
    fields.iter().for_each(|(name, value)| document[name] = value.clone());
    document
}

/// The timestamp format of log lines.
fn now() -> String {
    chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}

/// The error as one log line in JSON.
fn json_of(error: &Error) -> Value {
    let mut value = json!({
        "timestamp": now(), "level": "ERROR", "message": error.message(), "kind": format!("{:?}", error.kind()),
        "exit_code": error.exit_code(),
    });
    let optional = [("sqlstate", error.sqlstate()), ("detail", error.detail_text()), ("hint", error.hint_text())];
    for (name, text) in optional {
        if let Some(text) = text {
            value[name] = text.into();
        }
    }
    value
}
