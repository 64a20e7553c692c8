//! The partitions of core and staging tables, and tables cut into ranges without reading them.

use super::range::Range;
use crate::citus::Parts;
use crate::entity::Entity;
use crate::error::Result;
use crate::pg::{Ask, Connection};
use crate::sql::{fill, ident};

/// Values sampled per range, of which one becomes its bound.
const SAMPLES_PER_RANGE: u64 = 50;
/// The most ranges that a table is cut into.
const MAX_RANGES: u64 = 10_000;
/// Bytes of a document in a table that was never analyzed.
const GUESSED_BYTES: u64 = 4096;

/// A partition that holds rows: of a table itself, or of one of its partitions that somebody has partitioned
/// further.
#[derive(Debug, Clone)]
pub(super) struct LeafPartition {
    /// Qualified, quoted where it must be.
    pub name: String,
    /// Its schema, as in the catalog.
    pub schema: String,
    /// Unqualified, as in the catalog.
    pub relname: String,
    /// The table that it is a partition of; qualified, quoted where it must be.
    pub parent: String,
    /// `FOR VALUES …` or `DEFAULT`.
    pub bound: String,
    /// The condition that its rows fulfil, as an expression over the column names.
    pub constraint: String,
    /// Its `pg_class.relkind`.
    pub kind: String,
    /// The table's own partition that this one is, or belongs to: its name as in the catalog.
    pub top: String,
    /// The bound of the partition `top`.
    pub top_bound: String,
    /// Whether `top` is the default partition.
    pub is_default: bool,
    /// The condition that the rows of `top` fulfil: about the entity's partition column and nothing else.
    pub top_constraint: String,
}

/// The partitions of a table that hold rows, the default one last; none where it is not partitioned.
pub(super) async fn leaves(connection: &Connection, table: &str) -> Result<Vec<LeafPartition>> {
    let rows = connection.query(sql_file!("transform/generation/partitions.sql"), &[&table]).await?;
    Ok(rows
        .iter()
        .map(|row| LeafPartition {
            name: row.get(0),
            schema: row.get(1),
            relname: row.get(2),
            bound: row.get(3),
            constraint: row.get(4),
            kind: row.get(5),
            parent: row.get(6),
            top: row.get(7),
            top_bound: row.get(8),
            is_default: row.get(9),
            top_constraint: row.get(10),
        })
        .collect())
}

/// The names of a table's own partitions that hold a part of a calendar year of the entity's zone.
pub(super) async fn of_year(connection: &Connection, entity: &Entity, table: &str, year: i32) -> Result<Vec<String>> {
    let sql = sql_file!("transform/generation/of_year.sql");
    Ok(connection.query(sql, &[&table, &year, &entity.zone]).await?.iter().map(|row| row.get(0)).collect())
}

/// Gives the parent core table a partition for every year that staging has one for.
pub(super) async fn mirror(connection: &Connection, entity: &Entity) -> Result<()> {
    let (Some(partition), Some(parent)) = (&entity.partition, entity.models.first()) else { return Ok(()) };
    let sql = sql_file!("transform/mirror_partitions.sql");
    connection.execute(sql, &[&parent.table, &partition.column, &entity.zone, &entity.staging.table]).await?;
    Ok(())
}

/// How large a table is, as the planner and the file system know it.
#[derive(Debug, Clone, Copy)]
pub(super) struct TableSize {
    /// Rows; 0 if it was never analyzed.
    pub rows: u64,
    /// Bytes with indexes and TOAST.
    pub bytes: u64,
    /// Blocks of the table itself.
    pub blocks: u64,
}

impl TableSize {
    pub(super) async fn read(on: &impl Ask, table: &str) -> Result<Self> {
        let found = on.query(sql_file!("transform/generation/size.sql"), &[&table]).await?;
        let size = |i: usize| found.first().map_or(0, |row| row.get::<_, i64>(i).unsigned_abs());
        let [rows, bytes, blocks] = [0, 1, 2].map(size);
        match found.first().is_some_and(|row| row.get(3)) {
            true => Ok(Self::of_shards(on, table).await?.unwrap_or(Self { rows, bytes, blocks })),
            false => Ok(Self { rows, bytes, blocks }),
        }
    }

    /// The sum over the shards of a distributed table; `None` for any other.
    async fn of_shards(on: &impl Ask, table: &str) -> Result<Option<Self>> {
        let parts = Parts::read(on, &[table.to_owned()]).await?;
        if parts.is_empty() {
            return Ok(None);
        }
        let mut sum = Self { rows: 0, bytes: 0, blocks: 0 };
        for row in parts.ask(on, sql_file!("citus/table_sizes.sql"), 3).await? {
            (sum.rows, sum.bytes) = (sum.rows + row.size(0), sum.bytes + row.size(1));
            sum.blocks += row.size(2);
        }
        Ok(Some(sum))
    }

    fn guessed_rows(self) -> u64 {
        if self.rows > 0 { self.rows } else { self.bytes / GUESSED_BYTES }
    }

    /// How many ranges have about `chunk_rows` rows each.
    fn ranges(self, chunk_rows: u64) -> u64 {
        self.guessed_rows().div_ceil(chunk_rows.max(1)).min(MAX_RANGES)
    }
}

/// Cuts a table by the blocks of its file into ranges of `ctid`. The last one is open: the table may grow.
pub(super) async fn block_ranges(connection: &Connection, table: &str, chunk_rows: u64) -> Result<Vec<Range>> {
    let size = TableSize::read(connection, table).await?;
    let ranges = size.ranges(chunk_rows);
    let step = size.blocks.div_ceil(ranges.max(1)).max(1);
    let starts = (1..ranges).map(|i| i * step).filter(|block| *block < size.blocks);
    let bounds: Vec<String> = starts.map(|block| format!("({block},0)")).collect();
    Ok(Range::between(&bounds))
}

/// Cuts a table by the values of a column, found in a sample of its pages. `table` is qualified and quoted.
pub(super) async fn key_ranges(on: &impl Ask, table: &str, column: &str, chunk_rows: u64) -> Result<Vec<Range>> {
    let size = TableSize::read(on, table).await?;
    let ranges = size.ranges(chunk_rows);
    if ranges <= 1 {
        return Ok(vec![Range::default()]);
    }
    let samples = ranges * SAMPLES_PER_RANGE;
    let percent = (samples as f64 * 100.0 / size.guessed_rows() as f64).clamp(0.0001, 100.0);
    let sql = fill(
        sql_file!("transform/generation/sample.sql"),
        &[("column", &ident(column)), ("table", table), ("percent", &format!("{percent:.4}"))],
    );
    let sample: Vec<String> = on.query(&sql, &[]).await?.iter().map(|row| row.get(0)).collect();
    let step = sample.len().div_ceil(usize::try_from(ranges).unwrap_or(usize::MAX)).max(1);
    let mut bounds: Vec<String> = sample.into_iter().skip(step).step_by(step).collect();
    bounds.dedup();
    Ok(Range::between(&bounds))
}
