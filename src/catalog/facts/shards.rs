//! What the catalog of a coordinator does not know of distributed tables.

use std::collections::{HashMap, HashSet};

use super::relations::{ColumnFact, Relation};
use crate::citus::Parts;
use crate::error::Result;
use crate::pg::Ask;
use crate::storage::StorageReport;

/// Sums over the shards of a column.
#[derive(Debug, Clone, Default)]
struct ColumnSums {
    rows: f64,
    values: f64,
    bytes: f64,
    /// The distinct values of every shard; `None` where they differ, and so cannot be added up.
    distinct: Option<f64>,
    shards: u64,
}

/// What the statistics of the shards say, by the quoted name of the table and the name of the column.
#[derive(Debug, Default)]
pub(in crate::catalog) struct ShardColumns(HashMap<String, HashMap<String, ColumnSums>>);

impl ShardColumns {
    /// Reads them for the distributed tables of the report.
    ///
    /// # Errors
    /// See [`crate::pg`].
    pub(super) async fn read(on: &impl Ask, report: &StorageReport) -> Result<Self> {
        let parts = &report.spread.tables;
        let parents: HashMap<&str, &str> =
            report.tables.iter().map(|leaf| (leaf.name.as_str(), leaf.parent.as_str())).collect();
        let mut found: HashMap<String, HashMap<String, ColumnSums>> = HashMap::new();
        let rows = parts.ask(on, sql_file!("citus/statistics.sql"), 6).await?;
        let mut known: HashSet<(&str, &str)> = HashSet::new();
        // Of copies on several servers the first one counts.
        for row in rows.iter().filter(|row| known.insert((row.name(0), row.name(1)))) {
            let parent = parts.whole(row.name(0)).and_then(|leaf| parents.get(leaf));
            let (Some(parent), Some(rows), Some(nulls)) = (parent, row.real(2), row.real(3)) else { continue };
            let sums = found.entry((*parent).to_owned()).or_default().entry(row.name(1).to_owned()).or_default();
            let distinct = row.real(4);
            sums.distinct =
                if sums.shards == 0 { distinct } else { sums.distinct.filter(|_| sums.distinct == distinct) };
            sums.shards += 1;
            sums.rows += rows;
            sums.values += rows * (1.0 - nulls);
            sums.bytes += rows * row.real(5).unwrap_or_default();
        }
        Ok(Self(found))
    }

    /// Puts them in the place of what the coordinator says of a table's columns.
    pub(in crate::catalog) fn complete(&self, relation: &Relation, columns: &mut [ColumnFact]) {
        let Some(known) = self.0.get(&relation.quoted) else { return };
        for column in columns {
            let Some(sums) = known.get(&column.name).filter(|sums| sums.rows > 0.0) else { continue };
            column.filled = Some(sums.values / sums.rows);
            // A share of the rows of each is one of all; of numbers nobody knows which values are the same.
            column.distinct = sums.distinct.filter(|distinct| *distinct == -1.0 || sums.shards == 1);
            column.average_bytes = Some((sums.bytes / sums.rows).round() as i32);
        }
    }
}

/// Leaves out how many rows distributed tables have, which was not asked of their shards.
///
/// # Errors
/// See [`crate::pg`].
pub(super) async fn forget_rows(on: &impl Ask, relations: &mut [Relation]) -> Result<()> {
    let names: Vec<String> = relations.iter().filter(|one| one.is_table()).map(|one| one.quoted.clone()).collect();
    let parts = Parts::read(on, &names).await?;
    relations.iter_mut().filter(|one| parts.has(&one.quoted)).for_each(|one| one.rows = None);
    Ok(())
}
