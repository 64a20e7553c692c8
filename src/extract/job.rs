//! An extraction of one entity: what it works with, and what it came to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::claims::WindowClaims;
use super::client::Client;
use super::fetch::Fetcher;
use super::limiter::Limiter;
use crate::bronze::Lake;
use crate::entity::Entity;
use crate::error::Error;
use crate::ledger::extractions::{Extraction, RunTotals};
use crate::pg::Pool;
use crate::retry::Policy;
use crate::shutdown::Shutdown;

/// Calls that report progress to somebody who watches.
pub struct ExtractWatch {
    /// A window is finished.
    pub on_window: Box<dyn Fn() + Send + Sync>,
    /// This many further requests were sent.
    pub on_requests: Box<dyn Fn(u64) + Send + Sync>,
}

/// Records and objects that this process has brought to the lake.
#[derive(Debug, Default)]
pub(super) struct OwnShare {
    records: AtomicU64,
    objects: AtomicU64,
}

impl OwnShare {
    /// Counts another object, with this number of records.
    pub(super) fn add(&self, records: u64) {
        self.records.fetch_add(records, Ordering::Relaxed);
        self.objects.fetch_add(1, Ordering::Relaxed);
    }

    /// Records and objects.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.records.load(Ordering::Relaxed), self.objects.load(Ordering::Relaxed))
    }
}

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
    pub(super) watch: ExtractWatch,
    pub(super) own: OwnShare,
    pub(super) is_stopping: AtomicBool,
    pub(super) is_clock_noted: AtomicBool,
}

/// The results of this process.
#[derive(Debug, Default)]
pub struct ExtractSummary {
    /// Windows that it finished.
    pub windows: u64,
    /// Records in the objects that it wrote.
    pub records: u64,
    /// Objects that it wrote.
    pub objects: u64,
    /// Windows that failed, with the reason.
    pub failed: Vec<String>,
    /// How the whole run stands; `None` where the ledger did not say.
    pub run: Option<RunTotals>,
    /// Whether the budget was spent before the end.
    pub is_spent: bool,
    /// Wall-clock time.
    pub elapsed: Duration,
    /// Why it stopped before the end.
    pub failure: Option<Error>,
}

/// Everything that a job works with.
pub struct Means {
    /// Where the objects go.
    pub lake: Lake,
    /// The ledger.
    pub pool: Pool,
    /// The source.
    pub client: Arc<Client>,
    /// The pace of its credential.
    pub limiter: Arc<Limiter>,
    /// The windows that this execution holds.
    pub claims: Arc<WindowClaims>,
    /// Windows fetched in parallel.
    pub workers: usize,
    /// Pauses between attempts.
    pub retry: Policy,
    /// Whether to stop.
    pub shutdown: Shutdown,
    /// Calls that report progress.
    pub watch: ExtractWatch,
}

impl ExtractJob {
    /// A job that works on an open extraction.
    pub fn new(entity: &Entity, extraction: Extraction, means: Means) -> Self {
        let Means { lake, pool, client, limiter, claims, workers, retry, shutdown, watch } = means;
        let fetcher = Fetcher { client, limiter, retry, shutdown };
        Self {
            lake,
            pool,
            entity: entity.clone(),
            extraction,
            fetcher,
            claims,
            workers,
            watch,
            own: OwnShare::default(),
            is_stopping: AtomicBool::new(false),
            is_clock_noted: AtomicBool::new(false),
        }
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
