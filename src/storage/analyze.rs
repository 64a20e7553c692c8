//! Reading the catalog and the statistics; changes nothing.

use super::bloat::Bloat;
use crate::error::Result;
use crate::pg::{Connection, Row};

/// An index below this size costs too little to be named as unused.
const NOTABLE_INDEX_BYTES: u64 = 1 << 20;

/// Storage of one leaf table (a plain table or a partition), or the sum over a partitioned parent's leaves.
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
    /// UTC; of a sum, the latest.
    pub last_vacuum: Option<String>,
    /// UTC; of a sum, the latest.
    pub last_analyze: Option<String>,
    /// Whether this role may vacuum it.
    pub may_vacuum: bool,
    /// Free and dead space in heap and TOAST, once gauged.
    pub bloat: Option<Bloat>,
}

/// One index of a leaf table.
#[derive(Debug, Clone)]
pub struct Index {
    /// Qualified name.
    pub name: String,
    /// The table by which its table is known.
    pub parent: String,
    /// Its table.
    pub table: String,
    /// Size.
    pub bytes: u64,
    /// Scans since the statistics were reset.
    pub scans: u64,
    /// An INVALID index serves no reader and costs every writer.
    pub is_valid: bool,
    /// INVALID because somebody builds it at this moment.
    pub is_building: bool,
    /// INVALID and named like the leftover of a canceled REINDEX CONCURRENTLY.
    pub is_leftover: bool,
    /// Primary key, unique or exclusion: needed also when never scanned.
    pub keeps_rule: bool,
    /// REINDEX CONCURRENTLY does not know exclusion constraints.
    pub is_rebuildable: bool,
    /// Free space, once gauged.
    pub bloat: Option<Bloat>,
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Leaf tables, by parent and name.
    pub tables: Vec<Table>,
    /// Their indexes.
    pub indexes: Vec<Index>,
    /// When the statistics were last reset, UTC; `None`: never, as far as the server knows.
    pub statistics_since: Option<String>,
}

/// Reads the storage of these tables; those that do not exist are left out.
///
/// # Errors
/// Of the server.
pub async fn analyze(connection: &Connection, tables: &[String]) -> Result<Report> {
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
        tables: leaves.iter().map(read_table).collect(),
        indexes: indexes.iter().map(read_index).collect(),
        statistics_since: since.get(0),
    })
}

/// The tables of schema `evo`: they belong to no entity, and grow too.
///
/// # Errors
/// Of the server.
pub async fn ledger_tables(connection: &Connection) -> Result<Vec<String>> {
    let rows = connection
        .query(
            "select format('evo.%I', relname) from pg_class \
             where relnamespace = to_regnamespace('evo') and relkind in ('r', 'p') and not relispartition order by 1",
            &[],
        )
        .await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

fn size(row: &Row, i: usize) -> u64 {
    row.get::<_, i64>(i).unsigned_abs()
}

fn read_table(row: &Row) -> Table {
    Table {
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
        bloat: None,
    }
}

fn read_index(row: &Row) -> Index {
    Index {
        name: row.get(0),
        parent: row.get(1),
        table: row.get(2),
        bytes: size(row, 3),
        scans: size(row, 4),
        is_valid: row.get(5),
        is_building: row.get(6),
        is_leftover: row.get(7),
        keeps_rule: row.get(8),
        is_rebuildable: row.get(9),
        bloat: None,
    }
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
                let name = leaf.parent.clone();
                let bloat = Some(Bloat::default());
                sums.push(Table { parent: name.clone(), name, may_vacuum: true, bloat, ..Table::default() });
            }
            let Some(sum) = sums.last_mut() else { continue };
            sum.heap_bytes += leaf.heap_bytes;
            sum.toast_bytes += leaf.toast_bytes;
            sum.index_bytes += leaf.index_bytes;
            sum.live_tuples += leaf.live_tuples;
            sum.dead_tuples += leaf.dead_tuples;
            sum.last_vacuum = sum.last_vacuum.take().max(leaf.last_vacuum.clone());
            sum.last_analyze = sum.last_analyze.take().max(leaf.last_analyze.clone());
            sum.may_vacuum &= leaf.may_vacuum;
            sum.bloat = Bloat::sum([sum.bloat, leaf.bloat_if_any()]);
        }
        sums
    }

    /// Free space in the indexes of a table known as `parent`; `None` when that of one of them is unknown.
    pub fn index_bloat(&self, parent: &str) -> Option<Bloat> {
        let live = |i: &&Index| i.parent == parent && i.is_valid;
        Bloat::sum(self.indexes.iter().filter(live).map(Index::bloat_if_any))
    }

    /// INVALID indexes but those that are under construction.
    pub fn invalid(&self) -> Vec<&Index> {
        self.indexes.iter().filter(|i| !i.is_valid && !i.is_building).collect()
    }

    /// Indexes of some size that nobody has scanned and that keep no rule.
    pub fn unused(&self) -> Vec<&Index> {
        let unused = |i: &&Index| i.is_valid && i.scans == 0 && !i.keeps_rule && i.bytes >= NOTABLE_INDEX_BYTES;
        self.indexes.iter().filter(unused).collect()
    }
}

impl Table {
    /// An empty table has no bloat, also when nobody has gauged it.
    fn bloat_if_any(&self) -> Option<Bloat> {
        if self.heap_bytes == 0 { Some(Bloat::default()) } else { self.bloat }
    }
}

impl Index {
    /// An index of its first two pages has no bloat, also when nobody has gauged it.
    fn bloat_if_any(&self) -> Option<Bloat> {
        if self.bytes <= 2 * 8192 { Some(Bloat::default()) } else { self.bloat }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(parent: &str, name: &str, dead: u64, bloat: Option<Bloat>) -> Table {
        let (parent, name) = (parent.into(), name.into());
        Table { parent, name, heap_bytes: 10, dead_tuples: dead, may_vacuum: true, bloat, ..Table::default() }
    }

    #[test]
    fn partitions_add_up_and_one_unknown_bloat_makes_the_sum_unknown() {
        let some = Some(Bloat { bytes: 3, is_measured: true });
        let report = Report {
            tables: vec![leaf("a", "a_1", 0, some), leaf("a", "a_2", 900, some), leaf("b", "b", 10, None)],
            ..Report::default()
        };
        let sums = report.by_parent();
        assert_eq!((sums.len(), sums[0].heap_bytes, sums[0].dead_tuples), (2, 20, 900));
        assert_eq!(sums[0].bloat, Some(Bloat { bytes: 6, is_measured: true }));
        assert_eq!(sums[1].bloat, None);
    }
}
