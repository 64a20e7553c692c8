//! Whether the database takes writes, as far as the connections of one pool know.
//!
//! Connections are counted in epochs. When one of the current epoch is lost the next epoch begins: every
//! older connection is discarded when it is returned or taken, and the pool is down until a probe finds a
//! server that takes writes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{MutexGuard, watch};

/// The state of the database as one pool knows it. All its connections report to it.
#[derive(Debug)]
pub(super) struct Health {
    state: watch::Sender<Epoch>,
    probing: tokio::sync::Mutex<()>,
    abandoned: parking_lot::Mutex<Vec<Backend>>,
    was_reached: AtomicBool,
}

/// A server process. The start time makes it unique, because pids are reused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Backend {
    pub(super) pid: i32,
    /// Microseconds since 1970; `None` where the server hides it from this role.
    pub(super) started_at: Option<i64>,
    pub(super) application_name: String,
}

#[derive(Debug, Clone, Default)]
struct Epoch {
    number: u64,
    down: Option<Down>,
}

/// Since when and why the database is unavailable.
#[derive(Debug, Clone)]
pub(super) struct Down {
    pub(super) since: Instant,
    pub(super) reason: String,
    /// When a waiting job last timed out.
    pub(super) given_up_at: Option<Instant>,
}

impl Health {
    pub(super) fn new() -> Self {
        Self {
            state: watch::Sender::new(Epoch::default()),
            probing: tokio::sync::Mutex::new(()),
            abandoned: parking_lot::Mutex::default(),
            was_reached: AtomicBool::new(false),
        }
    }

    /// Records that a session was opened.
    pub(super) fn reached(&self) {
        self.was_reached.store(true, Ordering::Relaxed);
    }

    /// Whether this pool has ever opened a session.
    pub(super) fn was_reached(&self) -> bool {
        self.was_reached.load(Ordering::Relaxed)
    }

    /// The current epoch, which connections opened now belong to.
    pub(super) fn epoch(&self) -> u64 {
        self.state.borrow().number
    }

    /// Since when and why the database is down; `None` while it is up as far as is known.
    pub(super) fn down(&self) -> Option<Down> {
        self.state.borrow().down.clone()
    }

    /// Subscribes to changes of epoch or state from now on.
    pub(super) fn changes(&self) -> Changes {
        Changes(self.state.subscribe())
    }

    /// Records that a connection of `epoch` was lost, or that none could be opened. Begins the next epoch;
    /// does nothing for an epoch that is over already.
    pub(super) fn fell(&self, epoch: u64, reason: &str) {
        let is_news = self.state.send_if_modified(|state| {
            let is_news = state.number == epoch && state.down.is_none();
            if is_news {
                state.number += 1;
                state.down = Some(Down { since: Instant::now(), reason: reason.to_owned(), given_up_at: None });
            }
            is_news
        });
        if is_news {
            tracing::debug!(epoch, reason, "discarding all connections that were opened before the loss");
        }
    }

    /// Remembers a session that was lost without the server saying so: the server may still run it and hold
    /// its locks.
    pub(super) fn abandon(&self, backend: Backend) {
        self.abandoned.lock().push(backend);
    }

    /// The sessions abandoned since the last call.
    pub(super) fn take_abandoned(&self) -> Vec<Backend> {
        std::mem::take(&mut *self.abandoned.lock())
    }

    /// Records that a probe found the database again. Returns how long it was down.
    pub(super) fn rose(&self) -> Duration {
        let mut outage = Duration::ZERO;
        self.state.send_modify(|state| {
            outage = state.down.take().map(|down| down.since.elapsed()).unwrap_or_default();
        });
        outage
    }

    /// Records that a job timed out. Others that queued behind it fail too instead of waiting as long again.
    pub(super) fn gave_up(&self, reason: &str) {
        self.state.send_modify(|state| {
            if let Some(down) = &mut state.down {
                down.given_up_at = Some(Instant::now());
                down.reason = reason.to_owned();
            }
        });
    }

    /// The right to probe: one task probes, the others wait for its result.
    pub(super) async fn probing(&self) -> MutexGuard<'_, ()> {
        self.probing.lock().await
    }
}

/// A subscription to changes of epoch or state.
pub(super) struct Changes(watch::Receiver<Epoch>);

impl Changes {
    /// Forgets the changes up to now.
    pub(super) fn catch_up(&mut self) {
        self.0.borrow_and_update();
    }

    /// Waits for the next change; for ever once the pool's health is dropped.
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
    fn the_first_loss_of_an_epoch_begins_the_next_one_and_later_losses_do_not() {
        let health = Health::new();
        health.fell(0, "reset");
        health.fell(0, "reset");
        assert_eq!((health.epoch(), health.down().is_some()), (1, true));
        health.fell(1, "a probe failed");
        assert_eq!(health.epoch(), 1, "while it is down nothing is opened that could be lost");
        health.rose();
        health.fell(0, "an old connection");
        assert!(health.down().is_none());
        health.fell(1, "reset");
        assert_eq!(health.epoch(), 2);
    }
}
