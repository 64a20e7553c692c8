//! Entities, core tables and executions as the ledger describes them.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use uuid::Uuid;

use crate::error::Result;
use crate::ledger::history::PastExecution;
use crate::pg::{Ask, Row};

/// Batches of an execution that its timeline shows, at most: the latest.
const BATCHES: i64 = 120;

/// The state of an entity.
#[derive(Debug, Clone, Default)]
pub(in crate::catalog) struct EntityState {
    pub(in crate::catalog) loaded: i64,
    pub(in crate::catalog) pending: i64,
    pub(in crate::catalog) quarantined: i64,
    pub(in crate::catalog) rejects_open: i64,
    /// Committed batches that core does not have.
    pub(in crate::catalog) waiting: i64,
    pub(in crate::catalog) issues: i64,
    pub(in crate::catalog) newest_run: Option<String>,
    pub(in crate::catalog) loaded_at: Option<String>,
}

/// When a core table was transformed.
#[derive(Debug, Clone)]
pub(in crate::catalog) struct ModelState {
    pub(in crate::catalog) generation: i64,
    pub(in crate::catalog) refreshed_at: Option<String>,
    pub(in crate::catalog) incremental_at: Option<String>,
    /// Rows of the last full refresh.
    pub(in crate::catalog) rows: Option<i64>,
}

impl ModelState {
    /// The later of the two.
    pub(in crate::catalog) fn transformed_at(&self) -> Option<&str> {
        self.refreshed_at.as_deref().max(self.incremental_at.as_deref())
    }
}

/// A batch of an execution. Times are milliseconds since the execution began.
#[derive(Debug, Clone)]
pub(in crate::catalog) struct RunBatch {
    pub(in crate::catalog) batch_id: i64,
    pub(in crate::catalog) entity: String,
    pub(in crate::catalog) run_id: String,
    pub(in crate::catalog) lines: i64,
    pub(in crate::catalog) rejected: i64,
    pub(in crate::catalog) bytes: i64,
    pub(in crate::catalog) attempt: i32,
    pub(in crate::catalog) started_ms: i64,
    pub(in crate::catalog) committed_ms: i64,
    pub(in crate::catalog) timings: Option<Value>,
}

/// A phase of an execution, a check that it ran, or the bloat that it left.
#[derive(Debug, Clone)]
pub(in crate::catalog) struct RunResult {
    /// phase, check or bloat.
    pub(in crate::catalog) kind: String,
    pub(in crate::catalog) name: String,
    /// Of a check: what it is about.
    pub(in crate::catalog) on: Option<String>,
    /// Milliseconds, rows or bytes.
    pub(in crate::catalog) number: Option<i64>,
    pub(in crate::catalog) severity: Option<String>,
}

/// What an execution did and measured.
#[derive(Debug, Clone, Default)]
pub(in crate::catalog) struct RunFigures {
    /// Rows of `evo.v_run_entities`, `_timings` and `_retries`.
    pub(in crate::catalog) entities: Vec<Value>,
    pub(in crate::catalog) timings: Vec<Value>,
    pub(in crate::catalog) retries: Vec<Value>,
    pub(in crate::catalog) batches: Vec<RunBatch>,
    pub(in crate::catalog) results: Vec<RunResult>,
}

pub(super) async fn entities(on: &impl Ask) -> Result<BTreeMap<String, EntityState>> {
    let rows = on.query(sql_file!("catalog/entities.sql"), &[]).await?;
    let state = |row: &Row| EntityState {
        loaded: row.get(1),
        pending: row.get(2),
        quarantined: row.get(3),
        rejects_open: row.get(4),
        waiting: row.get(5),
        issues: row.get(6),
        newest_run: row.get(7),
        loaded_at: row.get(8),
    };
    Ok(rows.iter().map(|row| (row.get(0), state(row))).collect())
}

pub(super) async fn models(on: &impl Ask) -> Result<BTreeMap<String, ModelState>> {
    let rows = on.query(sql_file!("catalog/models.sql"), &[]).await?;
    let state = |row: &Row| ModelState {
        generation: row.get(1),
        refreshed_at: row.get(2),
        incremental_at: row.get(3),
        rows: row.get(4),
    };
    Ok(rows.iter().map(|row| (row.get(0), state(row))).collect())
}

/// Fields of documents, with their JSON types, by entity.
pub(super) async fn fields(on: &impl Ask) -> Result<BTreeMap<String, Vec<(String, String)>>> {
    let mut found: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for row in &on.query(sql_file!("catalog/fields.sql"), &[]).await? {
        found.entry(row.get(0)).or_default().push((row.get(1), row.get(2)));
    }
    Ok(found)
}

/// What these executions did, by their id.
pub(super) async fn figures(on: &impl Ask, runs: &[PastExecution]) -> Result<HashMap<String, RunFigures>> {
    let ids: Vec<Uuid> = runs.iter().filter_map(|run| run.execution_id.parse().ok()).collect();
    let mut found: HashMap<String, RunFigures> = HashMap::new();
    for row in &on.query(sql_file!("catalog/run_figures.sql"), &[&ids]).await? {
        let of = found.entry(row.get(0)).or_default();
        let list = match row.get::<_, &str>(1) {
            "entity" => &mut of.entities,
            "timing" => &mut of.timings,
            _ => &mut of.retries,
        };
        list.push(row.get(2));
    }
    for row in &on.query(sql_file!("catalog/run_batches.sql"), &[&ids, &BATCHES]).await? {
        let batch = RunBatch {
            batch_id: row.get(1),
            entity: row.get(2),
            run_id: row.get(3),
            lines: row.get(4),
            rejected: row.get(5),
            bytes: row.get(6),
            attempt: row.get(7),
            started_ms: row.get::<_, Option<i64>>(8).unwrap_or(0),
            committed_ms: row.get::<_, Option<i64>>(9).unwrap_or(0),
            timings: row.get(10),
        };
        found.entry(row.get(0)).or_default().batches.push(batch);
    }
    for row in &on.query(sql_file!("catalog/phases.sql"), &[&ids]).await? {
        let result = RunResult {
            kind: row.get(1),
            name: row.get::<_, Option<String>>(2).unwrap_or_default(),
            on: row.get(3),
            number: row.get(4),
            severity: row.get(5),
        };
        found.entry(row.get(0)).or_default().results.push(result);
    }
    Ok(found)
}
