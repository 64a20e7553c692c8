//! VACUUM and REINDEX, one table or index at a time.
//!
//! A step that fails is part of the result and does not stop the others. A step is repeated on a new connection when
//! the old one was lost: each of them may be repeated at any time.

use std::time::{Duration, Instant};

use super::analyze::{Index, Table};
use crate::error::{Error, Kind, Result};
use crate::pg::{Connection, EntityLock, Pool};
use crate::shutdown::Shutdown;

/// How long a VACUUM, ANALYZE or last clean-up waits for its lock: only another maintenance job holds it for longer.
const SHORT_WAIT: Duration = Duration::from_secs(5);
/// The patience of a rebuild is halved by each one that gave up, but not below this.
const LEAST_WAIT: Duration = Duration::from_secs(15);
/// What an interrupted job grants a statement that it has canceled.
const LAST_WAIT: Duration = Duration::from_secs(8);
/// SQLSTATE of a lock_timeout.
const LOCK_NOT_AVAILABLE: &str = "55P03";

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// DROP INDEX CONCURRENTLY of what a canceled rebuild left behind.
    Drop,
    /// REINDEX INDEX CONCURRENTLY.
    Reindex,
    /// VACUUM (ANALYZE).
    Vacuum,
    /// ANALYZE of a partitioned parent.
    Analyze,
}

/// How a step ended.
#[derive(Debug)]
pub enum End {
    /// It is done.
    Done,
    /// The table or index was dropped meanwhile, as by the swap of a full refresh.
    Gone,
    /// It is not done.
    Failed(Error),
}

/// One step: a table vacuumed, an index rebuilt or dropped.
#[derive(Debug)]
pub struct Step {
    /// What it does.
    pub action: Action,
    /// The table by which the table is known.
    pub parent: String,
    /// Table or index.
    pub name: String,
    /// Size before.
    pub before_bytes: u64,
    /// Size afterwards.
    pub after_bytes: u64,
    /// How long it took, waiting included.
    pub elapsed: Duration,
    /// How it ended.
    pub end: End,
}

/// What a step is about.
#[derive(Debug, Clone, Copy)]
struct Task<'a> {
    action: Action,
    parent: &'a str,
    name: &'a str,
}

/// Size before, size afterwards, and how it ended.
type Ended = (u64, u64, End);

/// The upkeep of one execution: what it works with, and the steps that it has taken.
pub struct Upkeep<'a> {
    pool: &'a Pool,
    lock: &'a EntityLock,
    shutdown: &'a Shutdown,
    /// How long the next rebuild waits for transactions that are older than itself.
    patience: Duration,
    report: &'a (dyn Fn(&Step) + Sync),
    steps: Vec<Step>,
}

impl<'a> Upkeep<'a> {
    /// Nothing done yet; `report` hears of each step. A rebuild waits up to `max_wait` for older transactions.
    pub fn new(
        pool: &'a Pool,
        lock: &'a EntityLock,
        shutdown: &'a Shutdown,
        max_wait: Duration,
        report: &'a (dyn Fn(&Step) + Sync),
    ) -> Self {
        Self { pool, lock, shutdown, patience: max_wait, report, steps: Vec::new() }
    }

    /// The steps taken.
    pub fn into_steps(self) -> Vec<Step> {
        self.steps
    }

    /// Why the remaining steps need not be tried: a signal, a full disk, a server that is gone, another execution that has
    /// taken the lock.
    pub fn stopped_by(&self) -> Option<Error> {
        if self.shutdown.is_requested() {
            return Some(self.shutdown.error());
        }
        let last = match &self.steps.last()?.end {
            End::Failed(error) => error,
            End::Done | End::Gone => return None,
        };
        let ends_all = matches!(
            last.kind(),
            Kind::DatabaseFull | Kind::DatabaseUnavailable | Kind::AlreadyRunning | Kind::Internal
        );
        let copy = || Error::new(last.kind(), last.message().to_owned());
        ends_all.then(|| if last.is_given_up() { copy().given_up() } else { copy() })
    }

    /// Drops what canceled rebuilds left behind.
    pub async fn drop_leftovers(&mut self, indexes: &[Index]) {
        for index in indexes.iter().filter(|i| i.is_leftover) {
            if self.stopped_by().is_some() {
                return;
            }
            // Only who uses this very table is in its way: even an impatient job can wait for an autovacuum to yield.
            self.step(index.task(Action::Drop), self.patience.max(SHORT_WAIT)).await;
        }
    }

    /// The same after a signal: what can be dropped at once.
    pub async fn drop_leftovers_at_once(&mut self, indexes: &[Index]) {
        for index in indexes.iter().filter(|i| i.is_leftover) {
            let started = Instant::now();
            let dropped = tokio::time::timeout(LAST_WAIT, async {
                let connection = self.pool.get().await?;
                connection.outside(&statement(Action::Drop, &index.name), SHORT_WAIT).await
            });
            let end = match dropped.await {
                Ok(Ok(())) => End::Done,
                Ok(Err(error)) => End::Failed(error),
                Err(_) => End::Failed(Error::new(Kind::DatabaseBusy, "no time left to drop it")),
            };
            self.push(index.task(Action::Drop), started, (index.bytes, 0, end));
        }
    }

