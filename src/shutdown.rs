//! SIGINT and SIGTERM: the first asks the job to stop at the next safe point, the second ends the process at once.
//!
//! Ending at once loses nothing either: every change is a transaction that the server rolls back.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::error::{Error, Kind, Result};

/// A handle that tells whether a stop was asked for. Clones share the state.
#[derive(Debug, Clone)]
pub struct Shutdown(watch::Receiver<Option<Kind>>);

impl Shutdown {
    /// Starts to listen for the signals. Call inside the runtime, once a process.
    ///
    /// # Errors
    /// `Internal` when the handlers cannot be installed.
    pub fn listen() -> Result<Self> {
        let failed = |e| Error::new(Kind::Internal, "cannot listen for signals").caused_by(e);
        let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
        let (sender, receiver) = watch::channel(None);
        tokio::spawn(async move {
            loop {
                let kind = tokio::select! {
                    _ = interrupt.recv() => Kind::Interrupted,
                    _ = terminate.recv() => Kind::Terminated,
                };
                if sender.borrow().is_some() {
                    std::process::exit(i32::from(kind.exit_code()));
                }
                tracing::warn!(
                    "asked to stop: finishing what is in flight, claiming nothing new (again to stop at once)"
                );
                sender.send_replace(Some(kind));
            }
        });
        Ok(Self(receiver))
    }

    /// A handle that never asks to stop, for tests and in-process use.
    pub fn never() -> Self {
        let (sender, receiver) = watch::channel(None);
        // The sender must outlive every handle, or waiting would end at once.
        std::mem::forget(sender);
        Self(receiver)
    }

    /// Whether a stop was asked for.
    pub fn is_requested(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// Waits until a stop is asked for; for ever if it never is.
    pub async fn requested(&self) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(Option::is_some).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// The error with which an interrupted job ends: its exit code is that of the signal.
    pub fn error(&self) -> Error {
        let kind = self.0.borrow().unwrap_or(Kind::Interrupted);
        Error::new(kind, "stopped by a signal").hint("run the same command again: it goes on where this one stopped")
    }
}
