//! What a connection, its transactions and its COPYs share: whether it may go back to the pool, how long it may keep
//! silent, and how what it does is canceled.
//!
//! **Silence.** Keepalive finds a dead host and `tcp_user_timeout` a network that swallows packets, but neither sees a proxy
//! or a bouncer that keeps the connection open and forwards nothing. So after a while of silence a second connection, the
//! witness, asks the server what it is doing for the first one. A statement that runs, or waits for a lock or a disk, may
//! take hours. If the server does nothing, or waits for its client, what is awaited will never come.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

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
        let (mut witness, mut misses) = (None, 0);
        loop {
            if let Ok(result) = tokio::time::timeout(silence, &mut answer).await {
                return result.map_err(Failure::Driver);
            }
            let works = self.ask(&mut witness).await;
            misses = if works.is_none() { misses + 1 } else { 0 };
            if works == Some(false) || misses == MISSES {
                // The answer may have been on its way while the witness asked.
                return match tokio::time::timeout(silence.min(Duration::from_secs(1)), answer).await {
                    Ok(result) => result.map_err(Failure::Driver),
                    Err(_) => Err(Failure::Silent(silence)),
                };
            }
            tracing::debug!(session = self.application_name, "the server still works on a statement");
        }
    }

    /// Whether the server works on a statement of this session; `None` when it cannot be asked.
    async fn ask(&self, witness: &mut Option<Connected>) -> Option<bool> {
        if witness.is_none() {
            match connect_for(&self.dsn, "evo:witness", Access::Any).await {
                Ok(connected) => *witness = Some(connected),
                Err(error) if error.kind() == Kind::DatabaseUnavailable => return None,
                // It answers, if only to refuse: nothing says that the statement does not go on.
                Err(_) => return Some(true),
            }
        }
        let name: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 1] = [(&self.application_name, Type::TEXT)];
        let connected = witness.as_ref()?;
        let asked = connected.client.query_typed(sql_file!("pg/is_working.sql"), &name);
        let asked = alone(&connected.client, &connected.prologue, asked);
        let rows: std::result::Result<Vec<Row>, _> = tokio::time::timeout(self.dsn.stall_timeout, asked).await.ok()?;
        match rows {
            Ok(rows) => rows.first().map(|row| row.get(0)),
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
        if error.kind() == Kind::DatabaseUnavailable {
            self.lost(&error);
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
