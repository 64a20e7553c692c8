//! Fills the new tables shard by shard, where the tables are distributed.
//!
//! A statement runs on the server that has the shards, and no row passes the coordinator. Servers do not
//! share a snapshot: each statement has its own, and fills all tables that take from the same documents. So
//! parents and children agree, and documents of different shards may be of different moments. What was loaded
//! after the list of batches was read stays pending.

use super::built::Built;
use super::constraint::broken_constraint;
use super::insert::{InsertedPart, insert_sql};
use super::parts::read_for;
use super::prove::{Filled, totals};
use super::readers::FillEnd;
use crate::citus::ShardGroup;
use crate::error::{Context, Kind, Result};
use crate::meter::{Timed, Unit, tally};
use crate::pg::Connection;
use crate::sql::{columns, fill, qualified};
use crate::transform::crew::Queue;
use crate::transform::issues;
use crate::transform::job::EntityJob;
use crate::transform::model_fault::of_author;
use crate::transform::partitions::leaves;
use crate::transform::range::Range;
use crate::transform::reading::{AT_SESSION_ZONE, Reading, TypedTries, select};
use crate::transform::staged::StagedRows;
use crate::transform::transaction::begin;

/// New tables that are filled together from a part of staging: indexes of builds.
struct Source {
    /// Staging, or one of its partitions; qualified and quoted.
    staging: String,
    builds: Vec<usize>,
}

/// A source's shards on one server.
struct ShardPart {
    /// Index of the source.
    source: usize,
    group: ShardGroup,
}

/// What was inserted from a shard, by build, and whether values became null.
struct FilledShard {
    /// Index of the source.
    source: usize,
    rows: Vec<(usize, InsertedPart)>,
    is_careful: bool,
}

