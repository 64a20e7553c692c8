//! The workers of an extraction.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::job::{ExtractJob, ExtractSummary};
use super::read::{WindowEnd, reason, said};
use super::window::Days;
use crate::error::{Error, Kind, Result};
use crate::ledger::extractions;
use crate::ledger::windows::{ClaimedWindow, NextWindow};
use crate::meter::{Counted, tally};
use crate::retry::retry;

/// How long is waited before asking again while others fetch the last windows: at first, and at most.
const WAITS: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

impl ExtractJob {
    /// Fetches windows until all are finished, together with other processes that do the same; then ends the
    /// run.
    ///
    /// The summary is true also when it carries a failure: what it counts is in the lake and in the ledger.
    pub async fn run(&self) -> ExtractSummary {
        let began = Instant::now();
        let mut summary = ExtractSummary::default();
        let workers = (0..self.workers.max(1)).map(|_| self.work());
        for (windows, failed, failure) in futures_util::future::join_all(workers).await {
            summary.windows += windows;
            summary.failed.extend(failed);
            summary.failure = summary.failure.take().or(failure);
        }
        summary.is_spent = self.fetcher.limiter.is_spent();
        if summary.is_spent {
            summary.failure = summary.failure.take().filter(|e| e.kind() != Kind::Stopped);
        }
        if summary.failure.is_none() && !summary.is_spent {
            let (policy, shutdown) = (self.fetcher.retry, &self.fetcher.shutdown);
            match retry(policy, shutdown, "writing the manifest", async |_| self.end().await).await {
                Ok(()) => {}
                Err(error) => summary.failure = Some(error),
            }
        }
        (summary.records, summary.objects) = self.own.counts();
        // Not worth waiting for a database that is unavailable.
        summary.run = extractions::totals(&self.pool, self.extraction.extraction_id).await.ok();
        summary.elapsed = began.elapsed();
        summary
    }

    async fn work(&self) -> (u64, Vec<String>, Option<Error>) {
        let (mut windows, mut failed) = (0, Vec::new());
        loop {
            match self.next().await {
                Ok(None) => return (windows, failed, None),
                Ok(Some(window)) => match self.fetch(window).await {
                    Ok(None) => windows += 1,
                    Ok(Some(reason)) => failed.push(reason),
                    // Another process has it now.
                    Err(error) if error.kind() == Kind::AlreadyRunning => {}
                    Err(error) => {
                        self.is_stopping.store(true, Ordering::Relaxed);
                        return (windows, failed, Some(error));
                    }
                },
                Err(error) => {
                    self.is_stopping.store(true, Ordering::Relaxed);
                    return (windows, failed, Some(error));
                }
            }
        }
    }

    /// The next window; `None` when all are finished, or this job is to stop.
    async fn next(&self) -> Result<Option<Box<ClaimedWindow>>> {
        let (policy, shutdown) = (self.fetcher.retry, &self.fetcher.shutdown);
        let mut wait = WAITS.0;
        loop {
            if shutdown.is_requested() {
                return Err(shutdown.error());
            }
            if self.is_stopping.load(Ordering::Relaxed) || self.fetcher.limiter.is_spent() {
                return Ok(None);
            }
            let claim = async |_| self.claims.next(&self.pool, self.extraction.extraction_id).await;
            match retry(policy, shutdown, "asking for a window", claim).await? {
                NextWindow::Window(window) => {
                    if window.is_taken_over {
                        tracing::warn!(
                            window = %window.window_id,
                            attempt = window.attempt,
                            "took over a window of an execution that is gone or stalled"
                        );
                    }
                    return Ok(Some(window));
                }
                NextWindow::Done => return Ok(None),
                NextWindow::Wait => {
                    // A stop that is requested meanwhile is seen above.
                    let _ = shutdown.pause(wait).await;
                    wait = WAITS.1.min(wait * 2);
                }
            }
        }
    }

    /// Fetches a window; returns the reason if it failed.
    async fn fetch(&self, mut window: Box<ClaimedWindow>) -> Result<Option<String>> {
        let ended = loop {
            match self.read(&mut window).await {
                Ok(WindowEnd::Again) => {}
                other => break other,
            }
        };
        self.claims.forget(window.window_id);
        (self.watch.on_window)();
        match ended? {
            WindowEnd::Failed(error) => {
                let days = said(Days { from: window.from_day, until: window.until_day });
                tracing::error!(entity = self.entity.name, error = %error, "{days} failed; the others go on");
                Ok(Some(format!("{days}: {}", reason(&error))))
            }
            WindowEnd::Complete | WindowEnd::Again => {
                tally().count(&self.entity.name, &[(Counted::Windows, 1)]);
                Ok(None)
            }
        }
    }
}
