//! A connection and its transactions, with this crate's errors.

use std::pin::Pin;
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

use futures_util::{FutureExt, TryStreamExt};
use tokio_postgres::{Client, Row};

use super::copy::CopyIn;
use super::error::commit_failed;
use super::health::Health;
use super::open::Connected;
use super::param::Param;
use super::session::{NoAnswer, Session};
use super::settings::alone;
use crate::error::{Error, Kind, Result};
use crate::meter::{Timed, tally};

/// One session with the server.
///
/// After a failure that may leave its state in doubt it is tainted and never goes back to the pool. The same
/// holds when a call is dropped before its answer came; that also cancels the statement on the server.
#[derive(Debug)]
pub struct Connection {
    client: Client,
    session: Arc<Session>,
}

impl Connection {
    pub(super) fn new(connected: Connected, health: Arc<Health>, epoch: u64) -> Self {
        let session = Session::new(&connected, (health, epoch));
        Self { client: connected.client, session }
    }

    /// Whether it is open and its state is not in doubt.
    pub(super) fn is_open(&self) -> bool {
        !self.client.is_closed() && !self.session.is_tainted()
    }

    /// Whether it is open, not in doubt, and no connection of its pool was lost since it was opened.
    pub(super) fn is_usable(&self) -> bool {
        self.is_open() && self.session.is_current()
    }

    /// Whether it goes through a pooler: transactions may wait for a server connection, and sessions are
    /// shared.
    pub fn is_pooled(&self) -> bool {
        !self.session.has_settings()
    }

    /// Keeps it from going back to the pool.
    pub(super) fn discard(&self) {
        self.session.taint();
    }

    /// Runs statements without parameters, in a transaction.
    ///
    /// # Errors
    /// See [`crate::pg`].
    pub async fn batch(&self, sql: &str) -> Result<()> {
        self.alone(self.client.batch_execute(sql)).await
    }

    /// All rows of a query, run in a transaction of its own.
    ///
    /// # Errors
    /// See [`crate::pg`].
    pub async fn query(&self, sql: &str, params: &[&dyn Param]) -> Result<Vec<Row>> {
        let params = typed(params);
        self.alone(self.client.query_typed(sql, &params)).await
    }

    /// The first row of a query that always has one.
    ///
    /// # Errors
    /// See [`crate::pg`]; `Internal` when there is no row.
    pub async fn query_one(&self, sql: &str, params: &[&dyn Param]) -> Result<Row> {
        one(self.query(sql, params).await?)
    }

    /// Runs a statement in a transaction of its own. Returns the number of rows affected.
    ///
    /// # Errors
    /// See [`crate::pg`].
    pub async fn execute(&self, sql: &str, params: &[&dyn Param]) -> Result<u64> {
        let params = typed(params);
        self.alone(self.client.execute_typed(sql, &params)).await
    }

    /// Runs a statement that cannot run in a transaction, such as VACUUM. It waits for locks no longer than
    /// `wait`, and then fails with SQLSTATE 55P03 and who holds the lock; zero waits as long as necessary.
    /// Behind a pooler, which keeps no session for one client, the role's settings apply instead.
    ///
    /// # Errors
    /// See [`crate::pg`].
    pub async fn outside(&self, statement: &str, wait: Duration) -> Result<()> {
        if !self.session.has_settings() {
            // A short VACUUM inside a job needs no limit, and so no warning.
            if !wait.is_zero() {
                static SAID: Once = Once::new();
                SAID.call_once(|| {
                    tracing::warn!(
                        "behind a pooler VACUUM and REINDEX run under the role's own timeouts: name the server \
                         itself in --database-url"
                    );
                });
            }
            return self.session.run(self.client.batch_execute(statement)).await;
        }
        let limit = format!("set lock_timeout = {}", wait.as_millis());
        let all = futures_util::future::join3(
            self.client.batch_execute(&limit),
            self.client.batch_execute(statement),
            self.client.batch_execute("reset lock_timeout"),
        );
        let ended = async {
            let (limited, done, restored) = all.await;
            limited.and(done).and(restored)
        };
        match wait.is_zero() {
            true => self.session.run(Box::pin(ended)).await,
            false => self.session.run_within(wait, Box::pin(ended)).await,
        }
    }

