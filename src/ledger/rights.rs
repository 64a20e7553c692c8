//! The requirements on the database and on the role. Checked before anything begins, so that the error names
//! the missing grant and not the statement that needed it first.

use crate::counted::counted;
use crate::entity::Entity;
use crate::error::{Error, Kind, Result};
use crate::pg::{Connection, Row, Transaction};

/// Refuses a database whose encoding is not UTF8: it could not hold every document, and would read others
/// wrongly.
///
/// # Errors
/// `Config`, with how to create a database that can.
pub(super) async fn require_utf8(tx: &Transaction<'_>) -> Result<()> {
    let row = tx.query_one(sql_file!("ledger/encoding.sql"), &[]).await?;
    let (name, encoding): (String, String) = (row.get(0), row.get(1));
    if encoding == "UTF8" {
        return Ok(());
    }
    Err(Error::new(Kind::Config, format!("the database {name} is encoded in {encoding}, and evo needs UTF8"))
        .detail("documents are Unicode: another encoding cannot hold all of them")
        .hint(format!(
            "make another database, createdb --encoding=UTF8 --template=template0 NAME, and name it in \
             --database-url; the \
             encoding of {name} cannot be changed"
        )))
}

/// A schema that migrations create or use.
struct Schema {
    name: String,
    exists: bool,
    may_use: bool,
    may_create: bool,
    is_owned: bool,
}

/// The schemas of the migrations, as they are before the first one runs.
pub(super) struct Schemas(Vec<Schema>);

impl Schemas {
    /// Checks what the role may do in the schemas of these migrations.
    ///
    /// # Errors
    /// `AccessDenied` that names the missing grant.
    pub(super) async fn check(tx: &Transaction<'_>, migrations: &[&str]) -> Result<Self> {
        let mut names: Vec<String> = migrations.iter().flat_map(|sql| sql.lines().filter_map(made)).collect();
        // The runner's own, in which it keeps what it applied.
        if !migrations.is_empty() {
            names.push("evo".to_owned());
        }
        names.sort();
        names.dedup();
        let rows = tx.query(sql_file!("ledger/rights.sql"), &[&names]).await?;
        let mut schemas = Vec::new();
        for row in &rows {
            let (role, database): (String, String) = (row.get(0), row.get(1));
            let may_make: bool = row.get(2);
            let schema = Schema {
                name: row.get(3),
                exists: row.get(4),
                may_use: row.get(5),
                may_create: row.get(6),
                is_owned: row.get(7),
            };
            if !schema.exists && !may_make {
                let missing: Vec<String> = rows.iter().filter(|r| !r.get::<_, bool>(4)).map(|r| r.get(3)).collect();
                let statements: Vec<String> =
                    missing.iter().map(|name| format!("create schema {name} authorization {role};")).collect();
                return Err(denied(format!("{role} may not create schemas in the database {database}")).hint(format!(
                    "grant create on database {database} to {role}; or, as its owner, create them beforehand:\n{}",
                    statements.join(" ")
                )));
            }
            if schema.exists && !(schema.may_use && schema.may_create) {
                let name = &schema.name;
                return Err(denied(format!("{role} may not create tables in the schema {name}")).hint(format!(
                    "grant usage, create on schema {name} to {role}; or alter schema {name} owner to {role};"
                )));
            }
            schemas.push(schema);
        }
        Ok(Self(schemas))
    }

    /// A migration without statements for schemas that exist already: `create schema` needs a right on the
    /// whole database even if the schema exists, and `comment on schema` needs its owner.
    pub(super) fn without_what_exists(&self, sql: &str) -> String {
        let is_needless = |line: &str| {
            let made = made(line).is_some_and(|name| self.0.iter().any(|s| s.name == name && s.exists));
            let is_of_others =
                described(line).is_some_and(|name| self.0.iter().any(|s| s.name == name && s.exists && !s.is_owned));
            made || is_of_others
        };
        sql.lines().filter(|line| !is_needless(line)).flat_map(|line| [line, "\n"]).collect()
    }
}

/// Refuses a role that may not create temporary tables, which a load and a transform do for each batch.
///
/// # Errors
/// `AccessDenied` that names the grant.
pub async fn require_temporary(connection: &Connection) -> Result<()> {
    let row = connection.query_one(sql_file!("ledger/may_use_temporary.sql"), &[]).await?;
    let (role, database): (String, String) = (row.get(1), row.get(2));
    match row.get(0) {
        true => Ok(()),
        false => Err(denied(format!("{role} may not create temporary tables in the database {database}"))
            .hint(format!("grant temporary on database {database} to {role};"))),
    }
}

/// evo's schemas.
const SCHEMAS: [&str; 5] = ["evo", "stg_evo", "core", "evo_next", "evo_old"];

