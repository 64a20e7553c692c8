//! Limits concurrent requests to the lake: no limit until it throttles.
//!
//! A throttled request halves the number in flight, at most once per pause, and holds back every new request
//! until the pause is over. Each round of answers (as many as there are slots) then adds a slot, until as
//! many are allowed as there were before the first throttled request; then the limit is lifted.
//!
//! A slot is held only while something is awaited from the lake, never while a body waits for its reader: the
//! bodies of a batch are consumed in order, and one that waited for its reader with the last slot would keep
//! the first one out.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;
use tokio::time::Instant;

/// The gate before a lake. Clones are the same gate.
#[derive(Debug, Clone, Default)]
pub(super) struct Gate(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    freed: Notify,
}

/// A slot among the requests in flight, released when dropped.
#[derive(Debug)]
pub(super) struct Slot(Gate);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.state().in_flight -= 1;
        self.0.0.freed.notify_waiters();
    }
}

impl Gate {
    /// Waits until a request may be made.
    pub(super) async fn request(&self) -> Slot {
        self.enter(true).await
    }

    /// Waits until more of a body may be read. A pause does not hold it back.
    pub(super) async fn reading(&self) -> Slot {
        self.enter(false).await
    }

    async fn enter(&self, keeps_pause: bool) -> Slot {
        loop {
            let freed = self.0.freed.notified();
            tokio::pin!(freed);
            // From here on every released slot wakes us.
            freed.as_mut().enable();
            let wait = self.state().enter(Instant::now(), keeps_pause);
            match wait {
                None => return Slot(self.clone()),
                Some(Wait::Until(at)) => tokio::time::sleep_until(at).await,
                Some(Wait::ForSlot) => freed.await,
            }
        }
    }

    /// Records that the lake throttled a request and holds new ones back for `pause`. Returns how many are
    /// allowed now.
    pub(super) fn throttled(&self, pause: Duration) -> usize {
        self.state().throttled(Instant::now(), pause)
    }

    /// Records an answer, which may add a slot.
    pub(super) fn answered(&self) {
        if self.state().answered() {
            tracing::info!("the lake answers as before: concurrent requests are no longer limited");
        }
        self.0.freed.notify_waiters();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock()
    }
}

#[derive(Debug, Default)]
struct State {
    in_flight: usize,
    /// Concurrent requests allowed, and how many there were before the first throttled one.
    limit: Option<(usize, usize)>,
    answers: usize,
    closed_until: Option<Instant>,
}

#[derive(Debug, PartialEq)]
enum Wait {
    Until(Instant),
    ForSlot,
}

impl State {
    /// Takes a slot, or returns what to wait for.
    fn enter(&mut self, now: Instant, keeps_pause: bool) -> Option<Wait> {
        if let Some(at) = self.closed_until.filter(|at| keeps_pause && *at > now) {
            return Some(Wait::Until(at));
        }
        if self.limit.is_some_and(|(limit, _)| self.in_flight >= limit) {
            return Some(Wait::ForSlot);
        }
        self.in_flight += 1;
        None
    }

    fn throttled(&mut self, now: Instant, pause: Duration) -> usize {
        let (limit, ceiling) = self.limit.unwrap_or((usize::MAX, self.in_flight.max(1)));
        // Throttled requests that were in flight together count as one.
        let in_pause = self.closed_until.is_some_and(|at| at > now);
        let halved = if in_pause { limit } else { (limit.min(self.in_flight) / 2).max(1) };
        self.limit = Some((halved, ceiling));
        self.answers = 0;
        self.closed_until = self.closed_until.max(Some(now + pause));
        halved
    }

    /// Counts an answer; returns whether it lifted the limit.
    fn answered(&mut self) -> bool {
        let Some((limit, ceiling)) = self.limit else { return false };
        self.answers += 1;
        if self.answers < limit {
            return false;
        }
        self.answers = 0;
        self.limit = (limit < ceiling).then_some((limit + 1, ceiling));
        self.limit.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn throttling_halves_once_per_pause_and_answers_open_the_gate_slot_by_slot() {
        let mut state = State::default();
        let start = Instant::now();
        for _ in 0..8 {
            assert_eq!(state.enter(start, true), None);
        }
        for _ in 0..3 {
            assert_eq!(state.throttled(start, SECOND), 4, "one burst of refusals halves once");
            state.in_flight -= 1;
        }
        assert_eq!(state.enter(start, true), Some(Wait::Until(start + SECOND)), "nobody enters during the pause");
        let later = start + 2 * SECOND;
        assert_eq!(state.enter(later, true), Some(Wait::ForSlot), "five are still in flight");
        state.in_flight = 3;
        assert_eq!(state.enter(start, false), None, "a body that has begun is read during the pause");
        state.in_flight = 3;
        assert_eq!(state.enter(later, true), None);
        assert_eq!(state.throttled(later, SECOND), 2);
        let mut limits = Vec::new();
        loop {
            limits.extend(state.limit.map(|(limit, _)| limit));
            if state.answered() {
                break;
            }
        }
        limits.dedup();
        assert_eq!(limits, [2, 3, 4, 5, 6, 7, 8]);
        assert!(state.limit.is_none() && !state.answered());
    }

    #[test]
    fn there_is_always_one_slot() {
        let mut state = State::default();
        let now = Instant::now();
        assert_eq!(state.enter(now, true), None);
        assert_eq!(state.throttled(now, Duration::ZERO), 1);
        assert_eq!(state.enter(now, true), Some(Wait::ForSlot));
        state.in_flight = 0;
        assert_eq!(state.enter(now, true), None);
    }

    #[tokio::test]
    async fn a_released_slot_lets_the_next_request_in() {
        let gate = Gate::default();
        let first = gate.request().await;
        assert_eq!(gate.throttled(Duration::from_millis(5)), 1);
        let waiting = tokio::spawn({
            let gate = gate.clone();
            async move { drop(gate.request().await) }
        });
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(!waiting.is_finished(), "the only slot is taken");
        drop(first);
        waiting.await.unwrap();
    }
}
