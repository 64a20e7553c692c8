//! One table of the new generation, and what of the old one it must take over.

use crate::entity::Entity;
use crate::error::{Error, Kind, Result};
use crate::pg::Connection;
use crate::sql::{columns, ident, literal};
use crate::transform::catalog::{Partition, Shape};
use crate::transform::{Job, SESSION};

/// Names in statements are qualified, those of temporary tables too.
const QUALIFIED_NAMES: &str = "set local search_path = pg_catalog, pg_temp";

/// One table of the new generation: the successor of a partition of a core table.
#[derive(Debug)]
pub(super) struct Build {
    /// Place of its model in the entity.
    pub model: usize,
    /// The core table, as the model names it.
    pub table: String,
    /// The table that the old one is a partition of; qualified and quoted.
    pub parent: String,
    /// The partition that serves.
    pub old: Partition,
    /// Of those that somebody has cut a partition into, the first: what belongs to all of them is counted once.
    pub is_first: bool,
    /// The successor while it is built, and the old one once replaced; qualified and quoted.
    pub new: String,
    pub replaced: String,
    create: String,
    /// Changes with the columns and checks that `create` copies.
    definition: String,
    /// Schema and name of its extended statistics, which do not follow a table into another schema.
    pub statistics: Vec<(String, String)>,
    /// Views that read the partition itself: statements that make them read whatever has its name.
    pub views: Vec<String>,
}

/// A statement for a new table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    pub text: String,
    /// What is set for it in its transaction; may be empty.
    pub setting: String,
    /// Its like must run together, whenever one of them changes: grants.
    pub is_repeated: bool,
}

impl From<String> for Statement {
    fn from(text: String) -> Self {
        Self { text, setting: String::new(), is_repeated: false }
    }
}

/// Foreign keys that reference the entity's core tables.
#[derive(Debug)]
pub(super) struct Keys {
    pub list: Vec<Key>,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Key {
    /// Place of the referenced model.
    pub model: usize,
    /// The referencing table, qualified and quoted.
    pub table: String,
    pub name: String,
    pub definition: String,
    pub was_validated: bool,
    /// A partitioned table takes no key that is not validated.
    pub is_partitioned: bool,
    pub comment: Option<String>,
    /// A query for one orphan, with `{new}` for the referenced rows.
    pub orphan: String,
}

impl Build {
    /// Reads what the catalog says about the partition `old` of the entity's `model`.
    ///
    /// # Errors
    /// `Config` when something refers to the partition that would go on reading the replaced generation.
    pub(super) async fn read(
        connection: &mut Connection,
        entity: &Entity,
        model: usize,
        old: Partition,
    ) -> Result<Self> {
        let tx = connection.begin().await?;
        tx.batch(QUALIFIED_NAMES).await?;
        let new = format!("evo_next.{}", ident(&old.relname));
        let table = entity.models[model].table.clone();
        if old.kind != "r" {
            return Err(Error::new(Kind::Config, format!("the partition {} is no plain table", old.name)).hint(
                format!("a full refresh cannot rebuild it; detach it from {table}, or transform by increments"),
            ));
        }
        let row = tx.query_one(sql_file!("transform/generation/create.sql"), &[&old.name, &new]).await?;
        let (create, definition) = (row.get(0), row.get(1));
        let statistics = tx.query(sql_file!("transform/generation/statistics.sql"), &[&old.name]).await?;
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
                    return Err(Error::new(
                        Kind::Config,
                        format!("{name} refers to the partition {} itself, which a full refresh replaces", old.name),
                    )
                    .hint(format!("let the {what} refer to {table} instead; increments work either way")));
                }
            }
        }
        Ok(Self {
            model,
            table,
            parent: old.parent.clone(),
            replaced: format!("evo_old.{}", ident(&old.relname)),
            is_first: true,
            statistics: statistics.iter().map(|row| (row.get(0), row.get(1))).collect(),
            old,
            new,
            create,
            definition,
            views,
        })
    }

    /// Statements that build its indexes, which may run side by side, and those that must follow one after the other.
    pub(super) async fn index_statements(
        &self,
        connection: &mut Connection,
    ) -> Result<(Vec<Statement>, Vec<Statement>)> {
        let tx = connection.begin().await?;
        tx.batch(QUALIFIED_NAMES).await?;
        let rows = tx.query(sql_file!("transform/generation/indexes.sql"), &[&self.old.name, &self.new]).await?;
        tx.rollback().await?;
        let statement = |row: &crate::pg::Row| Statement { text: row.get(1), setting: row.get(2), is_repeated: false };
        let (first, then): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.get(0));
        Ok((first.into_iter().map(statement).collect(), then.into_iter().map(statement).collect()))
    }

    /// Statements that give it what else the old one has: grants, policies, triggers, statistics, foreign keys …
    pub(super) async fn keep_statements(
        &self,
        connection: &mut Connection,
        tables: &[String],
    ) -> Result<Vec<Statement>> {
        let tx = connection.begin().await?;
        tx.batch(QUALIFIED_NAMES).await?;
        let sql = sql_file!("transform/generation/keep.sql");
        let rows = tx.query(sql, &[&self.old.name, &self.new, &tables.to_vec()]).await?;
        tx.rollback().await?;
        let statement =
            |row: &crate::pg::Row| Statement { is_repeated: row.get(1), ..Statement::from(row.get::<_, String>(0)) };
        Ok(rows.iter().map(statement).collect())
    }

    /// Whether the old table still is what the new one was made like. Views of it may have come and gone.
    pub(super) fn is_like(&self, now: &Build) -> bool {
        let of = |b: &Build| {
            (b.old.name.clone(), b.old.bound.clone(), b.old.parent.clone(), b.create.clone(), b.definition.clone())
        };
        of(self) == of(now)
    }

    /// Gives the new rows the values that the old ones have in columns of somebody's own; nothing where there are none.
    pub(super) fn carry_sql(&self, shape: &Shape, key: &[String]) -> Option<String> {
        let own: Vec<&str> = shape.own.iter().map(|own| own.name.as_str()).collect();
        let of = |alias: &str| own.iter().map(|c| format!("{alias}.{}", ident(c))).collect::<Vec<_>>().join(", ");
        let same = key.iter().map(|c| format!("n.{0} = o.{0}", ident(c))).collect::<Vec<_>>().join(" and ");
        (!own.is_empty()).then(|| {
            format!(
                "update {} n set ({}) = row({}) from {} o where {same} and row({}) is distinct from row({})",
                self.new,
                columns(&own),
                of("o"),
                self.old.name,
                of("n"),
                of("o")
            )
        })
    }
}

