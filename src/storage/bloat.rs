//! Bloat: bytes that a rewritten table or a rebuilt index would not need.
//!
//! Where the extension `pgstattuple` is installed it is measured, elsewhere estimated from the planner's statistics.
//! "Total minus heap" is not it: that is TOAST and indexes.

use std::collections::HashMap;

use super::analyze::Report;
use crate::error::{Error, Kind, Result};
use crate::pg::Connection;
use crate::sql;

/// Up to this size a table or index is measured without being asked for: larger ones take minutes to read.
const QUICK_BYTES: u64 = 1 << 30;

/// Bytes that a rewrite would not need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bloat {
    /// How many.
    pub bytes: u64,
    /// Measured by `pgstattuple`, or estimated.
    pub is_measured: bool,
}

/// How hard to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Measure what is quick to read, estimate the rest.
    Quick,
    /// Measure everything, however long it takes.
    Exact,
}

impl Default for Bloat {
    /// None at all, known for sure.
    fn default() -> Self {
        Self { bytes: 0, is_measured: true }
    }
}

impl Bloat {
    /// The sum; unknown when a part is, an estimate when a part is.
    pub fn sum(parts: impl IntoIterator<Item = Option<Bloat>>) -> Option<Bloat> {
        parts.into_iter().try_fold(Bloat::default(), |sum, part| {
            let part = part?;
            Some(Bloat { bytes: sum.bytes + part.bytes, is_measured: sum.is_measured && part.is_measured })
        })
    }
}

/// Fills in the bloat of the report's tables and indexes.
///
/// # Errors
/// `Config` when `Exact` is asked for without the extension; of the server.
pub async fn gauge(connection: &Connection, report: &mut Report, depth: Depth) -> Result<()> {
    let names: Vec<String> = report.tables.iter().map(|t| t.name.clone()).collect();
    let mut estimates = estimates(connection, sql_file!("storage/table_bloat.sql"), names).await?;
    for table in &mut report.tables {
        table.bloat = estimates.remove(&table.name).map(|bytes| estimated(bytes, table.heap_bytes));
    }
    let names: Vec<String> = report.indexes.iter().map(|i| i.name.clone()).collect();
    let mut estimates = self::estimates(connection, sql_file!("storage/index_bloat.sql"), names).await?;
    for index in &mut report.indexes {
        index.bloat = estimates.remove(&index.name).map(|bytes| estimated(bytes, index.bytes));
    }
    match (extension(connection).await?, depth) {
        (Some(schema), _) => measure(connection, report, depth, &schema).await,
        (None, Depth::Quick) => Ok(()),
        (None, Depth::Exact) => {
            Err(Error::new(Kind::Config, "--exact needs the extension pgstattuple and the right to use it")
                .hint("as an administrator of the database: create extension pgstattuple; grant pg_stat_scan_tables to evo's role"))
        }
    }
}

/// Tables grow after their last ANALYZE: an estimate cannot be more than there is.
fn estimated(bytes: u64, size: u64) -> Bloat {
    Bloat { bytes: bytes.min(size), is_measured: false }
}

async fn estimates(connection: &Connection, query: &str, names: Vec<String>) -> Result<HashMap<String, u64>> {
    let rows = connection.query(query, &[&names]).await?;
    let known = rows.iter().filter_map(|row| Some((row.get(0), row.get::<_, Option<i64>>(1)?.unsigned_abs())));
    Ok(known.collect())
}

/// The quoted schema of `pgstattuple` if it is installed and this role may use it.
async fn extension(connection: &Connection) -> Result<Option<String>> {
    let rows = connection
        .query(
            "select quote_ident(n.nspname) from pg_extension e join pg_namespace n on n.oid = e.extnamespace \
             join pg_proc p on p.pronamespace = n.oid and p.proname = 'pgstattuple_approx' \
             where e.extname = 'pgstattuple' and has_function_privilege(p.oid, 'execute') and has_schema_privilege(n.oid, 'usage')",
            &[],
        )
        .await?;
    Ok(rows.first().map(|row| row.get(0)))
}

async fn measure(connection: &Connection, report: &mut Report, depth: Depth, schema: &str) -> Result<()> {
    let wanted = |bytes: u64| bytes > 0 && (depth == Depth::Exact || bytes <= QUICK_BYTES);
    let of_table = sql::fill(sql_file!("storage/measure_table.sql"), &[("extension", schema)]);
    for table in report.tables.iter_mut().filter(|t| wanted(t.heap_bytes + t.toast_bytes)) {
        table.bloat = measured(connection, &of_table, &table.name).await?.or(table.bloat);
    }
    let of_index = sql::fill(sql_file!("storage/measure_index.sql"), &[("extension", schema)]);
    for index in report.indexes.iter_mut().filter(|i| i.is_valid && wanted(i.bytes)) {
        index.bloat = measured(connection, &of_index, &index.name).await?.or(index.bloat);
    }
    Ok(())
}

async fn measured(connection: &Connection, query: &str, name: &String) -> Result<Option<Bloat>> {
    let rows = connection.query(query, &[name]).await?;
    let bytes = rows.first().and_then(|row| row.get::<_, Option<i64>>(0));
    Ok(bytes.map(|bytes| Bloat { bytes: bytes.unsigned_abs(), is_measured: true }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_is_an_estimate_when_a_part_is_and_unknown_when_a_part_is() {
        let (measured, estimated) = (Bloat { bytes: 2, is_measured: true }, Bloat { bytes: 3, is_measured: false });
        assert_eq!(Bloat::sum([Some(measured), Some(measured)]), Some(Bloat { bytes: 4, is_measured: true }));
        assert_eq!(Bloat::sum([Some(measured), Some(estimated)]), Some(Bloat { bytes: 5, is_measured: false }));
        assert_eq!(Bloat::sum([Some(measured), None]), None);
        assert_eq!(self::estimated(10, 7).bytes, 7);
    }
}
