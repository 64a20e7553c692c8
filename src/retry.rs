//! The pauses between attempts, and the one loop that decides by an error's disposition whether there is another.

use std::future::Future;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};

use crate::error::{Disposition, Error, Result};
use crate::shutdown::Shutdown;

/// How often and how long something is tried again.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// Retries after the first attempt; 0 tries once.
    pub max_retries: u32,
    /// Pause before the first retry; doubles from there, with jitter.
    pub base: Duration,
    /// The longest pause.
    pub max: Duration,
}

impl Policy {
    /// The pauses before each retry, jittered by up to 100 %.
    pub fn pauses(&self) -> impl Iterator<Item = Duration> + use<> {
        ExponentialBuilder::default()
            .with_min_delay(self.base)
            .with_max_delay(self.max)
            .with_factor(2.0)
            .with_jitter()
            .with_max_times(self.max_retries as usize)
            .build()
    }
}

/// Repeats `attempt` (given its number, from 1) while its error is one that time can heal.
///
/// Conflicts are repeated after a tenth of the pause; nothing is repeated before the time that the other side asked for
/// (`Error::retry_after`). A shutdown ends the waiting at once.
///
/// # Errors
/// The last error, when the attempts are used up or the error's disposition is not to repeat.
pub async fn retry<T, F, Fut>(policy: Policy, shutdown: &Shutdown, what: &str, mut attempt: F) -> Result<T>
where
    F: FnMut(u32) -> Fut,
    Fut: Future<Output = Result<T>>,
{
    let mut pauses = policy.pauses();
    let mut number = 1;
    loop {
        let error = match attempt(number).await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let Some(pause) = pauses.next().filter(|_| heals(&error)) else {
            return Err(if number > 1 && heals(&error) {
                error.context(format!("{what}: gave up after {number} attempts"))
            } else {
                error
            });
        };
        let pause = if error.kind().disposition() == Disposition::RetryNow { pause / 10 } else { pause };
        let pause = pause.max(error.retry_after().unwrap_or_default());
        tracing::warn!(
            attempt = number,
            error = error.message(),
            sqlstate = error.sqlstate(),
            wait_ms = pause.as_millis() as u64,
            "{what} failed; it rolled back, nothing is lost; trying again"
        );
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = shutdown.requested() => return Err(shutdown.error()),
        }
        number += 1;
    }
}

fn heals(error: &Error) -> bool {
    use Disposition as D;
    matches!(error.kind().disposition(), D::Reconnect | D::AskLedger | D::RetryNow | D::RetryLater)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::error::Kind;

    const POLICY: Policy = Policy { max_retries: 2, base: Duration::from_millis(1), max: Duration::from_millis(2) };

    async fn run(kind: Kind, failures: u32) -> (Result<u32>, u32) {
        let calls = AtomicU32::new(0);
        let result = retry(POLICY, &Shutdown::never(), "test", |number| {
            calls.fetch_add(1, Ordering::Relaxed);
            async move { if number <= failures { Err(Error::new(kind, "no")) } else { Ok(number) } }
        })
        .await;
        (result, calls.into_inner())
    }

    #[tokio::test]
    async fn an_error_that_time_heals_is_repeated_until_it_works_or_the_attempts_are_used_up() {
        assert_eq!(run(Kind::DatabaseUnavailable, 2).await.0.unwrap(), 3);
        let (result, calls) = run(Kind::TransactionConflict, 9).await;
        assert!(result.unwrap_err().message().contains("gave up after 3 attempts"));
        assert_eq!(calls, 3);
    }

    #[tokio::test]
    async fn an_error_that_time_cannot_heal_is_not_repeated() {
        let (result, calls) = run(Kind::AccessDenied, 9).await;
        assert_eq!(result.unwrap_err().message(), "no");
        assert_eq!(calls, 1);
    }

    #[tokio::test]
    async fn a_retry_waits_as_long_as_the_other_side_asked() {
        let asked = Duration::from_millis(300);
        let started = std::time::Instant::now();
        let result = retry(POLICY, &Shutdown::never(), "test", async |number| {
            if number == 1 {
                Err(Error::new(Kind::SourceUnavailable, "later").with_retry_after(asked))
            } else {
                Ok(number)
            }
        })
        .await;
        assert_eq!(result.unwrap(), 2);
        assert!(started.elapsed() >= asked, "{:?}", started.elapsed());
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_are_jittered() {
        let policy = Policy { max_retries: 5, base: Duration::from_secs(5), max: Duration::from_secs(40) };
        let pauses: Vec<_> = policy.pauses().collect();
        assert_eq!(pauses.len(), 5);
        for (pause, floor) in pauses.iter().zip([5, 10, 20, 40, 40]) {
            assert!(*pause >= Duration::from_secs(floor) && *pause <= Duration::from_secs(floor * 2), "{pause:?}");
        }
    }
}
