//! Spans: what an execution is busy with, from when to when, as a tree.
//!
//! They are spans of `tracing` under a target of their own, so that log lines do not show them. Unless spans
//! are exported, nobody is interested in that target, and beginning one costs a comparison.

use std::future::Future;

use tracing::Instrument;
use tracing::field::Empty;

use crate::error::{Error, Result};

/// The target by which the exporter knows these spans.
pub const TARGET: &str = "evo::span";

/// A piece of work in progress. It ends when this and all work that runs in it has ended. A span that is
/// begun within the work of another one is its child.
#[derive(Debug, Clone)]
#[must_use = "the span ends when this is dropped"]
pub struct WorkSpan(tracing::Span);

impl WorkSpan {
    /// Begins a span. `name` has few values, such as `batch`; an empty `entity` stands for none.
    pub fn begin(name: &str, entity: &str) -> Self {
        Self(tracing::info_span!(
            target: TARGET,
            "work",
            name,
            "evo.entity" = entity,
            "evo.batch.id" = Empty,
            "evo.objects" = Empty,
            "evo.lines" = Empty,
            "evo.rejected" = Empty,
            "evo.bytes" = Empty,
            "evo.rows" = Empty,
            "evo.done" = Empty,
            "evo.mode" = Empty,
            "evo.time.lake" = Empty,
            "evo.time.decode" = Empty,
            "evo.time.copy" = Empty,
            "evo.time.merge" = Empty,
            "evo.time.turn" = Empty,
            "evo.time.commit" = Empty,
            "error.type" = Empty,
            "error.message" = Empty,
        ))
    }

    /// Sets an attribute: one of the names that [`WorkSpan::begin`] declares, `evo.` left out.
    pub fn set(&self, attribute: &str, value: impl tracing::Value) {
        if self.is_recorded() {
            self.0.record(format!("evo.{attribute}").as_str(), value);
        }
    }

    /// Whether anybody records it, so that costly attributes can be left out.
    pub fn is_recorded(&self) -> bool {
        !self.0.is_disabled()
    }

    /// Runs work inside the span. Its error becomes the span's.
    ///
    /// # Errors
    /// Those of `work`.
    pub async fn run<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let done = work.instrument(self.0.clone()).await;
        if let Err(error) = &done {
            self.fail(error);
        }
        done
    }

    /// Marks the span as failed.
    pub fn fail(&self, error: &Error) {
        if self.is_recorded() {
            self.0.record("error.type", format!("{:?}", error.kind()).as_str());
            self.0.record("error.message", error.message());
        }
    }
}
