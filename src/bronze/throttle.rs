//! How many requests the lake is asked at once: no limit until it asks for patience.
//!
//! A throttled request halves the number in flight, at most once per pause, and holds back every new request until the
//! pause is over. Each round of answers (as many as there are places) then adds a place, until as many are allowed as
//! there were before the first throttle; from there on there is no limit again.
//!
//! A place is held only while something is awaited from the lake, never while a body waits for its reader: the bodies of
//! a batch are consumed in order, and one that waited for its turn with the last place in hand would keep the first out.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// The gate in front of a lake. Clones are the same gate.
#[derive(Debug, Clone, Default)]
pub(super) struct Gate(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    freed: Notify,
}

/// A place among the requests in flight; given back when dropped.
#[derive(Debug)]
pub(super) struct Pass(Gate);

impl Drop for Pass {
    fn drop(&mut self) {
        self.0.state().in_flight -= 1;
        self.0.0.freed.notify_waiters();
    }
}

impl Gate {
    /// Waits until a request may be made.
    pub(super) async fn request(&self) -> Pass {
        self.enter(true).await
    }

    /// Waits until more of an answer may be read that has begun. No pause holds it back.
    pub(super) async fn reading(&self) -> Pass {
        self.enter(false).await
    }

    async fn enter(&self, keeps_pause: bool) -> Pass {
        loop {
            let freed = self.0.freed.notified();
            tokio::pin!(freed);
            // From here on no place that is given back goes unnoticed.
            freed.as_mut().enable();
            let wait = self.state().enter(Instant::now(), keeps_pause);
            match wait {
                None => return Pass(self.clone()),
                Some(Wait::Until(at)) => tokio::time::sleep_until(at).await,
                Some(Wait::ForPlace) => freed.await,
            }
        }
    }

    /// The lake asked for patience, for as long as `pause`. Tells how many requests are allowed from now on.
    pub(super) fn throttled(&self, pause: Duration) -> usize {
        self.state().throttled(Instant::now(), pause)
    }

    /// The lake answered.
    pub(super) fn answered(&self) {
        if self.state().answered() {
            tracing::info!("the lake answers as before: no limit on requests at once any more");
        }
        self.0.freed.notify_waiters();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct State {
    in_flight: usize,
    /// Requests allowed at once, and how many there were before the first throttle.
    limit: Option<(usize, usize)>,
    answers: usize,
    closed_until: Option<Instant>,
}

#[derive(Debug, PartialEq)]
enum Wait {
    Until(Instant),
    ForPlace,
}

impl State {
    /// Takes a place, or tells what to wait for.
    fn enter(&mut self, now: Instant, keeps_pause: bool) -> Option<Wait> {
        if let Some(at) = self.closed_until.filter(|at| keeps_pause && *at > now) {
            return Some(Wait::Until(at));
        }
        if self.limit.is_some_and(|(limit, _)| self.in_flight >= limit) {
            return Some(Wait::ForPlace);
        }
        self.in_flight += 1;
        None
    }

    fn throttled(&mut self, now: Instant, pause: Duration) -> usize {
        let (limit, ceiling) = self.limit.unwrap_or((usize::MAX, self.in_flight.max(1)));
        // The answers to requests that were in flight together count as one.
        let in_pause = self.closed_until.is_some_and(|at| at > now);
        let halved = if in_pause { limit } else { (limit.min(self.in_flight) / 2).max(1) };
        self.limit = Some((halved, ceiling));
        self.answers = 0;
        self.closed_until = self.closed_until.max(Some(now + pause));
        halved
    }

    /// Whether this answer lifted the limit.
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
    fn a_throttle_halves_once_per_pause_and_answers_open_the_gate_place_by_place() {
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
        assert_eq!(state.enter(later, true), Some(Wait::ForPlace), "five are still in flight");
        state.in_flight = 3;
        assert_eq!(state.enter(start, false), None, "a body that has begun is read during the pause");
        state.in_flight = 3;
        assert_eq!(state.enter(later, true), None);
        assert_eq!(state.throttled(later, SECOND), 2);
        let mut places = Vec::new();
        loop {
            places.extend(state.limit.map(|(limit, _)| limit));
            if state.answered() {
                break;
            }
        }
        places.dedup();
        assert_eq!(places, [2, 3, 4, 5, 6, 7, 8]);
        assert!(state.limit.is_none() && !state.answered());
    }

    #[test]
    fn there_is_always_one_place() {
        let mut state = State::default();
        let now = Instant::now();
        assert_eq!(state.enter(now, true), None);
        assert_eq!(state.throttled(now, Duration::ZERO), 1);
        assert_eq!(state.enter(now, true), Some(Wait::ForPlace));
        state.in_flight = 0;
        assert_eq!(state.enter(now, true), None);
    }

    #[tokio::test]
    async fn a_place_that_is_given_back_lets_the_next_one_in() {
        let gate = Gate::default();
        let first = gate.request().await;
        assert_eq!(gate.throttled(Duration::from_millis(5)), 1);
        let waiting = tokio::spawn({
            let gate = gate.clone();
            async move { drop(gate.request().await) }
        });
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(!waiting.is_finished(), "the only place is taken");
        drop(first);
        waiting.await.unwrap();
    }
}
