//! Migrations: embedded, checksummed, immutable once applied.
//!
//! All pending migrations run in one transaction under an advisory lock. So two processes that start together
//! apply them once, and a failure leaves the database as it was.

use std::path::Path;
use std::time::Instant;

use include_dir::{Dir, include_dir};
use sha2::{Digest, Sha256};

use super::created::created;
use super::rights::{self, Schemas};
use super::staging;
use crate::entity::Entity;
use crate::error::{Error, Kind, Result};
use crate::pg::{Connection, Transaction};

static BUILT_IN: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/migrations");

/// Names that an error lists.
const NAMED: usize = 20;

/// Migrations of `--extend` are numbered from here.
const EXTENSIONS: i32 = 10_000;

/// One step of the schema.
#[derive(Debug, Clone)]
pub struct Migration {
    /// Its number: built-in ones count from 1, those of `--extend` from 10,001.
    pub version: i32,
    /// Its title, from the file name.
    pub name: String,
    /// The statements.
    pub sql: String,
    /// SHA-256 of the statements, hexadecimal.
    pub checksum: String,
}

/// The migrations that [`apply`] ran, or would run.
#[derive(Debug)]
pub struct Applied {
    /// Version, name and milliseconds of each migration that ran; 0 ms in a dry run.
    pub steps: Vec<(i32, String, i64)>,
    /// The schema's version afterwards.
    pub version: i32,
}

/// The built-in migrations, and those of `extend/migrations/`, in order.
///
/// # Errors
/// `Config` for a file whose name is not `NNNN_name.up.sql`, or two with one number.
pub fn all(extend: Option<&Path>) -> Result<Vec<Migration>> {
    let mut list = Vec::new();
    for file in BUILT_IN.files() {
        let name = file.path().display().to_string();
        if let (true, Some(sql)) = (name.ends_with(".up.sql"), file.contents_utf8()) {
            list.push(parse(&name, sql, 0)?);
        }
    }
    let folder = extend.map(|dir| dir.join("migrations")).filter(|dir| dir.is_dir());
    for entry in folder.iter().flat_map(std::fs::read_dir).flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".up.sql") {
            let sql = std::fs::read_to_string(entry.path()).map_err(|e| {
                Error::new(Kind::Config, format!("cannot read {}", entry.path().display())).caused_by(e)
            })?;
            list.push(parse(&name, &sql, EXTENSIONS)?);
        }
    }
    list.sort_by_key(|m| m.version);
    if let Some(pair) = list.windows(2).find(|pair| pair[0].version == pair[1].version) {
        return Err(Error::new(
            Kind::Config,
            format!("migrations {} and {} have one number", pair[0].name, pair[1].name),
        ));
    }
    Ok(list)
}

fn parse(file: &str, sql: &str, offset: i32) -> Result<Migration> {
    let stem = file.trim_end_matches(".up.sql");
    let (number, name) =
        stem.split_once('_').and_then(|(number, name)| Some((number.parse::<i32>().ok()?, name))).ok_or_else(|| {
            Error::new(Kind::Config, format!("migration {file} has no number")).hint("name it like 0001_visits.up.sql")
        })?;
    let checksum = Sha256::digest(sql.as_bytes()).iter().map(|b| format!("{b:02x}")).collect();
    Ok(Migration { version: offset + number, name: name.to_owned(), sql: sql.to_owned(), checksum })
}

