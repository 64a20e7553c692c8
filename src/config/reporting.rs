//! How much an execution says about itself, and in which format.

use std::time::Duration;

use super::environment;
use super::flags::{GlobalArgs, LogFormat, LogLevel, Output};
use super::resolved::Resolved;
use crate::error::Result;

/// How a running job shows its progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Not shown at all: `--quiet`.
    Hidden,
    /// Bars on stderr, which is a terminal.
    Bars,
    /// A log line at this interval.
    Lines(Duration),
}

/// Bars for a person at a terminal, log lines for everybody else.
pub(super) fn progress((level, format): (u8, LogFormat), is_terminal: bool, every: Duration) -> Progress {
    match (level, format, is_terminal) {
        (0, _, _) => Progress::Hidden,
        (_, LogFormat::Text, true) => Progress::Bars,
        _ => Progress::Lines(every),
    }
}

/// 0 warnings, 1 info, 2 debug, 3 trace: `-q` and `-v` override the setting.
pub(super) fn log_level(global: &GlobalArgs, setting: &Resolved) -> Result<u8> {
    Ok(match (global.quiet, global.verbose) {
        (true, _) => 0,
        (false, 0) => setting.word::<LogLevel>()? as u8,
        (false, more) => more.saturating_add(1).min(3),
    })
}

/// The summary's format: the one that is set, or else the log's, because a program that reads one as JSON
/// reads both.
pub(super) fn output(setting: &Resolved, log_format: LogFormat) -> Result<Output> {
    match (&setting.text, log_format) {
        (Some(_), _) => setting.word(),
        (None, LogFormat::Json) => Ok(Output::Json),
        (None, LogFormat::Text) => Ok(Output::Text),
    }
}

/// Whether the log is to be JSON, for an error that occurs before the settings are known. Never fails; in
/// doubt it is text.
pub fn wants_json_log() -> bool {
    let words = environment::words();
    let next = words.iter().position(|word| word == "--log-format").and_then(|i| words.get(i + 1));
    let flag = next.map(String::as_str).or_else(|| words.iter().find_map(|w| w.strip_prefix("--log-format=")));
    let variable = environment::variable("EVO_LOG_FORMAT");
    flag.or(variable.as_deref()).is_some_and(|format| format.eq_ignore_ascii_case("json"))
}
