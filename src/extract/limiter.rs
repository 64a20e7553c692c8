//! The pace of requests with one credential, over all workers and processes.
//!
//! Slots are reserved in the ledger, a quarter of a second's worth together and at least one; see
//! [`super::slots`].

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::slots::{self, SlotBlock};
use crate::config::{ApiSource, Rate};
use crate::error::{Error, Kind, Result};
use crate::ledger::pace::{self, Pause};
use crate::pg::Pool;
use crate::shutdown::Shutdown;

/// How long everybody waits after a refusal that does not say for how long.
const REFUSED: Duration = Duration::from_secs(5);

/// Decides when the next request is sent.
#[derive(Debug)]
pub struct Limiter {
    /// Without a ledger nobody else is known, and nothing is paced.
    pool: Option<Pool>,
    credential: String,
    pauses: Vec<Pause>,
    rates: Vec<Rate>,
    zone: String,
    block: Mutex<SlotBlock>,
    /// How often the source has refused for the number of requests.
    refusals: AtomicU64,
    budget: Option<AtomicI64>,
    sent: AtomicU64,
}

impl Limiter {
    /// For a source, at its own rates or at `rates`; with a budget of requests, if there is one.
    pub fn new(pool: &Pool, source: &ApiSource, rates: Option<&[Rate]>, budget: Option<u64>) -> Self {
        let rates = rates.unwrap_or(&source.rates);
        Self {
            pool: Some(pool.clone()),
            credential: format!("{}@{}", source.name, source.url.host_str().unwrap_or_default()),
            pauses: rates.iter().flat_map(slots::pauses).collect(),
            rates: rates.to_vec(),
            budget: budget.map(|n| AtomicI64::new(i64::try_from(n).unwrap_or(i64::MAX))),
            ..Self::unpaced(source)
        }
    }

    /// For a request or two beside everything else.
    pub fn unpaced(source: &ApiSource) -> Self {
        Self {
            pool: None,
            credential: source.name.clone(),
            pauses: Vec::new(),
            rates: Vec::new(),
            zone: source.zone.clone(),
            block: Mutex::default(),
            refusals: AtomicU64::new(0),
            budget: None,
            sent: AtomicU64::new(0),
        }
    }

    /// Requests that were sent.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Whether the budget is spent.
    pub fn is_spent(&self) -> bool {
        self.budget.as_ref().is_some_and(|left| left.load(Ordering::Relaxed) <= 0)
    }

    /// Waits for the turn of a request.
    ///
    /// # Errors
    /// The signal's kind when a stop is requested; `Stopped` when the budget is spent; as the server says.
    pub(super) async fn turn(&self, shutdown: &Shutdown) -> Result<()> {
        // One waits, the others queue behind it: so that each process has one block of slots at most.
        let mut block = tokio::select! {
            block = self.block.lock() => block,
            () = shutdown.requested() => return Err(shutdown.error()),
        };
        if let Some(left) = &self.budget
            && left.fetch_sub(1, Ordering::Relaxed) <= 0
        {
            left.store(0, Ordering::Relaxed);
            return Err(Error::new(Kind::Stopped, "the budget of requests is spent"));
        }
        loop {
            let is_current = block.refusals == self.refusals.load(Ordering::Acquire);
            let slot = is_current.then(|| block.next(Instant::now())).flatten();
            let Some(slot) = slot else {
                self.reserve(&mut block).await?;
                continue;
            };
            shutdown.pause(slot.saturating_duration_since(Instant::now())).await?;
            // While this one waited the source may have refused another, or the machine may have stood still.
            let is_refused = block.refusals != self.refusals.load(Ordering::Acquire);
            if !is_refused && block.is_good(slot, Instant::now()) {
                self.sent.fetch_add(1, Ordering::Relaxed);
                return Ok(());
            }
        }
    }

    async fn reserve(&self, block: &mut SlotBlock) -> Result<()> {
        let count = slots::block_size(&self.pauses);
        let refusals = self.refusals.load(Ordering::Acquire);
        let tolerance = |took| slots::tolerance(&self.rates, took);
        let Some(pool) = &self.pool else {
            let free = SlotBlock::new(Instant::now(), Duration::ZERO, count.unsigned_abs(), tolerance(Duration::ZERO));
            *block = free.after(refusals);
            return Ok(());
        };
        if self.sent() == 0 {
            pool.retry("finding the pace", async || pace::begin(pool, &self.credential).await).await?;
        }
        let reserve = async || pace::reserve(pool, &self.credential, count, (&self.pauses, &self.zone)).await;
        let slots = pool.retry("reserving requests", reserve).await?;
        let first = Instant::now() + slots.wait;
        let reserved = SlotBlock::new(first, slots.step, count.unsigned_abs(), tolerance(slots.took));
        *block = reserved.after(refusals);
        Ok(())
    }

    /// The source asked for fewer requests: everybody waits, and goes on more slowly. Slots that are reserved
    /// already are not used any more; another process uses those of the quarter of a second that it has.
    pub(super) async fn refused(&self, retry_after: Option<Duration>) -> Result<()> {
        let pause = retry_after.unwrap_or(REFUSED);
        let Some(pool) = &self.pool else { return Ok(()) };
        let slow_down = async || pace::slow_down(pool, &self.credential, pause).await;
        let factor = pool.retry("slowing down", slow_down).await?;
        self.refusals.fetch_add(1, Ordering::Release);
        tracing::warn!(
            pause_s = pause.as_secs(),
            factor,
            "the source asks for fewer requests; everybody waits, and slows down"
        );
        Ok(())
    }
}