    /// Asks the server to cancel the statement in progress on this connection, whichever process runs it. The
    /// connection does not go back to the pool: the statement may end before the request arrives, which would
    /// then cancel the next one.
    pub fn cancel(&self) {
        self.session.taint();
        self.session.cancel();
    }

    /// Begins a READ COMMITTED transaction with the settings that evo relies on (`sql/pg/session.sql`).
    ///
    /// # Errors
    /// See [`crate::pg`].
    pub async fn begin(&mut self) -> Result<Transaction<'_>> {
        let session = Arc::clone(&self.session);
        let begun = session.run(Box::pin(self.client.batch_execute(session.prologue()))).await;
        match begun {
            Ok(()) => Ok(Transaction { client: &self.client, session, is_open: true }),
            Err(error) => {
                session.taint();
                Err(error)
            }
        }
    }

    /// Begins a transaction that stays open, and holds locks, as long as the connection.
    pub(super) async fn hold(&self) -> Result<()> {
        let sql = format!("{}; set local idle_in_transaction_session_timeout = 0", self.session.prologue());
        self.session.run(self.client.batch_execute(&sql)).await
    }

    /// The one row of a query inside the transaction that [`Connection::hold`] began.
    pub(super) async fn held_query_one(&self, sql: &str, params: &[&dyn Param]) -> Result<Row> {
        let params = typed(params);
        one(self.session.run(self.client.query_typed(sql, &params)).await?)
    }

    /// Ends the transaction that [`Connection::hold`] began, and releases its locks.
    pub(super) async fn let_go(&self) -> Result<()> {
        self.session.run(self.client.batch_execute("rollback")).await
    }

    /// Checks that it answers. Also closes the portal that a query left open.
    pub(super) async fn ping(&self) -> Result<()> {
        self.session.run(self.client.batch_execute("select")).await
    }

    async fn alone<T>(
        &self,
        statement: impl Future<Output = std::result::Result<T, tokio_postgres::Error>>,
    ) -> Result<T> {
        // On the heap: three futures of the driver inside each caller's would overflow a thread's stack.
        self.session.run(Box::pin(alone(&self.client, self.session.prologue(), statement))).await
    }
}

/// A transaction. If it is dropped without [`Transaction::commit`] it rolls back.
pub struct Transaction<'a> {
    client: &'a Client,
    session: Arc<Session>,
    is_open: bool,
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if self.is_open {
            // Sent when first polled, and so before anything that uses the connection next.
            let _ = self.client.batch_execute("ROLLBACK").now_or_never();
        }
    }
}

