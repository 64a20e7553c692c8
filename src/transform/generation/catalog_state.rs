//! The state of the catalog: a text that changes with whatever anybody does to the entity's core tables.
//!
//! It is read before the builds are, and again under the swap's locks, when nobody can change it any more. If
//! it differs, the new tables may lack something that the old ones got meanwhile; see `catch_up.rs`.

use crate::entity::Entity;
use crate::error::{Error, Kind, Result};
use crate::pg::{Connection, Transaction};
use crate::sql::{fill, literal};

/// Reads the state.
pub(super) async fn read(connection: &mut Connection, entity: &Entity) -> Result<String> {
    let tx = connection.begin().await?;
    let state = tx.query_one(&sql(entity), &[]).await?.get(0);
    tx.commit().await?;
    Ok(state)
}

/// Plans the same query in this session, which takes longer than to answer it, and returns the statement that
/// runs it.
pub(super) async fn prepare(tx: &Transaction<'_>, entity: &Entity) -> Result<String> {
    let sql = sql(entity);
    let name = format!("evo_state_{:016x}", xxhash_rust::xxh3::xxh3_64(sql.as_bytes()));
    let is_known = "select exists (select from pg_prepared_statements where name = $1)";
    if !tx.query_one(is_known, &[&name]).await?.get::<_, bool>(0) {
        tx.batch(&format!("prepare {name} as {sql}")).await?;
    }
    let execute = format!("execute {name}");
    tx.query_one(&execute, &[]).await?;
    Ok(execute)
}

fn sql(entity: &Entity) -> String {
    let tables: Vec<String> = entity.models.iter().map(|model| literal(&model.table)).collect();
    fill(sql_file!("transform/generation/state.sql"), &[("tables", &tables.join(", "))])
}

/// The error for a table that can no longer be replaced by what was built: the refresh starts over.
pub(super) fn changed(what: &str) -> Error {
    Error::new(Kind::TransactionConflict, format!("{what} was changed while its next generation was built"))
        .hint("run it again when nobody alters the core tables")
}
