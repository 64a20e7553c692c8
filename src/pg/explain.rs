//! Adds to an error what only the catalog knows: the trigger that called a function, the owner of a table.

use super::pool::Pool;
use super::sqlstate::INSUFFICIENT_PRIVILEGE;
use crate::error::{Error, Kind};
use crate::sql::ident;

/// Adds what the catalog knows: which trigger or event trigger called the function that raised the error, and
/// who owns those of `tables` and their partitions that this role does not own. Returns the error unchanged
/// when the catalog cannot be read or knows nothing, and when the error has a detail already.
pub async fn explain(pool: &Pool, error: Error, tables: &[String]) -> Error {
    if error.detail_text().is_some() {
        return error;
    }
    match (error.kind(), error.named().function.clone(), error.sqlstate()) {
        (Kind::Refused, Some(function), _) => raised_by(pool, error, &function).await,
        (Kind::AccessDenied, None, Some(INSUFFICIENT_PRIVILEGE)) => owned_by(pool, error, tables).await,
        _ => error,
    }
}

async fn raised_by(pool: &Pool, error: Error, function: &str) -> Error {
    let Ok(connection) = pool.get().await else { return error };
    let rows = connection.query(sql_file!("pg/raised_by.sql"), &[&function]).await.unwrap_or_default();
    let triggers: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let is_on_ddl = rows.iter().any(|row| row.get(1));
    let Some(role) = rows.first().map(|row| row.get::<_, String>(2)) else { return error };
    let error = error.detail(format!("{function} is called by {}", triggers.join(", ")));
    match is_on_ddl {
        true => error.hint(format!(
            "evo creates and alters its own tables: exempt its role with \
             `if current_user = '{role}' then return; end if;` at the beginning of {function}"
        )),
        false => error,
    }
}

async fn owned_by(pool: &Pool, error: Error, tables: &[String]) -> Error {
    let Ok(connection) = pool.get().await else { return error };
    let rows = connection.query(sql_file!("pg/owners.sql"), &[&tables.to_vec()]).await.unwrap_or_default();
    let lines: Vec<String> = rows
        .iter()
        .map(|row| format!("{} belongs to role {}", row.get::<_, String>(0), row.get::<_, String>(1)))
        .collect();
    let Some((first, role)) = rows.first().map(|row| (row.get::<_, String>(1), row.get::<_, String>(2))) else {
        return error;
    };
    error.detail(lines.join("\n")).hint(format!(
        "grant {} to {}; or make {} the owner: alter table … owner to {}",
        ident(&first),
        ident(&role),
        ident(&role),
        ident(&role)
    ))
}
