//! The pace of requests with one credential, over all workers and processes.
//!
//! Slots are reserved in the ledger, a quarter of a second's worth at once and at least one. A slot that
//! was missed is not made up for: two requests closer together than the pause could be one too many in
//! somebody's minute.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::config::{ApiSource, Rate};
use crate::error::{Error, Kind, Result};
use crate::ledger::pace::{self, Pause};
use crate::pg::Pool;
use crate::shutdown::Shutdown;

/// Longer pauses than the limit asks for, so that requests that are on their way for a different time stay
/// within it.
const MARGIN: f64 = 1.01;
/// Slots reserved at once at most.
const MOST: i32 = 64;
/// Slots are reserved for this time at once.
const BLOCK: Duration = Duration::from_millis(250);
/// A slot is missed after this part of its pause.
const LATE: u32 = 4;
/// Slots without a pause between them are good for this long.
const FREE: Duration = Duration::from_secs(1);
/// How long everybody waits after a refusal that does not say for how long.
const REFUSED: Duration = Duration::from_secs(5);

/// Decides when the next request is sent.
#[derive(Debug)]
pub struct Limiter {
    /// Without a ledger nobody else is known, and nothing is paced.
    pool: Option<Pool>,
    credential: String,
    pauses: Vec<Pause>,
    zone: String,
    block: Mutex<Block>,
    budget: Option<AtomicI64>,
    sent: AtomicU64,
}

#[derive(Debug, Default)]
struct Block {
    slots: VecDeque<Instant>,
    step: Duration,
}

impl Limiter {
    /// For a source, at its own rates or at `rates`; with a budget of requests, if there is one.
    pub fn new(pool: &Pool, source: &ApiSource, rates: Option<&[Rate]>, budget: Option<u64>) -> Self {
        let pauses = rates.unwrap_or(&source.rates).iter().flat_map(pauses).collect();
        Self {
            pool: Some(pool.clone()),
            credential: format!("{}@{}", source.name, source.url.host_str().unwrap_or_default()),
            pauses,
            zone: source.zone.clone(),
            block: Mutex::default(),
            budget: budget.map(|n| AtomicI64::new(i64::try_from(n).unwrap_or(i64::MAX))),
            sent: AtomicU64::new(0),
        }
    }

    /// For a request or two beside everything else.
    pub fn unpaced(source: &ApiSource) -> Self {
        Self {
            pool: None,
            credential: source.name.clone(),
            pauses: Vec::new(),
            zone: source.zone.clone(),
            block: Mutex::default(),
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
            let tolerance = if block.step.is_zero() { FREE } else { block.step / LATE };
            let Some(slot) = block.slots.pop_front() else {
                self.reserve(&mut block).await?;
                continue;
            };
            if slot + tolerance < Instant::now() {
                continue;
            }
            shutdown.pause(slot.saturating_duration_since(Instant::now())).await?;
            self.sent.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
    }

    async fn reserve(&self, block: &mut Block) -> Result<()> {
        let step = self.pauses.iter().map(|pause| pause.ms).fold(0.0, f64::max);
        let count = if step > 0.0 { (BLOCK.as_secs_f64() * 1_000.0 / step) as i32 } else { MOST };
        let count = count.clamp(1, MOST);
        let Some(pool) = &self.pool else {
            block.slots = std::iter::repeat_n(Instant::now(), count.unsigned_abs() as usize).collect();
            return Ok(());
        };
        if self.sent() == 0 {
            pool.retry("finding the pace", async || pace::begin(pool, &self.credential).await).await?;
        }
        let reserve = async || pace::reserve(pool, &self.credential, count, (&self.pauses, &self.zone)).await;
        let slots = pool.retry("reserving requests", reserve).await?;
        let first = Instant::now() + slots.wait;
        block.step = slots.step;
        block.slots = (0..count.unsigned_abs()).map(|i| first + slots.step * i).collect();
        Ok(())
    }

    /// The source asked for fewer requests: everybody waits, and goes on more slowly.
    pub(super) async fn refused(&self, retry_after: Option<Duration>) -> Result<()> {
        self.block.lock().await.slots.clear();
        let pause = retry_after.unwrap_or(REFUSED);
        let Some(pool) = &self.pool else { return Ok(()) };
        let slow_down = async || pace::slow_down(pool, &self.credential, pause).await;
        let factor = pool.retry("slowing down", slow_down).await?;
        tracing::warn!(
            pause_s = pause.as_secs(),
            factor,
            "the source asks for fewer requests; everybody waits, and slows down"
        );
        Ok(())
    }
}

/// A limit as pauses: it holds for its own length before its hours begin as well, so that no stretch that
/// reaches into them holds too many.
fn pauses(rate: &Rate) -> Vec<Pause> {
    let ms = rate.per.as_secs_f64() * 1_000.0 / f64::from(rate.count) * MARGIN;
    let Some((from, until)) = rate.minutes else { return vec![Pause { ms, minutes: (0, 24 * 60) }] };
    let ahead = i32::try_from(rate.per.as_secs().div_ceil(60)).unwrap_or(0);
    let (from, until) = (i32::from(from) - ahead, i32::from(until));
    match from < 0 {
        true => vec![Pause { ms, minutes: (0, until) }, Pause { ms, minutes: (from + 24 * 60, 24 * 60) }],
        false => vec![Pause { ms, minutes: (from, until) }],
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_stretch_holds_more_slots_than_the_limit_and_the_limit_is_used(
            count in 1_u32..2_000,
            seconds in prop::sample::select(vec![1_u64, 60, 3_600]),
        ) {
            let rate = Rate { count, per: Duration::from_secs(seconds), minutes: None };
            let pause = pauses(&rate)[0].ms;
            let stretch = seconds as f64 * 1_000.0;
            // Slots at 0, pause, 2 pause, …: the most that a half-open stretch can hold.
            prop_assert!((stretch / pause).ceil() as u32 <= count);
            prop_assert!(stretch / pause >= 0.98 * f64::from(count));
        }
    }

    #[test]
    fn a_limit_with_hours_begins_its_own_length_before_them() {
        let rate = |text: &str| pauses(&crate::config::rate(text).unwrap());
        assert_eq!(rate("60/min 05:00-24:00")[0].minutes, (299, 1440));
        assert_eq!(rate("60/h 00:30-06:00").iter().map(|p| p.minutes).collect::<Vec<_>>(), [(0, 360), (1410, 1440)]);
    }
}
