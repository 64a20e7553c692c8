//! The pool: bb8 over connections of our own.
//!
//! When a connection is lost the whole pool is discarded: after a failover every connection leads to a server
//! that takes no writes. A task that asks for a connection then waits as [`super::recovery`] describes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::connection::Connection;
use super::health::Backend;
use super::manager::{Manager, open};
use super::recovery::{Reconnect, Recovery};
use super::sqlstate::TOO_MANY_CONNECTIONS;
use super::suitable::Demand;
use crate::config::dsn::Dsn;
use crate::error::{Error, Kind, Result};
use crate::meter::{Timed, tally};

/// How long a caller waits for one of the pool's connections while all are in use.
const ALL_IN_USE: Duration = Duration::from_secs(60);

/// How long the server may take to end a session.
const ABANDONED_WAIT: Duration = Duration::from_secs(5);

/// How long to try to get a connection for a lock by closing idle ones.
const MAKE_ROOM: Duration = Duration::from_secs(3);

/// How long, and how often, to look for a connection that no work waits for.
const SPARE_POLL: Duration = Duration::from_millis(25);
const SPARE_POLLS: usize = 80;

/// Whether the server, the database or the role has as many connections as it may have.
fn is_limit(error: &Error) -> bool {
    error.sqlstate() == Some(TOO_MANY_CONNECTIONS)
}

/// Connections to one database, opened when first needed. Clones share them.
#[derive(Debug, Clone)]
pub struct Pool {
    inner: bb8::Pool<Manager>,
    dsn: Dsn,
    size: u32,
    /// Set once the server is known to give fewer connections.
    is_limited: Arc<AtomicBool>,
    /// Set once the server refused a connection that no work waited for.
    is_without_spare: Arc<AtomicBool>,
    recovery: Recovery,
}

/// A connection borrowed from a [`Pool`]; it returns there when dropped.
pub type Pooled<'a> = bb8::PooledConnection<'a, Manager>;

impl Pool {
    /// A pool of at most `size` connections whose names in pg_stat_activity begin with `application_name`.
    /// Takes any server that answers, a standby too, and reports immediately when none does. Connects nothing
    /// yet.
    pub fn new(dsn: Dsn, application_name: &str, size: usize) -> Self {
        Self::build(dsn, application_name, size, Demand::AnyServer, None)
    }

    /// A pool like that of [`Pool::new`], but only with servers that take writes. Waits for one as
    /// `reconnect` says; `None` does not wait.
    pub fn for_writing(dsn: Dsn, application_name: &str, size: usize, reconnect: Option<Reconnect>) -> Self {
        Self::build(dsn, application_name, size, Demand::Writable, reconnect)
    }

    fn build(dsn: Dsn, application_name: &str, size: usize, demand: Demand, reconnect: Option<Reconnect>) -> Self {
        let recovery = Recovery::new(reconnect);
        let size = u32::try_from(size.max(1)).unwrap_or(u32::MAX);
        let inner = bb8::Pool::builder()
            .max_size(size)
            .retry_connection(false)
            .test_on_check_out(false)
            .connection_timeout(ALL_IN_USE)
            .build_unchecked(Manager::new(dsn.clone(), application_name, demand, Arc::clone(&recovery.health)));
        Self { inner, dsn, size, is_limited: Arc::default(), is_without_spare: Arc::default(), recovery }
    }