impl Built<'_> {
    /// Fills all tables, each shard in a transaction of its own.
    ///
    /// # Errors
    /// As [`Built::fill`].
    pub(super) async fn fill_shards(self, job: &EntityJob) -> Result<Filled> {
        let sources = self.sources(job).await?;
        let mut parts = Vec::new();
        for (index, source) in sources.iter().enumerate() {
            let connection = job.pool.get().await?;
            let new = source.builds.iter().map(|build| self.plan.builds[*build].new.as_str());
            let tables: Vec<&str> = std::iter::once(source.staging.as_str()).chain(new).collect();
            let groups = ShardGroup::of_tables(&*connection, &tables).await?;
            parts.extend(groups.into_iter().map(|group| ShardPart { source: index, group }));
        }
        let phase = job.phase("filling", parts.len(), Unit::Things("shards"));
        let tries = TypedTries::default();
        let is_plain = is_plain(&*job.pool.get().await?).await?;
        let work = async |part: ShardPart| {
            let began = std::time::Instant::now();
            let filled = self.fill_shard(job, (&sources[part.source], part), (&tries, is_plain)).await?;
            tally().time(&job.entity.name, &[(Timed::Part, began.elapsed())]);
            phase.add(1);
            Ok(filled)
        };
        let done = job.crew().work_off(&Queue::new(parts), work).await?;
        let mut rows: Vec<(usize, InsertedPart)> = Vec::new();
        for (index, source) in sources.iter().enumerate() {
            if done.iter().any(|filled| filled.is_careful && filled.source == index) {
                rows.extend(self.file_issues(job, source).await?);
            }
        }
        rows.extend(done.into_iter().flat_map(|filled| filled.rows));
        self.snapshot.end().await?;
        let (tables, documents) = totals(job, &self.plan.builds, &rows);
        let end = FillEnd::read(&*job.pool.get().await?).await?;
        failpoint!("transform.after_fill");
        let indexes = vec![Vec::new(); self.plan.builds.len()];
        Ok(Filled { plan: self.plan, tables, documents, batches: self.batches, end, indexes })
    }

    /// Which tables are filled from what: all from staging, or those of a year from its partition.
    async fn sources(&self, job: &EntityJob) -> Result<Vec<Source>> {
        let (builds, staging) = (&self.plan.builds, &job.entity.staging.table);
        if job.entity.partition.is_none() {
            return Ok(vec![Source { staging: qualified(staging), builds: (0..builds.len()).collect() }]);
        }
        let staged = leaves(&*job.pool.get().await?, staging).await?;
        let of_build = |(build, target): (usize, &super::build::Build)| {
            let tables = read_for(&target.old, &staged, builds);
            tables.into_iter().map(move |staging| Source { staging, builds: vec![build] }).collect::<Vec<_>>()
        };
        Ok(builds.iter().enumerate().flat_map(of_build).collect())
    }

    /// Fills shards by the quickest reading that works: typed, then as the models are written, then careful.
    async fn fill_shard(
        &self,
        job: &EntityJob,
        (source, part): (&Source, ShardPart),
        (tries, is_plain): (&TypedTries, bool),
    ) -> Result<FilledShard> {
        if job.shutdown.is_requested() {
            return Err(job.shutdown.error());
        }
        let filled = |rows, is_careful| FilledShard { source: part.source, rows, is_careful };
        if tries.are_left() {
            match self.insert(job, (source, &part), Reading::Typed { is_plain }).await {
                Ok(Some(rows)) => return Ok(filled(rows, false)),
                Ok(None) => {}
                Err(e) if e.kind().is_of_statement() => {}
                Err(e) => return Err(e),
            }
            tries.fail();
        }
        match self.insert(job, (source, &part), Reading::Written).await {
            Err(e) if e.kind() == Kind::BadRow && job.strict => {
                Err(issues::strict_error(job, &StagedRows::of_keys(&job.entity, &Range::default()), e).await)
            }
            Err(e) if e.kind() == Kind::BadRow => {
                let rows = self.insert(job, (source, &part), Reading::Careful).await.map_err(of_author)?;
                Ok(filled(rows.unwrap_or_default(), true))
            }
            Err(e) => Err(of_author(e)),
            Ok(rows) => Ok(filled(rows.unwrap_or_default(), false)),
        }
    }

    /// Inserts and commits. `None`, and nothing is inserted, if no time zone suits all tables.
    ///
    /// # Errors
    /// An error of the statement when the typed reading gave a key twice: only that takes back what a server
    /// has inserted.
    async fn insert(
        &self,
        job: &EntityJob,
        (source, part): (&Source, &ShardPart),
        reading: Reading,
    ) -> Result<Option<Vec<(usize, InsertedPart)>>> {
        let Some((staging, new)) = part.group.shards.split_first() else { return Ok(None) };
        let rows = StagedRows::of_part(staging, "ctid", &Range::default());
        let zone = match zone(self, job, source, &rows, reading) {
            Some(zone) => zone,
            None => return Ok(None),
        };
        let (mut filled, mut counts) = (Vec::new(), Vec::new());
        for (i, (build, new)) in source.builds.iter().zip(new).enumerate() {
            let build = &self.plan.builds[*build];
            let (model, shape) = (&job.entity.models[build.model], &self.plan.shapes[build.model]);
            let insert = insert_sql((new, &build.old.constraint), shape, &select(&job.entity, model, &rows, reading));
            let (name, key) = (format!("filled_{i}"), columns(&model.key));
            filled.push(fill(
                sql_file!("transform/generation/filled.sql").trim_end(),
                &[("name", &name), ("insert", &insert), ("key", &key)],
            ));
            counts.push(match reading {
                Reading::Typed { .. } if model.select.children().is_some() => {
                    fill(sql_file!("transform/generation/different.sql").trim_end(), &[("name", &name), ("key", &key)])
                }
                _ => format!("(select count(*) from {name})"),
            });
        }
        let build = &self.plan.builds[source.builds[0]];
        let within = if job.entity.partition.is_some() { build.old.top_constraint.clone() } else { "true".to_owned() };
        let documents = rows.clone().and(within).shown(&job.entity).sql();
        let sql = fill(
            sql_file!("transform/generation/fill_shard.sql"),
            &[("filled", &filled.join(",\n")), ("counts", &counts.join(", ")), ("documents", &documents)],
        );
        let settings = [
            ("standard_conforming_strings", "on"),
            ("row_security", "off"),
            ("jit", "off"),
            ("enable_memoize", "off"),
            ("work_mem", "32MB"),
            ("timezone", zone),
        ];
        let connection = job.pool.get().await?;
        failpoint!("transform.before_fill_commit");
        let counts = part.group.run(&connection, &settings, &sql).await.map_err(broken_constraint);
        Ok(Some(self.counted(source, &counts.context(&build.table)?)))
    }

    /// The counts of a statement by model.
    fn counted(&self, source: &Source, counts: &[i64]) -> Vec<(usize, InsertedPart)> {
        let documents = counts.last().map_or(0, |count| count.unsigned_abs());
        let part = |(index, rows): (&usize, &i64)| {
            let build = &self.plan.builds[*index];
            let is_counted = build.model == 0 && build.is_first;
            let documents = if is_counted { documents } else { 0 };
            (*index, InsertedPart { rows: rows.unsigned_abs(), documents, ..InsertedPart::default() })
        };
        source.builds.iter().zip(counts).map(part).collect()
    }

    /// Files the values that became null. Shards whose values all fit have none.
    async fn file_issues(&self, job: &EntityJob, source: &Source) -> Result<Vec<(usize, InsertedPart)>> {
        let mut connection: crate::pg::Pooled<'_> = job.pool.get().await?;
        let tx = begin(&mut connection).await?;
        let rows = StagedRows::of_part(&source.staging, "ctid", &Range::default());
        let mut filed = Vec::new();
        for index in &source.builds {
            let build = &self.plan.builds[*index];
            let model = &job.entity.models[build.model];
            let issues = issues::file(job, &tx, model, &rows, &build.old.top_constraint).await?;
            filed.push((*index, InsertedPart { issues, ..InsertedPart::default() }));
        }
        tx.commit().await?;
        Ok(filed)
    }
}

/// The time zone for all models of a source; `None` if no single one does: the typed reading of one needs the
/// entity's, and another one depends on the session's.
fn zone<'a>(
    built: &Built<'_>,
    job: &'a EntityJob,
    source: &Source,
    rows: &StagedRows,
    reading: Reading,
) -> Option<&'a str> {
    let models = || source.builds.iter().map(|build| &job.entity.models[built.plan.builds[*build].model]);
    let needs = models().any(|model| select(&job.entity, model, rows, reading).contains(AT_SESSION_ZONE));
    match needs {
        false => Some("UTC"),
        true => models().all(|model| model.select.is_free_of_zones()).then_some(job.entity.zone.as_str()),
    }
}

async fn is_plain(connection: &Connection) -> Result<bool> {
    let sql = "select current_setting('server_version_num')::int >= 160000";
    Ok(connection.query_one(sql, &[]).await?.get(0))
}
