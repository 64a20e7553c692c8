//! The vendor's clock: runs by itself from where it was set.

use std::time::Instant;

use chrono::{DateTime, Utc};
use parking_lot::Mutex;

/// A clock that tests can set.
#[derive(Debug)]
pub(super) struct Clock(Mutex<(DateTime<Utc>, Instant)>);

impl Clock {
    /// A clock that shows `now` and runs.
    pub(super) fn starting_at(now: DateTime<Utc>) -> Self {
        Self(Mutex::new((now, Instant::now())))
    }

    /// The time that it shows.
    pub(super) fn now(&self) -> DateTime<Utc> {
        let (base, set_at) = *self.0.lock();
        base + set_at.elapsed()
    }

    /// Sets it; it runs on from there.
    pub(super) fn set(&self, now: DateTime<Utc>) {
        *self.0.lock() = (now, Instant::now());
    }
}
