//! What a connection, its transactions and its COPYs share: whether it may go back to the pool, how long it may keep
//! silent, and how what it does is canceled.
//!
//! **Silence.** Keepalive finds a dead host and `tcp_user_timeout` a network that swallows packets, but neither sees a proxy
//! or a bouncer that keeps the connection open and forwards nothing. So after a while of silence a second connection, the
//! witness, asks the server what it is doing for the first one. A statement that runs, or waits for a lock or a disk, may
//! take hours. If the server is seen to do nothing, or to wait for its client, what is awaited will never come. What cannot
//! be seen counts as work.
//!
//! **Locks.** A statement that waits for a lock says after a few seconds for whom, and again from time to time. After as long
//! as the job waits for anything it is canceled, with the holder's name in the error.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio_postgres::types::Type;
use tokio_postgres::{CancelToken, NoTls, Row};

use super::connect::{Access, Connected, Ended, connect_for, guarded_tls};
use super::connect_error::unreachable;
use super::dial::Route;
use super::error::{classify, from_sqlstate};
use super::guard::{Guard, Refused, Watch};
use super::health::{Backend, Health};
use super::settings::{Found, alone, cannot_begin};
use crate::config::dsn::Dsn;
use crate::error::{Error, Kind, Result};

/// After this long somebody may want to know what is waited for.
const FIRST_LOOK: Duration = Duration::from_secs(5);
/// How often that is said again.
const SAY_AGAIN: Duration = Duration::from_secs(60);
/// A prepared transaction does not end by itself: there is no use in waiting for one that is not committed at once.
const PREPARED_WAIT: Duration = Duration::from_secs(20);
/// So many times the silence a statement may wait in a pooler's queue: PgBouncer ends its waiting after two minutes.
const QUEUE: u32 = 5;
/// Witnesses that may fail to connect in a row before the database counts as out of reach.
const MISSES: u32 = 2;
/// How long a cancel request may take.
const CANCEL_WAIT: Duration = Duration::from_secs(5);
const ADMIN_SHUTDOWN: &str = "57P01";

/// The shared state of one connection.
#[derive(Debug)]
pub(super) struct Session {
    dsn: Dsn,
    route: Route,
    is_encrypted: bool,
    application_name: String,
    cancel: Cancel,
    ended: Ended,
    tainted: AtomicBool,
    backend: Option<Backend>,
    prologue: Arc<str>,
    found: Found,
    has_settings: bool,
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
pub(super) enum Failure {
    /// The driver's or the server's error.
    Driver(tokio_postgres::Error),
    /// The server was silent, and a witness saw no reason.
    Silent(Duration),
    /// The statement waited for a lock for longer than this job waits for anything.
    Blocked { by: String, gid: Option<String>, waited: Duration },
}

impl Session {
    /// The session of a connection that belongs to a pool, and to this generation of it.
    pub(super) fn new(connected: &Connected, pool: (Arc<Health>, u64)) -> Arc<Self> {
        Arc::new(Self {
            dsn: connected.dsn.clone(),
            route: connected.route.clone(),
            is_encrypted: connected.is_encrypted,
            application_name: connected.application_name.clone(),
            cancel: Cancel(connected.client.cancel_token()),
            ended: Arc::clone(&connected.ended),
            tainted: AtomicBool::new(false),
            backend: connected.backend.clone(),
            prologue: Arc::clone(&connected.prologue),
            found: connected.found.clone(),
            has_settings: connected.has_settings,
            pool,
        })
    }

    /// Whether something was left in doubt on it.
    pub(super) fn is_tainted(&self) -> bool {
        self.tainted.load(Ordering::Relaxed)
    }

    /// What each of its transactions begins with.
    pub(super) fn prologue(&self) -> &str {
        &self.prologue
    }

    /// Whether the settings of a transaction hold outside of one too: not behind a pooler.
    pub(super) fn has_settings(&self) -> bool {
        self.has_settings
    }

    /// Whether no newer generation has begun.
    pub(super) fn is_current(&self) -> bool {
        self.pool.0.generation() == self.pool.1
    }

