//! VACUUM and REINDEX, one table or index at a time.
//!
//! A step that fails is part of the result and does not stop the others. When the connection is lost the step
//! is repeated on a new one, which is always safe.

use std::time::{Duration, Instant};

use super::report::{IndexStorage, TableStorage};
use crate::citus::{Parts, run_on_servers};
use crate::error::{Error, Kind, Result};
use crate::pg::sqlstate::{LOCK_NOT_AVAILABLE, UNDEFINED_OBJECT, UNDEFINED_TABLE};
use crate::pg::{Connection, EntityLock, Pool};
use crate::shutdown::Shutdown;

/// How long VACUUM, ANALYZE and the final clean-up wait for a lock: only another maintenance job holds it
/// longer.
const SHORT_WAIT: Duration = Duration::from_secs(5);
/// Each rebuild that times out halves the wait of the next ones, down to this.
const MIN_WAIT: Duration = Duration::from_secs(15);
/// How long an interrupted job waits for a statement that it has canceled.
const CANCEL_WAIT: Duration = Duration::from_secs(8);
/// The statement of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaintenanceAction {
    /// DROP INDEX CONCURRENTLY, for what a canceled rebuild left behind.
    Drop,
    /// REINDEX INDEX CONCURRENTLY.
    Reindex,
    /// VACUUM (ANALYZE).
    Vacuum,
    /// ANALYZE of a partitioned table.
    Analyze,
}

/// The result of a step.
#[derive(Debug)]
pub enum StepOutcome {
    /// The statement succeeded.
    Done,
    /// The table or index was dropped in the meantime, for example by the swap of a full refresh.
    Gone,
    /// It failed; the other steps went on.
    Failed(Error),
}

/// One step: a table vacuumed, an index rebuilt or dropped.
#[derive(Debug)]
pub struct MaintenanceStep {
    /// The statement that it ran.
    pub action: MaintenanceAction,
    /// The partitioned table that the table belongs to, or the table itself.
    pub parent: String,
    /// The table or index, qualified and quoted where necessary.
    pub name: String,
    /// Size before the step, with TOAST and indexes.
    pub before_bytes: u64,
    /// Size after the step; 0 when the table or index no longer exists.
    pub after_bytes: u64,
    /// Duration of the step, including the wait for locks.
    pub elapsed: Duration,
    /// Whether the statement succeeded.
    pub outcome: StepOutcome,
}

/// A step that is still to run.
#[derive(Debug, Clone, Copy)]
struct Task<'a> {
    action: MaintenanceAction,
    parent: &'a str,
    name: &'a str,
    is_distributed: bool,
}

/// Size before, size afterwards, and the result.
type Finished = (u64, u64, StepOutcome);

/// The maintenance of one execution: runs steps and collects their results.
pub struct Maintenance<'a> {
    pool: &'a Pool,
    lock: &'a EntityLock,
    shutdown: &'a Shutdown,
    /// How long the next rebuild waits for older transactions.
    rebuild_wait: Duration,
    report: &'a (dyn Fn(&MaintenanceStep) + Sync),
    steps: Vec<MaintenanceStep>,
}

impl<'a> Maintenance<'a> {
    /// Starts with no steps. `report` is called after each step. A rebuild waits up to `max_wait` for older
    /// transactions.
    pub fn new(
        pool: &'a Pool,
        lock: &'a EntityLock,
        shutdown: &'a Shutdown,
        max_wait: Duration,
        report: &'a (dyn Fn(&MaintenanceStep) + Sync),
    ) -> Self {
        Self { pool, lock, shutdown, rebuild_wait: max_wait, report, steps: Vec::new() }
    }

    /// The steps that ran, in their order.
    pub fn into_steps(self) -> Vec<MaintenanceStep> {
        self.steps
    }

    /// Why the remaining steps are not worth trying: a signal, a full disk, an unavailable server, or another
    /// execution that has taken the lock.
    pub fn stopped_by(&self) -> Option<Error> {
        if self.shutdown.is_requested() {
            return Some(self.shutdown.error());
        }
        let last = match &self.steps.last()?.outcome {
            StepOutcome::Failed(error) => error,
            StepOutcome::Done | StepOutcome::Gone => return None,
        };
        let ends_all = matches!(
            last.kind(),
            Kind::DatabaseFull | Kind::DatabaseUnavailable | Kind::AlreadyRunning | Kind::Internal
        );
        let copy = || Error::new(last.kind(), last.message().to_owned());
        ends_all.then(|| if last.is_given_up() { copy().given_up() } else { copy() })
    }

