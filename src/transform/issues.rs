//! Values that did not fit: filed in `evo.issues`, or named when the transform is strict.

use super::job::EntityJob;
use super::reading::{misfit_column, misfits};
use super::staged::StagedRows;
use crate::entity::{Column, Model};
use crate::error::{Error, Kind, Result};
use crate::pg::Transaction;
use crate::sql::{fill, ident, literal};

/// Files the values that the careful reading of a model nulls, and the elements of its array that became no
/// row. Only rows that fulfil the condition `within` count. Returns how many were filed.
pub(super) async fn file(
    job: &EntityJob,
    tx: &Transaction<'_>,
    model: &Model,
    rows: &StagedRows,
    within: &str,
) -> Result<u64> {
    let mut filed = 0;
    if let Some(sql) = values_sql(job, model, rows, within) {
        filed += tx.execute(&sql, &[&job.entity.name, &model.table, &job.execution_id]).await?;
    }
    if let (Some(children), Some(key)) = (model.select.children(), model.key.last()) {
        let (alias, staging_key) = (ident(model.select.source()), ident(&job.entity.staging.key_column));
        let sql = fill(
            sql_file!("transform/issues/children.sql"),
            &[
                ("rows", &rows.of_model(&job.entity, model)),
                ("key_part", &job.entity.key_type().part(&format!("{alias}.{staging_key}"))),
                ("alias", &alias),
                ("children", model.select.slice(&children.arguments)),
            ],
        );
        let path = format!("{}[].{}", children.array, children.id);
        filed += tx.execute(&sql, &[&job.entity.name, &model.table, &job.execution_id, key, &path]).await?;
    }
    Ok(filed)
}

/// `None` if no column of the model can have a misfit.
fn values_sql(job: &EntityJob, model: &Model, rows: &StagedRows, within: &str) -> Option<String> {
    let part = |column: &String| {
        let value = format!("m.{}", ident(column));
        if *column == model.parent_key { job.entity.key_type().part(&value) } else { value }
    };
    let key: Vec<String> = model.key.iter().map(part).collect();
    let select = &model.select;
    let value = |(i, column): (usize, &Column)| {
        let max_bytes = column.max_bytes.as_ref().map_or("null::integer", |span| select.slice(span));
        let (name, paths) = (literal(&column.name), literal(&column.paths.join("|")));
        column.can_misfit(select.records()).then(|| format!("({name}, {paths}, m.{}, {max_bytes})", misfit_column(i)))
    };
    let values: Vec<String> = select.columns().iter().enumerate().filter_map(value).collect();
    (!values.is_empty()).then(|| {
        fill(
            sql_file!("transform/issues/values.sql"),
            &[
                ("misfits", &misfits(&job.entity, model, rows)),
                ("key", &key.join(", ")),
                ("values", &values.join(", ")),
                ("within", within),
            ],
        )
    })
}

/// The error of a strict transform: it names the first value that does not fit by table, key, column and
/// place, and does not show it. `error` is the server's.
pub(super) async fn strict_error(job: &EntityJob, rows: &StagedRows, error: Error) -> Error {
    let strict = Error::new(Kind::BadRow, "a value does not fit its column, and --strict was given")
        .with_sqlstate(error.sqlstate().unwrap_or_default().to_owned())
        .hint("correct it at the source, or transform without --strict: it becomes null and a row in evo.issues");
    match first_misfit(job, rows).await {
        Ok(Some(detail)) => strict.detail(detail),
        Ok(None) | Err(_) => strict,
    }
}

/// Files the issues in a transaction that is rolled back: the same statements say what is wrong.
async fn first_misfit(job: &EntityJob, rows: &StagedRows) -> Result<Option<String>> {
    let mut connection = job.pool.get().await?;
    let tx = connection.begin().await?;
    for model in &job.entity.models {
        if file(job, &tx, model, rows, "true").await? > 0 {
            let row = tx.query_one(sql_file!("transform/issues/first.sql"), &[&job.execution_id, &model.table]).await?;
            return Ok(Some(row.get(0)));
        }
    }
    Ok(None)
}