    pub(super) fn taint(&self) {
        self.tainted.store(true, Ordering::Relaxed);
    }

    pub(super) fn clear(&self) {
        self.tainted.store(false, Ordering::Relaxed);
    }

    /// Awaits an answer of the server.
    ///
    /// Dropped before it came, the statement is canceled on the server and the connection never used again.
    ///
    /// # Errors
    /// As [`classify`]; `DatabaseUnavailable` when the server is silent for no reason.
    pub(super) async fn run<T>(
        self: &Arc<Self>,
        answer: impl Future<Output = std::result::Result<T, tokio_postgres::Error>>,
    ) -> Result<T> {
        self.answer(answer).await.map_err(|failure| self.judge(failure))
    }

    /// The same with the failure as it came, for COMMIT and COPY. The caller judges it.
    pub(super) async fn answer<T>(
        self: &Arc<Self>,
        answer: impl Future<Output = std::result::Result<T, tokio_postgres::Error>>,
    ) -> std::result::Result<T, Failure> {
        let under_way = UnderWay(Some(Arc::clone(self)));
        let result = self.watch(std::pin::pin!(answer)).await;
        under_way.ended();
        result
    }

    async fn watch<T>(
        &self,
        mut answer: Pin<&mut impl Future<Output = std::result::Result<T, tokio_postgres::Error>>>,
    ) -> std::result::Result<T, Failure> {
        let silence = self.dsn.stall_timeout;
        let began = Instant::now();
        let (mut witness, mut misses) = (None, 0);
        let mut waiting = Waiting::default();
        let mut pause = silence.min(FIRST_LOOK);
        loop {
            if let Ok(result) = tokio::time::timeout(pause, &mut answer).await {
                return result.map_err(Failure::Driver);
            }
            let seen = self.ask(&mut witness).await;
            if let Some(failure) = waiting.judge(seen.as_ref(), &self.application_name, self.dsn.lock_wait) {
                self.taint();
                self.cancel();
                return Err(failure);
            }
            // While it waits for somebody it is looked at more often, so that the waiting ends in time.
            pause = if waiting.since.is_some() { silence.min(FIRST_LOOK) } else { silence };
            if began.elapsed() < silence {
                continue;
            }
            misses = if seen.is_none() { misses + 1 } else { 0 };
            // Behind a pooler a statement that waits for a server connection has no session yet.
            let may_queue = !self.has_settings && began.elapsed() < silence * QUEUE;
            let is_idle = seen.is_some_and(|seen| !seen.works && (seen.is_found || !may_queue));
            if is_idle || misses == MISSES {
                // The answer may have been on its way while the witness asked.
                return match tokio::time::timeout(silence.min(Duration::from_secs(1)), answer).await {
                    Ok(result) => result.map_err(Failure::Driver),
                    Err(_) => Err(Failure::Silent(silence)),
                };
            }
            tracing::debug!(session = self.application_name, "the server still works on a statement");
        }
    }

    /// What the server does for this session; `None` when it cannot be asked.
    async fn ask(&self, witness: &mut Option<Connected>) -> Option<Seen> {
        if witness.is_none() {
            match connect_for(&self.dsn, "evo:witness", Access::Any).await {
                Ok(connected) => *witness = Some(connected),
                Err(error) if error.kind() == Kind::DatabaseUnavailable => return None,
                // It answers, if only to refuse: nothing says that the statement does not go on.
                Err(_) => return Some(Seen { works: true, is_found: true, waits_for: None, gid: None }),
            }
        }
        let name: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 1] = [(&self.application_name, Type::TEXT)];
        let connected = witness.as_ref()?;
        let asked = connected.client.query_typed(sql_file!("pg/is_working.sql"), &name);
        // As the role that signed in: what a session does is hidden from a role that was set later.
        let prologue = format!("{}; set local role none", connected.prologue);
        let asked = alone(&connected.client, &prologue, asked);
        let rows: std::result::Result<Vec<Row>, _> = tokio::time::timeout(self.dsn.stall_timeout, asked).await.ok()?;
        match rows {
            Ok(rows) => rows.first().map(|row| Seen {
                works: row.get(0),
                is_found: row.get(3),
                waits_for: row.get(1),
                gid: row.get(2),
            }),
            Err(_) => {
                *witness = None;
                None
            }
        }
    }