impl Keys {
    pub(super) async fn read(connection: &mut Connection, entity: &Entity) -> Result<Self> {
        let tx = connection.begin().await?;
        tx.batch(QUALIFIED_NAMES).await?;
        let mut list = Vec::new();
        for (model, table) in entity.models.iter().map(|m| &m.table).enumerate() {
            for row in tx.query(sql_file!("transform/generation/foreign_keys.sql"), &[table]).await? {
                list.push(Key {
                    model,
                    table: row.get(0),
                    name: row.get(1),
                    definition: row.get(2),
                    was_validated: row.get(3),
                    is_partitioned: row.get(4),
                    comment: row.get(5),
                    orphan: row.get(6),
                });
            }
        }
        tx.rollback().await?;
        Ok(Self { list })
    }
}

impl Key {
    pub(super) fn drop_sql(&self) -> String {
        format!("alter table {} drop constraint {};\n", self.table, ident(&self.name))
    }

    /// Added without a look at the rows, so that the swap stays short; validated after it.
    pub(super) fn add_sql(&self) -> String {
        let valid = if self.is_partitioned { "" } else { " not valid" };
        let name = ident(&self.name);
        let mut sql = format!("alter table {} add constraint {name} {}{valid};\n", self.table, self.definition);
        if let Some(comment) = &self.comment {
            sql += &format!("comment on constraint {name} on {} is {};\n", self.table, literal(comment));
        }
        sql
    }

    pub(super) fn validate_sql(&self) -> String {
        format!("alter table {} validate constraint {}", self.table, ident(&self.name))
    }
}

impl Job {
    /// Creates the empty tables, invisible to readers.
    pub(super) async fn create(&self, builds: &[Build]) -> Result<()> {
        let mut connection = self.pool.get().await?;
        let tx = connection.begin().await?;
        tx.batch(SESSION).await?;
        for build in builds {
            tx.batch(&build.create).await?;
        }
        tx.commit().await
    }
}
