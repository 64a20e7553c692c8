//! A connection and its transactions, with this crate's errors.

use std::pin::Pin;
use std::sync::{Arc, Once};
use std::time::Duration;

use futures_util::{FutureExt, TryStreamExt};
use tokio_postgres::{Client, Row};

use super::connect::Connected;
use super::copy::CopyIn;
use super::error::commit_failed;
use super::health::Health;
use super::param::Param;
use super::session::{Failure, Session};
use super::settings::alone;
use crate::error::{Error, Kind, Result};

/// One session. Once something failed that may leave it in doubt it is tainted and never goes back to the pool; the same
/// when a call on it is dropped before its answer came, which also cancels the statement on the server.
#[derive(Debug)]
pub struct Connection {
    client: Client,
    session: Arc<Session>,
}

impl Connection {
    pub(super) fn new(connected: Connected, health: Arc<Health>, generation: u64) -> Self {
        let session = Session::new(&connected, (health, generation));
        Self { client: connected.client, session }
    }

    /// Whether it is open and nothing on it is in doubt.
    pub(super) fn is_open(&self) -> bool {
        !self.client.is_closed() && !self.session.is_tainted()
    }

    /// The same, and no connection of its pool was lost since it was opened.
    pub(super) fn is_usable(&self) -> bool {
        self.is_open() && self.session.is_current()
    }

    /// Whether a pooler stands between: transactions may wait for a server connection, and a session is not one's own.
    pub(super) fn is_pooled(&self) -> bool {
        !self.session.has_settings()
    }

    /// Never goes back to the pool.
    pub(super) fn discard(&self) {
        self.session.taint();
    }

    /// Runs statements without parameters, in a transaction.
    ///
    /// # Errors
    /// As [`classify`](super::error::classify).
    pub async fn batch(&self, sql: &str) -> Result<()> {
        self.alone(self.client.batch_execute(sql)).await
    }

    /// All rows of a query, which is a transaction.
    ///
    /// # Errors
    /// As [`classify`](super::error::classify).
    pub async fn query(&self, sql: &str, params: &[&dyn Param]) -> Result<Vec<Row>> {
        let params = typed(params);
        self.alone(self.client.query_typed(sql, &params)).await
    }

    /// The one row of a query that always has one.
    ///
    /// # Errors
    /// As [`classify`](super::error::classify); `Internal` when there is no row.
    pub async fn query_one(&self, sql: &str, params: &[&dyn Param]) -> Result<Row> {
        one(self.query(sql, params).await?)
    }

    /// Runs a statement, which is a transaction, and returns how many rows it touched.
    ///
    /// # Errors
    /// As [`classify`](super::error::classify).
    pub async fn execute(&self, sql: &str, params: &[&dyn Param]) -> Result<u64> {
        let params = typed(params);
        self.alone(self.client.execute_typed(sql, &params)).await
    }