/// Applies what is missing, in one transaction.
///
/// # Errors
/// `AccessDenied` that names a missing grant; `Config` when the database is not encoded in UTF8, when the
/// schema is newer than this evo, when an applied migration was changed, or when a name that a pending one
/// needs is taken; otherwise see [`crate::pg`].
pub async fn apply(connection: &mut Connection, migrations: &[Migration], dry_run: bool) -> Result<Applied> {
    apply_for(connection, migrations, &[], dry_run, async |_: &Transaction<'_>| Ok(())).await
}

/// As [`apply`], and makes sure that the staging tables of these entities have every column that evo needs,
/// and whatever else `require` asks for. A migration that lacks something is not applied: it could not be
/// corrected any more.
///
/// # Errors
/// As [`apply`]; `Config` that names table and column; those of `require`.
pub async fn apply_for(
    connection: &mut Connection,
    migrations: &[Migration],
    entities: &[Entity],
    dry_run: bool,
    require: impl AsyncFnOnce(&Transaction<'_>) -> Result<()>,
) -> Result<Applied> {
    let tx = connection.begin().await?;
    // One at a time: the second process waits here and then finds nothing to do.
    tx.batch("select pg_advisory_xact_lock(hashtextextended('evo:migrate', 0))").await?;
    let done = history(&tx).await?;
    let pending = compare(migrations, &done)?;
    if !pending.is_empty() {
        refuse_taken_names(&tx, migrations, &pending).await?;
    }
    let texts: Vec<&str> = pending.iter().map(|m| m.sql.as_str()).collect();
    let schemas = Schemas::check(&tx, &texts).await?;
    let mut steps = Vec::new();
    if !dry_run && !pending.is_empty() {
        // Tables go where the role or the database puts them by default. Every name needs its schema: without
        // this, a superuser's migration would create a function that has none in pg_catalog.
        tx.batch("set local default_tablespace to default; set local search_path = ''").await?;
        tx.batch(&schemas.without_what_exists(sql_file!("ledger/schema_history.sql"))).await?;
        for m in &pending {
            let started = Instant::now();
            tx.batch(&schemas.without_what_exists(&m.sql)).await.map_err(|e| failed(m, e))?;
            let ms = i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX);
            tx.execute(
                sql_file!("ledger/record_migration.sql"),
                &[&m.version, &m.name, &m.checksum, &env!("CARGO_PKG_VERSION"), &ms],
            )
            .await?;
            steps.push((m.version, m.name.clone(), ms));
        }
    } else {
        steps = pending.iter().map(|m| (m.version, m.name.clone(), 0)).collect();
    }
    if !dry_run || pending.is_empty() {
        staging::require_fitting(&tx, entities).await?;
        require(&tx).await?;
    }
    tx.commit().await?;
    Ok(Applied { steps, version: migrations.last().map_or(0, |m| m.version) })
}

/// The failure of a migration. One of `--extend` is its author's to correct.
fn failed(m: &Migration, error: Error) -> Error {
    let error = error.context(format!("migration {:04}_{}", m.version, m.name));
    let is_wrong = error.kind().is_of_statement() || error.kind() == Kind::Internal;
    if m.version <= EXTENSIONS || !is_wrong {
        return error;
    }
    let file = format!("migrations/{:04}_{}.up.sql", m.version - EXTENSIONS, m.name);
    let correct = format!("nothing was applied: correct {file} in the folder given by --extend, then: evo migrate");
    let hint = match error.hint_text() {
        Some(hint) => format!("{hint}\n{correct}"),
        None => correct,
    };
    error.of_kind(Kind::Config).hint(hint)
}

/// Refuses to work on a schema that this evo does not know.
///
/// # Errors
/// `Config` when the schema is missing, older or newer.
pub async fn require_current(connection: &mut Connection, migrations: &[Migration]) -> Result<()> {
    let tx = connection.begin().await?;
    let done = history(&tx).await?;
    let pending = compare(migrations, &done)?;
    tx.commit().await?;
    match pending.first() {
        None => Ok(()),
        Some(_) if done.is_empty() => Err(Error::new(Kind::Config, "the database has no evo schema yet")
            .hint("run `evo migrate` first (`evo migrate --dry-run` shows what it would do)")),
        Some(first) => Err(Error::new(
            Kind::Config,
            format!("the schema is older than this evo: migration {:04}_{} is missing", first.version, first.name),
        )
        .hint("run `evo migrate`")),
    }
}

/// A migration that the database has.
struct AppliedMigration {
    version: i32,
    checksum: String,
    name: String,
}

impl AppliedMigration {
    /// The file of one of the user's own, below the folder of `--extend`.
    fn file(&self) -> String {
        format!("migrations/{:04}_{}.up.sql", self.version - EXTENSIONS, self.name)
    }

    fn absent(&self) -> Error {
        let (version, name) = (self.version, &self.name);
        if version <= EXTENSIONS {
            let message = format!("the schema is newer than this evo: it has migration {version:04}_{name}");
            return Error::new(Kind::Config, message).hint("use the version of evo that made it, or a newer one");
        }
        let message = format!("the database has a migration of your own that was not found: {}", self.file());
        Error::new(Kind::Config, message).hint(format!(
            "name the folder that has it: --extend DIR, EVO_EXTEND=DIR, or extend = \"DIR\" in evo.toml\n\
             if the file was deleted, restore it; or drop what it created, then: \
             evo db psql -c 'delete from evo.schema_history where version = {version}'"
        ))
    }

    fn changed(&self, now: &Migration) -> Error {
        let (version, name) = (self.version, &self.name);
        let number = if version > EXTENSIONS { version - EXTENSIONS } else { version };
        let error =
            Error::new(Kind::Config, format!("migration {number:04}_{name} was changed after it had been applied"));
        if version <= EXTENSIONS {
            return error.hint("use the version of evo that made the schema, or a newer one");
        }
        error.hint(format!(
            "restore the text of {} and put the change into a new migration\n\
             if only comments or line ends differ: evo db psql -c \"update evo.schema_history set checksum = '{}' \
             where version = {version}\"",
            self.file(),
            now.checksum
        ))
    }
}

/// What is recorded of each applied migration; empty when there is no history.
async fn history(tx: &Transaction<'_>) -> Result<Vec<AppliedMigration>> {
    rights::require_utf8(tx).await?;
    let exists = tx.query_one("select to_regclass('evo.schema_history') is not null", &[]).await?;
    if !exists.get::<_, bool>(0) {
        return Ok(Vec::new());
    }
    let rows = tx.query("select version, checksum, name from evo.schema_history order by version", &[]).await?;
    let applied =
        |row: &crate::pg::Row| AppliedMigration { version: row.get(0), checksum: row.get(1), name: row.get(2) };
    Ok(rows.iter().map(applied).collect())
}

fn compare<'a>(migrations: &'a [Migration], done: &[AppliedMigration]) -> Result<Vec<&'a Migration>> {
    for applied in done {
        match migrations.iter().find(|m| m.version == applied.version) {
            None => return Err(applied.absent()),
            Some(m) if m.checksum != applied.checksum => return Err(applied.changed(m)),
            Some(_) => {}
        }
    }
    Ok(migrations.iter().filter(|m| done.iter().all(|applied| applied.version != m.version)).collect())
}

