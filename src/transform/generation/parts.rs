//! Staging cut into the parts that the new tables are filled by.
//!
//! Parts are ranges of blocks in the files of staging: all of the same size, read from front to back, and
//! found without an index. They are cut before the snapshot is taken, so it is checked that no file and no
//! partition changed in between. A history is filled by ranges of keys.

use super::build::Build;
use crate::error::{Error, Kind, Result};
use crate::pg::{Ask, Connection};
use crate::sql::qualified;
use crate::transform::job::EntityJob;
use crate::transform::partitions::{LeafPartition, block_ranges, key_ranges, leaves};
use crate::transform::range::Range;
use crate::transform::staged::StagedRows;

/// Rows of staging that go into one new table.
#[derive(Debug, Clone)]
pub(super) struct FillPart {
    /// Index of the build.
    pub build: usize,
    pub rows: StagedRows,
}

/// All parts in the order in which they should be worked on, and what they were cut from.
#[derive(Debug, Default)]
pub(super) struct FillParts {
    pub list: Vec<FillPart>,
    pub files: StagingFiles,
}

/// The files of staging that the parts lie in.
#[derive(Debug, Default)]
pub(super) struct StagingFiles {
    tables: Vec<String>,
    /// The file number of each table.
    numbers: Vec<i64>,
    /// Object ids of the partitions of the staging table, in order.
    partitions: Vec<String>,
}

impl FillParts {
    /// Cuts staging into parts of about `chunk_rows` documents for each build.
    pub(super) async fn cut(job: &EntityJob, connection: &Connection, builds: &[Build]) -> Result<Self> {
        match job.entity.partition {
            // Shards are the parts. The coordinator's tables have no blocks.
            _ if job.layout.is_distributed() => {
                let partitions = partition_ids(connection, &job.entity.staging.table).await?;
                let files = StagingFiles { partitions, ..StagingFiles::default() };
                Ok(Self { files, ..Self::default() })
            }
            None => Self::cut_table(job, connection, builds).await,
            Some(_) => Self::cut_partitions(job, connection, builds).await,
        }
    }

    async fn cut_table(job: &EntityJob, connection: &Connection, builds: &[Build]) -> Result<Self> {
        let mut parts = Self::default();
        let staging = &job.entity.staging;
        let table = qualified(&staging.table);
        let (histories, others): (Vec<usize>, Vec<usize>) =
            (0..builds.len()).rev().partition(|build| job.entity.models[builds[*build].model].is_history);
        // All versions of a document go into one part, wherever they lie.
        if !histories.is_empty() {
            for range in key_ranges(connection, &table, &staging.key_column, job.chunk_rows).await? {
                let part = |build: &usize| FillPart { build: *build, rows: StagedRows::of_keys(&job.entity, &range) };
                parts.list.extend(histories.iter().map(part));
            }
        }
        let ranges = parts.ranges(job, connection, &table).await?;
        // Part by part: all tables read a document while it is cached. The parent, which is the quickest,
        // comes last.
        for range in &ranges {
            let part = |build: &usize| FillPart { build: *build, rows: StagedRows::of_part(&table, "ctid", range) };
            parts.list.extend(others.iter().map(part));
        }
        Ok(parts)
    }

    async fn cut_partitions(job: &EntityJob, connection: &Connection, builds: &[Build]) -> Result<Self> {
        let mut parts = Self::default();
        parts.files.partitions = partition_ids(connection, &job.entity.staging.table).await?;
        let staged = leaves(connection, &job.entity.staging.table).await?;
        for (build, target) in builds.iter().enumerate() {
            for table in read_for(&target.old, &staged, builds) {
                let ranges = parts.ranges(job, connection, &table).await?;
                let part = |range| FillPart { build, rows: StagedRows::of_part(&table, "ctid", range) };
                parts.list.extend(ranges.iter().map(part));
            }
        }
        Ok(parts)
    }

    async fn ranges(&mut self, job: &EntityJob, connection: &Connection, table: &str) -> Result<Vec<Range>> {
        // The file number first: if the table is rewritten in between, the number no longer matches.
        let sql = "select coalesce(pg_relation_filenode($1::text::regclass)::bigint, 0)";
        let number = connection.query_one(sql, &[&table]).await?.get(0);
        self.files.tables.push(table.to_owned());
        self.files.numbers.push(number);
        block_ranges(connection, table, job.chunk_rows).await
    }
}

impl StagingFiles {
    /// Makes sure that the snapshot has no partition of staging that was not there when the parts were cut.
    ///
    /// # Errors
    /// `TransactionConflict` if it has one: the refresh starts over.
    pub(super) async fn require_same_partitions(&self, snapshot: &impl Ask, staging: &str) -> Result<()> {
        match partition_ids(snapshot, staging).await? == self.partitions {
            true => Ok(()),
            false => {
                let message = format!("{staging} got a partition while the refresh began");
                Err(Error::new(Kind::TransactionConflict, message))
            }
        }
    }

    /// Makes sure that no file was rewritten while its parts were read. VACUUM FULL and the like move rows to
    /// other blocks: some would be missing and others there twice.
    ///
    /// # Errors
    /// `TransactionConflict` if one was: the refresh starts over.
    pub(super) async fn require_unmoved(&self, connection: &Connection) -> Result<()> {
        let sql = sql_file!("transform/generation/rewritten.sql");
        match connection.query(sql, &[&self.tables, &self.numbers]).await?.first() {
            None => Ok(()),
            Some(row) => {
                let table: String = row.get(0);
                Err(Error::new(Kind::TransactionConflict, format!("{table} was rewritten while it was read")))
            }
        }
    }
}

/// Object ids of a table's partitions; none if it is not partitioned.
async fn partition_ids(ask: &impl Ask, table: &str) -> Result<Vec<String>> {
    let rows = ask.query(sql_file!("transform/generation/partition_ids.sql"), &[&table]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// The partitions of staging that hold the rows of a core partition: the one with the same bound, or all that
/// have no counterpart in core.
pub(super) fn read_for(target: &LeafPartition, staged: &[LeafPartition], builds: &[Build]) -> Vec<String> {
    let is_same = |p: &&LeafPartition| !p.is_default && p.top_bound == target.top_bound;
    let same: Vec<String> = staged.iter().filter(is_same).map(|p| p.name.clone()).collect();
    if !same.is_empty() {
        return same;
    }
    let has_counterpart = |p: &&LeafPartition| !p.is_default && builds.iter().any(|b| b.old.top_bound == p.top_bound);
    staged.iter().filter(|p| !has_counterpart(p)).map(|p| p.name.clone()).collect()
}
