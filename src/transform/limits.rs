//! The limits of core's columns and indexes that the models may exceed.

use crate::entity::{Entity, Limit};
use crate::error::Result;
use crate::pg::{Connection, Row};
use crate::sql::qualified;

/// The entity with models that treat a value beyond a limit as one that does not fit: it becomes null and an
/// issue. Otherwise one long value would fail the whole statement.
///
/// # Errors
/// `Config` when a model cannot be limited; otherwise see [`crate::pg`].
pub(super) async fn limited(connection: &Connection, entity: &Entity) -> Result<Entity> {
    let mut entity = entity.clone();
    for model in &mut entity.models {
        let rows = connection.query(sql_file!("transform/limits.sql"), &[&qualified(&model.table)]).await?;
        let limits: Vec<(String, Limit)> = rows.iter().filter_map(limit).collect();
        model.select = model.select.limited(&limits)?;
    }
    Ok(entity)
}

/// A row of `limits.sql` as column and limit; `None` for an unknown kind.
fn limit(row: &Row) -> Option<(String, Limit)> {
    let (column, kind, most, scale): (String, String, i32, i32) = (row.get(0), row.get(1), row.get(2), row.get(3));
    let limit = match kind.as_str() {
        "index" => Limit::Bytes(most),
        "varchar" => Limit::Characters(most),
        "bpchar" => Limit::Padded(most),
        "cut" => Limit::Cut(most),
        "float4" => Limit::Real,
        "float8" => Limit::Double,
        "seconds" => Limit::Seconds(most),
        "date" => Limit::Day,
        "time" => Limit::Time,
        "whole" => Limit::Whole,
        "smallint" => Limit::Smallint,
        "integer" => Limit::Integer,
        "numeric" => Limit::Numeric { precision: most, scale },
        _ => return None,
    };
    Some((column, limit))
}
