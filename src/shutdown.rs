//! SIGINT and SIGTERM: the first asks the job to stop, the second ends the process at once.
//!
//! ```text
//! signal ─▶ requested: nothing new is begun ─ GRACE ─▶ cancelled: what is in flight is rolled back ─▶ run's end is written
//!       └─────────────────────────────── LIMIT ───────────────────────────────▶ the process ends, whatever it was doing
//! ```
//!
//! The limit keeps clear of the SIGKILL that container platforms send 30 s after SIGTERM. Ending at once loses nothing
//! either: every change is a transaction that the server rolls back.

use std::future::Future;
use std::sync::OnceLock;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::error::{Error, Kind, Result};

/// How long what is in flight may go on after a signal.
pub const GRACE: Duration = Duration::from_secs(15);
/// When the process ends after a signal at the latest.
const LIMIT: Duration = Duration::from_secs(24);

static LISTENING: OnceLock<Shutdown> = OnceLock::new();

/// How far a stop has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Running,
    /// Asked to stop by a signal: `Interrupted` or `Terminated`.
    Requested(Kind),
    /// The grace is over.
    Cancelled(Kind),
}

/// A handle that tells whether a stop was asked for. Clones share the state.
#[derive(Debug, Clone)]
pub struct Shutdown(watch::Receiver<Stage>);

impl Shutdown {
    /// Starts to listen for the signals; later calls return the same handle. Call inside the runtime.
    ///
    /// # Errors
    /// `Internal` when the handlers cannot be installed.
    pub fn listen() -> Result<Self> {
        if let Some(listening) = LISTENING.get() {
            return Ok(listening.clone());
        }
        let failed = |e| Error::new(Kind::Internal, "cannot listen for signals").caused_by(e);
        let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
        let (sender, receiver) = watch::channel(Stage::Running);
        tokio::spawn(async move {
            loop {
                let kind = tokio::select! {
                    _ = interrupt.recv() => Kind::Interrupted,
                    _ = terminate.recv() => Kind::Terminated,
                };
                if *sender.borrow() != Stage::Running {
                    std::process::exit(i32::from(kind.exit_code()));
                }
                tracing::warn!(
                    grace_s = GRACE.as_secs(),
                    "asked to stop: nothing new is begun, and what is in flight may finish within the grace (again to stop at once)"
                );
                sender.send_replace(Stage::Requested(kind));
                let sender = sender.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(GRACE).await;
                    sender.send_replace(Stage::Cancelled(kind));
                });
                // A thread of the system's, because the runtime may be what is stuck.
                std::thread::spawn(move || {
                    std::thread::sleep(LIMIT);
                    tracing::error!(
                        "the job did not end in time: ending the process; the server rolls back what is open"
                    );
                    std::process::exit(i32::from(kind.exit_code()));
                });
            }
        });
        Ok(LISTENING.get_or_init(|| Self(receiver)).clone())
    }

    /// The handle of a process that listens; `None` for a command that a signal simply ends.
    pub fn listening() -> Option<Self> {
        LISTENING.get().cloned()
    }

    /// A handle that never asks to stop, for tests and in-process use.
    pub fn never() -> Self {
        let (sender, receiver) = watch::channel(Stage::Running);
        // The sender must outlive every handle, or waiting would end at once.
        std::mem::forget(sender);
        Self(receiver)
    }

    /// Whether a stop was asked for.
    pub fn is_requested(&self) -> bool {
        *self.0.borrow() != Stage::Running
    }

    /// Waits until a stop is asked for; for ever if it never is.
    pub async fn requested(&self) {
        self.reached(|stage| *stage != Stage::Running).await;
    }

    /// Waits until what is in flight must be let go, [`GRACE`] after a stop was asked for; for ever if it never is.
    pub async fn cancelled(&self) {
        self.reached(|stage| matches!(stage, Stage::Cancelled(_))).await;
    }

    async fn reached(&self, is_there: impl FnMut(&Stage) -> bool) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(is_there).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Sleeps, but no longer than until a stop is asked for.
    ///
    /// # Errors
    /// [`Shutdown::error`] as soon as a stop is asked for, however long the pause.
    pub async fn pause(&self, duration: Duration) -> Result<()> {
        tokio::select! {
            biased;
            () = self.requested() => Err(self.error()),
            () = tokio::time::sleep(duration) => Ok(()),
        }
    }

    /// Runs `work`, but drops it when the grace is over: its transaction then rolls back.
    ///
    /// # Errors
    /// Of the work; [`Shutdown::error`] when it was dropped.
    pub async fn bounded<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            result = work => result,
            () = self.cancelled() => {
                tracing::warn!("the grace is over: rolling back what is in flight");
                Err(self.error())
            }
        }
    }

    /// The error with which an interrupted job ends: its exit code is that of the signal.
    pub fn error(&self) -> Error {
        let kind = match *self.0.borrow() {
            Stage::Running => Kind::Interrupted,
            Stage::Requested(kind) | Stage::Cancelled(kind) => kind,
        };
        Error::new(kind, "stopped by a signal").hint("run the same command again: it goes on where this one stopped")
    }
}

#[cfg(test)]
impl Shutdown {
    /// A handle whose stop the test asks for, and whose grace it ends.
    pub(crate) fn by_hand() -> (impl Fn(), impl Fn(), Self) {
        let (sender, receiver) = watch::channel(Stage::Running);
        let other = sender.clone();
        let request = move || {
            let _ = sender.send_replace(Stage::Requested(Kind::Terminated));
        };
        let cancel = move || {
            let _ = other.send_replace(Stage::Cancelled(Kind::Terminated));
        };
        (request, cancel, Self(receiver))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_pause_ends_as_soon_as_a_stop_is_asked_for() {
        let (request, _cancel, shutdown) = Shutdown::by_hand();
        assert!(shutdown.pause(Duration::ZERO).await.is_ok());
        let (stopped, ()) = tokio::join!(shutdown.pause(Duration::from_secs(3600)), async { request() });
        assert_eq!(stopped.unwrap_err().kind(), Kind::Terminated);
    }

    #[tokio::test]
    async fn work_goes_on_after_a_request_and_is_dropped_when_the_grace_is_over() {
        let (request, cancel, shutdown) = Shutdown::by_hand();
        request();
        assert!(shutdown.is_requested());
        assert_eq!(shutdown.bounded(async { Ok(1) }).await.unwrap(), 1);
        cancel();
        let stuck = shutdown.bounded(std::future::pending::<Result<()>>()).await.unwrap_err();
        assert_eq!(stuck.kind(), Kind::Terminated);
    }
}