    /// Drops what canceled rebuilds left behind.
    pub async fn drop_leftovers(&mut self, indexes: &[IndexStorage]) {
        for index in indexes.iter().filter(|i| i.is_leftover) {
            if self.stopped_by().is_some() {
                return;
            }
            // Only users of this very table are in its way: even with a short --max-wait, let an autovacuum
            // yield.
            self.step(index.task(MaintenanceAction::Drop), self.rebuild_wait.max(SHORT_WAIT)).await;
        }
    }

    /// As [`Maintenance::drop_leftovers`], after a signal: drops only what can be dropped within seconds.
    pub async fn drop_leftovers_quickly(&mut self, indexes: &[IndexStorage]) {
        for index in indexes.iter().filter(|i| i.is_leftover) {
            let started = Instant::now();
            let dropped = tokio::time::timeout(CANCEL_WAIT, async {
                let connection = self.pool.get().await?;
                index.task(MaintenanceAction::Drop).run(&connection, SHORT_WAIT).await
            });
            let end = match dropped.await {
                Ok(Ok(())) => StepOutcome::Done,
                Ok(Err(error)) => StepOutcome::Failed(error),
                Err(_) => StepOutcome::Failed(Error::new(Kind::DatabaseBusy, "there was no time left to drop it")),
            };
            self.push(index.task(MaintenanceAction::Drop), started, (index.bytes, 0, end));
        }
    }

    /// Rebuilds the indexes one after the other, until something stops the maintenance.
    pub async fn reindex(&mut self, indexes: impl IntoIterator<Item = &IndexStorage>) {
        for index in indexes {
            if self.stopped_by().is_some() {
                return;
            }
            let timed_out = self.step(index.task(MaintenanceAction::Reindex), self.rebuild_wait).await;
            if timed_out {
                // Whatever blocked it, such as a forgotten transaction, probably blocks the next rebuild,
                // too.
                self.rebuild_wait = MIN_WAIT.max(self.rebuild_wait / 2).min(self.rebuild_wait);
            }
        }
    }

    /// Vacuums and analyzes the tables, then analyzes their partitioned parents, which autovacuum never does.
    pub async fn vacuum(&mut self, tables: &[TableStorage]) {
        for table in tables {
            if self.stopped_by().is_some() {
                return;
            }
            let task = table.task(MaintenanceAction::Vacuum, &table.name);
            if table.may_vacuum {
                self.step(task, SHORT_WAIT).await;
            } else {
                // The server would skip it with a warning and report success.
                let error = Error::new(Kind::AccessDenied, "only its owner may vacuum it");
                let sizes = (table.total_bytes(), table.total_bytes(), StepOutcome::Failed(error));
                self.push(task, Instant::now(), sizes);
            }
        }
        let mut parents: Vec<&TableStorage> = tables.iter().filter(|t| t.parent != t.name && t.may_vacuum).collect();
        parents.dedup_by_key(|t| &t.parent);
        for table in parents {
            if self.stopped_by().is_some() {
                return;
            }
            self.step(table.task(MaintenanceAction::Analyze, &table.parent), SHORT_WAIT).await;
        }
    }

    /// Runs a step. Returns whether it timed out while it waited for a lock.
    async fn step(&mut self, task: Task<'_>, wait: Duration) -> bool {
        let started = Instant::now();
        let this = &*self;
        let attempt = || async move {
            match this.attempt(task, wait).await {
                // It has waited long enough. Other temporary errors are retried.
                Err(error) if error.sqlstate() == Some(LOCK_NOT_AVAILABLE) => {
                    let error = error.context(format!("gave up after waiting for {wait:?}"));
                    Ok((0, 0, StepOutcome::Failed(error)))
                }
                other => other,
            }
        };
        let result = self.lock.retry(task.name, attempt).await;
        let result = result.unwrap_or_else(|error| (0, 0, StepOutcome::Failed(error)));
        let timed_out = match &result.2 {
            StepOutcome::Failed(error) => error.kind() == Kind::DatabaseBusy,
            StepOutcome::Done | StepOutcome::Gone => false,
        };
        self.push(task, started, result);
        timed_out
    }