    /// Judges a failure, taints the session where it is in doubt, and tells the pool when the server is gone.
    pub(super) fn judge(&self, failure: Failure) -> Error {
        let error = match failure {
            Failure::Silent(silence) => Error::new(
                Kind::DatabaseUnavailable,
                format!(
                    "the database kept silent for {silence:?} although it works on nothing: the connection is given up"
                ),
            ),
            Failure::Blocked { by, gid, waited } => {
                return Error::new(
                    Kind::DatabaseBusy,
                    format!("waited {} s for a lock that is held by {by}", waited.as_secs()),
                )
                .hint(match gid {
                    Some(gid) => format!("nobody but its owner or a superuser can end it: rollback prepared {gid}; or commit prepared {gid}"),
                    None => "end that transaction, with pg_terminate_backend(pid) if need be, then run the same command again".to_owned(),
                })
                .given_up();
            }
            Failure::Driver(e) => {
                if e.code().is_none() {
                    self.taint();
                }
                match self.ended.get() {
                    // The driver says only "connection closed"; the server's last words came to the connection's task.
                    Some((code, message)) if e.is_closed() => from_sqlstate(code, message.clone()).caused_by(e),
                    _ => cannot_begin(e, &self.found),
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

    /// This session is gone, and with it, but for a terminated one, the generation that it belongs to.
    pub(super) fn lost(&self, error: &Error) {
        self.taint();
        let (health, generation) = &self.pool;
        if error.sqlstate() != Some(ADMIN_SHUTDOWN) {
            health.fell(*generation, error.message());
        }
        if let Some(backend) = self.backend.clone().filter(|_| error.sqlstate().is_none()) {
            health.abandon(backend);
        }
    }

    /// Asks the server to cancel what this session does, in the background: the server would go on with it alone.
    pub(super) fn cancel(&self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (token, dsn) = (self.cancel.0.clone(), self.dsn.clone());
        let (route, is_encrypted) = (self.route.clone(), self.is_encrypted);
        runtime.spawn(async move {
            let canceled = async {
                let watch = Watch::new(None, false, Refused::default());
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

/// What a witness saw.
struct Seen {
    works: bool,
    /// Whether there is a session of its name at all.
    is_found: bool,
    /// Who holds what it waits for.
    waits_for: Option<String>,
    /// A prepared transaction among them, as SQL writes its name.
    gid: Option<String>,
}

/// Since when a statement has been waiting for a lock, and what was said of it.
#[derive(Default)]
struct Waiting {
    since: Option<Instant>,
    said: Option<Instant>,
}

impl Waiting {
    /// Says for whom a statement waits, again from time to time; a failure when it has waited for long enough.
    fn judge(&mut self, seen: Option<&Seen>, session: &str, limit: Duration) -> Option<Failure> {
        let Some((by, gid)) = seen.and_then(|seen| Some((seen.waits_for.as_ref()?, &seen.gid))) else {
            *self = Self::default();
            return None;
        };
        let waited = self.since.get_or_insert_with(Instant::now).elapsed();
        let limit = if gid.is_some() { limit.min(PREPARED_WAIT) } else { limit };
        if waited >= limit {
            return Some(Failure::Blocked { by: by.clone(), gid: gid.clone(), waited });
        }
        if self.said.is_none_or(|said| said.elapsed() >= SAY_AGAIN) {
            self.said = Some(Instant::now());
            let left_s = (limit - waited).as_secs();
            tracing::warn!(session, held_by = by, left_s, "waiting for a lock");
        }
        None
    }
}

/// A statement whose answer has not come. Dropped like that, it is canceled and its session is not used again.
struct UnderWay(Option<Arc<Session>>);

impl UnderWay {
    fn ended(mut self) {
        self.0 = None;
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if let Some(session) = self.0.take() {
            session.taint();
            session.cancel();
        }
    }
}
