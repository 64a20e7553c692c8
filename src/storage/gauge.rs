//! Finds bloat. The extension `pgstattuple` measures it where it is installed; elsewhere it is estimated from
//! the planner's statistics.

use std::collections::{HashMap, HashSet};

use super::bloat::Bloat;
use super::report::StorageReport;
use crate::citus::Parts;
use crate::error::{Error, Kind, Result};
use crate::pg::Connection;
use crate::sql;

/// Up to this size a table or index is measured without being asked for: larger ones take minutes to read.
const QUICK_BYTES: u64 = 1 << 30;

/// How much to read in order to find bloat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Estimate everything: two statements, however many tables there are.
    Estimate,
    /// Measure what is quick to read (up to 1 GiB each), estimate the rest.
    Quick,
    /// Measure everything, however long that takes.
    Exact,
}

/// Fills in the bloat of the report's tables and indexes.
///
/// # Errors
/// `Config` for [`Depth::Exact`] without the extension; see also [`crate::pg`].
pub async fn gauge(connection: &Connection, report: &mut StorageReport, depth: Depth) -> Result<()> {
    let names: Vec<String> = report.tables.iter().filter(|t| !t.is_distributed).map(|t| t.name.clone()).collect();
    let sql = sql_file!("storage/table_bloat.sql");
    let mut estimates = estimates(connection, sql, names).await?;
    estimates.extend(report.spread.tables.bytes(connection, sql).await?);
    for table in &mut report.tables {
        table.bloat = estimates.remove(&table.name).map(|bytes| estimated(bytes, table.heap_bytes));
    }
    let names: Vec<String> = report.indexes.iter().filter(|i| !i.is_distributed).map(|i| i.name.clone()).collect();
    let sql = sql_file!("storage/index_bloat.sql");
    let mut estimates = self::estimates(connection, sql, names).await?;
    estimates.extend(report.spread.indexes.bytes(connection, sql).await?);
    for index in &mut report.indexes {
        index.bloat = estimates.remove(&index.name).map(|bytes| estimated(bytes, index.bytes));
    }
    if depth == Depth::Estimate {
        return Ok(());
    }
    match (extension(connection).await?, depth) {
        (Some(schema), _) => measure(connection, report, depth, &schema).await,
        (None, Depth::Estimate | Depth::Quick) => Ok(()),
        (None, Depth::Exact) => {
            Err(Error::new(Kind::Config, "--exact needs the extension pgstattuple and the right to use it").hint(
                "as an administrator of the database: create extension pgstattuple; \
                     grant pg_stat_scan_tables to evo's role",
            ))
        }
    }
}

/// An estimate, limited to the size: the statistics are older than that.
fn estimated(bytes: u64, size: u64) -> Bloat {
    Bloat { bytes: bytes.min(size), is_measured: false }
}

/// Bytes by table or index, of those of which they are known.
async fn estimates(connection: &Connection, query: &str, names: Vec<String>) -> Result<HashMap<String, u64>> {
    let rows = connection.query(query, &[&names]).await?;
    let known = rows.iter().filter_map(|row| Some((row.get(0), row.get::<_, Option<i64>>(1)?.unsigned_abs())));
    Ok(known.collect())
}

/// The quoted schema of `pgstattuple` if it is installed and this role may use it.
async fn extension(connection: &Connection) -> Result<Option<String>> {
    let rows = connection.query(sql_file!("storage/pgstattuple.sql"), &[]).await?;
    Ok(rows.first().map(|row| row.get(0)))
}

async fn measure(connection: &Connection, report: &mut StorageReport, depth: Depth, schema: &str) -> Result<()> {
    let wanted = |bytes: u64| bytes > 0 && (depth == Depth::Exact || bytes <= QUICK_BYTES);
    let sql = sql::fill(sql_file!("storage/measure_table.sql"), &[("extension", schema)]);
    let tables = report.tables.iter_mut().filter(|t| wanted(t.heap_bytes + t.toast_bytes));
    let tables = tables.map(|table| (table.name.as_str(), table.is_distributed, &mut table.bloat));
    measure_each(connection, &sql, (tables.collect(), &report.spread.tables)).await?;
    let sql = sql::fill(sql_file!("storage/measure_index.sql"), &[("extension", schema)]);
    let indexes = report.indexes.iter_mut().filter(|i| i.is_valid && wanted(i.bytes));
    let indexes = indexes.map(|index| (index.name.as_str(), index.is_distributed, &mut index.bloat));
    measure_each(connection, &sql, (indexes.collect(), &report.spread.indexes)).await
}

/// The name of a table or index, whether it is distributed, and where its bloat is noted.
type Measured<'a> = (&'a str, bool, &'a mut Option<Bloat>);

/// Measures one table or index after the other, and the parts of all that are distributed together, on their
/// servers.
async fn measure_each(connection: &Connection, sql: &str, (each, parts): (Vec<Measured<'_>>, &Parts)) -> Result<()> {
    let distributed: HashSet<&str> = each.iter().filter(|(_, is_it, _)| *is_it).map(|(name, ..)| *name).collect();
    let mut sums = parts.only(|whole| distributed.contains(whole)).bytes(connection, sql).await?;
    for (name, is_distributed, bloat) in each {
        let bytes = match is_distributed {
            true => sums.remove(name),
            false => estimates(connection, sql, vec![name.to_owned()]).await?.remove(name),
        };
        *bloat = bytes.map(|bytes| Bloat { bytes, is_measured: true }).or(*bloat);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_is_never_more_than_the_size() {
        assert_eq!(estimated(10, 7), Bloat { bytes: 7, is_measured: false });
    }
}
