//! The requirements on the database and on the role. Checked before anything begins, so that the error names
//! the missing grant and not the statement that needed it first.

use crate::error::{Error, Kind, Result};
use crate::pg::Transaction;

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
                return Err(denied(format!("{role} may not make schemas in the database {database}")).hint(format!(
                    "grant create on database {database} to {role}; or, as its owner, make them beforehand:\n{}",
                    statements.join(" ")
                )));
            }
            if schema.exists && !(schema.may_use && schema.may_create) {
                let name = &schema.name;
                return Err(denied(format!("{role} may not make tables in the schema {name}")).hint(format!(
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
pub async fn require_temporary(connection: &crate::pg::Connection) -> Result<()> {
    let row = connection.query_one(sql_file!("ledger/may_use_temporary.sql"), &[]).await?;
    let (role, database): (String, String) = (row.get(1), row.get(2));
    match row.get(0) {
        true => Ok(()),
        false => Err(denied(format!("{role} may not make temporary tables in the database {database}"))
            .hint(format!("grant temporary on database {database} to {role};"))),
    }
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
