//! An extraction of one entity: what it works with, and what it came to.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::claims::WindowClaims;
use super::client::Client;
use super::fetch::Fetcher;
use super::limiter::Limiter;
use crate::bronze::Lake;
use crate::entity::Entity;
use crate::error::Error;
use crate::ledger::extractions::{Extraction, Finished};
use crate::pg::Pool;
use crate::retry::Policy;
use crate::shutdown::Shutdown;

/// Called when a window is finished.
pub type OnWindow = Box<dyn Fn() + Send + Sync>;

/// An extraction of one entity.
pub struct ExtractJob {
    /// Where the objects go.
    pub(super) lake: Lake,
    /// The ledger.
    pub(super) pool: Pool,
    /// The entity.
    pub(super) entity: Entity,
    /// The run.
    pub(super) extraction: Extraction,
    /// How pages are fetched.
    pub(super) fetcher: Fetcher,
    pub(super) claims: Arc<WindowClaims>,
    pub(super) workers: usize,
    pub(super) on_window: OnWindow,
    pub(super) is_stopping: AtomicBool,
}

/// What this process did.
#[derive(Debug, Default)]
pub struct ExtractSummary {
    /// Windows that it finished.
    pub windows: u64,
    /// Windows that failed, with the reason.
    pub failed: Vec<String>,
    /// Windows of the whole run, once it has its manifest.
    pub ended: Option<Vec<Finished>>,
    /// Whether the budget was spent before the end.
    pub is_spent: bool,
    /// Wall-clock time.
    pub elapsed: Duration,
    /// Why it stopped before the end.
    pub failure: Option<Error>,
}

/// What a job works with.
pub struct Means {
    /// Where the objects go.
    pub lake: Lake,
    /// The ledger.
    pub pool: Pool,
    /// The source.
    pub client: Arc<Client>,
    /// The pace of its credential.
    pub limiter: Arc<Limiter>,
    /// What this execution holds.
    pub claims: Arc<WindowClaims>,
    /// Windows fetched in parallel.
    pub workers: usize,
    /// Pauses between attempts.
    pub retry: Policy,
    /// Whether to stop.
    pub shutdown: Shutdown,
    /// Called when a window is finished.
    pub on_window: OnWindow,
}

impl ExtractJob {
    /// A job that works on an open extraction.
    pub fn new(entity: &Entity, extraction: Extraction, means: Means) -> Self {
        let Means { lake, pool, client, limiter, claims, workers, retry, shutdown, on_window } = means;
        let fetcher = Fetcher { client, limiter, retry, shutdown };
        let is_stopping = AtomicBool::new(false);
        Self { lake, pool, entity: entity.clone(), extraction, fetcher, claims, workers, on_window, is_stopping }
    }
}

impl std::fmt::Debug for ExtractJob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExtractJob")
            .field("entity", &self.entity.name)
            .field("extraction", &self.extraction)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Means {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Means").field("workers", &self.workers).finish_non_exhaustive()
    }
}
