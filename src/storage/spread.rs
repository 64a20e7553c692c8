//! The storage of distributed tables: that of their shards, added up.

use std::collections::HashMap;

use super::report::{IndexStorage, Spread, StorageReport, TableStorage};
use crate::citus::{PartRow, Parts, ask_servers};
use crate::error::Result;
use crate::pg::Connection;

/// Puts the sums over the shards in the place of what the coordinator's empty tables say. Copies of a table
/// on several servers count as often as they take space, and their rows once.
///
/// # Errors
/// See [`crate::pg`]; `DatabaseUnavailable` when a server does not answer.
pub(super) async fn add_up(connection: &Connection, report: &mut StorageReport) -> Result<()> {
    let names: Vec<String> = report.tables.iter().map(|table| table.name.clone()).collect();
    let tables = Parts::read(connection, &names).await?;
    if tables.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = report.indexes.iter().map(|index| index.name.clone()).collect();
    let indexes = Parts::read(connection, &names).await?;
    let found = tables.ask(connection, sql_file!("storage/tables.sql"), 10).await?;
    for table in report.tables.iter_mut().filter(|table| tables.has(&table.name)) {
        let of_it = found.iter().filter(|row| tables.whole(row.name(1)) == Some(&table.name));
        of_table(table, &of_it.collect::<Vec<_>>());
    }
    let found = tables.ask(connection, sql_file!("storage/indexes.sql"), 10).await?;
    let mut parts: HashMap<&str, Vec<&PartRow>> = HashMap::new();
    let mut leftovers = Vec::new();
    for row in &found {
        match (indexes.whole(row.name(0)), tables.whole(row.name(2))) {
            (Some(index), _) => parts.entry(index).or_default().push(row),
            // What a canceled rebuild left beside the index of one shard.
            (None, Some(table)) if row.is(7) => leftovers.push((table, row)),
            _ => {}
        }
    }
    for index in report.indexes.iter_mut().filter(|index| indexes.has(&index.name)) {
        of_index(index, parts.get(index.name.as_str()).map_or(&[], Vec::as_slice));
    }
    for (table, row) in leftovers {
        let parent = report.tables.iter().find(|other| other.name == table).map(|table| table.parent.clone());
        report.indexes.push(leftover(row, table, parent.unwrap_or_default()));
    }
    for row in ask_servers(connection, sql_file!("storage/statistics_since.sql"), 2).await? {
        let since = row.text(0).map(str::to_owned);
        report.statistics_since = report.statistics_since.take().max(since);
    }
    report.spread = Spread { tables, indexes };
    Ok(())
}

fn sum(rows: &[&PartRow], column: usize) -> u64 {
    rows.iter().map(|row| row.size(column)).sum()
}

/// Of copies on several servers one counts, the one with most.
fn sum_once(rows: &[&PartRow], (name, column): (usize, usize)) -> u64 {
    let mut most: HashMap<&str, u64> = HashMap::new();
    for row in rows {
        let known = most.entry(row.name(name)).or_default();
        *known = row.size(column).max(*known);
    }
    most.values().sum()
}

fn of_table(table: &mut TableStorage, rows: &[&PartRow]) {
    let latest = |column: usize| rows.iter().filter_map(|row| row.text(column)).max().map(str::to_owned);
    table.is_distributed = true;
    table.heap_bytes = sum(rows, 2);
    table.toast_bytes = sum(rows, 3);
    table.index_bytes = sum(rows, 4);
    table.live_tuples = sum_once(rows, (1, 5));
    table.dead_tuples = sum_once(rows, (1, 6));
    table.last_vacuum = latest(7);
    table.last_analyze = latest(8);
}

fn of_index(index: &mut IndexStorage, rows: &[&PartRow]) {
    index.is_distributed = true;
    index.bytes = sum(rows, 3);
    index.scans = sum(rows, 4);
    index.is_valid &= rows.iter().all(|row| row.is(5));
    index.is_building |= rows.iter().any(|row| row.is(6));
}

fn leftover(row: &PartRow, table: &str, parent: String) -> IndexStorage {
    IndexStorage {
        name: row.name(0).to_owned(),
        parent,
        table: table.to_owned(),
        bytes: row.size(3),
        scans: 0,
        is_valid: false,
        is_building: false,
        is_leftover: true,
        is_constraint: row.is(8),
        is_rebuildable: false,
        is_distributed: true,
        bloat: None,
    }
}
