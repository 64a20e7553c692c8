//! `evo transform`: staging into the typed core tables.
//!
//! A model is one select; both modes wrap the same text, so they cannot drift apart.
//!
//! * incremental: the batches that the entity's models have not taken in give the changed rows; what differs is
//!   upserted, children gone from their document are deleted, and the watermark moves, in one transaction a group of
//!   batches. Interrupted, the next run goes on with the groups that are left.
//! * generation: a full refresh builds a new generation beside the serving one, from one snapshot, and swaps all
//!   tables of the entity in one short transaction. Interrupted anywhere before the swap, the old one serves and the
//!   leftovers are dropped by the next run.
//!
//! * dimension: small tables derived from core, written in place.
//! * order, checks: what comes after what, and what must hold before a swap and after an increment.
//!
//! One execution at a time transforms an entity (`pg::EntityLock`); loads go on meanwhile, and what they commit after
//! the snapshot stays pending for the next increment.

mod catalog;
pub mod checks;
pub mod dimension;
mod drift;
mod files;
mod forecast;
mod generation;
mod increment;
mod issues;
mod model;
pub mod order;
mod ranges;
mod reading;
pub mod refusal;

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use checks::Scope;
pub use drift::Drift;
pub use forecast::{Forecast, TableForecast};
pub use generation::Refresh;

use crate::entity::Entity;
use crate::error::{Error, Kind, Result};
use crate::ids::ExecutionId;
use crate::ledger::models;
use crate::meter::{Meter, Phase, Unit};
use crate::pg::{EntityLock, Pool, Transaction, explain};
use crate::shutdown::Shutdown;
use crate::sql::qualified;

/// What every transaction of a transform begins with. A statement may take as long as its data; a lock that somebody
/// holds for long is reported rather than waited for; and no text depends on the session's zone.
const SESSION: &str = "set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0; \
                       set local lock_timeout = '30s'; set local timezone = 'UTC'";

/// Everything a transform of one entity needs.
#[derive(Debug)]
pub struct Job {
    /// The warehouse.
    pub pool: Pool,
    /// That of the entity; taken by [`Job::run`].
    pub lock: EntityLock,
    /// The entity.
    pub entity: Entity,
    /// Execution in `evo.runs`.
    pub execution_id: ExecutionId,
    /// Parallel chunks of a full refresh.
    pub workers: usize,
    /// Rows per transaction of an increment, and per chunk of a full refresh; a batch is never split.
    pub chunk_rows: u64,
    /// Fail on a value that does not fit, instead of null and an issue.
    pub strict: bool,
    /// What must hold before a swap and after an increment.
    pub checks: checks::Checks,
    /// Whether to stop.
    pub shutdown: Shutdown,
    /// Where it counts how far it is.
    pub meter: Meter,
}

/// What a transform did to one core table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableSummary {
    /// Qualified table.
    pub table: String,
    /// Rows that the model gave.
    pub rows: u64,
    /// New rows.
    pub inserted: u64,
    /// Rows that differed.
    pub updated: u64,
    /// Children gone from their document.
    pub deleted: u64,
    /// Values nulled because they did not fit.
    pub issues: u64,
}

impl TableSummary {
    fn has_changes(&self) -> bool {
        self.inserted + self.updated + self.deleted > 0
    }

    fn add(&mut self, other: &TableSummary) {
        self.rows += other.rows;
        self.inserted += other.inserted;
        self.updated += other.updated;
        self.deleted += other.deleted;
        self.issues += other.issues;
    }
}

/// What an attempt did whose commit was not answered. If the next attempt finds nothing left to write, that commit did
/// happen, and what is reported is what it wrote.
#[derive(Debug)]
struct InDoubt<T>(Mutex<Option<T>>);

impl<T> InDoubt<T> {
    fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// Ends an attempt with its commit. `wrote` says whether it wrote anything.
    async fn commit(&self, tx: Transaction<'_>, done: T, wrote: bool) -> Result<T> {
        match (tx.commit().await, self.0.lock()) {
            (Ok(()), Ok(mut before)) => Ok(before.take().filter(|_| !wrote).unwrap_or(done)),
            (Ok(()), Err(_)) => Ok(done),
            (Err(error), Ok(mut before)) if wrote && error.kind() == Kind::CommitUnknown => {
                *before = Some(done);
                Err(error)
            }
            (Err(error), _) => Err(error),
        }
    }
}

