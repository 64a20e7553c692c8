//! The history of executions: the views of `evo.runs`, read for a person or a machine.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::error::{Error, Kind, Result};
use crate::ids::ExecutionId;
use crate::pg::{Ask, Param, Row};

/// A row of `evo.v_runs`. Times are ISO 8601 in UTC.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PastExecution {
    /// Its id.
    pub execution_id: String,
    /// The command as typed, without arguments.
    pub command: String,
    /// Entities and dimensions that it was to work on.
    pub entities: Vec<String>,
    /// running, silent, succeeded, failed or interrupted.
    pub state: String,
    /// `None` while it runs, and for ever if it was killed.
    pub exit_code: Option<i32>,
    /// When it began.
    pub started_at: String,
    /// When its end was recorded.
    pub finished_at: Option<String>,
    /// When it last showed that it was alive.
    pub seen_at: Option<String>,
    /// Seconds from its start to its end, to now, or to its last sign of life.
    pub elapsed_s: Option<f64>,
    /// Name of its host.
    pub machine: Option<String>,
    /// Execution of a container job.
    pub container_execution: Option<String>,
    /// Id of its process on the host.
    pub process_id: Option<i64>,
    /// Address from which it is connected, as the server sees it.
    pub host: Option<String>,
    /// Version of evo.
    pub evo_version: String,
    /// Objects loaded or written.
    pub objects_count: i64,
    /// Lines loaded, or documents transformed.
    pub rows_count: i64,
    /// Rows inserted, updated or deleted.
    pub written_count: i64,
    /// Lines rejected.
    pub rejected_count: i64,
    /// Compressed bytes loaded.
    pub bytes: i64,
    /// Rows per second.
    pub rows_per_s: Option<f64>,
    /// Retries of failed work.
    pub retries_count: i64,
    /// Seconds waited before them.
    pub waited_s: f64,
    /// Half of its commits were answered within this.
    pub commit_p50_ms: Option<f64>,
    /// 95 % of them.
    pub commit_p95_ms: Option<f64>,
    /// 99 % of them.
    pub commit_p99_ms: Option<f64>,
    /// 95 % of its waits for a connection of its pool took no longer.
    pub connection_p95_ms: Option<f64>,
    /// Connections in use when it last said so.
    pub connections_in_use: Option<i32>,
    /// The most at any moment.
    pub connections_peak: Option<i32>,
    /// The most that it may use.
    pub connections_limit: Option<i32>,
    /// Average share of the room for downloaded bytes that was taken.
    pub downloaded_fill: Option<f64>,
    /// Average share of the room for decoded rows that was taken.
    pub decoded_fill: Option<f64>,
    /// The first line of the error that ended it.
    pub reason: Option<String>,
}

impl PastExecution {
    /// Whether it is known to be running.
    pub fn is_running(&self) -> bool {
        self.state == "running"
    }
}

/// Which executions to list.
#[derive(Debug, Clone, Default)]
pub struct HistoryFilter {
    /// Only this one.
    pub execution_id: Option<ExecutionId>,
    /// Only those that failed, were interrupted or fell silent.
    pub failed: bool,
    /// Only those that ran at this moment or later.
    pub since: Option<chrono::DateTime<chrono::Utc>>,
    /// At most this many, the newest.
    pub limit: i64,
}

/// A phase of a running execution: a row of `evo.v_progress`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunningPhase {
    /// The execution.
    pub execution_id: String,
    /// Its command.
    pub command: String,
    /// Name of its host.
    pub machine: Option<String>,
    /// Execution of a container job.
    pub container_execution: Option<String>,
    /// How old these figures are.
    pub seen_at: Option<String>,
    /// Entity and activity.
    pub phase: String,
    /// How much is done.
    pub done: i64,
    /// How much there is to do, if that is known.
    pub total: Option<i64>,
    /// The unit of `done` and `total`; `None` for a phase that only takes time.
    pub unit: Option<String>,
    /// Seconds since the phase began.
    pub elapsed_s: f64,
    /// Seconds to its end, at the rate until now.
    pub left_s: Option<f64>,
}

