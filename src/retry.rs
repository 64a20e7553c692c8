//! The one loop that repeats failed work, driven by the error's disposition, and the pauses between attempts.
//!
//! | disposition | pause before the next attempt |
//! |---|---|
//! | reconnect, ask the ledger | short the first time, because the pool waits for the database; then as "retry later" |
//! | retry now | a fiftieth of the base, doubling |
//! | retry later | the base, doubling up to the longest; at least what the other side asked for |
//!
//! Bounded by the number of retries and by the time spent waiting. Every pause has jitter, so that workers
//! that failed together do not come back together, and a signal ends it immediately.

use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBuilder};

use crate::error::{Disposition, Error, Result};
use crate::meter::tally;
use crate::shutdown::Shutdown;

/// How often and how long failed work is retried.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// Retries after the first attempt; 0 tries once.
    pub max_retries: u32,
    /// Pause before the first retry; doubles from there, with jitter.
    pub base: Duration,
    /// The longest pause, not counting jitter.
    pub max: Duration,
    /// The limit for the sum of all pauses.
    pub budget: Duration,
}

impl Policy {
    /// The pauses before each retry, jittered by up to 100 %.
    pub fn pauses(&self) -> impl Iterator<Item = Duration> + use<> {
        doubling(self.base, self.max).take(self.max_retries as usize)
    }

    /// The pauses between probes for an unavailable database: short, because a probe costs one connection of
    /// one worker, and because the database comes back without notice.
    pub fn probes(&self) -> impl Iterator<Item = Duration> + use<> {
        doubling(self.base / 5, self.base)
    }
}

fn doubling(from: Duration, to: Duration) -> impl Iterator<Item = Duration> + use<> {
    ExponentialBuilder::default()
        .with_min_delay(from)
        .with_max_delay(to.max(from))
        .with_factor(2.0)
        .with_jitter()
        .without_max_times()
        .build()
}

/// Runs `attempt` (given its number, from 1) and repeats it while it fails with an error that time can heal.
///
/// The attempt is an async closure, so it may keep what it learned in variables of its caller. `what` names
/// the work in log lines and in the last error. A signal ends a pause immediately; an attempt in progress is
/// dropped when the grace after the signal is over.
///
/// # Errors
/// The last error, marked as [given up](Error::is_given_up) when attempts or time ran out. An error that time
/// cannot heal is returned as it came. After a signal: that of [`Shutdown::error`].
pub async fn retry<T>(
    policy: Policy,
    shutdown: &Shutdown,
    what: &str,
    mut attempt: impl AsyncFnMut(u32) -> Result<T>,
) -> Result<T> {
    let mut pacer = Pacer::new(policy);
    for number in 1.. {
        let error = match shutdown.bounded(attempt(number)).await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        if !heals(&error) {
            return Err(error);
        }
        let Some(pause) = pacer.pause_after(&error) else {
            let tried = if number == 1 { "1 attempt".to_owned() } else { format!("{number} attempts") };
            return Err(error.context(format!("{what}: gave up after {tried}")).given_up());
        };
        tracing::warn!(
            attempt = number,
            attempts = policy.max_retries + 1,
            error = error.message(),
            sqlstate = error.sqlstate(),
            wait_ms = pause.as_millis() as u64,
            "{what} failed; {}",
            next_step(&error)
        );
        let began = Instant::now();
        let paused = shutdown.pause(pause).await;
        tally().repeated(error.kind(), began.elapsed());
        paused?;
    }
    Err(Error::new(crate::error::Kind::Internal, format!("{what}: ran out of numbers")))
}

/// Whether the error may pass by itself, so that repeating the work makes sense.
pub(crate) fn heals(error: &Error) -> bool {
    !error.is_given_up() && error.kind().disposition().is_repeatable()
}

fn next_step(error: &Error) -> &'static str {
    match error.kind().disposition() {
        Disposition::Reconnect => "nothing of it was kept; it is repeated as soon as the database takes writes",
        Disposition::AskLedger => {
            "its commit is in doubt; the ledger is asked, and it is repeated if it is not committed"
        }
        _ => "nothing of it was kept; it is repeated after the wait",
    }
}

/// Chooses the pauses of one loop.
struct Pacer {
    policy: Policy,
    retries: u32,
    waited: Duration,
    was_cut_off: bool,
    slow: Box<dyn Iterator<Item = Duration> + Send>,
    quick: Box<dyn Iterator<Item = Duration> + Send>,
}

impl Pacer {
    fn new(policy: Policy) -> Self {
        let slow = Box::new(doubling(policy.base, policy.max));
        let quick = Box::new(doubling(policy.base / 50, policy.base));
        Self { policy, retries: 0, waited: Duration::ZERO, was_cut_off: false, slow, quick }
    }