    /// A connection, opened if none is idle. A pool for writing waits while the database is unavailable.
    ///
    /// # Errors
    /// See [`crate::pg`]; `DatabaseBusy` when all connections stay in use for a minute; `Stopped` when a stop
    /// is requested during the wait.
    pub async fn get(&self) -> Result<Pooled<'_>> {
        let began = Instant::now();
        let mut changes = self.recovery.changes();
        loop {
            self.recovery.until_up(|| self.open_one()).await?;
            changes.catch_up();
            let taken = tokio::select! {
                taken = self.take() => taken,
                // The database went down while this caller queued: bb8 would wait for a connection that
                // cannot be opened.
                () = changes.next() => continue,
            };
            match taken {
                Ok(connection) if connection.is_usable() => {
                    self.end_abandoned(&connection).await;
                    tally().time("", &[(Timed::Connection, began.elapsed())]);
                    self.note_use();
                    return Ok(connection);
                }
                // Of an older epoch, or closed while idle: dropping it here discards it.
                Ok(_) => {}
                Err(error) if error.kind() == Kind::DatabaseUnavailable && self.recovery.waits() => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// A connection for something that no work waits for: an idle one, or a new one. `None` when there is
    /// none within two seconds, or the database is unavailable.
    pub async fn spare(&self) -> Option<Pooled<'_>> {
        for _ in 0..SPARE_POLLS {
            if self.recovery.health.down().is_some() {
                return None;
            }
            let state = self.inner.state();
            let may_open = state.connections < self.size && !self.is_without_spare.load(Ordering::Relaxed);
            if state.idle_connections == 0 && may_open && self.open_one().await.is_err() {
                // Asked for again every few seconds, it would fill the server's log.
                self.is_without_spare.store(true, Ordering::Relaxed);
            }
            if self.inner.state().idle_connections > 0
                && let Ok(connection) = self.inner.get().await
                && connection.is_usable()
            {
                self.note_use();
                return Some(connection);
            }
            self.recovery.pause(SPARE_POLL).await.ok()?;
        }
        None
    }

    /// Notes in the process's tally how many connections there are.
    fn note_use(&self) {
        let state = self.inner.state();
        tally().pool(state.connections, state.connections.saturating_sub(state.idle_connections), self.size);
    }

    /// A connection in addition to the pool's, for a lock that is held for long. It waits for an unavailable
    /// database as the pool's do, and counts as lost when they do.
    ///
    /// # Errors
    /// As [`Pool::get`].
    pub(super) async fn dedicated(&self, application_name: &str) -> Result<Connection> {
        let began = Instant::now();
        loop {
            self.recovery.until_up(|| self.open_one()).await?;
            let error = match open(&self.dsn, application_name, Demand::Writable, &self.recovery.health).await {
                Ok(connection) => {
                    self.end_abandoned(&connection).await;
                    return Ok(connection);
                }
                Err(error) => error,
            };
            if is_limit(&error) && began.elapsed() < MAKE_ROOM && self.inner.state().connections > 0 {
                // Close an idle one to make room. The server may take a moment to notice.
                if self.inner.state().idle_connections > 0
                    && let Ok(idle) = self.inner.get().await
                {
                    idle.discard();
                }
                self.recovery.pause(Duration::from_millis(50)).await?;
            } else if error.kind() != Kind::DatabaseUnavailable || !self.recovery.waits() {
                return Err(error);
            }
        }
    }

    /// Repeats work that needs a connection, for as long as this pool's job waits for its database. A pool
    /// that does not wait runs it once.
    ///
    /// # Errors
    /// As [`retry`](crate::retry::retry).
    pub async fn retry<T>(&self, what: &str, attempt: impl AsyncFnMut() -> Result<T>) -> Result<T> {
        self.recovery.retry(what, attempt).await
    }

    /// Whether this pool's job was asked to stop.
    pub fn is_stopping(&self) -> bool {
        self.recovery.is_stopping()
    }

    /// Whether the server is known to give fewer connections than this job would use.
    pub fn is_tight(&self) -> bool {
        self.is_limited.load(Ordering::Relaxed)
    }

    /// Remembers that the server gives fewer connections. Returns whether that is news.
    pub(super) fn tighten(&self) -> bool {
        !self.is_limited.swap(true, Ordering::Relaxed)
    }

    /// How long a job waits for a lock that another session holds.
    pub fn lock_wait(&self) -> Duration {
        self.dsn.lock_wait
    }

    /// Marks a session as lost without the server's knowledge: it is ended before the next connection is
    /// used.
    pub(super) fn abandon(&self, backend: Backend) {
        self.recovery.health.abandon(backend);
    }

    /// Ends sessions that were lost without the server's knowledge: their locks would block the attempt that
    /// repeats their work.
    async fn end_abandoned(&self, connection: &Connection) {
        for backend in self.recovery.health.take_abandoned() {
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

    async fn take(&self) -> Result<Pooled<'_>> {
        let began = Instant::now();
        loop {
            // bb8 opens connections in the background and lets the caller wait for the whole timeout when
            // that fails. Opened here, the reason is known immediately. If others fill the pool meanwhile,
            // this connection is simply dropped.
            let state = self.inner.state();
            let opened = match state.idle_connections == 0 && state.connections < self.size {
                true => self.open_one().await,
                false => Ok(()),
            };
            let taken = match opened {
                Ok(()) => self.inner.get().await,
                Err(error) => Err(bb8::RunError::User(error)),
            };
            match taken {
                Ok(connection) => return Ok(connection),
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

    /// The server gives no more connections, so the ones this job has must do. Returns when one may be free.
    /// No task asks for a second connection while it has a transaction open, so one becomes free.
    async fn wait_for_one_of_ours(&self, began: Instant, error: Error) -> Result<()> {
        if self.tighten() {
            let open = self.inner.state().connections;
            let reason = error.message();
            tracing::warn!(open, wanted = self.size, reason, "continuing with fewer connections: it will take longer");
        }
        if began.elapsed() > self.dsn.lock_wait {
            return Err(error.given_up());
        }
        // After a second another one is asked for: some other client may have disconnected.
        for _ in 0..40 {
            self.recovery.pause(Duration::from_millis(25)).await?;
            if self.inner.state().idle_connections > 0 {
                break;
            }
        }
        Ok(())
    }

    /// Opens a connection and puts it into the pool.
    async fn open_one(&self) -> Result<()> {
        let opened = self.inner.dedicated_connection().await?;
        let _ = self.inner.add(opened);
        Ok(())
    }
}
