//! Runs a test: what its documents become, against what it expects.

use serde_json::{Map, Value};

use super::document;
use super::file::ModelTest;
use crate::entity::Model;
use crate::error::{Context, Error, Kind, Result};
use crate::ledger::staging;
use crate::pg::Transaction;
use crate::sql::{fill, qualified};
use crate::transform::issues;
use crate::transform::job::EntityJob;
use crate::transform::limits;
use crate::transform::shape::Shape;

/// A row by its columns.
type ExampleRow = Map<String, Value>;

/// A cell, or a row as a whole, that is not as a test expects.
#[derive(Debug, Clone, PartialEq)]
pub struct CellDifference {
    /// The core table; empty for what is about documents.
    pub table: String,
    /// The key of the row, its values joined by commas.
    pub key: String,
    /// The column; empty for a row that is missing or not expected.
    pub column: String,
    /// What the test expects; `None` for a row that it does not.
    pub expected: Option<Value>,
    /// What there is; `None` for a row that is missing.
    pub found: Option<Value>,
}

/// What a test came to.
#[derive(Debug, Clone)]
pub struct TestRun {
    /// Path of its file.
    pub file: String,
    /// What is not as it expects; none when it passed.
    pub differences: Vec<CellDifference>,
}

/// Runs one test. Of the job it uses neither lock nor checks.
///
/// # Errors
/// `Config` when tables lack something that evo needs, or the test cannot be; see [`crate::pg`].
pub async fn run_test(job: &mut EntityJob, test: &ModelTest) -> Result<TestRun> {
    let mut connection = job.pool.get().await?;
    staging::require_fitting(&*connection, std::slice::from_ref(&job.entity)).await?;
    job.entity = limits::limited(&connection, &job.entity).await?;
    let shapes = Shape::of_entity(&*connection, &job.entity).await?;
    let tx = connection.begin().await?;
    let ran = in_transaction(job, &tx, &shapes, test).await.context(&test.file);
    tx.rollback().await?;
    ran.map(|differences| TestRun { file: test.file.clone(), differences })
}

async fn in_transaction(
    job: &EntityJob,
    tx: &Transaction<'_>,
    shapes: &[Shape],
    test: &ModelTest,
) -> Result<Vec<CellDifference>> {
    let entity = &job.entity;
    let rejected = document::stage(tx, entity, (&test.documents, &test.file), false).await?;
    let staged = document::staged(&entity.staging.key_column);
    let mut differences = Vec::new();
    differences.extend(count("documents rejected", test.rejected as u64, rejected as u64));
    let mut issues = 0;
    for (model, shape) in entity.models.iter().zip(shapes) {
        issues += issues::file(job, tx, model, &staged, "true").await?;
        let Some(expected) = test.rows.get(&model.table) else { continue };
        let found = document::rows(tx, entity, (model, shape), &staged).await?;
        let typed = typed(tx, model, expected).await?;
        differences.extend(compare(model, (expected, &typed), found)?);
    }
    differences.extend(count("values that do not fit", test.issues, issues));
    Ok(differences)
}

fn count(what: &str, expected: u64, found: u64) -> Option<CellDifference> {
    (expected != found).then(|| CellDifference {
        table: String::new(),
        key: what.to_owned(),
        column: String::new(),
        expected: Some(expected.into()),
        found: Some(found.into()),
    })
}

/// The rows in the types of the table: `12.5` and `12.50` are one amount.
async fn typed(tx: &Transaction<'_>, model: &Model, rows: &[Map<String, Value>]) -> Result<Vec<Map<String, Value>>> {
    let lines: Vec<String> = rows.iter().map(|row| Value::Object(row.clone()).to_string()).collect();
    let sql = fill(sql_file!("transform/example/expected.sql"), &[("table", &qualified(&model.table))]);
    let typed = tx.query(&sql, &[&lines]).await.context(format!("the rows of {}", model.table))?;
    Ok(typed.iter().filter_map(|row| row.get::<_, Value>(0).as_object().cloned()).collect())
}

fn key_of(model: &Model, row: &Map<String, Value>) -> String {
    let text = |column: &String| match row.get(column) {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => String::new(),
    };
    model.key.iter().map(text).collect::<Vec<_>>().join(",")
}

/// Compares rows by their keys, and of each the columns that the test names.
fn compare(
    model: &Model,
    (named, typed): (&[ExampleRow], &[ExampleRow]),
    mut found: Vec<ExampleRow>,
) -> Result<Vec<CellDifference>> {
    let difference = |key: &str, column: &str, expected: Option<Value>, found: Option<Value>| CellDifference {
        table: model.table.clone(),
        key: key.to_owned(),
        column: column.to_owned(),
        expected,
        found,
    };
    let mut differences = Vec::new();
    for (named, typed) in named.iter().zip(typed) {
        if let Some(missing) = model.key.iter().find(|column| !named.contains_key(*column)) {
            return Err(Error::new(Kind::Config, format!("a row of {} has no {missing}", model.table))
                .hint("each row names all columns of the key"));
        }
        if let Some(unknown) = named.keys().find(|column| !typed.contains_key(*column)) {
            return Err(Error::new(Kind::Config, format!("{} has no column {unknown}", model.table)));
        }
        let key = key_of(model, typed);
        let Some(at) = found.iter().position(|row| key_of(model, row) == key) else {
            differences.push(difference(&key, "", Some(Value::Object(named.clone())), None));
            continue;
        };
        let row = found.swap_remove(at);
        for column in named.keys().filter(|column| row.get(*column) != typed.get(*column)) {
            differences.push(difference(&key, column, typed.get(column).cloned(), row.get(column).cloned()));
        }
    }
    let unexpected = found.into_iter().map(|row| difference(&key_of(model, &row), "", None, Some(Value::Object(row))));
    Ok(differences.into_iter().chain(unexpected).collect())
}
