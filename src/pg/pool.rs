//! The pool: bb8 over connections of our own.
//!
//! A manager of our own rather than `bb8-postgres`, because a connection that failed in COPY or was canceled must not
//! go back, and because the cause of a lost connection shows only on the driver's connection task.
//!
//! When a connection is lost the whole pool is discarded: after a failover every connection of it leads to a server that
//! takes no writes. Whoever asks for a connection then waits: one of them looks whether the database is back, resolving its
//! name each time, and the others wait for that one instead of hammering a server that is starting.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use bb8::ManageConnection;

use super::connect::{Access, connect_for};
use super::connection::Connection;
use super::health::{Backend, Down, Health};
use crate::config::dsn::Dsn;
use crate::error::{Error, Kind, Result};
use crate::retry::{Policy, retry};
use crate::shutdown::Shutdown;

/// How long the server may take to end a session.
const ABANDONED_WAIT: Duration = Duration::from_secs(5);

/// How long to try to get a connection for a lock by giving up others.
const MAKE_ROOM: Duration = Duration::from_secs(3);

/// The server, the database or the role has as many connections as it may.
fn is_limit(error: &Error) -> bool {
    error.sqlstate() == Some("53300")
}

/// Connections to one database, opened when first needed. Clones share it.
#[derive(Debug, Clone)]
pub struct Pool {
    inner: bb8::Pool<Manager>,
    dsn: Dsn,
    size: u32,
    /// Whether it was said that the server gives fewer.
    is_limited: Arc<AtomicBool>,
    health: Arc<Health>,
    patience: Option<Patience>,
}

/// A connection on loan from the pool.
pub type Lease<'a> = bb8::PooledConnection<'a, Manager>;

/// How a job waits for a database that is away.
#[derive(Debug, Clone)]
pub struct Patience {
    /// How often it looks and how long it waits.
    pub policy: Policy,
    /// How long it waits for a server that this execution has never reached, if not as long as for one that went away: an
    /// address with a typo is not worth more to somebody who watches.
    pub first_try: Option<Duration>,
    /// What ends the waiting.
    pub shutdown: Shutdown,
}

/// Opens and judges the pool's connections.
#[derive(Debug)]
pub struct Manager {
    dsn: Dsn,
    application_name: String,
    access: Access,
    health: Arc<Health>,
    opened: AtomicU32,
}

impl ManageConnection for Manager {
    type Connection = Connection;
    type Error = Error;

    async fn connect(&self) -> Result<Connection> {
        let generation = self.health.generation();
        let number = self.opened.fetch_add(1, Ordering::Relaxed) + 1;
        match connect_for(&self.dsn, &format!("{}:{number}", self.application_name), self.access).await {
            Ok(connected) => {
                self.health.reached();
                Ok(Connection::new(connected, Arc::clone(&self.health), generation))
            }
            Err(error) => {
                if error.kind() == Kind::DatabaseUnavailable {
                    self.health.fell(generation, error.message());
                }
                Err(error)
            }
        }
    }

    async fn is_valid(&self, connection: &mut Connection) -> Result<()> {
        connection.ping().await
    }

    fn has_broken(&self, connection: &mut Connection) -> bool {
        !connection.is_usable()
    }
}

impl Pool {
    /// A pool of at most `size` connections whose names in pg_stat_activity begin with `application_name`. Connects
    /// nothing yet. Takes any server that answers, a standby too, and reports at once when none does.
    pub fn new(dsn: Dsn, application_name: &str, size: usize) -> Self {
        Self::build(dsn, application_name, size, Access::Any, None)
    }

    /// The same with servers that take writes only; with `patience` it waits for one.
    pub fn for_writing(dsn: Dsn, application_name: &str, size: usize, patience: Option<Patience>) -> Self {
        Self::build(dsn, application_name, size, Access::Write, patience)
    }

    fn build(dsn: Dsn, application_name: &str, size: usize, access: Access, patience: Option<Patience>) -> Self {
        let health = Arc::new(Health::new());
        let manager = Manager {
            dsn: dsn.clone(),
            application_name: application_name.to_owned(),
            access,
            health: Arc::clone(&health),
            opened: AtomicU32::new(0),
        };
        let size = u32::try_from(size.max(1)).unwrap_or(u32::MAX);
        let inner = bb8::Pool::builder()
            .max_size(size)
            .retry_connection(false)
            .test_on_check_out(false)
            .connection_timeout(Duration::from_secs(60))
            .build_unchecked(manager);
        Self { inner, dsn, size, is_limited: Arc::default(), health, patience }
    }

