//! Tables, views, columns and indexes as the database describes them.

use std::collections::HashMap;

use crate::error::Result;
use crate::pg::{Ask, Row};

/// A table or view.
#[derive(Debug, Clone)]
pub(in crate::catalog) struct Relation {
    pub(in crate::catalog) oid: i64,
    pub(in crate::catalog) schema: String,
    pub(in crate::catalog) name: String,
    /// Qualified, and quoted where necessary.
    pub(in crate::catalog) quoted: String,
    /// As `pg_class.relkind` has it.
    pub(in crate::catalog) kind: String,
    pub(in crate::catalog) comment: Option<String>,
    /// The planner's estimate.
    pub(in crate::catalog) rows: Option<i64>,
    pub(in crate::catalog) partitions: i64,
}

impl Relation {
    /// Qualified, not quoted.
    pub(in crate::catalog) fn full_name(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    /// The kind in words.
    pub(in crate::catalog) fn kind_word(&self) -> &'static str {
        kind_word(&self.kind)
    }

    /// Whether it has storage of its own.
    pub(in crate::catalog) fn is_table(&self) -> bool {
        ["r", "p"].contains(&self.kind.as_str())
    }
}

fn kind_word(kind: &str) -> &'static str {
    match kind {
        "r" => "table",
        "p" => "partitioned table",
        "v" => "view",
        "m" => "materialized view",
        "f" => "foreign table",
        _ => "relation",
    }
}

/// A column, with what the statistics say of it.
#[derive(Debug, Clone)]
pub(in crate::catalog) struct ColumnFact {
    pub(in crate::catalog) name: String,
    pub(in crate::catalog) data_type: String,
    pub(in crate::catalog) is_not_null: bool,
    pub(in crate::catalog) comment: Option<String>,
    /// Share of the values that are not null, 0 to 1; `None` without statistics.
    pub(in crate::catalog) filled: Option<f64>,
    /// Distinct values; below zero a share of the rows.
    pub(in crate::catalog) distinct: Option<f64>,
    pub(in crate::catalog) average_bytes: Option<i32>,
}

impl ColumnFact {
    /// The oid of its table, and the column.
    pub(super) fn read(row: &Row) -> (i64, Self) {
        let column = Self {
            name: row.get(1),
            data_type: row.get(2),
            is_not_null: row.get(3),
            comment: row.get(4),
            filled: row.get(5),
            distinct: row.get(6),
            average_bytes: row.get(7),
        };
        (row.get(0), column)
    }

    /// Distinct values of a table with this number of rows.
    pub(in crate::catalog) fn distinct_count(&self, rows: Option<i64>) -> Option<i64> {
        match self.distinct? {
            share if share < 0.0 => Some((-share * rows? as f64).round() as i64),
            count => Some(count.round() as i64),
        }
    }
}

/// An index or a constraint.
#[derive(Debug, Clone)]
pub(in crate::catalog) struct IndexFact {
    pub(in crate::catalog) name: String,
    pub(in crate::catalog) kind: String,
    pub(in crate::catalog) definition: String,
    pub(in crate::catalog) is_valid: bool,
    /// The indexes with storage: itself, or those of the partitions.
    pub(in crate::catalog) leaves: Vec<String>,
}

/// A view or function that reads a table, view or column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::catalog) struct Reader {
    /// The column that it reads; `None` for the whole.
    pub(in crate::catalog) column: Option<String>,
    pub(in crate::catalog) oid: i64,
    pub(in crate::catalog) schema: String,
    pub(in crate::catalog) name: String,
    pub(in crate::catalog) is_view: bool,
    /// view, materialized view, function or procedure.
    pub(in crate::catalog) kind: &'static str,
}

impl Reader {
    /// Qualified, not quoted.
    pub(in crate::catalog) fn full_name(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }
}

/// The tables of these schemas, the declared ones elsewhere, and all views.
pub(super) async fn relations(on: &impl Ask, schemas: &[String], declared: &[String]) -> Result<Vec<Relation>> {
    let rows = on.query(sql_file!("catalog/relations.sql"), &[&schemas.to_vec(), &declared.to_vec()]).await?;
    let relation = |row: &Row| Relation {
        oid: row.get(0),
        schema: row.get(1),
        name: row.get(2),
        quoted: row.get(3),
        kind: row.get(4),
        comment: row.get(5),
        rows: row.get(6),
        partitions: row.get(7),
    };
    Ok(rows.iter().map(relation).collect())
}

/// Indexes and constraints by the oid of their table.
pub(super) async fn indexes(on: &impl Ask, oids: &[i64]) -> Result<HashMap<i64, Vec<IndexFact>>> {
    let mut found: HashMap<i64, Vec<IndexFact>> = HashMap::new();
    for row in &on.query(sql_file!("catalog/indexes.sql"), &[&oids.to_vec()]).await? {
        let index = IndexFact {
            name: row.get(1),
            kind: row.get(2),
            definition: row.get(3),
            is_valid: row.get(4),
            leaves: row.get(5),
        };
        found.entry(row.get(0)).or_default().push(index);
    }
    Ok(found)
}

/// Readers by the oid of what they read.
pub(super) async fn readers(on: &impl Ask, oids: &[i64]) -> Result<HashMap<i64, Vec<Reader>>> {
    let mut found: HashMap<i64, Vec<Reader>> = HashMap::new();
    for row in &on.query(sql_file!("catalog/dependents.sql"), &[&oids.to_vec()]).await? {
        let kind: String = row.get(5);
        let reader = Reader {
            column: row.get(1),
            oid: row.get(2),
            schema: row.get(3),
            name: row.get(4),
            is_view: ["v", "m"].contains(&kind.as_str()),
            kind: match kind.as_str() {
                "v" => "view",
                "m" => "materialized view",
                "p" => "procedure",
                _ => "function",
            },
        };
        found.entry(row.get(0)).or_default().push(reader);
    }
    Ok(found)
}