/// Refuses to go on where somebody else has something of a name that a pending migration creates. Whatever
/// else is in the same schemas is no obstacle.
async fn refuse_taken_names(tx: &Transaction<'_>, all: &[Migration], pending: &[&Migration]) -> Result<()> {
    let is_pending = |m: &&Migration| pending.iter().any(|p| p.version == m.version);
    let own: Vec<String> = all.iter().filter(|m| !is_pending(m)).flat_map(|m| created(&m.sql)).collect();
    let mut names: Vec<String> = pending.iter().flat_map(|m| created(&m.sql)).collect();
    names.retain(|name| !own.contains(name));
    let rows = tx.query(sql_file!("ledger/foreign_tables.sql"), &[&names]).await?;
    let Some(first) = rows.first() else { return Ok(()) };
    let (name, kind): (String, String) = (first.get(0), first.get(1));
    let found: Vec<String> = rows.iter().take(NAMED).map(|row| row.get(0)).collect();
    let more = if rows.len() > NAMED { ", …" } else { "" };
    let bare = name.split_once('.').map_or(name.as_str(), |(_, bare)| bare);
    Err(Error::new(Kind::Config, format!("the name {name} is taken by a {kind} that evo did not create"))
        .detail(format!("taken: {}{more}", found.join(", ")))
        .hint(format!(
            "evo never alters or drops what others made, and needs this name: give theirs another one, or migrate into \
             another database\nalter {kind} {name} rename to {bare}_before_evo;"
        )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_migrations_are_numbered_from_1_on_each_once() {
        let list = all(None).unwrap();
        assert_eq!(list.first().map(|m| m.version), Some(1));
        assert!(list.windows(2).all(|pair| pair[0].version < pair[1].version && pair[1].version < 10_000));
    }

    #[test]
    fn a_changed_or_unknown_migration_is_refused() {
        let known = [parse("0001_a.up.sql", "select 1", 0).unwrap()];
        let applied = |version, checksum: &str| {
            [AppliedMigration { version, checksum: checksum.to_owned(), name: "a".to_owned() }]
        };
        assert!(compare(&known, &[]).unwrap().len() == 1);
        assert!(compare(&known, &applied(1, &known[0].checksum)).unwrap().is_empty());
        assert!(compare(&known, &applied(1, "other")).unwrap_err().message().contains("was changed"));
        assert!(compare(&known, &applied(2, "x")).unwrap_err().message().contains("newer than this evo"));
        let own = compare(&known, &applied(10_003, "x")).unwrap_err();
        assert!(own.message().ends_with("was not found: migrations/0003_a.up.sql"), "{}", own.render());
        assert!(parse("visits.up.sql", "", 0).is_err());
    }
}
