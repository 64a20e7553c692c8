//! Whether the database takes writes, as far as a pool knows.
//!
//! A lost connection of the present generation begins a new one: every older connection is discarded when it is returned
//! or taken, and the pool is down until one look has found a server that takes writes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, MutexGuard, watch};

/// What the connections of a pool know together.
#[derive(Debug)]
pub(super) struct Health {
    state: watch::Sender<State>,
    turn: Mutex<()>,
    abandoned: std::sync::Mutex<Vec<Backend>>,
    was_reached: AtomicBool,
}

/// A server process, beyond doubt: pids are used again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Backend {
    pub(super) pid: i32,
    /// Microseconds since 1970. Hidden from a role that is not the session's own.
    pub(super) started_at: Option<i64>,
    pub(super) application_name: String,
}

#[derive(Debug, Clone, Default)]
struct State {
    generation: u64,
    down: Option<Down>,
}

/// Since when and why the database is away.
#[derive(Debug, Clone)]
pub(super) struct Down {
    pub(super) since: Instant,
    pub(super) reason: String,
    /// When the last one who waited had waited long enough.
    pub(super) given_up_at: Option<Instant>,
}

impl Health {
    pub(super) fn new() -> Self {
        Self {
            state: watch::Sender::new(State::default()),
            turn: Mutex::new(()),
            abandoned: std::sync::Mutex::default(),
            was_reached: AtomicBool::new(false),
        }
    }

    /// A session was opened.
    pub(super) fn reached(&self) {
        self.was_reached.store(true, Ordering::Relaxed);
    }

    /// Whether one ever was.
    pub(super) fn was_reached(&self) -> bool {
        self.was_reached.load(Ordering::Relaxed)
    }

    /// The generation of connections that are opened now.
    pub(super) fn generation(&self) -> u64 {
        self.state.borrow().generation
    }

    /// Why and since when it is down, if it is.
    pub(super) fn down(&self) -> Option<Down> {
        self.state.borrow().down.clone()
    }

    /// Changes of the state, from now on.
    pub(super) fn changes(&self) -> Changes {
        Changes(self.state.subscribe())
    }

    /// A connection of `generation` was lost, or none could be opened. News of an older generation is no news.
    pub(super) fn fell(&self, generation: u64, reason: &str) {
        let is_news = self.state.send_if_modified(|state| {
            let is_news = state.generation == generation && state.down.is_none();
            if is_news {
                state.generation += 1;
                state.down = Some(Down { since: Instant::now(), reason: reason.to_owned(), given_up_at: None });
            }
            is_news
        });
        if is_news {
            tracing::debug!(generation, reason, "discarding the connections of this generation");
        }
    }

    /// A session was lost without a word of the server's, which may still hold its locks: nobody told it either.
    pub(super) fn abandon(&self, backend: Backend) {
        if let Ok(mut abandoned) = self.abandoned.lock() {
            abandoned.push(backend);
        }
    }

    /// The sessions that were lost like that since the last call.
    pub(super) fn take_abandoned(&self) -> Vec<Backend> {
        self.abandoned.lock().map(|mut abandoned| std::mem::take(&mut *abandoned)).unwrap_or_default()
    }

    /// A look has found it back; how long it was away.
    pub(super) fn rose(&self) -> Duration {
        let mut away = Duration::ZERO;
        self.state.send_modify(|state| {
            away = state.down.take().map(|down| down.since.elapsed()).unwrap_or_default();
        });
        away
    }

    /// It has been waited for long enough: who waits behind need not wait as long again.
    pub(super) fn gave_up(&self, reason: &str) {
        self.state.send_modify(|state| {
            if let Some(down) = &mut state.down {
                down.given_up_at = Some(Instant::now());
                down.reason = reason.to_owned();
            }
        });
    }

    /// The turn to look: one looks, the others wait for it.
    pub(super) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }
}

/// Waits for changes.
pub(super) struct Changes(watch::Receiver<State>);

impl Changes {
    /// Forgets the changes until now.
    pub(super) fn catch_up(&mut self) {
        self.0.borrow_and_update();
    }

    /// The next change.
    pub(super) async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_loss_of_a_generation_begins_a_new_one_and_later_ones_do_not() {
        let health = Health::new();
        health.fell(0, "reset");
        health.fell(0, "reset");
        assert_eq!((health.generation(), health.down().is_some()), (1, true));
        health.fell(1, "a look failed");
        assert_eq!(health.generation(), 1, "while it is down nothing is opened that could be lost");
        health.rose();
        health.fell(0, "an old connection");
        assert!(health.down().is_none());
        health.fell(1, "reset");
        assert_eq!(health.generation(), 2);
    }
}