/// Everything that the ledger knows of one execution. The lists are objects as `evo runs ID --output json`
/// prints them.
#[derive(Debug)]
pub struct ExecutionRecord {
    /// Its row.
    pub row: PastExecution,
    /// Its arguments.
    pub arguments: Value,
    /// The summary that it printed at its end.
    pub summary: Option<Value>,
    /// Why it failed, in full.
    pub error: Option<String>,
    /// Its counts and timings.
    pub measures: Option<Value>,
    /// Its counts for each entity, and its share.
    pub entities: Vec<Value>,
    /// Its latest batches.
    pub batches: Vec<Value>,
    /// Its latest windows.
    pub windows: Vec<Value>,
}

/// The executions of a filter, the newest first.
///
/// # Errors
/// See [`crate::pg`].
pub async fn list(connection: &impl Ask, filter: &HistoryFilter) -> Result<Vec<PastExecution>> {
    let values: [&dyn Param; 4] = [&filter.execution_id, &filter.failed, &filter.since, &filter.limit];
    typed(&connection.query(sql_file!("status/runs.sql"), &values).await?)
}

/// How many executions are running.
///
/// # Errors
/// See [`crate::pg`].
pub async fn running(connection: &impl Ask) -> Result<i64> {
    let rows = connection.query(sql_file!("status/running.sql"), &[]).await?;
    Ok(rows.first().map_or(0, |row| row.get(0)))
}

/// How far each phase of the running executions is, or of one of them.
///
/// # Errors
/// See [`crate::pg`].
pub async fn progress(connection: &impl Ask, id: Option<ExecutionId>) -> Result<Vec<RunningPhase>> {
    typed(&connection.query(sql_file!("status/progress.sql"), &[&id]).await?)
}

/// The execution whose id begins like this, or the newest one for `last`.
///
/// # Errors
/// `Usage` when there is none, or more than one; see [`crate::pg`].
pub async fn find(connection: &impl Ask, beginning: &str) -> Result<ExecutionId> {
    let rows = connection.query(sql_file!("status/find_run.sql"), &[&beginning.to_lowercase()]).await?;
    let ids: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let error = match ids.as_slice() {
        [one] => match Uuid::parse_str(one) {
            Ok(id) => return Ok(ExecutionId(id)),
            Err(e) => Error::new(Kind::Internal, "an execution's id is not a UUID").caused_by(e),
        },
        [] if beginning == "last" => Error::new(Kind::Usage, "no command was executed yet"),
        [] => Error::new(Kind::Usage, format!("no execution has an id that begins with {beginning:?}"))
            .hint("`evo runs` lists them; `evo runs last` is the newest"),
        _ => Error::new(Kind::Usage, format!("several executions have an id that begins with {beginning:?}"))
            .detail(ids.join("\n"))
            .hint("type more of it"),
    };
    Err(error)
}

/// Everything that is known of an execution, with its latest `limit` batches and windows.
///
/// # Errors
/// `Usage` when it is not in the ledger any more; see [`crate::pg`].
pub async fn read(connection: &impl Ask, id: ExecutionId, limit: i64) -> Result<ExecutionRecord> {
    let filter = HistoryFilter { execution_id: Some(id), limit: 1, ..HistoryFilter::default() };
    let rows = connection.query(sql_file!("status/run.sql"), &[&id]).await?;
    let (Some(own), Some(row)) = (list(connection, &filter).await?.pop(), rows.first()) else {
        return Err(Error::new(Kind::Usage, format!("there is no execution {id}")).hint("`evo runs` lists them"));
    };
    let values = async |sql: &str, params: &[&dyn Param]| -> Result<Vec<Value>> {
        Ok(connection.query(sql, params).await?.iter().map(|row| row.get(0)).collect())
    };
    Ok(ExecutionRecord {
        row: own,
        arguments: row.get(0),
        summary: row.get(1),
        error: row.get(2),
        measures: row.get(3),
        entities: values(sql_file!("status/run_entities.sql"), &[&id]).await?,
        batches: values(sql_file!("status/run_batches.sql"), &[&id, &limit]).await?,
        windows: values(sql_file!("status/run_windows.sql"), &[&id, &limit]).await?,
    })
}

/// Rows of one jsonb column, as values of a type.
pub(super) fn typed<T: serde::de::DeserializeOwned>(rows: &[Row]) -> Result<Vec<T>> {
    let one = |row: &Row| {
        serde_json::from_value(row.get::<_, Value>(0))
            .map_err(|e| Error::new(Kind::Internal, "a view of schema evo is not what this evo expects").caused_by(e))
    };
    rows.iter().map(one).collect()
}
