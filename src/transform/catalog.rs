//! What the server's catalog says about a core table: the model names no column twice.

use crate::entity::Model;
use crate::error::{Error, Kind, Result};
use crate::pg::Connection;

/// The columns of a core table.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    /// Columns that the model fills, in table order: all but generated ones and `_updated_at`.
    pub columns: Vec<String>,
    /// Whether the table has `_updated_at`, which the engine keeps.
    pub has_updated_at: bool,
    /// Sixteen hex digits that change with the table's columns and their types.
    pub fingerprint: String,
}

/// One partition of a table.
#[derive(Debug, Clone)]
pub(super) struct Partition {
    /// Qualified, quoted where it must be.
    pub name: String,
    /// Its schema, as in the catalog.
    pub schema: String,
    /// Unqualified, as in the catalog.
    pub relname: String,
    /// `FOR VALUES …` or `DEFAULT`.
    pub bound: String,
    /// What its rows fulfil, as an expression over the column names.
    pub constraint: String,
    /// Whether it takes what no other partition takes.
    pub is_default: bool,
}

pub(super) async fn shape(connection: &Connection, model: &Model) -> Result<Shape> {
    let rows = connection.query(sql_file!("transform/shape.sql"), &[&model.table]).await.map_err(|e| {
        if e.sqlstate() == Some("42P01") {
            Error::new(Kind::Config, format!("the core table {} does not exist", model.table))
                .hint("an entity needs a migration that creates its staging and core tables")
        } else {
            e
        }
    })?;
    let all: Vec<(String, bool)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let text: Vec<String> =
        rows.iter().map(|row| format!("{} {}", row.get::<_, &str>(0), row.get::<_, &str>(2))).collect();
    Ok(Shape {
        fingerprint: format!(
            "{:016x}",
            xxhash_rust::xxh3::xxh3_64(format!("{}: {}", model.table, text.join(", ")).as_bytes())
        ),
        has_updated_at: all.iter().any(|(name, _)| name == "_updated_at"),
        columns: all
            .into_iter()
            .filter(|(name, generated)| !generated && name != "_updated_at")
            .map(|(n, _)| n)
            .collect(),
    })
}

/// The partitions of a table, the default one last; none where it is not partitioned.
pub(super) async fn partitions(connection: &Connection, table: &str) -> Result<Vec<Partition>> {
    let rows = connection.query(sql_file!("transform/generation/partitions.sql"), &[&table]).await?;
    Ok(rows
        .iter()
        .map(|row| Partition {
            name: row.get(0),
            schema: row.get(1),
            relname: row.get(2),
            bound: row.get(3),
            constraint: row.get(4),
            is_default: row.get(5),
        })
        .collect())
}