    /// A connection, opened if none is idle. A pool with patience waits while the database is away.
    ///
    /// # Errors
    /// As connecting does; `DatabaseFull` when the server takes no writes although it is no standby; `DatabaseBusy` when
    /// the pool's connections stay taken for a minute; the signal's kind when a stop was asked for while waiting.
    pub async fn get(&self) -> Result<Lease<'_>> {
        let mut changes = self.health.changes();
        loop {
            self.wait_until_up().await?;
            changes.catch_up();
            let taken = tokio::select! {
                taken = self.take() => taken,
                // It fell while this one queued: bb8 would let it wait for a connection that nobody can open.
                () = changes.next() => continue,
            };
            match taken {
                Ok(lease) if lease.is_usable() => {
                    self.end_abandoned(&lease).await;
                    return Ok(lease);
                }
                // Of an older generation, or closed while it was idle: dropped here, it is discarded.
                Ok(_) => {}
                Err(error) if error.kind() == Kind::DatabaseUnavailable && self.patience.is_some() => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// A connection beside the pool's, for a lock that is held for long: waited for as the pool's are, and lost with them.
    ///
    /// # Errors
    /// As [`Pool::get`].
    pub(super) async fn own(&self, application_name: &str) -> Result<Connection> {
        let began = Instant::now();
        loop {
            self.wait_until_up().await?;
            let generation = self.health.generation();
            let error = match connect_for(&self.dsn, application_name, Access::Write).await {
                Ok(connected) => {
                    self.health.reached();
                    let connection = Connection::new(connected, Arc::clone(&self.health), generation);
                    self.end_abandoned(&connection).await;
                    return Ok(connection);
                }
                Err(error) => error,
            };
            if is_limit(&error) && began.elapsed() < MAKE_ROOM && self.inner.state().connections > 0 {
                // One that only rests is given up for it. The server may take a moment to notice.
                if self.inner.state().idle_connections > 0
                    && let Ok(lease) = self.inner.get().await
                {
                    lease.discard();
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
            if error.kind() != Kind::DatabaseUnavailable || self.patience.is_none() {
                return Err(error);
            }
            self.health.fell(generation, error.message());
        }
    }

    /// Repeats what needs a connection for as long as this pool's job waits for its database; once without patience.
    ///
    /// # Errors
    /// As [`retry`].
    pub async fn retry<T>(&self, what: &str, mut attempt: impl AsyncFnMut() -> Result<T>) -> Result<T> {
        match &self.patience {
            Some(patience) => retry(patience.policy, &patience.shutdown, what, async |_| attempt().await).await,
            None => attempt().await,
        }
    }

    /// Whether it is known that there are fewer connections than this job would use.
    pub fn is_tight(&self) -> bool {
        self.is_limited.load(Ordering::Relaxed)
    }

    /// Remembers that; whether it is news.
    pub(super) fn tighten(&self) -> bool {
        !self.is_limited.swap(true, Ordering::Relaxed)
    }

    /// How long a job waits for a lock that somebody else holds.
    pub fn lock_wait(&self) -> Duration {
        self.dsn.lock_wait
    }

    /// A session is given up without the server's knowing: it is ended before another connection is used.
    pub(super) fn abandon(&self, backend: Backend) {
        self.health.abandon(backend);
    }

    /// Ends sessions that were lost without the server's knowing: their locks would stop who repeats their work.
    async fn end_abandoned(&self, connection: &Connection) {
        for backend in self.health.take_abandoned() {
            let Backend { pid, started_at, application_name } = &backend;
            let wait_ms = ABANDONED_WAIT.as_millis() as i64;
            let ended = connection
                .query(sql_file!("pg/end_session.sql"), &[pid, started_at, application_name, &wait_ms])
                .await
                .map(|rows| rows.first().map(|row| row.get::<_, bool>(0)));
            match ended {
                Ok(None) => {}
                Ok(Some(true)) => {
                    tracing::info!(pid, "ended a session that the server still kept for a lost connection");
                }
                Ok(Some(false)) => tracing::warn!(pid, wait_ms, "a lost session does not end and may still hold locks"),
                Err(error) => {
                    tracing::warn!(pid, error = error.message(), "a lost session may still hold locks on the server");
                }
            }
        }
    }

    async fn take(&self) -> Result<Lease<'_>> {
        let began = Instant::now();
        loop {
            // bb8 opens connections behind the caller's back and lets it wait for the whole timeout when that fails. Opened
            // here, the reason comes at once. A rival that fills the pool meanwhile only means that this one is dropped.
            let state = self.inner.state();
            let opened = match state.idle_connections == 0 && state.connections < self.size {
                true => self.open().await,
                false => Ok(()),
            };
            let taken = match opened {
                Ok(()) => self.inner.get().await,
                Err(error) => Err(bb8::RunError::User(error)),
            };
            match taken {
                Ok(lease) => return Ok(lease),
                Err(bb8::RunError::User(error)) if is_limit(&error) && self.inner.state().connections > 0 => {
                    self.wait_for_one_of_ours(began, error).await?;
                }
                Err(bb8::RunError::User(error)) => return Err(error),
                Err(bb8::RunError::TimedOut) => {
                    return Err(Error::new(Kind::DatabaseBusy, "no connection became free within 60 s"));
                }
            }
        }
    }

    /// The server gives no further connection: those that this job has must do. Returns when one may be free. Nobody waits
    /// for a connection inside of a transaction of his own, so one becomes free.
    async fn wait_for_one_of_ours(&self, began: Instant, error: Error) -> Result<()> {
        if self.tighten() {
            let open = self.inner.state().connections;
            let reason = error.message();
            tracing::warn!(open, wanted = self.size, reason, "going on with fewer connections: it takes longer");
        }
        if began.elapsed() > self.dsn.lock_wait {
            return Err(error.given_up());
        }
        // From time to time another one is asked for: somebody else may have ended.
        for _ in 0..40 {
            self.pause(Duration::from_millis(25)).await?;
            if self.inner.state().idle_connections > 0 {
                break;
            }
        }
        Ok(())
    }

    async fn open(&self) -> Result<()> {
        let opened = self.inner.dedicated_connection().await?;
        let _ = self.inner.add(opened);
        Ok(())
    }

    /// Returns when the database is up as far as is known; looks for it, or waits for who looks, when it is not.
    async fn wait_until_up(&self) -> Result<()> {
        if self.health.down().is_none() {
            return Ok(());
        }
        let asked_at = Instant::now();
        let _turn = tokio::select! {
            biased;
            turn = self.health.turn() => turn,
            error = self.stop() => return Err(error),
        };
        match self.health.down() {
            None => Ok(()),
            Some(Down { given_up_at: Some(at), reason, .. }) if at > asked_at => {
                Err(Error::new(Kind::DatabaseUnavailable, reason).given_up())
            }
            Some(down) => self.look_until_up(&down).await,
        }
    }

    async fn look_until_up(&self, down: &Down) -> Result<()> {
        let mut pauses = self.patience.as_ref().map(|patience| patience.policy.probes());
        loop {
            let error = match self.open().await {
                Ok(()) => {
                    let away = self.health.rose();
                    // One lost session of a server that runs is no news: its batch says so.
                    if away > Duration::from_secs(1) {
                        tracing::info!(away_ms = away.as_millis() as u64, "the database takes writes; going on");
                    }
                    return Ok(());
                }
                Err(error) => error,
            };
            if !matches!(error.kind(), Kind::DatabaseUnavailable | Kind::DatabaseBusy) {
                return Err(error.given_up());
            }
            let (Some(patience), Some(pause)) = (&self.patience, pauses.as_mut().and_then(Iterator::next)) else {
                return Err(error);
            };
            if patience.shutdown.is_requested() {
                return Err(patience.shutdown.error());
            }
            let is_new = error.sqlstate().is_none() && !self.health.was_reached();
            let budget = patience.first_try.filter(|_| is_new).unwrap_or(patience.policy.budget);
            let left = budget.saturating_sub(down.since.elapsed());
            if patience.policy.max_retries == 0 || pause > left {
                return Err(self.give_up(down, error));
            }
            tracing::warn!(
                error = error.message(),
                sqlstate = error.sqlstate(),
                wait_ms = pause.as_millis() as u64,
                left_s = left.as_secs(),
                "the database is away; all work waits, nothing is lost; looking again"
            );
            self.pause(pause).await?;
        }
    }

    fn give_up(&self, down: &Down, error: Error) -> Error {
        let away = down.since.elapsed();
        let error = match away.as_secs() {
            0 => error,
            seconds => error.context(format!("the database stayed away for {seconds} s")),
        };
        self.health.gave_up(error.message());
        error.given_up()
    }

    async fn pause(&self, duration: Duration) -> Result<()> {
        match &self.patience {
            Some(patience) => patience.shutdown.pause(duration).await,
            None => {
                tokio::time::sleep(duration).await;
                Ok(())
            }
        }
    }

    /// The error with which a signal ends the waiting.
    async fn stop(&self) -> Error {
        match &self.patience {
            Some(patience) => {
                patience.shutdown.requested().await;
                patience.shutdown.error()
            }
            None => std::future::pending().await,
        }
    }
}
