//! One table of the new generation, and everything of the old one that it takes over.
//!
//! Sessions of evo look names up in `pg_catalog` only, so the catalog prints all others with their schema.

use super::statement::{Statement, TableStatements};
use crate::entity::Entity;
use crate::error::{Error, Kind, Result};
use crate::pg::{Connection, Row, Transaction};
use crate::sql::{columns, ident};
use crate::transform::job::EntityJob;
use crate::transform::partitions::LeafPartition;
use crate::transform::shape::Shape;
use crate::transform::transaction::begin;

/// One table of the new generation: the successor of a partition of a core table.
#[derive(Debug)]
pub(super) struct Build {
    /// Index of its model in the entity.
    pub model: usize,
    /// The core table, as the model names it.
    pub table: String,
    /// The partition that serves.
    pub old: LeafPartition,
    /// Whether it is the first of the partitions that take from the same documents: those below one of the
    /// table's own where it has years, otherwise all. Documents are counted there, once.
    pub is_first: bool,
    /// The successor while it is built; qualified and quoted.
    pub new: String,
    /// The old partition once it is replaced; qualified and quoted.
    pub replaced: String,
    create: String,
    /// Changes with the columns and checks that `create` copies.
    definition: String,
    /// Schema and name of its extended statistics, which do not follow a table into another schema.
    pub statistics: Vec<(String, String)>,
    /// For each view that reads the partition itself, the statement that makes it read whatever has its name.
    pub views: Vec<String>,
}

impl Build {
    /// Reads what the catalog says about the partition `old` of the entity's `model`.
    ///
    /// # Errors
    /// `Config` when the partition is no plain table, or when something refers to it that would go on reading
    /// the replaced one; `AccessDenied` when that is another role's view; otherwise see [`crate::pg`].
    pub(super) async fn read(
        connection: &mut Connection,
        entity: &Entity,
        model: usize,
        old: LeafPartition,
        is_first: bool,
    ) -> Result<Self> {
        let table = entity.models[model].table.clone();
        if old.kind != "r" {
            let hint = format!("a full refresh cannot rebuild it; detach it from {table}, or transform by increments");
            return Err(
                Error::new(Kind::Config, format!("the partition {} is not an ordinary table", old.name)).hint(hint)
            );
        }
        let tx = connection.begin().await?;
        let new = format!("evo_next.{}", ident(&old.relname));
        let row = tx.query_one(sql_file!("transform/generation/create.sql"), &[&old.name, &new]).await?;
        let statistics = tx.query(sql_file!("transform/generation/statistics.sql"), &[&old.name]).await?;
        Ok(Self {
            model,
            replaced: format!("evo_old.{}", ident(&old.relname)),
            is_first,
            create: row.get(0),
            definition: row.get(1),
            statistics: statistics.iter().map(|row| (row.get(0), row.get(1))).collect(),
            views: views(&tx, &old, &table).await?,
            table,
            old,
            new,
        })
    }

    /// The statements that make the successor like the old partition.
    pub(super) async fn statements(&self, connection: &mut Connection, job: &EntityJob) -> Result<TableStatements> {
        let tx = connection.begin().await?;
        let is_distributed = job.layout.is_distributed();
        let sql = sql_file!("transform/generation/indexes.sql");
        let rows = tx.query(sql, &[&self.old.name, &self.new, &is_distributed]).await?;
        let sql = sql_file!("transform/generation/keep.sql");
        let kept = tx.query(sql, &[&self.old.name, &self.new, &job.tables(), &is_distributed]).await?;
        tx.rollback().await?;
        let of_index = |row: &Row| Statement { text: row.get(1), setting: row.get(2), is_repeated: false };
        let (indexes, rest): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.get(0));
        let keep = |row: &Row| Statement { is_repeated: row.get(1), ..Statement::from(row.get::<_, String>(0)) };
        Ok(TableStatements {
            indexes: indexes.into_iter().map(of_index).collect(),
            rest: rest.into_iter().map(of_index).chain(kept.iter().map(keep)).collect(),
        })
    }

    /// Whether `now`, read again, is still the partition that this build copies. Views of it may have come
    /// and gone.
    pub(super) fn is_like(&self, now: &Build) -> bool {
        let identity = |b: &Build| {
            (b.old.name.clone(), b.old.bound.clone(), b.old.parent.clone(), b.create.clone(), b.definition.clone())
        };
        identity(self) == identity(now)
    }

    /// A statement that gives the new rows what the old ones have in the user's own columns; `None` without
    /// such columns.
    pub(super) fn carry_sql(&self, shape: &Shape, key: &[String]) -> Option<String> {
        let own: Vec<&str> = shape.own.iter().map(|own| own.name.as_str()).collect();
        let of = |alias: &str| own.iter().map(|c| format!("{alias}.{}", ident(c))).collect::<Vec<_>>().join(", ");
        let same_key = key.iter().map(|c| format!("n.{0} = o.{0}", ident(c))).collect::<Vec<_>>().join(" and ");
        (!own.is_empty()).then(|| {
            crate::sql::fill(
                sql_file!("transform/generation/carry.sql"),
                &[
                    ("new", &self.new),
                    ("old", &self.old.name),
                    ("columns", &columns(&own)),
                    ("old_values", &of("o")),
                    ("new_values", &of("n")),
                    ("same_key", &same_key),
                ],
            )
        })
    }
}

/// For each view that reads the partition itself, the statement that makes it read whatever has its name.
async fn views(tx: &Transaction<'_>, old: &LeafPartition, table: &str) -> Result<Vec<String>> {
    let mut views = Vec::new();
    for row in tx.query(sql_file!("transform/generation/dependents.sql"), &[&old.name]).await? {
        let (what, name): (String, String) = (row.get(0), row.get(1));
        match row.get::<_, Option<String>>(2) {
            Some(statement) => views.push(statement),
            None if what == "view" => {
                return Err(Error::new(Kind::AccessDenied, format!("{name} reads the partition {}", old.name))
                    .detail("a full refresh has to replace it, and it belongs to another role")
                    .hint(format!("let it read {table} instead, or make evo's role a member of its owner's")));
            }
            None => {
                let message =
                    format!("{name} refers to the partition {} itself, which a full refresh replaces", old.name);
                return Err(Error::new(Kind::Config, message)
                    .hint(format!("let the {what} refer to {table} instead; increments work either way")));
            }
        }
    }
    Ok(views)
}

/// Creates the empty tables in `evo_next`, where no reader looks.
pub(super) async fn create(job: &EntityJob, builds: &[Build]) -> Result<()> {
    let mut connection = job.pool.get().await?;
    let tx = begin(&mut connection).await?;
    for build in builds {
        tx.batch(&build.create).await?;
        if job.layout.is_distributed() {
            let key = &job.entity.models[build.model].parent_key;
            tx.query(sql_file!("transform/generation/distribute.sql"), &[&build.new, key, &build.old.name]).await?;
        }
    }
    tx.commit().await
}

/// Creates one of them again, empty and without indexes.
pub(super) async fn create_again(job: &EntityJob, build: &Build) -> Result<()> {
    let mut connection = job.pool.get().await?;
    let tx = begin(&mut connection).await?;
    tx.batch(&format!("drop table {}", build.new)).await?;
    tx.batch(&build.create).await?;
    tx.commit().await
}
