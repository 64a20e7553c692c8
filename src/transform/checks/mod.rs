//! Checks: queries that must return no rows, before a swap, after an increment, and by `evo check` (docs/checks.md).
//!
//! A check says `{core.evo_sales}` for the rows that it is about and `{all core.evo_sales}` for the whole table. What
//! both mean depends on when it runs: the new generation's tables, the rows that an increment may have changed, or what
//! serves.

mod declare;

use std::time::{Duration, Instant};

pub use declare::{Check, Checks, Severity, When};

use super::Job;
use crate::entity::{Entity, Model};
use crate::error::{Error, Kind, Result};
use crate::ids::BatchId;
use crate::pg::Transaction;
use crate::sql::{ident, literal, qualified};

/// How many offending keys are shown.
const SHOWN_KEYS: usize = 5;
/// Up to so many changed rows each is looked up by its key.
const FEW_ROWS: i64 = 100_000;

/// Which rows of core are checked.
#[derive(Debug, Clone)]
pub enum Scope {
    /// The tables as readers see them.
    Serving,
    /// Of those, the rows of documents that came with these batches.
    Changed(Vec<BatchId>),
    /// A generation that readers do not see yet.
    Generation(Vec<Leaf>),
}

/// A table of a generation that readers do not see yet.
#[derive(Debug, Clone)]
pub struct Leaf {
    /// The core table.
    pub table: String,
    /// The new table; qualified and quoted, as the next.
    pub new: String,
    /// The partition whose place it is to take.
    pub replaces: String,
}

/// What a check found.
#[derive(Debug, Clone)]
pub struct Finding {
    /// Name of the check.
    pub check: String,
    /// Core table or entity that it was about.
    pub on: String,
    /// What rows mean.
    pub severity: Severity,
    /// Rows that it returned.
    pub rows: u64,
    /// The first of them, by key; keys only.
    pub keys: Vec<String>,
    /// What to do about them.
    pub hint: Option<String>,
    /// How long it took.
    pub elapsed: Duration,
}

impl Finding {
    /// Whether the data must not be used.
    pub fn is_failure(&self) -> bool {
        self.rows > 0 && self.severity == Severity::Fail
    }
}

/// The error for what failed; `None` when nothing did.
pub fn failure(findings: &[Finding]) -> Option<Error> {
    let failed: Vec<&Finding> = findings.iter().filter(|f| f.is_failure()).collect();
    let first = failed.first()?;
    let shown: Vec<String> = failed
        .iter()
        .map(|f| {
            let more = if f.rows > f.keys.len() as u64 { ", …" } else { "" };
            format!("{} on {}: {} rows ({}{more})", f.check, f.on, f.rows, f.keys.join(", "))
        })
        .collect();
    let error = Error::new(Kind::CheckFailed, format!("check {} failed on {}", first.check, first.on));
    let error = error.detail(shown.join("; "));
    Some(match &first.hint {
        Some(hint) => error.hint(hint.clone()),
        None => error,
    })
}

/// Runs the checks of an entity that are due at `when` and returns what each found, in order of their names.
///
/// # Errors
/// Of the server, with the name of the check. Data that a check refuses is no error: see [`failure`].
pub async fn run(
    tx: &Transaction<'_>,
    checks: &Checks,
    entity: &Entity,
    when: When,
    scope: &Scope,
) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for check in checks.list.iter().filter(|check| {
        check.when.contains(&when) && (check.entities.is_empty() || check.entities.contains(&entity.name))
    }) {
        let children = entity.models.iter().skip(1).map(Some);
        let subjects: Vec<Option<&Model>> =
            if check.each == declare::Each::Child { children.collect() } else { vec![None] };
        for child in subjects {
            let started = Instant::now();
            let sql = format!(
                "with offending as materialized (\n{}\n)\nselect (select count(*) from offending), \
                 array(select o.key::text from offending as o (key) order by 1 limit {SHOWN_KEYS})",
                filled(check, entity, child, scope)
            );
            let row = tx.query_one(&sql, &[]).await.map_err(|e| cannot_run(check, e))?;
            findings.push(Finding {
                check: check.name.clone(),
                on: child.map_or(&entity.name, |model| &model.table).clone(),
                severity: check.severity,
                rows: row.get::<_, i64>(0).unsigned_abs(),
                keys: row.get(1),
                hint: check.hint.clone(),
                elapsed: started.elapsed(),
            });
        }
    }
    Ok(findings)
}

/// The error of a check that the server did not run. It is in a transaction that may only read: 25006 says nothing
/// about the server.
fn cannot_run(check: &Check, error: Error) -> Error {
    match error.sqlstate() {
        Some("25006") => Error::new(Kind::Config, format!("check {} writes", check.name)).hint("a check may only read"),
        _ => error.context(format!("check {}", check.name)),
    }
}

