//! Runs the checks of an entity in a transaction.

use std::time::{Duration, Instant};

use super::check::{Check, Each, When};
use super::finding::Finding;
use super::scope::Scope;
use super::set::Checks;
use crate::citus::Layout;
use crate::entity::{Entity, History, Model};
use crate::error::{Error, Kind, Result};
use crate::pg::Transaction;
use crate::pg::sqlstate::READ_ONLY_TRANSACTION;
use crate::sql::{columns, fill, ident, literal, qualified};
use crate::transform::range::Range;
use crate::transform::staged::StagedRows;
use crate::transform::statistics;

/// How often a check is run while the ledger changes under it.
const MAX_TRIES: usize = 5;

/// Runs the checks of an entity that are due at `when` in this transaction, which should be read only.
/// Returns what each found, by name. Data that a check objects to is no error: see
/// [`failure`](super::failure).
///
/// # Errors
/// `Config` for a check that writes; otherwise see [`crate::pg`]. The error names the check.
pub async fn run(
    tx: &Transaction<'_>,
    checks: &Checks,
    (entity, layout): (&Entity, Layout),
    when: When,
    scope: &Scope,
) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for check in checks.all().iter().filter(|check| check.is_due(entity, when)) {
        let children: Vec<Option<&Model>> = match check.each {
            Each::Entity => vec![None],
            Each::Child => entity.models.iter().skip(1).map(Some).collect(),
            Each::History => entity.models.iter().filter(|model| model.is_history).map(Some).collect(),
        };
        for child in children {
            let on = child.map_or(&entity.name, |model| &model.table);
            // Reading the tables would say the same.
            let is_known = check.is_about_parents() && scope.has_parents(on)
                || check.is_about_new_ids() && scope.has_no_new_rows(on);
            if is_known {
                findings.push(finding(check, (&entity.name, on)));
                continue;
            }
            let statistics = match check.query.placeholders().any(|name| name == "statistics") {
                true => statistics::relation(tx, &scope.leaves(entity), layout).await?,
                false => String::new(),
            };
            let query = check.query.render(|name| match name {
                "statistics" => statistics.clone(),
                _ => value(name, check, (entity, child), scope),
            });
            let found = match layout.is_distributed() && when == When::Check {
                true => run_settled(tx, check, ((&entity.name, on), layout), &query).await?,
                false => run_one(tx, check, (&entity.name, on), &query).await?,
            };
            findings.push(found);
        }
    }
    Ok(findings)
}

/// Runs a check on distributed tables. No statement sees the ledger and the shards at one moment. So what it
/// finds counts only if the ledger is the same before and after, and all rows that it speaks of could be
/// seen.
///
/// # Errors
/// `DatabaseBusy` when the ledger changes again and again under the check that compares it with the rows.
async fn run_settled(
    tx: &Transaction<'_>,
    check: &Check,
    (about, layout): ((&str, &str), Layout),
    query: &str,
) -> Result<Finding> {
    let (entity, _) = about;
    let state = async || Ok::<String, Error>(tx.query_one(sql_file!("ledger/state.sql"), &[&entity]).await?.get(0));
    for _ in 0..MAX_TRIES {
        let before = state().await?;
        layout.wait_for_rows(tx).await?;
        let found = run_one(tx, check, about, query).await?;
        if found.rows == 0 || state().await? == before || !check.is_about_ledger() {
            return Ok(found);
        }
    }
    let message = format!("check {}: jobs commit faster than the rows can be counted", check.name);
    Err(Error::new(Kind::DatabaseBusy, message).hint("repeat it while nothing is loaded or transformed"))
}

async fn run_one(tx: &Transaction<'_>, check: &Check, (entity, on): (&str, &str), query: &str) -> Result<Finding> {
    let started = Instant::now();
    let sql = fill(sql_file!("transform/check.sql"), &[("query", query)]);
    let row = tx.query_one(&sql, &[]).await.map_err(|error| cannot_run(check, error))?;
    let rows = row.get::<_, i64>(0).unsigned_abs();
    Ok(Finding { rows, keys: row.get(1), elapsed: started.elapsed(), ..finding(check, (entity, on)) })
}