impl Transaction<'_> {
    /// Runs statements without parameters.
    ///
    /// # Errors
    /// See [`crate::pg`].
    pub async fn batch(&self, sql: &str) -> Result<()> {
        self.session.run(self.client.batch_execute(sql)).await
    }

    /// All rows of a query.
    ///
    /// # Errors
    /// See [`crate::pg`].
    pub async fn query(&self, sql: &str, params: &[&dyn Param]) -> Result<Vec<Row>> {
        let params = typed(params);
        self.session.run(self.client.query_typed(sql, &params)).await
    }

    /// The first row of a query that always has one.
    ///
    /// # Errors
    /// See [`crate::pg`]; `Internal` when there is no row.
    pub async fn query_one(&self, sql: &str, params: &[&dyn Param]) -> Result<Row> {
        one(self.query(sql, params).await?)
    }

    /// Runs a statement. Returns the number of rows affected.
    ///
    /// # Errors
    /// See [`crate::pg`].
    pub async fn execute(&self, sql: &str, params: &[&dyn Param]) -> Result<u64> {
        let params = typed(params);
        self.session.run(self.client.execute_typed(sql, &params)).await
    }

    /// The rows of a query as a stream, however many there are. The server waits while they are not read.
    ///
    /// # Errors
    /// See [`crate::pg`].
    pub async fn rows(&self, sql: &str, params: &[&dyn Param]) -> Result<RowStream> {
        let stream = self.session.run(self.client.query_typed_raw(sql, typed(params))).await?;
        Ok(RowStream { stream: Box::pin(stream), session: Arc::clone(&self.session) })
    }

    /// Begins `copy … from stdin`.
    ///
    /// # Errors
    /// See [`crate::pg`].
    pub async fn copy_in(&self, sql: &str) -> Result<CopyIn> {
        let sink = self.session.run(self.client.copy_in(sql)).await?;
        Ok(CopyIn::new(sink, Arc::clone(&self.session)))
    }

    /// Commits.
    ///
    /// # Errors
    /// `CommitUnknown` when the server did not answer, or answered while it shut down: only the ledger knows
    /// the outcome. See [`crate::pg`] for a commit that the server refused: nothing was committed.
    pub async fn commit(mut self) -> Result<()> {
        self.is_open = false;
        let session = Arc::clone(&self.session);
        let began = Instant::now();
        match session.answer(self.client.batch_execute("COMMIT")).await {
            Ok(()) => {
                tally().time("", &[(Timed::CommitReply, began.elapsed())]);
                Ok(())
            }
            Err(NoAnswer::Driver(e) | NoAnswer::LockTimeout(e, _)) => {
                session.taint();
                let error = commit_failed(e);
                if error.kind() == Kind::CommitUnknown {
                    session.lost(&error);
                }
                Err(error)
            }
            Err(silent) => {
                let error = session.understand(silent);
                Err(Error::new(Kind::CommitUnknown, "the commit was not answered").caused_by(error))
            }
        }
    }

    /// Rolls back now rather than at the next use of the connection.
    ///
    /// # Errors
    /// See [`crate::pg`].
    pub async fn rollback(mut self) -> Result<()> {
        self.is_open = false;
        let session = Arc::clone(&self.session);
        let rolled_back = session.run(self.client.batch_execute("ROLLBACK")).await;
        if rolled_back.is_err() {
            session.taint();
        }
        rolled_back
    }
}

/// Anything that runs statements: a connection, or a transaction on one.
pub trait Ask {
    /// All rows of a query.
    ///
    /// # Errors
    /// See [`crate::pg`].
    fn query(&self, sql: &str, params: &[&dyn Param]) -> impl Future<Output = Result<Vec<Row>>> + Send;

    /// Runs a statement. Returns the number of rows affected.
    ///
    /// # Errors
    /// See [`crate::pg`].
    fn execute(&self, sql: &str, params: &[&dyn Param]) -> impl Future<Output = Result<u64>> + Send;
}

impl Ask for Connection {
    async fn query(&self, sql: &str, params: &[&dyn Param]) -> Result<Vec<Row>> {
        Connection::query(self, sql, params).await
    }

    async fn execute(&self, sql: &str, params: &[&dyn Param]) -> Result<u64> {
        Connection::execute(self, sql, params).await
    }
}

impl Ask for Transaction<'_> {
    async fn query(&self, sql: &str, params: &[&dyn Param]) -> Result<Vec<Row>> {
        Transaction::query(self, sql, params).await
    }

    async fn execute(&self, sql: &str, params: &[&dyn Param]) -> Result<u64> {
        Transaction::execute(self, sql, params).await
    }
}

/// The rows of a query in progress.
pub struct RowStream {
    stream: Pin<Box<tokio_postgres::RowStream>>,
    session: Arc<Session>,
}

impl RowStream {
    /// The next row; `None` after the last one.
    ///
    /// # Errors
    /// See [`crate::pg`].
    pub async fn next(&mut self) -> Result<Option<Row>> {
        self.session.run(self.stream.try_next()).await
    }
}

fn typed<'a>(
    params: &[&'a dyn Param],
) -> Vec<(&'a (dyn tokio_postgres::types::ToSql + Sync), tokio_postgres::types::Type)> {
    params.iter().map(|p| (*p as &(dyn tokio_postgres::types::ToSql + Sync), p.sql_type())).collect()
}

fn one(rows: Vec<Row>) -> Result<Row> {
    rows.into_iter().next().ok_or_else(|| Error::new(Kind::Internal, "a query that always has a row returned none"))
}
