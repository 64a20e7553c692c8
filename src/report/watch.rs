//! A command whose output is shown again and again: `--watch`.
//!
//! On a terminal it is redrawn in place and cut to the window, whatever size that has at the moment.
//! Elsewhere it is written again when it has changed: as text with a blank line between, as JSON one line
//! each.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use super::terminal;
use super::{Outcome, Printer, table, units};
use crate::config::{self, Output, Settings};
use crate::error::{Error, Kind, Result};
use crate::visible;

/// How often it is shown.
const EVERY: Duration = Duration::from_secs(2);

/// One output, and whether there will be more.
#[derive(Debug)]
pub struct Frame {
    /// The output.
    pub outcome: Outcome,
    /// Whether to go on.
    pub goes_on: bool,
}

/// Shows the frames that `look` gives, until one of them is the last. That one is the result.
///
/// Waits for a database that is unavailable as long as `retry.budget` says: a person who watches a job wants
/// to see how it survives a failover.
///
/// # Errors
/// Those of `look` that waiting does not heal.
pub async fn watch(
    settings: &Settings,
    command: &'static str,
    mut look: impl AsyncFnMut() -> Result<Frame>,
) -> Result<Outcome> {
    let mut screen = Screen::new(settings, command);
    let mut down_since: Option<Instant> = None;
    let mut beat = tokio::time::interval(EVERY);
    loop {
        beat.tick().await;
        screen.fit();
        match look().await {
            Ok(Frame { outcome, goes_on: true }) => {
                down_since = None;
                if !screen.show(outcome)? {
                    return Ok(Outcome::default());
                }
            }
            Ok(Frame { outcome, goes_on: false }) => {
                screen.clear();
                return screen.last(outcome);
            }
            Err(error) => {
                let since = *down_since.get_or_insert_with(Instant::now);
                if !may_come_back(&error) || since.elapsed() > settings.retry.budget {
                    screen.clear();
                    return Err(error);
                }
                screen.note(&error, since.elapsed());
            }
        }
    }
}

/// Whether the database may come back.
fn may_come_back(error: &Error) -> bool {
    matches!(error.kind(), Kind::DatabaseUnavailable | Kind::DatabaseBusy)
}

/// Where frames are shown.
struct Screen {
    printer: Printer,
    output: Output,
    /// Whether stdout is a terminal that shows text.
    is_terminal: bool,
    /// Lines of the frame on the terminal.
    drawn: Vec<String>,
    /// The output that was shown last, where stdout is no terminal.
    shown: String,
    /// The text of the last frame.
    text: String,
}

impl Screen {
    fn new(settings: &Settings, command: &'static str) -> Self {
        let is_terminal = settings.output == Output::Text && config::size_of_stdout().is_some();
        let printer = Printer::new(settings, command);
        Self {
            printer,
            output: settings.output,
            is_terminal,
            drawn: Vec::new(),
            shown: String::new(),
            text: String::new(),
        }
    }

    /// Adapts tables to the window as it is now.
    fn fit(&self) {
        if let (true, Some((columns, _))) = (self.is_terminal, config::size_of_stdout()) {
            table::fit_into(columns);
        }
    }

    /// Shows a frame. Returns `false` when nobody reads any more.
    fn show(&mut self, outcome: Outcome) -> Result<bool> {
        if self.is_terminal {
            self.text = outcome.text;
            self.draw(&self.text.clone());
            return Ok(true);
        }
        let text = match self.output {
            Output::Text => format!("{}\n\n", visible::lines(outcome.text.trim_end())),
            Output::Json => self.printer.document(&outcome.json) + "\n",
        };
        if text == self.shown {
            return Ok(true);
        }
        let written = write(&text);
        self.shown = text;
        match written {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            Err(e) => Err(Error::new(Kind::Internal, "cannot write to stdout").caused_by(e)),
        }
    }

    /// The last frame: as JSON it is a line as the others, as text the command's ordinary output.
    fn last(&mut self, outcome: Outcome) -> Result<Outcome> {
        match self.output {
            Output::Text => Ok(outcome),
            Output::Json => {
                let failure = outcome.failure;
                self.shown.clear();
                self.show(Outcome { failure: None, ..Outcome::new("", outcome.json) })?;
                Ok(Outcome { failure, ..Outcome::default() })
            }
        }
    }

    /// Says below the last frame that it is not up to date, and why.
    fn note(&mut self, error: &Error, down: Duration) {
        let note = format!(
            "no answer from the database for {}: {}; asking again",
            units::duration(down),
            visible::line(error.message())
        );
        match self.is_terminal {
            true => self.draw(&format!("{}\n\n{note}", self.text.trim_end())),
            false => tracing::warn!("{note}"),
        }
    }

    fn draw(&mut self, text: &str) {
        let Some((columns, rows)) = config::size_of_stdout() else { return };
        let lines = fitted(text, columns, rows);
        let up = height(&self.drawn, columns);
        let mut out = String::new();
        if up > 0 {
            out += &format!("\u{1b}[{up}A");
        }
        out += "\r\u{1b}[J";
        out += &lines.join("\n");
        out.push('\n');
        // A terminal that was closed ends the process by a signal.
        let _ = write(&out);
        self.drawn = lines;
    }

    /// Takes the frame off the terminal.
    fn clear(&mut self) {
        if let Some((columns, _)) = config::size_of_stdout().filter(|_| !self.drawn.is_empty()) {
            let _ = write(&format!("\u{1b}[{}A\r\u{1b}[J", height(&self.drawn, columns)));
            self.drawn.clear();
        }
    }
}

/// The lines of a text that fit into a window, none wider than it. A window shows one line less than it has:
/// the cursor is on the last one.
fn fitted(text: &str, columns: usize, rows: usize) -> Vec<String> {
    let text = terminal::wrap(&visible::lines(text.trim_end()), Some(columns));
    let mut lines: Vec<String> = text.lines().map(|line| terminal::cut(line, columns)).collect();
    let room = rows.saturating_sub(1).max(1);
    if lines.len() > room {
        let more = lines.len() - (room - 1);
        lines.truncate(room - 1);
        lines.push(terminal::cut(&format!("… {more} more lines: the window is too small"), columns));
    }
    lines
}

/// The rows that lines take up in a window that may have become narrower since they were drawn.
fn height(lines: &[String], columns: usize) -> usize {
    lines.iter().map(|line| terminal::width_of(line).div_ceil(columns.max(1)).max(1)).sum()
}

fn write(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_fits_any_window_and_says_what_is_missing() {
        let text = (1..=30).map(|n| format!("line {n} of a frame with a long tail")).collect::<Vec<_>>().join("\n");
        for (columns, rows) in [(20, 1), (20, 5), (40, 24), (200, 31), (200, 100)] {
            let lines = fitted(&text, columns, rows);
            assert!(lines.len() < rows.max(2), "{columns} x {rows}: {}", lines.len());
            assert!(lines.iter().all(|line| terminal::width_of(line) <= columns), "{lines:?}");
            let is_whole = lines.iter().any(|line| line.contains("line 30"));
            assert!(is_whole || lines.last().unwrap().starts_with('…'), "{lines:?}");
        }
        assert_eq!(fitted(&text, 200, 31).len(), 30);
    }

    #[test]
    fn a_window_that_became_narrower_shows_more_rows_of_the_same_lines() {
        let lines = ["x".repeat(80), String::new(), "y".repeat(10)];
        assert_eq!([height(&lines, 80), height(&lines, 40), height(&lines, 5)], [3, 4, 19]);
    }
}
