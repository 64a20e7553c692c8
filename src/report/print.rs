//! The last words of a command: the summary on stdout, the error on stderr, each in the format that was asked for.
//!
//! Whoever reads them may be gone, and the disk of a log may be full. That ends no job and changes no exit code, but for
//! a command whose output is all that it is for.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::{Outcome, terminal};
use crate::config::{LogFormat, Output, Settings, columns_of_stderr};
use crate::error::{Error, Kind, Result};
use crate::visible;

/// Prints what a command ends with.
#[derive(Debug)]
pub struct Printer {
    command: &'static str,
    output: Output,
    /// Whether stderr is a stream of JSON lines, and so stdout is one too.
    lines: bool,
    columns: Option<usize>,
}

impl Printer {
    /// For a command under these settings.
    pub fn new(settings: &Settings, command: &'static str) -> Self {
        let lines = settings.log_format == LogFormat::Json;
        Self { command, output: settings.output, lines, columns: settings.columns }
    }

    /// For an error that comes before the settings are known.
    pub fn before_settings(lines: bool) -> Self {
        Self { command: "", output: Output::Text, lines, columns: None }
    }

    /// Writes the summary to stdout. A reader that went away (`evo status | head`) is no error.
    ///
    /// # Errors
    /// `Internal` when it cannot be written and the command has changed nothing: then its output was all that it was
    /// for. What a job has done stays done, and its summary stands in `evo.runs`: that is a warning.
    pub fn summary(&self, outcome: &Outcome) -> Result<()> {
        let text = match (self.output, self.lines) {
            (Output::Text, _) => terminal::wrap(&visible::lines(outcome.text.trim_end()), self.columns),
            (Output::Json, true) => self.line(&outcome.json).to_string(),
            (Output::Json, false) => serde_json::to_string_pretty(&outcome.json).unwrap_or_default(),
        };
        if text.is_empty() {
            return Ok(());
        }
        let mut stdout = io::stdout().lock();
        match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
            Ok(()) => Ok(()),
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Err(e) if outcome.json.get("execution_id").is_some() => {
                tracing::warn!(error = %e, "the summary cannot be written to stdout; it stands in evo.runs");
                Ok(())
            }
            Err(e) => Err(Error::new(Kind::Internal, "cannot write to stdout").caused_by(e)),
        }
    }

    /// A summary among log lines: an object with what every line has, and the summary's own fields.
    fn line(&self, summary: &Value) -> Value {
        let mut line = json!({ "timestamp": now(), "level": "INFO", "message": "summary", "command": self.command });
        match summary {
            Value::Object(fields) => fields.iter().for_each(|(name, value)| line[name] = value.clone()),
            other => line["summary"] = other.clone(),
        }
        line
    }

    /// Writes the error that a command ends with to stderr, as far as anybody listens.
    pub fn error(&self, error: &Error) {
        let text = match self.lines {
            true => json_of(error).to_string(),
            false => terminal::wrap(&error.render(), columns_of_stderr()),
        };
        let _ = writeln!(io::stderr(), "{text}");
    }
}

/// As in the log lines.
fn now() -> String {
    chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}

/// The error as a log line.
fn json_of(error: &Error) -> Value {
    let mut value = json!({
        "timestamp": now(), "level": "ERROR", "message": error.message(), "kind": format!("{:?}", error.kind()),
        "exit_code": error.kind().exit_code(),
    });
    let optional = [("sqlstate", error.sqlstate()), ("detail", error.detail_text()), ("hint", error.hint_text())];
    for (name, text) in optional {
        if let Some(text) = text {
            value[name] = text.into();
        }
    }
    value
}
