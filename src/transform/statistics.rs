//! What the planner's statistics say of an entity's core tables, as a relation.

use std::collections::{BTreeMap, HashMap};

use serde_json::json;

use crate::citus::{Layout, Parts};
use crate::error::Result;
use crate::pg::Ask;
use crate::sql::{fill, literal};

/// A relation `(table_name text, column_name text, rows_count, filled)` for the leaf tables of `generation`.
/// Of distributed tables the shards are asked now, and the relation holds what they say.
///
/// # Errors
/// `DatabaseUnavailable` when a server does not answer; see [`crate::pg`].
pub(super) async fn relation(on: &impl Ask, generation: &str, layout: Layout) -> Result<String> {
    match layout.is_distributed() {
        false => {
            let sql = fill(sql_file!("transform/statistics.sql"), &[("generation", generation)]);
            Ok(format!("({})", sql.trim_end()))
        }
        true => of_shards(on, generation).await,
    }
}

async fn of_shards(on: &impl Ask, generation: &str) -> Result<String> {
    let sql = fill(sql_file!("transform/leaf_names.sql"), &[("generation", generation)]);
    let leaves: HashMap<String, String> =
        on.query(&sql, &[]).await?.iter().map(|row| (row.get(1), row.get(0))).collect();
    let names: Vec<String> = leaves.keys().cloned().collect();
    let parts = Parts::read(on, &names).await?;
    let mut sums: BTreeMap<(String, String), (f64, f64)> = BTreeMap::new();
    for row in parts.ask(on, sql_file!("citus/statistics.sql"), 6).await? {
        let table = parts.whole(row.name(0)).and_then(|leaf| leaves.get(leaf));
        let (Some(table), Some(rows), Some(nulls)) = (table, row.real(2), row.real(3)) else { continue };
        let sum = sums.entry((table.clone(), row.name(1).to_owned())).or_default();
        *sum = (sum.0 + rows, sum.1 + rows * (1.0 - nulls));
    }
    let rows = sums.into_iter().filter(|(_, (rows, _))| *rows > 0.0);
    let rows = rows.map(|((table, column), (rows, values))| {
        json!({ "table_name": table, "column_name": column, "rows_count": rows, "filled": values / rows })
    });
    let rows = literal(&serde_json::Value::from_iter(rows).to_string());
    Ok(format!(
        "(select * from jsonb_to_recordset({rows}::jsonb) as r (table_name text, column_name text, rows_count real, \
         filled real))"
    ))
}