    /// Rebuilds the indexes.
    pub async fn reindex(&mut self, indexes: impl IntoIterator<Item = &Index>) {
        for index in indexes {
            if self.stopped_by().is_some() {
                return;
            }
            let waited = self.step(index.task(Action::Reindex), self.patience).await;
            if waited {
                // What stood in its way, say a transaction that somebody forgot, likely stands in the next one's way too.
                self.patience = LEAST_WAIT.max(self.patience / 2).min(self.patience);
            }
        }
    }

    /// Vacuums and analyzes the tables, then analyzes their partitioned parents, which autovacuum never does.
    pub async fn vacuum(&mut self, tables: &[Table]) {
        for table in tables {
            if self.stopped_by().is_some() {
                return;
            }
            let task = Task { action: Action::Vacuum, parent: &table.parent, name: &table.name };
            if table.may_vacuum {
                self.step(task, SHORT_WAIT).await;
            } else {
                // The server would skip it with a warning and call that a success.
                let error = Error::new(Kind::AccessDenied, "only its owner may vacuum it");
                let sizes = (table.total_bytes(), table.total_bytes(), End::Failed(error));
                self.push(task, Instant::now(), sizes);
            }
        }
        let mut parents: Vec<&Table> = tables.iter().filter(|t| t.parent != t.name && t.may_vacuum).collect();
        parents.dedup_by_key(|t| &t.parent);
        for table in parents {
            if self.stopped_by().is_some() {
                return;
            }
            let task = Task { action: Action::Analyze, parent: &table.parent, name: &table.parent };
            self.step(task, SHORT_WAIT).await;
        }
    }

    /// Takes a step; whether it gave up waiting.
    async fn step(&mut self, task: Task<'_>, wait: Duration) -> bool {
        let started = Instant::now();
        let this = &*self;
        let attempt = || async move {
            match this.attempt(task, wait).await {
                // It has waited enough. What else time can heal is repeated.
                Err(error) if error.sqlstate() == Some(LOCK_NOT_AVAILABLE) => {
                    let error = error.context(format!("gave up after waiting for {wait:?}"));
                    Ok((0, 0, End::Failed(error)))
                }
                other => other,
            }
        };
        let result = self.lock.retry(task.name, attempt).await;
        let result = result.unwrap_or_else(|error| (0, 0, End::Failed(error)));
        let waited = matches!(&result.2, End::Failed(error) if error.sqlstate() == Some(LOCK_NOT_AVAILABLE));
        self.push(task, started, result);
        waited
    }

    fn push(&mut self, task: Task<'_>, started: Instant, result: Ended) {
        let (before_bytes, after_bytes, end) = result;
        let Task { action, parent, name } = task;
        let (parent, name, elapsed) = (parent.to_owned(), name.to_owned(), started.elapsed());
        let step = Step { action, parent, name, before_bytes, after_bytes, elapsed, end };
        (self.report)(&step);
        self.steps.push(step);
    }

    async fn attempt(&self, task: Task<'_>, wait: Duration) -> Result<Ended> {
        let connection = self.pool.get().await?;
        let Some(before) = bytes(&connection, task.name).await? else { return Ok((0, 0, End::Gone)) };
        match self.run(&connection, &statement(task.action, task.name), wait).await {
            Ok(()) => Ok((before, bytes(&connection, task.name).await?.unwrap_or(0), End::Done)),
            // Dropped between the look and the deed.
            Err(error) if matches!(error.sqlstate(), Some("42P01" | "42704")) => Ok((before, 0, End::Gone)),
            Err(error) => Err(error),
        }
    }

    /// Runs a statement; a signal cancels it on the server too, which would otherwise go on with it alone.
    async fn run(&self, connection: &Connection, statement: &str, wait: Duration) -> Result<()> {
        let mut running = std::pin::pin!(connection.outside(statement, wait));
        tokio::select! {
            result = &mut running => return result,
            () = self.shutdown.requested() => {}
        }
        connection.cancel();
        match tokio::time::timeout(LAST_WAIT, running).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(self.shutdown.error()),
        }
    }
}

impl Index {
    fn task(&self, action: Action) -> Task<'_> {
        Task { action, parent: &self.parent, name: &self.name }
    }
}

fn statement(action: Action, name: &str) -> String {
    match action {
        Action::Drop => format!("drop index concurrently if exists {name}"),
        Action::Reindex => format!("reindex index concurrently {name}"),
        Action::Vacuum => format!("vacuum (analyze) {name}"),
        Action::Analyze => format!("analyze {name}"),
    }
}

/// Size of a table with TOAST and indexes, or of an index; `None` when it is gone.
async fn bytes(connection: &Connection, name: &str) -> Result<Option<u64>> {
    let row = connection.query_one("select pg_total_relation_size(to_regclass($1))", &[&name]).await?;
    Ok(row.get::<_, Option<i64>>(0).map(i64::unsigned_abs))
}
