//! Progress: a bar on a terminal, a plain line every few seconds elsewhere, nothing when quiet.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// One phase that counts towards a known or unknown total.
///
/// On a terminal it is a bar on stderr; elsewhere [`Progress::inc`] is silent and the phases' own log lines tell
/// the story, so that a job's log does not fill with redraws.
#[derive(Debug, Clone)]
pub struct Progress(ProgressBar);

impl Progress {
    /// A bar named `label` over `total` units shown as bytes.
    pub fn bytes(label: &str, total: u64, visible: bool) -> Self {
        Self::new(label, total, visible, "{binary_bytes}/{binary_total_bytes}")
    }

    /// A bar named `label` over `total` items.
    pub fn items(label: &str, total: u64, visible: bool) -> Self {
        Self::new(label, total, visible, "{human_pos}/{human_len}")
    }

    fn new(label: &str, total: u64, visible: bool, amount: &str) -> Self {
        let target = if visible { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(total), target);
        let template = format!("{{prefix:<22}} {{bar:30}} {amount} {{elapsed}} eta {{eta}} {{msg}}");
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style.progress_chars("━╸ "));
        }
        bar.set_prefix(label.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }

    /// Adds `n` units.
    pub fn inc(&self, n: u64) {
        self.0.inc(n);
    }

    /// Adds a short note behind the bar.
    pub fn note(&self, note: impl Into<String>) {
        self.0.set_message(note.into());
    }

    /// Removes the bar: the summary says the rest.
    pub fn finish(&self) {
        self.0.finish_and_clear();
    }
}