/// What a role lacks on the tables of one owner.
#[derive(Debug, Clone)]
pub struct TableRights {
    /// The owner as SQL writes it, if the role does not have the owner's rights.
    pub owner: Option<String>,
    /// Number of tables.
    pub tables: u64,
    /// One of them.
    pub example: String,
    /// Number of those that the role may not read.
    pub unreadable: u64,
    /// Tables whose rows a policy hides from the role.
    pub hidden: Vec<String>,
    /// Number of those that the role may not write.
    pub unwritable: u64,
    /// The role as SQL writes it.
    pub role: String,
}

/// What the role lacks on evo's tables: those of schema `evo`, those of the role that migrated, and those of
/// the entities with their partitions.
///
/// # Errors
/// See [`crate::pg`].
pub async fn of_tables(connection: &Connection, entities: &[Entity]) -> Result<Vec<TableRights>> {
    let of_entity = |entity: &Entity| {
        let core = entity.models.iter().map(|model| model.table.clone());
        core.chain([entity.staging.table.clone()]).collect::<Vec<String>>()
    };
    let tables: Vec<String> = entities.iter().flat_map(of_entity).collect();
    let schemas = SCHEMAS.map(str::to_owned).to_vec();
    let rows = connection.query(sql_file!("ledger/table_rights.sql"), &[&schemas, &tables]).await?;
    let count = |row: &Row, i: usize| row.get::<_, i64>(i).unsigned_abs();
    let rights = |row: &Row| TableRights {
        owner: row.get(0),
        tables: count(row, 1),
        example: row.get(2),
        unreadable: count(row, 3),
        hidden: row.get::<_, Option<Vec<String>>>(4).unwrap_or_default(),
        unwritable: count(row, 5),
        role: row.get(6),
    };
    Ok(rows.iter().map(rights).collect())
}

/// The statement that gives a role the rights of another one, also if it does not inherit rights.
///
/// # Errors
/// See [`crate::pg`].
pub async fn membership(connection: &Connection, owner: &str, role: &str) -> Result<String> {
    let row = connection.query_one(sql_file!("ledger/inherits.sql"), &[]).await?;
    Ok(match (row.get(0), row.get(1)) {
        (true, _) => format!("grant {owner} to {role};"),
        (false, true) => format!("grant {owner} to {role} with inherit true;"),
        (false, false) => format!("alter role {role} inherit; grant {owner} to {role};"),
    })
}

/// Refuses a role that is to write and may not: neither as the owner of evo's tables nor by rights of its
/// own.
///
/// # Errors
/// `AccessDenied` that names the grant; otherwise see [`crate::pg`].
pub async fn require_writable(connection: &Connection, entities: &[Entity]) -> Result<()> {
    let rights = of_tables(connection, entities).await?;
    let Some(first) = rights.iter().find(|rights| rights.unwritable > 0) else { return Ok(()) };
    let Some(owner) = &first.owner else { return Ok(()) };
    let (role, example) = (&first.role, &first.example);
    let tables = counted(first.unwritable, "table", "tables");
    let message = format!("{role} may not write {tables} of evo's that belong to {owner}: {example}, for example");
    Err(denied(message)
        .detail("jobs that write run as the owner of evo's tables, or with its rights")
        .hint(membership(connection, owner, role).await?))
}

fn denied(message: String) -> Error {
    Error::new(Kind::AccessDenied, message)
}

/// The schema that a line of a migration creates.
fn made(line: &str) -> Option<String> {
    let rest = line.strip_prefix("create schema ")?;
    let rest = rest.strip_prefix("if not exists ").unwrap_or(rest);
    rest.strip_suffix(';').map(str::to_owned)
}

/// The schema that a line of a migration describes.
fn described(line: &str) -> Option<&str> {
    let (name, _) = line.strip_prefix("comment on schema ")?.split_once(" is ")?;
    line.ends_with("';").then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_dba_made_beforehand_is_not_made_again() {
        let schema = |name: &str, exists, is_owned| Schema {
            name: name.to_owned(),
            exists,
            may_use: true,
            may_create: true,
            is_owned,
        };
        let schemas =
            Schemas(vec![schema("evo", true, true), schema("core", true, false), schema("evo_next", false, false)]);
        let sql = "create schema if not exists evo;\ncomment on schema evo is 'x';\ncreate schema if not exists core;\n\
                   comment on schema core is 'y';\ncreate schema evo_next;\ncomment on schema evo_next is \
                   'z';\nselect 1;";
        let expected =
            "comment on schema evo is 'x';\ncreate schema evo_next;\ncomment on schema evo_next is 'z';\nselect 1;\n";
        assert_eq!(schemas.without_what_exists(sql), expected);
    }

    #[test]
    fn the_schemas_of_the_built_in_migrations_are_all_found() {
        let list = crate::ledger::migrations::all(None).unwrap();
        let statements: usize = list.iter().map(|m| m.sql.matches("create schema").count()).sum();
        assert_eq!(list.iter().flat_map(|m| m.sql.lines().filter_map(made)).count(), statements);
    }
}
