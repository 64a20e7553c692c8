//! Waiting for a database that is unavailable.
//!
//! One task probes for a server that takes writes, resolving its name each time. The others wait for that
//! task instead of hammering a server that is starting.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::health::{Changes, Down, Health};
use crate::error::{Error, Kind, Result};
use crate::meter::{Timed, tally};
use crate::retry::{Policy, retry};
use crate::shutdown::Shutdown;

/// How a job waits for a database that is unavailable.
#[derive(Debug, Clone)]
pub struct Reconnect {
    /// How often it probes and how long it waits in total.
    pub policy: Policy,
    /// How long it waits for a server that this execution has never reached; `None` is as long as for any
    /// other. With somebody at the terminal a mistyped address should fail soon.
    pub first_connect: Option<Duration>,
    /// Finds out why waiting is useless; `None` where nothing but the network can be asked.
    pub diagnosis: Option<Diagnosis>,
    /// A requested stop ends the wait.
    pub shutdown: Shutdown,
}

/// Finds out, without the server, why it will not come back.
#[derive(Clone)]
pub struct Diagnosis(Arc<dyn Fn() -> Option<Error> + Send + Sync>);

impl Diagnosis {
    /// `find` is called each time the server cannot be reached. It returns the error that ends the job, or
    /// `None` if waiting may help; it must not block for long.
    pub fn new(find: impl Fn() -> Option<Error> + Send + Sync + 'static) -> Self {
        Self(Arc::new(find))
    }
}

impl fmt::Debug for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Diagnosis")
    }
}

/// A pool's [`Health`], and how its jobs wait for an unavailable database.
#[derive(Debug, Clone)]
pub(super) struct Recovery {
    pub(super) health: Arc<Health>,
    reconnect: Option<Reconnect>,
}

impl Recovery {
    /// `None` never waits: it reports an unavailable database immediately.
    pub(super) fn new(reconnect: Option<Reconnect>) -> Self {
        Self { health: Arc::new(Health::new()), reconnect }
    }

    /// Whether jobs wait for an unavailable database; otherwise they fail immediately.
    pub(super) fn waits(&self) -> bool {
        self.reconnect.is_some()
    }

    /// Whether a stop was requested; always `false` for a pool that does not wait.
    pub(super) fn is_stopping(&self) -> bool {
        self.reconnect.as_ref().is_some_and(|reconnect| reconnect.shutdown.is_requested())
    }

    pub(super) fn changes(&self) -> Changes {
        self.health.changes()
    }

    /// Repeats `attempt` as [`retry`] does; runs it once where nothing is waited for.
    pub(super) async fn retry<T>(&self, what: &str, mut attempt: impl AsyncFnMut() -> Result<T>) -> Result<T> {
        match &self.reconnect {
            Some(reconnect) => retry(reconnect.policy, &reconnect.shutdown, what, async |_| attempt().await).await,
            None => attempt().await,
        }
    }

    /// Returns when the database is up as far as is known. If it is down this probes for it with `open`, or
    /// waits for the task that does.
    ///
    /// # Errors
    /// The error of the last probe, marked as given up, when the time is used up or waiting does not help;
    /// `Stopped` when a stop is requested.
    pub(super) async fn until_up<F>(&self, open: impl Fn() -> F) -> Result<()>
    where
        F: Future<Output = Result<()>>,
    {
        if self.health.down().is_none() {
            return Ok(());
        }
        let asked_at = Instant::now();
        let _probing = tokio::select! {
            biased;
            probing = self.health.probing() => probing,
            error = self.stopped() => return Err(error),
        };
        match self.health.down() {
            None => Ok(()),
            Some(Down { given_up_at: Some(at), reason, .. }) if at > asked_at => {
                let error = self.diagnosed().unwrap_or_else(|| Error::new(Kind::DatabaseUnavailable, reason));
                Err(error.given_up())
            }
            Some(down) => self.probe(&down, open).await,
        }
    }

    async fn probe<F>(&self, down: &Down, open: impl Fn() -> F) -> Result<()>
    where
        F: Future<Output = Result<()>>,
    {
        let mut pauses = self.reconnect.as_ref().map(|reconnect| reconnect.policy.probes());
        loop {
            let Err(error) = open().await else {
                let outage = self.health.rose();
                tally().time("", &[(Timed::Outage, outage)]);
                // A single lost session of a running server is not worth a line: its batch reports it.
                if outage > Duration::from_secs(1) {
                    tracing::info!(outage_ms = outage.as_millis() as u64, "the database takes writes again");
                }
                return Ok(());
            };
            if !matches!(error.kind(), Kind::DatabaseUnavailable | Kind::DatabaseBusy) {
                return Err(error.given_up());
            }
            if let Some(reason) = self.diagnosed() {
                return Err(self.give_up(down, reason.caused_by(error)));
            }
            let (Some(reconnect), Some(pause)) = (&self.reconnect, pauses.as_mut().and_then(Iterator::next)) else {
                return Err(error);
            };
            if reconnect.shutdown.is_requested() {
                return Err(reconnect.shutdown.error());
            }
            let left = self.budget(reconnect, &error).saturating_sub(down.since.elapsed());
            if reconnect.policy.max_retries == 0 || pause > left {
                return Err(self.give_up(down, error));
            }
            tracing::warn!(
                error = error.message(),
                sqlstate = error.sqlstate(),
                wait_ms = pause.as_millis() as u64,
                left_s = left.as_secs(),
                "the database is unavailable; all work waits, nothing is lost"
            );
            reconnect.shutdown.pause(pause).await?;
        }
    }

    /// The reason why waiting is useless, if one is known.
    fn diagnosed(&self) -> Option<Error> {
        self.reconnect.as_ref()?.diagnosis.as_ref().and_then(|diagnosis| diagnosis.0())
    }

    /// How long to wait in total after this error.
    fn budget(&self, reconnect: &Reconnect, error: &Error) -> Duration {
        let was_never_reached = error.sqlstate().is_none() && !self.health.was_reached();
        reconnect.first_connect.filter(|_| was_never_reached).unwrap_or(reconnect.policy.budget)
    }

    fn give_up(&self, down: &Down, error: Error) -> Error {
        let error = match down.since.elapsed().as_secs() {
            0 => error,
            seconds => error.context(format!("the database stayed unavailable for {seconds} s")),
        };
        self.health.gave_up(error.message());
        error.given_up()
    }

    /// Sleeps.
    ///
    /// # Errors
    /// `Stopped`, as soon as a stop is requested.
    pub(super) async fn pause(&self, duration: Duration) -> Result<()> {
        match &self.reconnect {
            Some(reconnect) => reconnect.shutdown.pause(duration).await,
            None => {
                tokio::time::sleep(duration).await;
                Ok(())
            }
        }
    }

    /// Waits for a signal and returns its error. Never returns for a pool that does not wait.
    async fn stopped(&self) -> Error {
        match &self.reconnect {
            Some(reconnect) => {
                reconnect.shutdown.requested().await;
                reconnect.shutdown.error()
            }
            None => std::future::pending().await,
        }
    }
}
