//! Sizes, statistics and bloat of tables and indexes, as values.

use super::bloat::Bloat;
use crate::citus::Parts;

/// A smaller index costs too little to be reported as unused.
const NOTABLE_INDEX_BYTES: u64 = 1 << 20;

/// Storage of one leaf (a plain table or a partition), or the sum over the leaves of a partitioned table.
/// Names are qualified, and quoted where necessary.
#[derive(Debug, Clone, Default)]
pub struct TableStorage {
    /// The partitioned table that it belongs to, or itself.
    pub parent: String,
    /// Name of the leaf; in a sum, that of the partitioned table.
    pub name: String,
    /// Size of the main fork.
    pub heap_bytes: u64,
    /// The TOAST table, where wide values are, with its index.
    pub toast_bytes: u64,
    /// Size of all its indexes.
    pub index_bytes: u64,
    /// An estimate from the statistics.
    pub live_tuples: u64,
    /// An estimate from the statistics, which a failover resets.
    pub dead_tuples: u64,
    /// By hand or by autovacuum, `YYYY-MM-DD HH:MI` in UTC; in a sum, the latest.
    pub last_vacuum: Option<String>,
    /// By hand or by autovacuum, `YYYY-MM-DD HH:MI` in UTC; in a sum, the latest.
    pub last_analyze: Option<String>,
    /// Whether this role may vacuum it.
    pub may_vacuum: bool,
    /// Whether its rows are in shards on several servers; the figures are sums over them.
    pub is_distributed: bool,
    /// Free and dead space in heap and TOAST; `None` until [`gauge`](super::gauge()) finds it.
    pub bloat: Option<Bloat>,
}

/// An index of one leaf.
#[derive(Debug, Clone)]
pub struct IndexStorage {
    /// Its name, qualified and quoted where necessary.
    pub name: String,
    /// The partitioned table that its table belongs to, or its table.
    pub parent: String,
    /// The leaf that it belongs to.
    pub table: String,
    /// Size of the index.
    pub bytes: u64,
    /// Scans since the statistics were reset.
    pub scans: u64,
    /// An INVALID index serves no reader and costs every writer.
    pub is_valid: bool,
    /// INVALID because somebody is building it at this moment.
    pub is_building: bool,
    /// INVALID, and named as a canceled REINDEX CONCURRENTLY leaves it.
    pub is_leftover: bool,
    /// A primary key, unique or exclusion constraint: needed even if it is never scanned.
    pub is_constraint: bool,
    /// False for exclusion constraints, which REINDEX CONCURRENTLY does not support.
    pub is_rebuildable: bool,
    /// Whether it has parts on several servers, or is a leftover beside one of these parts.
    pub is_distributed: bool,
    /// Free space; `None` until [`gauge`](super::gauge()) finds it.
    pub bloat: Option<Bloat>,
}

/// The storage of some tables.
#[derive(Debug, Clone, Default)]
pub struct StorageReport {
    /// Leaves, sorted by parent and name.
    pub tables: Vec<TableStorage>,
    /// The indexes of these leaves.
    pub indexes: Vec<IndexStorage>,
    /// When the statistics were last reset, in UTC; `None` if the server knows of no reset.
    pub statistics_since: Option<String>,
    /// The parts of what is distributed.
    pub spread: Spread,
}

/// The parts of a report's tables and indexes.
#[derive(Debug, Clone, Default)]
pub struct Spread {
    /// Of its tables.
    pub tables: Parts,
    /// Of its indexes.
    pub indexes: Parts,
}

impl TableStorage {
    /// Size with TOAST and indexes.
    pub fn total_bytes(&self) -> u64 {
        self.heap_bytes + self.toast_bytes + self.index_bytes
    }

    /// Share of dead tuples, from 0 to 1.
    pub fn dead_share(&self) -> f64 {
        self.dead_tuples as f64 / (self.live_tuples + self.dead_tuples).max(1) as f64
    }

    /// An empty table has no bloat, even if that was never gauged.
    fn bloat_if_any(&self) -> Option<Bloat> {
        if self.heap_bytes == 0 { Some(Bloat::default()) } else { self.bloat }
    }
}

impl StorageReport {
    /// One entry for each table, partitions added up, sorted by name.
    pub fn by_parent(&self) -> Vec<TableStorage> {
        let mut sums: Vec<TableStorage> = Vec::new();
        for leaf in &self.tables {
            if sums.last().is_none_or(|sum| sum.parent != leaf.parent) {
                let name = leaf.parent.clone();
                let bloat = Some(Bloat::default());
                sums.push(TableStorage {
                    parent: name.clone(),
                    name,
                    may_vacuum: true,
                    bloat,
                    ..TableStorage::default()
                });
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
            sum.is_distributed |= leaf.is_distributed;
            sum.bloat = Bloat::sum([sum.bloat, leaf.bloat_if_any()]);
        }
        sums
    }

    /// Free space in the indexes of a table and of its partitions; `None` if it is unknown for one of them.
    pub fn index_bloat(&self, parent: &str) -> Option<Bloat> {
        let live = |i: &&IndexStorage| i.parent == parent && i.is_valid;
        Bloat::sum(self.indexes.iter().filter(live).map(IndexStorage::bloat_if_any))
    }

    /// INVALID indexes, without those that are being built.
    pub fn invalid(&self) -> Vec<&IndexStorage> {
        self.indexes.iter().filter(|i| !i.is_valid && !i.is_building).collect()
    }

    /// Indexes of notable size that nobody has scanned and that enforce no constraint.
    pub fn unused(&self) -> Vec<&IndexStorage> {
        let unused =
            |i: &&IndexStorage| i.is_valid && i.scans == 0 && !i.is_constraint && i.bytes >= NOTABLE_INDEX_BYTES;
        self.indexes.iter().filter(unused).collect()
    }
}

impl IndexStorage {
    /// An index of two pages or less has no bloat, even if that was never gauged.
    fn bloat_if_any(&self) -> Option<Bloat> {
        if self.bytes <= 2 * 8192 { Some(Bloat::default()) } else { self.bloat }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(parent: &str, name: &str, dead: u64, bloat: Option<Bloat>) -> TableStorage {
        let (parent, name) = (parent.into(), name.into());
        TableStorage {
            parent,
            name,
            heap_bytes: 10,
            dead_tuples: dead,
            may_vacuum: true,
            bloat,
            ..TableStorage::default()
        }
    }

    #[test]
    fn partitions_add_up_and_one_unknown_bloat_makes_the_sum_unknown() {
        let some = Some(Bloat { bytes: 3, is_measured: true });
        let report = StorageReport {
            tables: vec![leaf("a", "a_1", 0, some), leaf("a", "a_2", 900, some), leaf("b", "b", 10, None)],
            ..StorageReport::default()
        };
        let sums = report.by_parent();
        assert_eq!((sums.len(), sums[0].heap_bytes, sums[0].dead_tuples), (2, 20, 900));
        assert_eq!(sums[0].bloat, Some(Bloat { bytes: 6, is_measured: true }));
        assert_eq!(sums[1].bloat, None);
    }
}