    fn push(&mut self, task: Task<'_>, started: Instant, result: Finished) {
        let (before_bytes, after_bytes, outcome) = result;
        let Task { action, parent, name, .. } = task;
        let (parent, name, elapsed) = (parent.to_owned(), name.to_owned(), started.elapsed());
        let step = MaintenanceStep { action, parent, name, before_bytes, after_bytes, elapsed, outcome };
        (self.report)(&step);
        self.steps.push(step);
    }

    async fn attempt(&self, task: Task<'_>, wait: Duration) -> Result<Finished> {
        let connection = self.pool.get().await?;
        let Some(before) = bytes(&connection, task).await? else { return Ok((0, 0, StepOutcome::Gone)) };
        match self.run(&connection, task, wait).await {
            Ok(()) => {
                // A signal may have asked for a cancel that arrives only now.
                drop(connection);
                let after = bytes(&*self.pool.get().await?, task).await?;
                Ok((before, after.unwrap_or(0), StepOutcome::Done))
            }
            // Dropped after its size was read.
            Err(error) if matches!(error.sqlstate(), Some(UNDEFINED_TABLE | UNDEFINED_OBJECT)) => {
                Ok((before, 0, StepOutcome::Gone))
            }
            Err(error) => Err(error),
        }
    }

    /// Runs the statement of a task. A signal cancels it on the server, too, which would otherwise finish it
    /// alone.
    async fn run(&self, connection: &Connection, task: Task<'_>, wait: Duration) -> Result<()> {
        let mut running = std::pin::pin!(task.run(connection, wait));
        tokio::select! {
            result = &mut running => return result,
            () = self.shutdown.requested() => {}
        }
        connection.cancel();
        match tokio::time::timeout(CANCEL_WAIT, running).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(self.shutdown.error()),
        }
    }
}

impl IndexStorage {
    fn task(&self, action: MaintenanceAction) -> Task<'_> {
        Task { action, parent: &self.parent, name: &self.name, is_distributed: self.is_distributed }
    }
}

impl TableStorage {
    fn task<'a>(&'a self, action: MaintenanceAction, name: &'a str) -> Task<'a> {
        Task { action, parent: &self.parent, name, is_distributed: self.is_distributed }
    }
}

impl Task<'_> {
    /// Runs the statement. Citus passes it on for a table and for an index of one, but does not know what a
    /// canceled rebuild left in a shard: that is dropped by its name, on whichever server has it.
    async fn run(self, connection: &Connection, wait: Duration) -> Result<()> {
        let statement = statement(self.action, self.name);
        if self.is_distributed && self.action == MaintenanceAction::Drop {
            return run_on_servers(connection, &statement).await;
        }
        connection.outside(&statement, wait).await
    }
}

fn statement(action: MaintenanceAction, name: &str) -> String {
    match action {
        MaintenanceAction::Drop => format!("drop index concurrently if exists {name}"),
        MaintenanceAction::Reindex => format!("reindex index concurrently {name}"),
        MaintenanceAction::Vacuum => format!("vacuum (analyze) {name}"),
        MaintenanceAction::Analyze => format!("analyze {name}"),
    }
}

/// Size of a table with TOAST and indexes, or of an index; `None` if it does not exist.
async fn bytes(connection: &Connection, task: Task<'_>) -> Result<Option<u64>> {
    let row = connection.query_one("select pg_total_relation_size(to_regclass($1))", &[&task.name]).await?;
    let here: Option<i64> = row.get(0);
    match task.is_distributed {
        false => Ok(here.map(i64::unsigned_abs)),
        true => bytes_of_parts(connection, task.name, here.is_some()).await,
    }
}

/// Of all parts of a table or index, or of what is left beside one of them.
async fn bytes_of_parts(connection: &Connection, name: &str, is_whole: bool) -> Result<Option<u64>> {
    let names = [name.to_owned()];
    let parts = if is_whole { Parts::read(connection, &names).await? } else { Parts::one(name) };
    let found = parts.ask(connection, sql_file!("storage/size.sql"), 1).await?;
    Ok((is_whole || !found.is_empty()).then(|| found.iter().map(|row| row.size(0)).sum()))
}
