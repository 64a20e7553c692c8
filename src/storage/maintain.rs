//! VACUUM and REINDEX, one table or index at a time.

use std::time::{Duration, Instant};

use super::analyze::{Index, Report, Table};
use crate::error::{Error, Result};
use crate::pg::Connection;

/// How long a step waits for its lock before it is left for another time: behind a waiting step every later one waits.
const LOCK_TIMEOUT: &str = "5s";

/// One step: a table vacuumed or an index rebuilt.
#[derive(Debug)]
pub struct Step {
    /// Table or index.
    pub name: String,
    /// Size before.
    pub before_bytes: u64,
    /// Size afterwards.
    pub after_bytes: u64,
    /// How long it took.
    pub elapsed: Duration,
    /// Why it was not done, if it was not.
    pub failure: Option<Error>,
}

/// VACUUM (ANALYZE) of every leaf table; a failed one does not stop the others.
///
/// # Errors
/// When the session cannot be prepared.
pub async fn vacuum(connection: &Connection, tables: &[Table]) -> Result<Vec<Step>> {
    prepare(connection).await?;
    let mut steps = Vec::new();
    for table in tables {
        let sql = format!("vacuum (analyze) {}", table.name);
        steps.push(step(connection, &table.name, &sql, "pg_total_relation_size").await);
    }
    // Statistics of partitioned parents: autovacuum never gathers them.
    let mut parents: Vec<&str> = tables.iter().filter(|t| t.parent != t.name).map(|t| t.parent.as_str()).collect();
    parents.dedup();
    for parent in parents {
        if let Err(failure) = connection.batch(&format!("analyze {parent}")).await {
            steps.push(Step {
                name: parent.to_owned(),
                before_bytes: 0,
                after_bytes: 0,
                elapsed: Duration::ZERO,
                failure: Some(failure),
            });
        }
    }
    Ok(steps)
}

/// Drops what canceled REINDEX CONCURRENTLYs left behind; returns the names.
///
/// # Errors
/// Of the server.
pub async fn drop_leftovers(connection: &Connection, report: &Report) -> Result<Vec<String>> {
    prepare(connection).await?;
    let mut dropped = Vec::new();
    for index in report.indexes.iter().filter(|i| i.is_leftover) {
        connection.batch(&format!("drop index concurrently {}", index.name)).await?;
        dropped.push(index.name.clone());
    }
    Ok(dropped)
}

/// REINDEX INDEX CONCURRENTLY of every index; a failed one does not stop the others.
///
/// # Errors
/// When the session cannot be prepared.
pub async fn reindex(connection: &Connection, indexes: &[&Index]) -> Result<Vec<Step>> {
    prepare(connection).await?;
    let mut steps = Vec::new();
    for index in indexes {
        let sql = format!("reindex index concurrently {}", index.name);
        steps.push(step(connection, &index.name, &sql, "pg_relation_size").await);
    }
    Ok(steps)
}

async fn prepare(connection: &Connection) -> Result<()> {
    connection.batch(&format!("set lock_timeout = '{LOCK_TIMEOUT}'; set statement_timeout = 0")).await
}

async fn step(connection: &Connection, name: &str, sql: &str, size: &str) -> Step {
    let bytes = async || {
        let row = connection.query_one(&format!("select {size}($1::text::regclass)"), &[&name]).await?;
        Ok::<u64, Error>(row.get::<_, i64>(0).unsigned_abs())
    };
    let started = Instant::now();
    let done = async {
        let before = bytes().await?;
        connection.batch(sql).await?;
        Ok::<(u64, u64), Error>((before, bytes().await?))
    };
    let (before_bytes, after_bytes, failure) = match done.await {
        Ok((before, after)) => (before, after, None),
        Err(error) => (0, 0, Some(error)),
    };
    Step { name: name.to_owned(), before_bytes, after_bytes, elapsed: started.elapsed(), failure }
}
