//! SIGINT, SIGTERM and SIGHUP: the first asks the job to stop, the second ends the process immediately.
//!
//! ```text
//! signal    requested: nothing new is begun
//! + GRACE   cancelled: work in flight is rolled back, and the end is recorded
//! + LIMIT   the process ends in any case
//! ```
//!
//! The limit stays below the 30 s after which container platforms follow SIGTERM with SIGKILL. Ending
//! immediately loses nothing either: every change is a transaction that the server rolls back.
//!
//! A closed terminal sends SIGHUP. A process that was started with it ignored (`nohup`) keeps ignoring it.

use std::future::Future;
use std::time::Duration;

use nix::sys::signal::{SigHandler, Signal as Number};
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};
use tokio::sync::watch;

use crate::error::{Error, Kind, Result, Signal};

/// How long work in flight may continue after a signal.
pub const GRACE: Duration = Duration::from_secs(15);
/// When the process ends after a signal at the latest.
const LIMIT: Duration = Duration::from_secs(24);

/// The stages of a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Running,
    /// A signal asked to stop.
    Requested(Signal),
    /// The grace is over: work in flight is dropped.
    Cancelled(Signal),
}

/// Knows whether a stop was requested. Clones share the state.
#[derive(Debug, Clone)]
pub struct Shutdown(watch::Receiver<Stage>);

impl Shutdown {
    /// Listens for the signals from now on. Call once, inside the runtime: from then on a signal no longer
    /// ends the process by itself.
    ///
    /// # Errors
    /// `Internal` when the handlers cannot be installed.
    pub fn listen() -> Result<Self> {
        let mut signals =
            Signals::install().map_err(|e| Error::new(Kind::Internal, "cannot listen for signals").caused_by(e))?;
        let (sender, receiver) = watch::channel(Stage::Running);
        tokio::spawn(async move {
            loop {
                let signal = signals.next().await;
                if *sender.borrow() != Stage::Running {
                    exit(signal);
                }
                tracing::warn!(
                    grace_s = GRACE.as_secs(),
                    "asked to stop: nothing new is begun, work in flight may finish within the grace (again to end now)"
                );
                sender.send_replace(Stage::Requested(signal));
                let sender = sender.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(GRACE).await;
                    sender.send_replace(Stage::Cancelled(signal));
                });
                // A thread of the system, because the runtime may be what is stuck.
                std::thread::spawn(move || {
                    std::thread::sleep(LIMIT);
                    tracing::error!("the job did not end in time: ending the process; the server rolls back open work");
                    exit(signal);
                });
            }
        });
        Ok(Self(receiver))
    }

    /// A handle that never asks to stop: for commands that a signal simply ends, and for tests.
    pub fn never() -> Self {
        let (sender, receiver) = watch::channel(Stage::Running);
        // The sender must outlive every handle, or waiting would end immediately.
        std::mem::forget(sender);
        Self(receiver)
    }

    /// Whether a stop was requested.
    pub fn is_requested(&self) -> bool {
        *self.0.borrow() != Stage::Running
    }

    /// Waits until a stop is asked for; for ever if it never is.
    pub async fn requested(&self) {
        self.reached(|stage| *stage != Stage::Running).await;
    }

    /// Waits until work in flight must be abandoned, [`GRACE`] after a stop was asked for; for ever if it
    /// never is.
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

    /// Runs `work`, but drops it when the grace is over; its transaction then rolls back.
    ///
    /// # Errors
    /// Those of `work`; [`Shutdown::error`] when it was dropped.
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

    /// The error of a stopped job. Its kind is `Stopped`, its exit code that of the signal.
    pub fn error(&self) -> Error {
        let signal = match *self.0.borrow() {
            Stage::Running => Signal::Interrupt,
            Stage::Requested(signal) | Stage::Cancelled(signal) => signal,
        };
        stopped(signal)
    }
}

fn stopped(signal: Signal) -> Error {
    Error::new(Kind::Stopped, "stopped by a signal")
        .by_signal(signal)
        .hint("run the same command again: it continues where this one stopped")
}

fn exit(signal: Signal) -> ! {
    std::process::exit(i32::from(stopped(signal).exit_code()))
}

/// The signals that ask a job to stop.
struct Signals {
    interrupt: Stream,
    terminate: Stream,
    /// `None` where the process was started with SIGHUP ignored.
    hangup: Option<Stream>,
}

impl Signals {
    fn install() -> std::io::Result<Self> {
        // SAFETY: SIGHUP is only ignored for a moment, by no handler of ours.
        let inherited = unsafe { nix::sys::signal::signal(Number::SIGHUP, SigHandler::SigIgn) }?;
        let hangup = match inherited {
            SigHandler::SigIgn => None,
            _ => Some(signal(SignalKind::hangup())?),
        };
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())?, hangup })
    }

    async fn next(&mut self) -> Signal {
        let hangup = async {
            match &mut self.hangup {
                Some(stream) => stream.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
            _ = hangup => Signal::Hangup,
        }
    }
}

#[cfg(test)]
impl Shutdown {
    /// A handle whose stop the test asks for, and whose grace it ends.
    pub(crate) fn by_hand() -> (impl Fn(), impl Fn(), Self) {
        let (sender, receiver) = watch::channel(Stage::Running);
        let other = sender.clone();
        let request = move || {
            let _ = sender.send_replace(Stage::Requested(Signal::Terminate));
        };
        let cancel = move || {
            let _ = other.send_replace(Stage::Cancelled(Signal::Terminate));
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
        assert_eq!(stopped.unwrap_err().exit_code(), 143);
    }

    #[tokio::test]
    async fn work_goes_on_after_a_request_and_is_dropped_when_the_grace_is_over() {
        let (request, cancel, shutdown) = Shutdown::by_hand();
        request();
        assert!(shutdown.is_requested());
        assert_eq!(shutdown.bounded(async { Ok(1) }).await.unwrap(), 1);
        cancel();
        let stuck = shutdown.bounded(std::future::pending::<Result<()>>()).await.unwrap_err();
        assert_eq!(stuck.kind(), Kind::Stopped);
    }
}
