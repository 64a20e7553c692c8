//! Reading the catalog and the statistics; changes nothing.

use crate::error::Result;
use crate::pg::Connection;

/// Dead tuples from which a vacuum is worth its while: this many, and this share of the table.
const DEAD_TUPLES: u64 = 500;
const DEAD_SHARE: f64 = 0.10;
/// An index below this size costs too little to be named as unused.
const NOTABLE_INDEX_BYTES: u64 = 1 << 20;

/// Storage of one leaf table: a plain table or a partition.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// The table by which it is known: the partitioned parent, or itself.
    pub parent: String,
    /// Itself.
    pub name: String,
    /// Main fork.
    pub heap_bytes: u64,
    /// Where wide values live, with its index.
    pub toast_bytes: u64,
    /// All its indexes.
    pub index_bytes: u64,
    /// Estimate of the statistics.
    pub live_tuples: u64,
    /// Estimate of the statistics; reset at a failover.
    pub dead_tuples: u64,
    /// UTC.
    pub last_vacuum: Option<String>,
    /// UTC.
    pub last_analyze: Option<String>,
}

/// One index of a leaf table.
#[derive(Debug, Clone)]
pub struct Index {
    /// Qualified name.
    pub name: String,
    /// Its table.
    pub table: String,
    /// Size.
    pub bytes: u64,
    /// Scans since the statistics were reset.
    pub scans: u64,
    /// An INVALID index serves no reader and costs every writer.
    pub is_valid: bool,
    /// INVALID and named like the leftover of a canceled REINDEX CONCURRENTLY.
    pub is_leftover: bool,
    /// Primary key or unique: needed also when never scanned.
    pub keeps_rule: bool,
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Leaf tables.
    pub tables: Vec<Table>,
    /// Their indexes.
    pub indexes: Vec<Index>,
    /// When the statistics were last reset, UTC; `None`: never, as far as the server knows.
    pub statistics_since: Option<String>,
}

/// Reads the storage of these tables.
///
/// # Errors
/// Of the server.
pub async fn analyze(connection: &Connection, tables: &[String]) -> Result<Report> {
    let size = |row: &crate::pg::Row, i: usize| row.get::<_, i64>(i).unsigned_abs();
    let names = tables.to_vec();
    let leaves = connection.query(sql_file!("storage/tables.sql"), &[&names]).await?;
    let indexes = connection.query(sql_file!("storage/indexes.sql"), &[&names]).await?;
    let since = connection
        .query_one(
            "select to_char(stats_reset at time zone 'UTC', 'YYYY-MM-DD HH24:MI') from pg_stat_database where datname = current_database()",
            &[],
        )
        .await?;
    Ok(Report {
        tables: leaves
            .iter()
            .map(|row| Table {
                parent: row.get(0),
                name: row.get(1),
                heap_bytes: size(row, 2),
                toast_bytes: size(row, 3),
                index_bytes: size(row, 4),
                live_tuples: size(row, 5),
                dead_tuples: size(row, 6),
                last_vacuum: row.get(7),
                last_analyze: row.get(8),
            })
            .collect(),
        indexes: indexes
            .iter()
            .map(|row| Index {
                name: row.get(0),
                table: row.get(1),
                bytes: size(row, 2),
                scans: size(row, 3),
                is_valid: row.get(4),
                is_leftover: row.get(5),
                keeps_rule: row.get(6),
            })
            .collect(),
        statistics_since: since.get(0),
    })
}

impl Table {
    /// All its bytes.
    pub fn total_bytes(&self) -> u64 {
        self.heap_bytes + self.toast_bytes + self.index_bytes
    }

    /// Dead among all tuples, from 0 to 1.
    pub fn dead_share(&self) -> f64 {
        self.dead_tuples as f64 / (self.live_tuples + self.dead_tuples).max(1) as f64
    }
}

impl Report {
    /// The tables with their partitions added up, by name.
    pub fn by_parent(&self) -> Vec<Table> {
        let mut sums: Vec<Table> = Vec::new();
        for leaf in &self.tables {
            if sums.last().is_none_or(|sum| sum.parent != leaf.parent) {
                sums.push(Table { parent: leaf.parent.clone(), name: leaf.parent.clone(), ..Table::default() });
            }
            let Some(sum) = sums.last_mut() else { continue };
            sum.heap_bytes += leaf.heap_bytes;
            sum.toast_bytes += leaf.toast_bytes;
            sum.index_bytes += leaf.index_bytes;
            sum.live_tuples += leaf.live_tuples;
            sum.dead_tuples += leaf.dead_tuples;
            sum.last_vacuum = sum.last_vacuum.take().max(leaf.last_vacuum.clone());
            sum.last_analyze = sum.last_analyze.take().max(leaf.last_analyze.clone());
        }
        sums
    }

    /// INVALID indexes.
    pub fn invalid(&self) -> Vec<&Index> {
        self.indexes.iter().filter(|i| !i.is_valid).collect()
    }

    /// Indexes of some size that nobody has scanned and that keep no rule.
    pub fn unused(&self) -> Vec<&Index> {
        let unused = |i: &&Index| i.is_valid && i.scans == 0 && !i.keeps_rule && i.bytes >= NOTABLE_INDEX_BYTES;
        self.indexes.iter().filter(unused).collect()
    }

    /// What to do about a table, if anything.
    pub fn recommendation(&self, table: &Table) -> &'static str {
        let leaves = || self.tables.iter().filter(|leaf| leaf.parent == table.parent);
        if self.invalid().iter().any(|i| leaves().any(|leaf| leaf.name == i.table)) {
            "evo optimize-storage --reindex"
        } else if leaves().any(|leaf| leaf.dead_tuples >= DEAD_TUPLES && leaf.dead_share() >= DEAD_SHARE) {
            "evo optimize-storage --vacuum"
        } else {
            ""
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(parent: &str, name: &str, live: u64, dead: u64) -> Table {
        Table {
            parent: parent.into(),
            name: name.into(),
            heap_bytes: 10,
            live_tuples: live,
            dead_tuples: dead,
            ..Table::default()
        }
    }

    #[test]
    fn partitions_add_up_and_one_bad_one_is_enough_for_a_recommendation() {
        let report = Report {
            tables: vec![leaf("a", "a_1", 1_000_000, 0), leaf("a", "a_2", 1_000, 900), leaf("b", "b", 10, 10)],
            ..Report::default()
        };
        let sums = report.by_parent();
        assert_eq!((sums.len(), sums[0].heap_bytes, sums[0].dead_tuples), (2, 20, 900));
        assert_eq!(report.recommendation(&sums[0]), "evo optimize-storage --vacuum");
        assert_eq!(report.recommendation(&sums[1]), "", "ten dead tuples are no reason");
    }
}