/// How core was brought up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// By what changed.
    #[default]
    Incremental,
    /// By a new generation.
    FullRefresh,
    /// By comparing everything and writing what differs.
    InPlace,
}

impl Mode {
    /// As in summaries.
    pub fn word(self) -> &'static str {
        match self {
            Mode::Incremental => "incremental",
            Mode::FullRefresh => "full refresh",
            Mode::InPlace => "in place",
        }
    }
}

/// What a transform did.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// Entity.
    pub entity: String,
    /// How.
    pub mode: Mode,
    /// Batches taken in.
    pub batches: u64,
    /// Documents that staging holds; `None` where nothing is staged.
    pub staged: Option<u64>,
    /// Per core table, parent first.
    pub tables: Vec<TableSummary>,
    /// Wall clock.
    pub elapsed: Duration,
    /// How long readers could have waited for the swap of a full refresh.
    pub swap: Option<Duration>,
    /// Sessions that the swap of a full refresh did not wait for, although their snapshot is older than the new generation.
    pub older_readers: Vec<String>,
    /// Fields that the documents did not have before, or not of that type.
    pub drift: Vec<Drift>,
    /// What the checks found.
    pub checks: Vec<checks::Finding>,
    /// Documents that the warehouse refused: a constraint, a trigger, or a column's type that somebody changed.
    pub refused: Vec<refusal::Refusal>,
}

/// What is asked of a transform.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Request {
    /// How; `None` chooses between an increment and, when most of a large entity changed, a new generation.
    pub mode: Option<Mode>,
    /// How a full refresh is done, asked for or chosen.
    pub refresh: Refresh,
}

impl Job {
    /// Brings the entity's core tables up to date.
    ///
    /// # Errors
    /// `AlreadyRunning`; as [`Job::full_refresh`]. Of an increment, what other chunks did stays.
    pub async fn run(mut self, request: &Request) -> Result<Summary> {
        self.lock.take().await?;
        tracing::info!(entity = self.entity.name, mode = request.mode.map(Mode::word), "transforming");
        let done = match self.step("reading the indexes", || self.bounded()).await {
            Ok(entity) => {
                self.entity = entity;
                self.run_locked(request).await
            }
            Err(error) => Err(error),
        };
        self.lock.release().await;
        match done {
            Err(error) => {
                let models = self.entity.models.iter().map(|model| model.table.clone());
                let tables: Vec<String> = models.chain([self.entity.staging.table.clone()]).collect();
                Err(explain(&self.pool, error, &tables).await)
            }
            done => done,
        }
    }

    /// The entity with models whose texts fit the indexes that hold them: one value that is too long would fail the table.
    async fn bounded(&self) -> Result<Entity> {
        let connection = self.pool.get().await?;
        let mut entity = self.entity.clone();
        for model in &mut entity.models {
            let rows = connection.query(sql_file!("transform/short_texts.sql"), &[&qualified(&model.table)]).await?;
            let columns: Vec<(String, i32)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
            let key: Vec<String> = model.key.iter().chain([&model.parent_key]).cloned().collect();
            model.select = model.select.clone().shortened(&columns, &key);
        }
        Ok(entity)
    }

