//! The state that a connection shares with its transactions and COPYs: whether it may go back to the pool,
//! how long the server may be silent, and how to cancel its statement.
//!
//! **Silence.** Keepalive finds a dead host and `tcp_user_timeout` a network that drops packets, but neither
//! sees a proxy or pooler that keeps the connection open and forwards nothing. So after a while of silence a
//! second connection, the witness, asks the server what it is doing for the first one. A statement that runs,
//! or waits for a lock or a disk, may take hours. If the server is seen to do nothing, or to wait for its
//! client, the answer will never come. What cannot be seen counts as work.
//!
//! **Locks.** A statement that waits for a lock logs after a few seconds who holds it, and again from time to
//! time. When it has waited as long as the job waits for anything it is canceled, with the holder's name in
//! the error. A statement with a shorter `lock_timeout` fails with the holder's name, too.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio_postgres::{CancelToken, NoTls};

use super::connect_error::unreachable;
use super::dial::Route;
use super::error::classify;
use super::guard::{Forbidden, Guard, Watch};
use super::health::{Backend, Health};
use super::holders::Holders;
use super::open::{Connected, LastWords, guarded_tls};
use super::server_error::from_sqlstate;
use super::settings::{Inherited, cannot_begin};
use super::sqlstate::{ADMIN_SHUTDOWN, LOCK_NOT_AVAILABLE};
use super::witness::{Blocked, LockWait, StillWorking, Witness};
use crate::config::dsn::Dsn;
use crate::error::{Error, Kind, Result};

/// When the witness asks for the first time, so that a lock that is waited for is logged soon.
const FIRST_QUESTION: Duration = Duration::from_secs(5);
/// When it asks first where a statement has a very short limit for locks.
const SOONEST_QUESTION: Duration = Duration::from_millis(100);
/// How many times the stall timeout a statement may wait in a pooler's queue: PgBouncer ends its waiting
/// after two minutes.
const QUEUE: u32 = 5;
/// Witnesses that may fail to connect in a row before the database counts as out of reach.
const MISSES: u32 = 2;
/// How long a cancel request may take.
const CANCEL_WAIT: Duration = Duration::from_secs(5);

/// The shared state of one connection.
#[derive(Debug)]
pub(super) struct Session {
    dsn: Dsn,
    route: Route,
    is_encrypted: bool,
    application_name: String,
    cancel: Cancel,
    last_words: LastWords,
    tainted: AtomicBool,
    backend: Option<Backend>,
    prologue: Arc<str>,
    inherited: Inherited,
    has_settings: bool,
    /// The pool's health, and the epoch that the connection belongs to.
    pool: (Arc<Health>, u64),
}

/// `CancelToken` without its secret in debug output.
struct Cancel(CancelToken);

impl std::fmt::Debug for Cancel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cancel")
    }
}

/// Why an answer did not come.
pub(super) enum NoAnswer {
    /// The driver or the server reported an error.
    Driver(tokio_postgres::Error),
    /// The server was silent for this long, and the witness saw no reason.
    Silent(Duration),
    /// The statement waited for a lock for longer than this job waits for anything.
    Blocked(Blocked),
    /// The server ended the statement because its lock was not granted in time. These had it.
    LockTimeout(tokio_postgres::Error, Holders),
}

impl Session {
    /// The session of a connection that belongs to a pool, and to this epoch of it.
    pub(super) fn new(connected: &Connected, pool: (Arc<Health>, u64)) -> Arc<Self> {
        Arc::new(Self {
            dsn: connected.dsn.clone(),
            route: connected.route.clone(),
            is_encrypted: connected.is_encrypted,
            application_name: connected.application_name.clone(),
            cancel: Cancel(connected.client.cancel_token()),
            last_words: Arc::clone(&connected.last_words),
            tainted: AtomicBool::new(false),
            backend: connected.backend.clone(),
            prologue: Arc::clone(&connected.prologue),
            inherited: connected.inherited.clone(),
            has_settings: connected.has_settings,
            pool,
        })
    }

    /// Whether the state of the connection is in doubt, so that it must not be used again.
    pub(super) fn is_tainted(&self) -> bool {
        self.tainted.load(Ordering::Relaxed)
    }

