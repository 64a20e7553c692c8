//! A connection and its transactions, with this crate's errors.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::TryStreamExt;
use tokio_postgres::{Client, Row};

use super::connect::Connected;
use super::copy::CopyIn;
use super::error::{classify, commit_failed};
use super::param::Param;
use crate::error::{Error, Kind, Result};

/// One session. Once something failed that may leave it in doubt it is tainted and never goes back to the pool.
#[derive(Debug)]
pub struct Connection {
    client: Client,
    tainted: Arc<AtomicBool>,
}

impl Connection {
    pub(super) fn new(connected: Connected) -> Self {
        Self { client: connected.client, tainted: Arc::default() }
    }

    pub(super) fn is_usable(&self) -> bool {
        !self.client.is_closed() && !self.tainted.load(Ordering::Relaxed)
    }

    /// Runs statements without parameters, each in a transaction of its own where the text says no other.
    ///
    /// # Errors
    /// As [`classify`].
    pub async fn batch(&self, sql: &str) -> Result<()> {
        self.client.batch_execute(sql).await.map_err(|e| self.fail(e))
    }

    /// All rows of a query.
    ///
    /// # Errors
    /// As [`classify`].
    pub async fn query(&self, sql: &str, params: &[&dyn Param]) -> Result<Vec<Row>> {
        self.client.query_typed(sql, &typed(params)).await.map_err(|e| self.fail(e))
    }

    /// The one row of a query that always has one.
    ///
    /// # Errors
    /// As [`classify`]; `Internal` when there is no row.
    pub async fn query_one(&self, sql: &str, params: &[&dyn Param]) -> Result<Row> {
        one(self.query(sql, params).await?)
    }

    /// Runs a statement and returns how many rows it touched.
    ///
    /// # Errors
    /// As [`classify`].
    pub async fn execute(&self, sql: &str, params: &[&dyn Param]) -> Result<u64> {
        self.client.execute_typed(sql, &typed(params)).await.map_err(|e| self.fail(e))
    }

    /// Begins a transaction, READ COMMITTED.
    ///
    /// # Errors
    /// As [`classify`].
    pub async fn begin(&mut self) -> Result<Transaction<'_>> {
        let tainted = Arc::clone(&self.tainted);
        match self.client.transaction().await {
            Ok(inner) => Ok(Transaction { inner, tainted }),
            Err(e) => {
                tainted.store(true, Ordering::Relaxed);
                Err(classify(e))
            }
        }
    }

    fn fail(&self, e: tokio_postgres::Error) -> Error {
        if e.code().is_none() {
            self.tainted.store(true, Ordering::Relaxed);
        }
        classify(e)
    }
}

/// A transaction; dropped without [`Transaction::commit`] it rolls back.
pub struct Transaction<'a> {
    inner: tokio_postgres::Transaction<'a>,
    tainted: Arc<AtomicBool>,
}

impl Transaction<'_> {
    /// Runs statements without parameters.
    ///
    /// # Errors
    /// As [`classify`].
    pub async fn batch(&self, sql: &str) -> Result<()> {
        self.inner.batch_execute(sql).await.map_err(|e| self.fail(e))
    }

    /// All rows of a query.
    ///
    /// # Errors
    /// As [`classify`].
    pub async fn query(&self, sql: &str, params: &[&dyn Param]) -> Result<Vec<Row>> {
        self.inner.query_typed(sql, &typed(params)).await.map_err(|e| self.fail(e))
    }

    /// The one row of a query that always has one.
    ///
    /// # Errors
    /// As [`classify`]; `Internal` when there is no row.
    pub async fn query_one(&self, sql: &str, params: &[&dyn Param]) -> Result<Row> {
        one(self.query(sql, params).await?)
    }

    /// Runs a statement and returns how many rows it touched.
    ///
    /// # Errors
    /// As [`classify`].
    pub async fn execute(&self, sql: &str, params: &[&dyn Param]) -> Result<u64> {
        self.inner.execute_typed(sql, &typed(params)).await.map_err(|e| self.fail(e))
    }

    /// The rows of a query one after the other, however many there are; the server waits while they are not taken.
    ///
    /// # Errors
    /// As [`classify`].
    pub async fn rows(&self, sql: &str, params: &[&dyn Param]) -> Result<Rows> {
        let stream = self.inner.query_typed_raw(sql, typed(params)).await.map_err(|e| self.fail(e))?;
        Ok(Rows { stream: Box::pin(stream), tainted: Arc::clone(&self.tainted) })
    }

    /// Begins `copy … from stdin`.
    ///
    /// # Errors
    /// As [`classify`].
    pub async fn copy_in(&self, sql: &str) -> Result<CopyIn> {
        let sink = self.inner.copy_in(sql).await.map_err(|e| self.fail(e))?;
        Ok(CopyIn::new(sink, Arc::clone(&self.tainted)))
    }

    /// Commits. An error without an answer from the server is `CommitUnknown`: only the ledger knows.
    ///
    /// # Errors
    /// `CommitUnknown`, or as [`classify`] when the server refused.
    pub async fn commit(self) -> Result<()> {
        let tainted = self.tainted;
        self.inner.commit().await.map_err(|e| {
            tainted.store(true, Ordering::Relaxed);
            commit_failed(e)
        })
    }

    /// Rolls back now rather than at the next use of the connection.
    ///
    /// # Errors
    /// As [`classify`].
    pub async fn rollback(self) -> Result<()> {
        let tainted = self.tainted;
        self.inner.rollback().await.map_err(|e| {
            tainted.store(true, Ordering::Relaxed);
            classify(e)
        })
    }

    fn fail(&self, e: tokio_postgres::Error) -> Error {
        if e.code().is_none() {
            self.tainted.store(true, Ordering::Relaxed);
        }
        classify(e)
    }
}

/// The rows of a query under way.
pub struct Rows {
    stream: Pin<Box<tokio_postgres::RowStream>>,
    tainted: Arc<AtomicBool>,
}

impl Rows {
    /// The next row.
    ///
    /// # Errors
    /// As [`classify`].
    pub async fn next(&mut self) -> Result<Option<Row>> {
        self.stream.try_next().await.map_err(|e| {
            if e.code().is_none() {
                self.tainted.store(true, Ordering::Relaxed);
            }
            classify(e)
        })
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
