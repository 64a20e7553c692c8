//! Reads the catalog and the statistics. Changes nothing.

use super::report::{IndexStorage, Spread, StorageReport, TableStorage};
use super::spread;
use crate::error::Result;
use crate::pg::{Connection, Row};

/// Reads the storage of these tables and of their partitions. Tables that do not exist are left out.
///
/// # Errors
/// See [`crate::pg`].
pub async fn analyze(connection: &Connection, tables: &[String]) -> Result<StorageReport> {
    let names = tables.to_vec();
    let leaves = connection.query(sql_file!("storage/tables.sql"), &[&names]).await?;
    let indexes = connection.query(sql_file!("storage/indexes.sql"), &[&names]).await?;
    let since = connection.query_one(sql_file!("storage/statistics_since.sql"), &[]).await?;
    let mut report = StorageReport {
        tables: leaves.iter().map(read_table).collect(),
        indexes: indexes.iter().map(read_index).collect(),
        statistics_since: since.get(0),
        spread: Spread::default(),
    };
    if since.get(1) {
        spread::add_up(connection, &mut report).await?;
    }
    Ok(report)
}

/// The tables of schema `evo`, sorted by name. They belong to no entity, and grow too.
///
/// # Errors
/// See [`crate::pg`].
pub async fn ledger_tables(connection: &Connection) -> Result<Vec<String>> {
    let rows = connection.query(sql_file!("storage/ledger_tables.sql"), &[]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

fn size(row: &Row, i: usize) -> u64 {
    row.get::<_, i64>(i).unsigned_abs()
}

fn read_table(row: &Row) -> TableStorage {
    TableStorage {
        parent: row.get(0),
        name: row.get(1),
        heap_bytes: size(row, 2),
        toast_bytes: size(row, 3),
        index_bytes: size(row, 4),
        live_tuples: size(row, 5),
        dead_tuples: size(row, 6),
        last_vacuum: row.get(7),
        last_analyze: row.get(8),
        may_vacuum: row.get(9),
        is_distributed: false,
        bloat: None,
    }
}

fn read_index(row: &Row) -> IndexStorage {
    IndexStorage {
        name: row.get(0),
        parent: row.get(1),
        table: row.get(2),
        bytes: size(row, 3),
        scans: size(row, 4),
        is_valid: row.get(5),
        is_building: row.get(6),
        is_leftover: row.get(7),
        is_constraint: row.get(8),
        is_rebuildable: row.get(9),
        is_distributed: false,
        bloat: None,
    }
}
