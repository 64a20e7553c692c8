//! `evo.lakes`: which lake an object is in, and under which addresses a lake is known.
//!
//! Objects are told apart by their lake too, so that a ledger that meets another lake never takes the objects of one for those
//! of the other. The first lake that a ledger meets is its own. A further address belongs to a lake that is known when it
//! shows the very objects of that lake, or when a person says so.

use super::objects::Listed;
use crate::error::Result;
use crate::ids::LakeId;
use crate::pg::Pool;

/// One at a time: of two executions that meet the same new lake, the second finds it named.
const LOCK: &str = "select lake_id from evo.lakes where lake_id = 1 for update";

/// What the ledger knows of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It leads to this lake.
    Known(LakeId),
    /// The ledger has not met any lake yet.
    First,
    /// It leads to none of the lakes that are known under these addresses.
    Other(Vec<String>),
}

/// A lake of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its number.
    pub lake: LakeId,
    /// Its addresses, oldest first.
    pub addresses: Vec<String>,
    /// Objects in the ledger.
    pub objects: i64,
}

/// What the ledger knows of an address.
///
/// # Errors
/// As the server says.
pub async fn standing(pool: &Pool, address: &str) -> Result<Standing> {
    let connection = pool.get().await?;
    let rows = connection.query(sql_file!("ledger/lake_addresses.sql"), &[]).await?;
    if let Some(row) = rows.iter().find(|row| row.get::<_, &str>(1) == address) {
        return Ok(Standing::Known(row.get(0)));
    }
    Ok(match rows.is_empty() {
        true => Standing::First,
        false => Standing::Other(rows.iter().map(|row| row.get(1)).collect()),
    })
}

/// The lake that holds objects of this page, the same versions at the same paths, and none of them in another version.
///
/// # Errors
/// As the server says.
pub async fn holder(pool: &Pool, entity: &str, page: &[Listed]) -> Result<Option<LakeId>> {
    let connection = pool.get().await?;
    let paths: Vec<&str> = page.iter().map(|o| o.path.as_str()).collect();
    let etags: Vec<&str> = page.iter().map(|o| o.etag.as_str()).collect();
    let rows = connection.query(sql_file!("ledger/lake_of_objects.sql"), &[&entity, &paths, &etags]).await?;
    Ok(rows.first().map(|row| row.get(0)))
}

/// Makes the first lake that a ledger meets its own. Of two that meet it at once with different lakes, one is the first:
/// returns what the ledger knows of the address now.
///
/// # Errors
/// As the server says.
pub async fn be_first(pool: &Pool, address: &str) -> Result<Standing> {
    let mut connection = pool.get().await?;
    let tx = connection.begin().await?;
    tx.execute(LOCK, &[]).await?;
    let rows = tx.query(sql_file!("ledger/lake_addresses.sql"), &[]).await?;
    if rows.is_empty() {
        tx.query(sql_file!("ledger/keep_lake_address.sql"), &[&address, &Some(LakeId::default())]).await?;
    }
    tx.commit().await?;
    drop(connection);
    standing(pool, address).await
}

/// Keeps that the address leads to the lake; to a new one if none is named. Returns the lake that it leads to now: a rival
/// may have been quicker.
///
/// # Errors
/// As the server says.
pub async fn keep_address(pool: &Pool, address: &str, lake: Option<LakeId>) -> Result<LakeId> {
    let mut connection = pool.get().await?;
    let tx = connection.begin().await?;
    tx.execute(LOCK, &[]).await?;
    let row = tx.query_one(sql_file!("ledger/keep_lake_address.sql"), &[&address, &lake]).await?;
    let kept = row.get(0);
    tx.commit().await?;
    Ok(kept)
}

/// Leads an address to another lake from now on, or to the one that is known under `known_as`. `None` when there is none.
///
/// # Errors
/// As the server says.
pub async fn rename(pool: &Pool, address: &str, known_as: &str) -> Result<Option<LakeId>> {
    let connection = pool.get().await?;
    let rows = connection.query(sql_file!("ledger/rename_lake.sql"), &[&address, &known_as]).await?;
    Ok(rows.first().map(|row| row.get(0)))
}

/// The lakes of the ledger.
///
/// # Errors
/// As the server says.
pub async fn all(pool: &Pool) -> Result<Vec<Known>> {
    let connection = pool.get().await?;
    let rows = connection.query(sql_file!("ledger/lakes.sql"), &[]).await?;
    Ok(rows.iter().map(|row| Known { lake: row.get(0), addresses: row.get(1), objects: row.get(2) }).collect())
}