    /// The statements that begin each of its transactions.
    pub(super) fn prologue(&self) -> &str {
        &self.prologue
    }

    /// Whether evo's settings hold outside of transactions too: not behind a pooler.
    pub(super) fn has_settings(&self) -> bool {
        self.has_settings
    }

    /// Whether it belongs to the current epoch of its pool.
    pub(super) fn is_current(&self) -> bool {
        self.pool.0.epoch() == self.pool.1
    }

    pub(super) fn taint(&self) {
        self.tainted.store(true, Ordering::Relaxed);
    }

    pub(super) fn clear(&self) {
        self.tainted.store(false, Ordering::Relaxed);
    }

    /// Waits for an answer of the server. If the future is dropped before it came, the statement is canceled
    /// on the server and the connection never used again.
    ///
    /// # Errors
    /// See [`crate::pg`].
    pub(super) async fn run<T>(
        self: &Arc<Self>,
        answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T> {
        self.answer(answer).await.map_err(|failure| self.understand(failure))
    }

    /// As [`Session::run`], for a statement that waits for a lock no longer than `limit`: the server is asked
    /// who holds it while there is time.
    ///
    /// # Errors
    /// See [`crate::pg`].
    pub(super) async fn run_within<T>(
        self: &Arc<Self>,
        limit: Duration,
        answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T> {
        self.observed(answer, Some(limit)).await.map_err(|failure| self.understand(failure))
    }

    /// As [`Session::run`], but returns the failure as it came, for COMMIT and COPY. The caller passes it to
    /// [`Session::understand`].
    pub(super) async fn answer<T>(
        self: &Arc<Self>,
        answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, NoAnswer> {
        self.observed(answer, None).await
    }

    async fn observed<T>(
        self: &Arc<Self>,
        answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
        limit: Option<Duration>,
    ) -> Result<T, NoAnswer> {
        let in_flight = InFlight(Some(Arc::clone(self)));
        let result = self.watch(std::pin::pin!(answer), limit).await;
        in_flight.answered();
        result
    }

    async fn watch<T>(
        &self,
        mut answer: Pin<&mut impl Future<Output = Result<T, tokio_postgres::Error>>>,
        limit: Option<Duration>,
    ) -> Result<T, NoAnswer> {
        let stall_timeout = self.dsn.stall_timeout;
        // Twice at least before a lock's time is over.
        let often = limit.map_or(FIRST_QUESTION, |limit| (limit / 2).clamp(SOONEST_QUESTION, FIRST_QUESTION));
        let often = stall_timeout.min(often);
        let began = Instant::now();
        let (mut witness, mut misses) = (Witness::default(), 0);
        let (mut lock_wait, mut still_working) = (LockWait::default(), StillWorking::after(stall_timeout));
        let mut pause = often;
        loop {
            if let Ok(result) = tokio::time::timeout(pause, &mut answer).await {
                return result.map_err(|e| failed(e, lock_wait));
            }
            // Behind a pooler the process changes from transaction to transaction.
            let pid = self.backend.as_ref().filter(|_| self.has_settings).map(|backend| backend.pid);
            let seen = witness.ask(&self.dsn, &self.application_name, pid).await;
            if let Some(blocked) = lock_wait.update(seen.as_ref(), &self.application_name, self.dsn.lock_wait) {
                self.taint();
                self.cancel();
                return Err(NoAnswer::Blocked(blocked));
            }
            // While it waits for a lock the witness asks more often, so that the wait ends in time.
            pause = if limit.is_some() || lock_wait.is_waiting() { often } else { stall_timeout };
            if began.elapsed() < stall_timeout {
                continue;
            }
            still_working.update(seen.as_ref(), &self.application_name, began.elapsed());
            misses = if seen.is_none() { misses + 1 } else { 0 };
            // Behind a pooler a statement that waits for a server connection has no session yet.
            let may_queue = !self.has_settings && began.elapsed() < stall_timeout * QUEUE;
            let is_idle = seen.is_some_and(|seen| !seen.works && (seen.is_found || !may_queue));
            if is_idle || misses == MISSES {
                // The answer may have been on its way while the witness asked.
                return match tokio::time::timeout(stall_timeout.min(Duration::from_secs(1)), answer).await {
                    Ok(result) => result.map_err(NoAnswer::Driver),
                    Err(_) => Err(NoAnswer::Silent(stall_timeout)),
                };
            }
        }
    }

    /// Turns a failure into an error. Taints the session if its state is in doubt, and reports a lost server
    /// to the pool.
    pub(super) fn understand(&self, failure: NoAnswer) -> Error {
        let error = match failure {
            NoAnswer::Silent(silence) => Error::new(
                Kind::DatabaseUnavailable,
                format!("the database was silent for {silence:?} and is not working for this session"),
            ),
            NoAnswer::Blocked(blocked) => return too_long_blocked(blocked),
            NoAnswer::LockTimeout(e, holders) => return not_granted(e, &holders),
            NoAnswer::Driver(e) => {
                if e.code().is_none() {
                    self.taint();
                }
                match self.last_words.get() {
                    // The driver says only "connection closed"; the server's last words came to the
                    // connection's task.
                    Some((code, message)) if e.is_closed() => from_sqlstate(code, message.clone()).caused_by(e),
                    _ => cannot_begin(classify(e), &self.inherited),
                }
            }
        };
        match error.kind() {
            Kind::DatabaseUnavailable => self.lost(&error),
            // A session keeps the memory of its temporary tables until it ends: the next attempt needs it.
            Kind::OutOfMemory => self.taint(),
            _ => {}
        }
        error
    }

    /// Records that this session is lost. Its whole epoch is over, unless only this session was terminated.
    pub(super) fn lost(&self, error: &Error) {
        self.taint();
        let (health, epoch) = &self.pool;
        if error.sqlstate() != Some(ADMIN_SHUTDOWN) {
            health.fell(*epoch, error.message());
        }
        if let Some(backend) = self.backend.clone().filter(|_| error.sqlstate().is_none()) {
            health.abandon(backend);
        }
    }

    /// Asks the server, in the background, to cancel the statement in progress, whose result nobody needs any
    /// more.
    pub(super) fn cancel(&self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (token, dsn) = (self.cancel.0.clone(), self.dsn.clone());
        let (route, is_encrypted) = (self.route.clone(), self.is_encrypted);
        runtime.spawn(async move {
            let canceled = async {
                let watch = Watch::new(None, false, Forbidden::default());
                let wire = route.dial(&dsn.keepalive).await.map_err(|e| unreachable(&dsn, &e.to_string()))?;
                let wire = Guard::new(wire, watch.clone());
                match is_encrypted {
                    true => token.cancel_query_raw(wire, guarded_tls(&dsn, &route.server, watch)?).await,
                    false => token.cancel_query_raw(wire, NoTls).await,
                }
                .map_err(classify)
            };
            if let Ok(Err(error)) = tokio::time::timeout(CANCEL_WAIT, canceled).await {
                tracing::debug!(error = error.message(), "a statement could not be canceled on the server");
            }
        });
    }
}

fn too_long_blocked(Blocked { holders, waited }: Blocked) -> Error {
    let message = format!("waited {} s for a lock that is held by {}", waited.as_secs(), holders.by);
    Error::new(Kind::DatabaseBusy, message).hint(holders.remedy()).given_up()
}

/// The failure of a statement, with who had the lock that it did not get.
fn failed(e: tokio_postgres::Error, lock_wait: LockWait) -> NoAnswer {
    let is_lock_timeout = e.code().is_some_and(|code| code.code() == LOCK_NOT_AVAILABLE);
    match lock_wait.into_holders().filter(|_| is_lock_timeout) {
        Some(holders) => NoAnswer::LockTimeout(e, holders),
        None => NoAnswer::Driver(e),
    }
}

fn not_granted(e: tokio_postgres::Error, holders: &Holders) -> Error {
    let message = format!("a lock was not granted in time: it is held by {}", holders.by);
    from_sqlstate(LOCK_NOT_AVAILABLE, message).hint(holders.remedy()).caused_by(e)
}

/// A statement whose answer has not come yet. If it is dropped in that state the statement is canceled and
/// its session is not used again.
struct InFlight(Option<Arc<Session>>);

impl InFlight {
    fn answered(mut self) {
        self.0 = None;
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if let Some(session) = self.0.take() {
            session.taint();
            session.cancel();
        }
    }
}