    /// Runs a statement that cannot stand in a transaction, VACUUM for one, and waits for locks no longer than `wait`; zero
    /// is as long as it takes. Behind a pooler, which keeps no session for one client, the role's settings count instead.
    ///
    /// # Errors
    /// As [`classify`](super::error::classify).
    pub async fn outside(&self, statement: &str, wait: Duration) -> Result<()> {
        if !self.session.has_settings() {
            // A short VACUUM inside a job needs no waiting to be bounded, and nobody need hear of it.
            if !wait.is_zero() {
                static SAID: Once = Once::new();
                SAID.call_once(|| {
                    tracing::warn!(
                        "behind a pooler the timeouts of the role count for VACUUM and REINDEX: name the server itself in \
                         --database-url"
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
        self.session.run(Box::pin(ended)).await
    }

    /// Asks the server to cancel the statement under way on this connection, whichever process runs it.
    pub fn cancel(&self) {
        self.session.cancel();
    }

    /// Begins a transaction, READ COMMITTED, with everything set that evo relies on (`sql/pg/session.sql`).
    ///
    /// # Errors
    /// As [`classify`](super::error::classify).
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

    /// Begins a transaction that stays open for as long as the connection does, and holds locks.
    pub(super) async fn hold(&self) -> Result<()> {
        let sql = format!("{}; set local idle_in_transaction_session_timeout = 0", self.session.prologue());
        self.session.run(self.client.batch_execute(&sql)).await
    }

    /// The one row of a query inside the transaction that [`Connection::hold`] began.
    pub(super) async fn held_query_one(&self, sql: &str, params: &[&dyn Param]) -> Result<Row> {
        let params = typed(params);
        one(self.session.run(self.client.query_typed(sql, &params)).await?)
    }

    /// Ends that transaction.
    pub(super) async fn let_go(&self) -> Result<()> {
        self.session.run(self.client.batch_execute("rollback")).await
    }

    /// Whether it answers. Closes the portal that a query left open, too.
    pub(super) async fn ping(&self) -> Result<()> {
        self.session.run(self.client.batch_execute("select")).await
    }

    async fn alone<T>(
        &self,
        statement: impl Future<Output = std::result::Result<T, tokio_postgres::Error>>,
    ) -> Result<T> {
        // On the heap: three futures of the driver in each of its callers' would be more than a thread's stack holds.
        self.session.run(Box::pin(alone(&self.client, self.session.prologue(), statement))).await
    }
}

/// A transaction; dropped without [`Transaction::commit`] it rolls back.
pub struct Transaction<'a> {
    client: &'a Client,
    session: Arc<Session>,
    is_open: bool,
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if self.is_open {
            // Sent when first polled; whoever uses the connection next comes behind it.
            let _ = self.client.batch_execute("ROLLBACK").now_or_never();
        }
    }
}

impl Transaction<'_> {
    /// Runs statements without parameters.
    ///
    /// # Errors
    /// As [`classify`](super::error::classify).
    pub async fn batch(&self, sql: &str) -> Result<()> {
        self.session.run(self.client.batch_execute(sql)).await
    }

    /// All rows of a query.
    ///
    /// # Errors
    /// As [`classify`](super::error::classify).
    pub async fn query(&self, sql: &str, params: &[&dyn Param]) -> Result<Vec<Row>> {
        let params = typed(params);
        self.session.run(self.client.query_typed(sql, &params)).await
    }

    /// The one row of a query that always has one.
    ///
    /// # Errors
    /// As [`classify`](super::error::classify); `Internal` when there is no row.
    pub async fn query_one(&self, sql: &str, params: &[&dyn Param]) -> Result<Row> {
        one(self.query(sql, params).await?)
    }

    /// Runs a statement and returns how many rows it touched.
    ///
    /// # Errors
    /// As [`classify`](super::error::classify).
    pub async fn execute(&self, sql: &str, params: &[&dyn Param]) -> Result<u64> {
        let params = typed(params);
        self.session.run(self.client.execute_typed(sql, &params)).await
    }

    /// The rows of a query one after the other, however many there are; the server waits while they are not taken.
    ///
    /// # Errors
    /// As [`classify`](super::error::classify).
    pub async fn rows(&self, sql: &str, params: &[&dyn Param]) -> Result<Rows> {
        let stream = self.session.run(self.client.query_typed_raw(sql, typed(params))).await?;
        Ok(Rows { stream: Box::pin(stream), session: Arc::clone(&self.session) })
    }

    /// Begins `copy … from stdin`.
    ///
    /// # Errors
    /// As [`classify`](super::error::classify).
    pub async fn copy_in(&self, sql: &str) -> Result<CopyIn> {
        let sink = self.session.run(self.client.copy_in(sql)).await?;
        Ok(CopyIn::new(sink, Arc::clone(&self.session)))
    }

    /// Commits. An error without an answer from the server, or with one that it gives while it goes down, is
    /// `CommitUnknown`: only the ledger knows.
    ///
    /// # Errors
    /// `CommitUnknown`, or as [`classify`](super::error::classify) when the server refused.
    pub async fn commit(mut self) -> Result<()> {
        self.is_open = false;
        let session = Arc::clone(&self.session);
        match session.answer(self.client.batch_execute("COMMIT")).await {
            Ok(()) => Ok(()),
            Err(Failure::Driver(e)) => {
                session.taint();
                let error = commit_failed(e);
                if error.kind() == Kind::CommitUnknown {
                    session.lost(&error);
                }
                Err(error)
            }
            Err(silent) => {
                let error = session.judge(silent);
                Err(Error::new(Kind::CommitUnknown, "no answer came to the commit").caused_by(error))
            }
        }
    }

    /// Rolls back now rather than at the next use of the connection.
    ///
    /// # Errors
    /// As [`classify`](super::error::classify).
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

/// What takes statements: a connection, or a transaction on one.
pub trait Ask {
    /// All rows of a query.
    ///
    /// # Errors
    /// As [`classify`](super::error::classify).
    fn query(&self, sql: &str, params: &[&dyn Param]) -> impl Future<Output = Result<Vec<Row>>> + Send;

    /// Runs a statement and returns how many rows it touched.
    ///
    /// # Errors
    /// As [`classify`](super::error::classify).
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

/// The rows of a query under way.
pub struct Rows {
    stream: Pin<Box<tokio_postgres::RowStream>>,
    session: Arc<Session>,
}

impl Rows {
    /// The next row.
    ///
    /// # Errors
    /// As [`classify`](super::error::classify).
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
