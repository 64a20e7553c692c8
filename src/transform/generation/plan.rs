//! The partitions that a full refresh rebuilds, read from the catalog before anything is created.

use super::build::Build;
use super::{catalog_state, leftovers};
use crate::error::{Error, Kind, Result};
use crate::pg::Connection;
use crate::pg::sqlstate::INSUFFICIENT_PRIVILEGE;
use crate::transform::job::EntityJob;
use crate::transform::partitions::{LeafPartition, leaves, mirror, of_year};
use crate::transform::shape::Shape;

/// The partitions that a full refresh rebuilds, and their tables.
#[derive(Debug)]
pub(super) struct GenerationPlan {
    /// One for each partition that is rebuilt, in the order of the models.
    pub builds: Vec<Build>,
    /// The columns of each model's table.
    pub shapes: Vec<Shape>,
    /// The state of the catalog from before the builds were read; see [`catalog_state`].
    pub state: String,
}

impl GenerationPlan {
    /// Reads the catalog, and drops what an interrupted refresh left.
    ///
    /// # Errors
    /// `Config` when a table cannot be rebuilt; `AccessDenied` when evo's role does not own one; `Usage` for
    /// a `year` that no partition has; otherwise see [`crate::pg`].
    pub(super) async fn read(job: &EntityJob, connection: &mut Connection, year: Option<i32>) -> Result<Self> {
        mirror(connection, &job.entity).await?;
        let shapes = Shape::of_entity(connection, &job.entity).await?;
        require_owner(job, connection).await?;
        let state = catalog_state::read(connection, &job.entity).await?;
        let builds = builds(job, connection, year).await?;
        leftovers::collect(job, connection, &builds).await?;
        Ok(Self { builds, shapes, state })
    }

    /// The statements that give the new rows what the user wrote into columns of their own.
    pub(super) fn carry_sql(&self, job: &EntityJob) -> Vec<String> {
        let models = &job.entity.models;
        let carry = |build: &Build| build.carry_sql(&self.shapes[build.model], &models[build.model].key);
        self.builds.iter().filter_map(carry).collect()
    }
}

/// Only its owner can replace a table.
async fn require_owner(job: &EntityJob, connection: &Connection) -> Result<()> {
    match connection.query(sql_file!("pg/owners.sql"), &[&job.tables()]).await?.first() {
        None => Ok(()),
        Some(row) => {
            let table: String = row.get(0);
            let message = format!("a full refresh replaces {table}, which evo's role does not own");
            Err(Error::new(Kind::AccessDenied, message).with_sqlstate(INSUFFICIENT_PRIVILEGE))
        }
    }
}

/// Makes sure that a year can be refreshed alone. A core table lacks the partition until the next refresh if
/// staging has it.
///
/// # Errors
/// `Usage` if it cannot; otherwise see [`crate::pg`].
pub(in crate::transform) async fn require_year(job: &EntityJob, connection: &Connection, year: i32) -> Result<()> {
    require_partitioned(job)?;
    if !of_year(connection, &job.entity, &job.entity.staging.table, year).await?.is_empty() {
        return Ok(());
    }
    for table in job.tables() {
        if of_year(connection, &job.entity, &table, year).await?.is_empty() {
            return Err(no_such_year(&table, &leaves(connection, &table).await?));
        }
    }
    Ok(())
}

fn require_partitioned(job: &EntityJob) -> Result<()> {
    if job.entity.partition.is_some() {
        return Ok(());
    }
    Err(Error::new(Kind::Usage, format!("--year: {} is not partitioned by year", job.entity.name))
        .hint("only entries and entities of your own that declare it are; refresh the whole entity"))
}

/// The partitions to rebuild: all of every core table, or those of one year.
pub(super) async fn builds(job: &EntityJob, connection: &mut Connection, year: Option<i32>) -> Result<Vec<Build>> {
    if year.is_some() {
        require_partitioned(job)?;
    }
    let mut builds: Vec<Build> = Vec::new();
    for model in 0..job.entity.models.len() {
        for old in chosen(job, connection, model, year).await? {
            if let Some(same) = builds.iter().find(|build| build.old.relname == old.relname) {
                let message = format!("the partitions {} and {} have the same name", same.old.name, old.name);
                return Err(Error::new(Kind::Config, message)
                    .hint("their successors are built side by side: rename one of them"));
            }
            // Without years every partition takes from all documents.
            let shares = |b: &Build| job.entity.partition.is_none() || b.old.top_bound == old.top_bound;
            let is_first = !builds.iter().any(|b| b.model == model && shares(b));
            builds.push(Build::read(connection, &job.entity, model, old, is_first).await?);
        }
    }
    Ok(builds)
}

/// The partitions of one core table that are to be rebuilt.
async fn chosen(
    job: &EntityJob,
    connection: &Connection,
    model: usize,
    year: Option<i32>,
) -> Result<Vec<LeafPartition>> {
    let table = &job.entity.models[model].table;
    let all = leaves(connection, table).await?;
    if all.is_empty() {
        return Err(Error::new(Kind::Config, format!("the core table {table} has no partition"))
            .hint("create it with `partition by range` and one partition from minvalue to maxvalue"));
    }
    let Some(year) = year else { return Ok(all) };
    let names = of_year(connection, &job.entity, table, year).await?;
    if names.is_empty() {
        return Err(no_such_year(table, &all));
    }
    Ok(all.into_iter().filter(|leaf| names.contains(&leaf.top)).collect())
}

fn no_such_year(table: &str, all: &[LeafPartition]) -> Error {
    let mut names: Vec<&str> = all.iter().filter(|leaf| !leaf.is_default).map(|leaf| leaf.top.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    Error::new(Kind::Usage, format!("--year: {table} has no partition of that year"))
        .detail(format!("it has: {}", names.join(", ")))
}