/// What a check finds where all is well.
fn finding(check: &Check, (entity, on): (&str, &str)) -> Finding {
    Finding {
        check: check.name.clone(),
        on: on.to_owned(),
        severity: check.severity,
        rows: 0,
        keys: Vec::new(),
        hint: check.hint.as_ref().map(|hint| hint.replace("ENTITY", entity)),
        elapsed: Duration::ZERO,
    }
}

/// The error of a check that the server did not run. Its transaction may only read, so the code for that says
/// nothing about the server. What else is wrong with the query, or with a parameter, is for its author to
/// correct.
fn cannot_run(check: &Check, error: Error) -> Error {
    if error.sqlstate() == Some(READ_ONLY_TRANSACTION) {
        return Error::new(Kind::Config, format!("check {} writes", check.name)).hint("a check may only read");
    }
    let error = error.context(format!("check {}", check.name));
    match error.kind() {
        Kind::BadRow if !check.parameters.is_empty() => {
            let given: Vec<String> = check.parameters.iter().map(|(name, value)| format!("{name} = {value}")).collect();
            error.of_kind(Kind::Config).hint(format!("its parameters are {}; --set changes them", given.join(", ")))
        }
        Kind::StatementInvalid | Kind::SchemaChanged => error
            .of_kind(Kind::Config)
            .hint("its query does not fit the tables: a column has another type or name, or the query is wrong"),
        _ => error,
    }
}

/// The column that tells a child apart from the others of its parent.
fn child_key<'a>(entity: &Entity, child: &'a Model) -> &'a str {
    child.identity(entity).last().copied().unwrap_or(&child.parent_key)
}

/// The rows of the parent table of which there is one for each document; of a history the newest ones.
fn current(entity: &Entity, scope: &Scope) -> String {
    let Some(parent) = entity.models.first() else { return String::new() };
    let all = scope.all(&parent.table);
    match parent.is_history {
        false => all,
        true => format!("(select * from {all} h where {} is null)", ident(History::ENDS)),
    }
}

/// What the entity's core tables are made by, as a subselect.
fn definitions(entity: &Entity) -> String {
    let row = |model: &Model| {
        let columns: Vec<String> = model.select.columns().iter().map(|column| literal(&column.name)).collect();
        format!("({}, {}, array[{}]::text[])", literal(&model.table), literal(&model.digest), columns.join(", "))
    };
    format!("(values {})", entity.models.iter().map(row).collect::<Vec<_>>().join(", "))
}

/// The text of a placeholder. [`Check::parse`] has refused those that mean nothing here.
fn value(name: &str, check: &Check, (entity, child): (&Entity, Option<&Model>), scope: &Scope) -> String {
    let (is_all, table) = name.strip_prefix("all ").map_or((false, name), |table| (true, table));
    let model = match table {
        "parent" => entity.models.first(),
        "child" | "history" => child,
        table => entity.models.iter().find(|model| model.table == table),
    };
    if let Some(model) = model {
        return if is_all { scope.all(&model.table) } else { scope.rows(entity, model) };
    }
    let of_child = |column: fn(&Model) -> &String| child.map_or(String::new(), |child| ident(column(child)));
    match name {
        "parent_key" => of_child(|child| &child.parent_key),
        "child_key" => child.map_or(String::new(), |child| ident(child_key(entity, child))),
        "identity" => child.map_or(String::new(), |child| columns(&child.identity(entity))),
        "since" => entity.history.as_ref().map_or(String::new(), |history| ident(&history.column)),
        "is_whole" => child.is_some_and(|child| child.identity(entity) == [&child.parent_key]).to_string(),
        "entity" => literal(&entity.name),
        "staging" => qualified(&entity.staging.table),
        "documents" => StagedRows::of_keys(entity, &Range::default()).shown(entity).sql(),
        "current" => current(entity, scope),
        "generation" => scope.leaves(entity),
        "definitions" => definitions(entity),
        parameter => check.parameters.get(parameter).map_or(String::new(), |value| literal(value)),
    }
}