    /// The pause after a failure; `None` when attempts or time are used up.
    fn pause_after(&mut self, error: &Error) -> Option<Duration> {
        if self.retries >= self.policy.max_retries {
            return None;
        }
        self.retries += 1;
        let is_quick = match error.kind().disposition() {
            Disposition::RetryNow => true,
            Disposition::Reconnect | Disposition::AskLedger => !std::mem::replace(&mut self.was_cut_off, true),
            _ => false,
        };
        let pause = if is_quick { self.quick.next() } else { self.slow.next() }?;
        let pause = pause.max(error.retry_after().unwrap_or_default());
        self.waited += pause;
        (self.waited <= self.policy.budget).then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::error::Kind;

    const POLICY: Policy = Policy {
        max_retries: 2,
        base: Duration::from_millis(1),
        max: Duration::from_millis(2),
        budget: Duration::from_secs(1),
    };
    const SLOW: Policy = Policy {
        max_retries: 5,
        base: Duration::from_secs(5),
        max: Duration::from_secs(40),
        budget: Duration::from_secs(600),
    };

    async fn run(kind: Kind, failures: u32) -> (Result<u32>, u32) {
        let calls = AtomicU32::new(0);
        let result = retry(POLICY, &Shutdown::never(), "test", |number| {
            calls.fetch_add(1, Ordering::Relaxed);
            async move { if number <= failures { Err(Error::new(kind, "no")) } else { Ok(number) } }
        })
        .await;
        (result, calls.into_inner())
    }

    fn pauses(policy: Policy, kind: Kind) -> Vec<Duration> {
        let mut pacer = Pacer::new(policy);
        std::iter::from_fn(|| pacer.pause_after(&Error::new(kind, "no"))).collect()
    }

    fn assert_about(pauses: &[Duration], floors_ms: &[u64]) {
        assert_eq!(pauses.len(), floors_ms.len(), "{pauses:?}");
        for (pause, floor) in pauses.iter().zip(floors_ms) {
            let floor = Duration::from_millis(*floor);
            assert!(*pause >= floor && *pause <= floor * 2, "{pause:?} is not within {floor:?} and twice that");
        }
    }

    #[tokio::test]
    async fn an_error_that_time_heals_is_repeated_until_it_works_or_the_attempts_are_used_up() {
        assert_eq!(run(Kind::DatabaseUnavailable, 2).await.0.unwrap(), 3);
        let (result, calls) = run(Kind::TransactionConflict, 9).await;
        let error = result.unwrap_err();
        assert!(error.message().contains("gave up after 3 attempts") && error.is_given_up());
        assert_eq!(calls, 3);
    }

    #[tokio::test]
    async fn an_error_that_time_cannot_heal_is_not_repeated() {
        let (result, calls) = run(Kind::AccessDenied, 9).await;
        assert_eq!(result.unwrap_err().message(), "no");
        assert_eq!(calls, 1);
    }

    #[tokio::test]
    async fn what_an_inner_loop_gave_up_is_not_repeated_by_an_outer_one() {
        let calls = AtomicU32::new(0);
        let result: Result<()> = retry(POLICY, &Shutdown::never(), "test", |_| {
            calls.fetch_add(1, Ordering::Relaxed);
            async { Err(Error::new(Kind::DatabaseUnavailable, "no").given_up()) }
        })
        .await;
        assert!(result.is_err());
        assert_eq!(calls.into_inner(), 1);
    }

    #[tokio::test]
    async fn a_signal_ends_the_waiting_and_then_the_attempt() {
        let (request, cancel, shutdown) = Shutdown::by_hand();
        request();
        let waiting = retry(SLOW, &shutdown, "test", |_| async { Err::<(), _>(Error::new(Kind::DatabaseBusy, "no")) });
        assert_eq!(waiting.await.unwrap_err().kind(), Kind::Stopped);
        cancel();
        let working = retry(SLOW, &shutdown, "test", |_| std::future::pending::<Result<()>>());
        assert_eq!(working.await.unwrap_err().kind(), Kind::Stopped);
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_are_jittered() {
        assert_about(&pauses(SLOW, Kind::DatabaseBusy), &[5_000, 10_000, 20_000, 40_000, 40_000]);
        assert_about(&SLOW.pauses().collect::<Vec<_>>(), &[5_000, 10_000, 20_000, 40_000, 40_000]);
        assert_about(&pauses(SLOW, Kind::TransactionConflict), &[100, 200, 400, 800, 1_600]);
    }

    #[test]
    fn two_that_failed_together_do_not_come_back_together() {
        let first: Vec<Duration> = SLOW.pauses().collect();
        assert_ne!(first, SLOW.pauses().collect::<Vec<_>>());
    }

    #[test]
    fn a_lost_connection_is_retried_immediately_and_a_second_one_after_a_pause() {
        assert_about(&pauses(SLOW, Kind::DatabaseUnavailable), &[100, 5_000, 10_000, 20_000, 40_000]);
    }

    #[test]
    fn probes_for_an_unavailable_database_come_within_twice_the_base() {
        let probes: Vec<Duration> = SLOW.probes().take(5).collect();
        assert_about(&probes, &[1_000, 2_000, 4_000, 5_000, 5_000]);
    }

    #[test]
    fn the_time_for_waiting_is_bounded_and_the_pause_that_the_other_side_asks_for_is_kept() {
        let short = Policy { budget: Duration::from_secs(35), ..SLOW };
        assert!(pauses(short, Kind::DatabaseBusy).len() < 3);
        let mut pacer = Pacer::new(SLOW);
        let asked = Error::new(Kind::SourceUnavailable, "busy").with_retry_after(Duration::from_secs(90));
        assert_eq!(pacer.pause_after(&asked), Some(Duration::from_secs(90)));
    }
}