/// The check's query with its placeholders filled.
fn filled(check: &Check, entity: &Entity, child: Option<&Model>, scope: &Scope) -> String {
    let mut sql = check.sql.clone();
    let mut put = |name: &str, value: &str| sql = sql.replace(&format!("{{{name}}}"), value);
    let parent = entity.models.first();
    for model in &entity.models {
        let (rows, all) = (scope.rows(entity, model), scope.all(&model.table));
        put(&model.table, &rows);
        put(&format!("all {}", model.table), &all);
        for (role, is) in [("parent", parent), ("child", child)] {
            if is.is_some_and(|is| is.table == model.table) {
                put(role, &rows);
                put(&format!("all {role}"), &all);
            }
        }
    }
    if let Some(child) = child {
        put("parent_key", &ident(&child.parent_key));
        put("child_key", &ident(child.key.last().unwrap_or(&child.parent_key)));
    }
    put("entity", &literal(&entity.name));
    put("staging", &qualified(&entity.staging.table));
    put("generation", &scope.tables(entity));
    for (name, value) in &check.parameters {
        put(name, &literal(value));
    }
    sql
}

impl Scope {
    /// The rows of a core table that are checked, as a relation.
    fn rows(&self, entity: &Entity, model: &Model) -> String {
        match self {
            Scope::Changed(batches) => {
                let ids: Vec<String> = batches.iter().map(BatchId::to_string).collect();
                format!(
                    "(select t.* from {} t where t.{} in (select {} from {} where _batch_id = any('{{{}}}'::bigint[])))",
                    qualified(&model.table),
                    ident(&model.parent_key),
                    ident(&entity.staging.key_column),
                    qualified(&entity.staging.table),
                    ids.join(",")
                )
            }
            _ => self.all(&model.table),
        }
    }

    /// A whole core table as a relation.
    fn all(&self, table: &str) -> String {
        match self {
            Scope::Generation(parts) => {
                let selects: Vec<String> = parts
                    .iter()
                    .filter(|leaf| leaf.table == table)
                    .map(|leaf| format!("select * from {}", leaf.new))
                    .collect();
                format!("({})", selects.join(" union all "))
            }
            _ => qualified(table),
        }
    }

    /// The leaf tables: `(table_name text, part oid)`. Of a generation as they will be after the swap, so that a year is
    /// not held against all years.
    fn tables(&self, entity: &Entity) -> String {
        let leaves: &[Leaf] = if let Scope::Generation(leaves) = self { leaves } else { &[] };
        let of = |model: &Model| {
            let table = literal(&model.table);
            let leaves = leaves.iter().filter(|leaf| leaf.table == model.table);
            let replaced: Vec<String> = leaves.map(|leaf| format!("{}::regclass", literal(&leaf.replaces))).collect();
            format!(
                "select {table}, inhrelid from pg_inherits where inhparent = {table}::regclass \
                 and inhrelid <> all (array[{}]::oid[])",
                replaced.join(", ")
            )
        };
        let new = |leaf: &Leaf| format!("select {}, {}::regclass::oid", literal(&leaf.table), literal(&leaf.new));
        let serving = entity.models.iter().map(of);
        format!("({})", serving.chain(leaves.iter().map(new)).collect::<Vec<_>>().join(" union all "))
    }
}

impl Job {
    /// Runs the checks on a generation that is about to be swapped in.
    ///
    /// # Errors
    /// `CheckFailed` when one of severity fail returned rows; of the server.
    pub(super) async fn check_generation(&self, tables: Vec<Leaf>) -> Result<Vec<Finding>> {
        let findings = self.check(When::Swap, &Scope::Generation(tables)).await?;
        match failure(&findings) {
            None => Ok(findings),
            Some(error) => {
                let mut names: Vec<&str> =
                    findings.iter().filter(|f| f.is_failure()).map(|f| f.check.as_str()).collect();
                names.dedup();
                let advice = error.hint_text().map_or(String::new(), |hint| format!("{hint}; "));
                Err(error.hint(format!(
                    "{advice}the old generation still serves; if the data is right, repeat with --accept {}",
                    names.join(" --accept ")
                )))
            }
        }
    }

    /// Runs the checks after an increment, on what it may have changed.
    ///
    /// # Errors
    /// Of the server.
    pub(super) async fn check_increment(&self, changed: &Scope) -> Result<Vec<Finding>> {
        match changed {
            Scope::Changed(batches) if batches.is_empty() => Ok(Vec::new()),
            _ => self.check(When::Increment, changed).await,
        }
    }

    /// Remembers how far each column of the serving generation is filled: what the next one is held against.
    ///
    /// # Errors
    /// Of the server.
    pub(super) async fn record_fill(&self) -> Result<()> {
        let connection = self.pool.get().await?;
        let sql = crate::sql::fill(
            sql_file!("transform/record_fill.sql"),
            &[("generation", &Scope::Serving.tables(&self.entity))],
        );
        connection.execute(&sql, &[]).await?;
        Ok(())
    }

    async fn check(&self, when: When, scope: &Scope) -> Result<Vec<Finding>> {
        let mut connection = self.pool.get().await?;
        let tx = connection.begin().await?;
        tx.batch(super::SESSION).await?;
        tx.batch("set transaction read only").await?;
        if let Scope::Changed(batches) = scope {
            let sql = "select coalesce(sum(inserted_count + updated_count), 0)::bigint from evo.batches where batch_id = any($1)";
            if tx.query_one(sql, &[batches]).await?.get::<_, i64>(0) <= FEW_ROWS {
                tx.batch("set local enable_hashjoin = off; set local enable_mergejoin = off").await?;
            }
        }
        let findings = run(&tx, &self.checks, &self.entity, when, scope).await?;
        tx.rollback().await?;
        Ok(findings)
    }
}
