//! An error with everything that an operator needs: what happened, where, and what to do next.

use std::fmt;
use std::time::Duration;

use super::kind::{Kind, Signal};
use crate::visible;

/// Objects of the database that the server named in addition to its message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Named {
    /// The table of the row, a partition where there is one: schema and name, not quoted.
    pub table: Option<(String, String)>,
    /// The column that a constraint or a value belongs to.
    pub column: Option<String>,
    /// The constraint or unique index.
    pub constraint: Option<String>,
    /// The function that raised the error, as the server writes it: `public.f(text)`.
    pub function: Option<String>,
    /// The character of the statement at which it stopped, from 1.
    pub position: Option<u32>,
}

/// An error with everything an operator needs. Built with [`Error::new`] and the methods that add to it.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    message: String,
    detail: Option<String>,
    hint: Option<String>,
    sqlstate: Option<String>,
    named: Box<Named>,
    retry_after: Option<Duration>,
    is_given_up: bool,
    signal: Option<Signal>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The result of every function in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of this kind. `message` says in one lowercase line what happened.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            detail: None,
            hint: None,
            sqlstate: None,
            named: Box::default(),
            retry_after: None,
            is_given_up: false,
            signal: None,
            source: None,
        }
    }

    /// Adds the circumstances: which object, which setting, what the other side said.
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Adds what the operator should do next: a command, a flag, a setting.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the server's SQLSTATE, five characters.
    pub fn with_sqlstate(mut self, code: impl Into<String>) -> Self {
        self.sqlstate = Some(code.into());
        self
    }

    /// Adds the objects that the server named.
    pub fn naming(mut self, named: Named) -> Self {
        self.named = Box::new(named);
        self
    }

    /// Adds how long the other side asks to wait before the next request.
    pub fn with_retry_after(mut self, pause: Duration) -> Self {
        self.retry_after = Some(pause);
        self
    }

    /// Marks that the work was repeated as long as the settings allow, so that no caller repeats it again.
    pub fn given_up(mut self) -> Self {
        self.is_given_up = true;
        self
    }

    /// Adds the signal that asked to stop, which determines the exit code.
    pub fn by_signal(mut self, signal: Signal) -> Self {
        self.signal = Some(signal);
        self
    }

    /// Keeps `source` as the cause, at the beginning of the chain of causes.
    pub fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Changes the kind, and so the exit code.
    pub fn of_kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// Puts what evo was doing in front of the message: `context: message`.
    pub fn context(mut self, context: impl fmt::Display) -> Self {
        self.message = format!("{context}: {}", self.message);
        self
    }

    /// The class of the error.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The exit code of a command that ends with this error: that of its kind, or 128 plus the signal's
    /// number.
    pub fn exit_code(&self) -> u8 {
        self.kind.facts().exit_code + self.signal.map_or(0, Signal::number)
    }

    /// The primary line, without detail and hint.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The circumstances; `None` when none were added.
    pub fn detail_text(&self) -> Option<&str> {
        self.detail.as_deref()
    }

    /// The advice; `None` when none was added.
    pub fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The server's SQLSTATE; `None` unless the server reported the error.
    pub fn sqlstate(&self) -> Option<&str> {
        self.sqlstate.as_deref()
    }

    /// The objects that the server named; empty when it named none.
    pub fn named(&self) -> &Named {
        &self.named
    }

    /// How long the other side asked to wait before the next request, if it did.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Whether the work was repeated already as long as the settings allow.
    pub fn is_given_up(&self) -> bool {
        self.is_given_up
    }

    /// All lines as printed at the end of a failed command, free of terminal control sequences.
    pub fn render(&self) -> String {
        let mut text = format!("error: {}", visible::line(&self.message));
        if let Some(code) = &self.sqlstate {
            text.push_str(&format!(" (SQLSTATE {code})"));
        }
        for (label, line) in [("detail", &self.detail), ("hint", &self.hint)] {
            if let Some(line) = line {
                text.push_str(&format!("\n  {label}: {}", visible::lines(line).replace('\n', "\n          ")));
            }
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|e| e as _)
    }
}

/// Adds what evo was doing to the error of any result of this crate.
pub trait Context<T> {
    /// Puts `context` in front of the error's message.
    fn context(self, context: impl fmt::Display) -> Result<T>;
}

impl<T> Context<T> for Result<T> {
    fn context(self, context: impl fmt::Display) -> Result<T> {
        self.map_err(|e| e.context(context))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_renders_message_detail_and_hint_on_lines_of_their_own() {
        let error = Error::new(Kind::Config, "unknown key \"worker\" in evo.toml")
            .detail("line 3")
            .hint("did you mean \"workers\"?")
            .context("cannot read settings");
        assert_eq!(
            error.render(),
            "error: cannot read settings: unknown key \"worker\" in evo.toml\n  detail: line 3\n  \
             hint: did you mean \"workers\"?"
        );
        assert_eq!(error.exit_code(), 3);
    }

    #[test]
    fn a_stopped_job_exits_with_128_plus_the_number_of_the_signal() {
        for (signal, code) in [(Signal::Hangup, 129), (Signal::Interrupt, 130), (Signal::Terminate, 143)] {
            assert_eq!(Error::new(Kind::Stopped, "stopped").by_signal(signal).exit_code(), code);
        }
    }
}