    /// Every step is repeated by itself: what time heals ends none of them, and none repeats what another has done.
    async fn run_locked(&self, request: &Request) -> Result<Summary> {
        let (mut summary, changed) = match request.mode {
            Some(Mode::FullRefresh) => (self.refreshed(request).await?, None),
            Some(Mode::InPlace) => {
                let plan =
                    self.step("planning", async || increment::whole(self, &*self.pool.get().await?).await).await?;
                (self.increment(&plan).await?, Some(Scope::Serving))
            }
            mode => {
                let chunk_rows = self.chunk_rows.max(1);
                let plan = async || increment::plan(&*self.pool.get().await?, &self.entity, chunk_rows).await;
                let plan = self.step("planning", plan).await?;
                if mode.is_none() && plan.prefers_refresh() {
                    let (changed, staged) = (plan.changed, plan.staged);
                    tracing::info!(changed, staged, "most of it is new or changed: building a new generation");
                    (self.refreshed(request).await?, None)
                } else {
                    (self.increment(&plan).await?, Some(Scope::Changed(plan.ids())))
                }
            }
        };
        let most = summary.tables.iter().map(|t| t.inserted + t.updated + t.deleted).max();
        if most > Some(0)
            && let Err(error) =
                self.step("analyzing", async || self.analyze_parents(&summary.tables).await.map_err(unless_busy)).await
        {
            // The data is in; plans are what suffers.
            tracing::warn!(%error, "the statistics of the partitioned tables could not be renewed; ANALYZE them");
        }
        match changed {
            Some(scope) => {
                let _phase = self.phase("checking", 0, Unit::Nothing);
                summary.checks = self.step("checking", || self.check_increment(&scope)).await?;
            }
            None => self.step("recording fill rates", || self.record_fill()).await?,
        }
        Ok(summary)
    }

    /// A full refresh, begun anew after a failure that time heals: what the earlier attempt left is collected by the next.
    async fn refreshed(&self, request: &Request) -> Result<Summary> {
        self.step("building a new generation", || self.full_refresh(&request.refresh)).await
    }

    /// Begins a phase that is shown under the entity's name.
    fn phase(&self, what: &str, total: usize, unit: Unit) -> Phase {
        self.meter.phase(format!("{}: {what}", self.entity.name), total as u64, unit)
    }

    /// Repeats a step while time can heal its failure, and never without the entity's lock.
    async fn step<T>(&self, what: &str, attempt: impl AsyncFnMut() -> Result<T>) -> Result<T> {
        self.lock.retry(&format!("transform of {}: {what}", self.entity.name), attempt).await
    }

    /// Statistics of the partitioned parents, which nobody else renews; without them readers' joins are planned badly.
    async fn analyze_parents(&self, changes: &[TableSummary]) -> Result<()> {
        let connection = self.pool.get().await?;
        let tables: Vec<String> = changes.iter().map(|table| qualified(&table.table)).collect();
        let changed: Vec<i64> =
            changes.iter().map(|t| i64::try_from(t.inserted + t.updated + t.deleted).unwrap_or(i64::MAX)).collect();
        let stale = connection.query(sql_file!("transform/stale_parents.sql"), &[&tables, &changed]).await?;
        drop(connection);
        let stale = Mutex::new(stale.iter().map(|row| row.get(0)).collect::<VecDeque<String>>());
        let analyze = || async {
            while let Some(table) = stale.lock().ok().and_then(|mut tables| tables.pop_front()) {
                let mut connection = self.pool.get().await?;
                let tx = connection.begin().await?;
                tx.batch(SESSION).await?;
                tx.batch(&format!("analyze {table}")).await?;
                tx.commit().await?;
            }
            Ok(Vec::<()>::new())
        };
        self.side_by_side(analyze).await.map(drop)
    }

    /// A summary of nothing yet for each core table, parent first.
    fn tables(&self) -> Vec<TableSummary> {
        let empty = |table: &str| TableSummary { table: table.to_owned(), ..TableSummary::default() };
        self.entity.models.iter().map(|model| empty(&model.table)).collect()
    }

    /// Remembers in `evo.models` that the tables were brought up to date. In a transaction of its own at the end: chunks
    /// that run side by side would wait for each other's row.
    async fn record(&self, tables: &[TableSummary], whole: bool) -> Result<()> {
        let mut connection = self.pool.get().await?;
        let tx = connection.begin().await?;
        for table in tables {
            let (name, entity) = (&table.table, &self.entity.name);
            match whole {
                // Rows may have changed without a batch: what is derived from them must be derived anew.
                true => drop(models::record_refresh(&tx, name, entity, self.execution_id, None).await?),
                false => models::record(&tx, name, entity, self.execution_id).await?,
            }
        }
        tx.commit().await
    }
}

/// Somebody analyzes or vacuums the table at this very moment: not worth to be waited for.
fn unless_busy(error: Error) -> Error {
    if error.kind() == Kind::DatabaseBusy { error.given_up() } else { error }
}
