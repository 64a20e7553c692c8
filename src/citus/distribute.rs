//! Distributes the tables of an entity, all in one transaction.

use super::layout::{Table, is_installed, tables};
use crate::entity::Entity;
use crate::error::{Context, Error, Kind, Result};
use crate::pg::{Connection, Transaction};
use crate::sql::qualified;

/// How a table is distributed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DistributedTable {
    /// Qualified name, not quoted.
    pub table: String,
    /// The column by whose hash its rows are in shards; `None` for a reference table, of which every server
    /// has a copy.
    pub column: Option<String>,
    /// Whether it already was.
    pub is_done: bool,
}

/// Makes sure that the database belongs to the coordinator of a cluster. Returns how many servers hold
/// shards.
///
/// # Errors
/// `Config` when it does not, or when no server holds shards; see [`crate::pg`].
pub async fn require_cluster(connection: &Connection) -> Result<u32> {
    if !is_installed(connection).await? {
        return Err(Error::new(Kind::Config, "this database does not have the extension citus")
            .hint("one server holds more than you may think: see docs/scale.md before you set up a cluster"));
    }
    let row = connection.query_one(sql_file!("citus/cluster.sql"), &[]).await?;
    let (is_coordinator, servers): (bool, i32) = (row.get(0), row.get(1));
    if !is_coordinator {
        return Err(Error::new(Kind::Config, "this server is not the coordinator of its cluster")
            .hint("name the coordinator with --database-url: ledger and locks are there alone"));
    }
    match u32::try_from(servers) {
        Ok(servers) if servers > 0 => Ok(servers),
        _ => Err(Error::new(Kind::Config, "no server of this cluster holds shards")
            .hint("add one: select citus_add_node('host', 5432)")),
    }
}

/// Distributes staging and core tables of an entity by the document's key, staging into this many shards and
/// the others alongside. With `is_dry` nothing is changed.
///
/// # Errors
/// `AlreadyRunning` while a job is at work; `Config` when a table is distributed otherwise, or cannot be:
/// a unique index without the key, a foreign key to a local table; see [`crate::pg`].
pub async fn distribute(
    connection: &mut Connection,
    entity: &Entity,
    (shards, is_dry): (u32, bool),
) -> Result<Vec<DistributedTable>> {
    let tx = connection.begin().await?;
    let names: Vec<&str> = tables(entity).iter().map(|(table, _)| *table).collect();
    if !is_dry {
        lock(&tx, &names).await?;
    }
    let found = Table::of_entity(&tx, entity).await?;
    let mut placements = Vec::new();
    for table in &found {
        let is_done = !table.is_local();
        if is_done && !table.is_by_key() {
            return Err(Error::new(Kind::Config, table.describe())
                .hint(format!("undo it: select undistribute_table('{}')", table.name)));
        }
        if !is_done && !is_dry {
            make(&tx, table, (names[0], shards)).await?;
        }
        placements.push(DistributedTable { table: table.name.clone(), column: Some(table.key.clone()), is_done });
    }
    tx.commit().await?;
    Ok(placements)
}

/// Makes a reference table of a dimension's table. With `is_dry` nothing is changed.
///
/// # Errors
/// As [`distribute`].
pub async fn replicate(connection: &mut Connection, table: &str, is_dry: bool) -> Result<DistributedTable> {
    let tx = connection.begin().await?;
    if !is_dry {
        lock(&tx, &[table]).await?;
    }
    let found = Table::read(&tx, &[(table, "")]).await?;
    let is_done = found.first().is_some_and(|table| !table.is_local());
    if let Some(table) = found.first().filter(|table| !table.is_local() && !table.is_by_key()) {
        return Err(Error::new(Kind::Config, table.describe())
            .hint(format!("undo it: select undistribute_table('{}')", table.name)));
    }
    if !is_done && !is_dry {
        let sql = "select create_reference_table($1::text::regclass)";
        tx.execute(sql, &[&qualified(table)]).await.map_err(refused).context(table)?;
        empty_shell(&tx, table).await?;
    }
    tx.commit().await?;
    Ok(DistributedTable { table: table.to_owned(), column: None, is_done })
}

/// Makes sure that every server has the functions that models call: a cluster that is younger than the schema
/// lacks them.
///
/// # Errors
/// See [`crate::pg`].
pub async fn send_functions(connection: &Connection) -> Result<()> {
    for row in connection.query(sql_file!("citus/functions.sql"), &[]).await? {
        let function: String = row.get(0);
        let sql = "select create_distributed_function($1::text::regprocedure)";
        connection.query(sql, &[&function]).await.context(&function)?;
    }
    Ok(())
}

/// Locks tables, then makes sure that no job is at work. A job that begins later waits for the locks before
/// it reads where its tables are.
async fn lock(tx: &Transaction<'_>, tables: &[&str]) -> Result<()> {
    let tables: Vec<String> = tables.iter().map(|table| qualified(table)).collect();
    tx.batch(&format!("lock table {} in access exclusive mode", tables.join(", "))).await?;
    let running: i64 = tx.query_one(sql_file!("status/running.sql"), &[]).await?.get(0);
    match running {
        0 => Ok(()),
        _ => Err(Error::new(Kind::AlreadyRunning, "a job is at work, which expects its tables where they are")
            .hint("wait for its end: evo runs")),
    }
}

async fn make(tx: &Transaction<'_>, table: &Table, (staging, shards): (&str, u32)) -> Result<()> {
    let with = if table.name == staging { "none".to_owned() } else { qualified(staging) };
    let shards = i32::try_from(shards).unwrap_or(i32::MAX);
    let name = qualified(&table.name);
    let made = tx.query(sql_file!("citus/distribute.sql"), &[&name, &table.key, &with, &shards]).await;
    made.map_err(refused).context(&table.name)?;
    empty_shell(tx, &table.name).await
}

/// Removes the rows that were copied to the shards from the table itself, which shows them no longer.
async fn empty_shell(tx: &Transaction<'_>, table: &str) -> Result<()> {
    let sql = "select truncate_local_data_after_distributing_table($1::text::regclass)";
    tx.execute(sql, &[&qualified(table)]).await.map(drop)
}

/// What Citus cannot do is for the table's owner to change.
fn refused(error: Error) -> Error {
    match error.sqlstate() {
        Some(code) if code.starts_with("0A") => Error::new(Kind::Config, format!("Citus refuses: {}", error.message()))
            .with_sqlstate(code.to_owned())
            .hint("nothing was changed; drop what it names, or keep this entity local: evo distribute takes names"),
        _ => error,
    }
}
