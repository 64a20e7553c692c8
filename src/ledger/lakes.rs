//! `evo.lakes`: the lake of each object, and the addresses under which a lake is known.
//!
//! An object is identified by its lake too, so a ledger that meets another lake never confuses the objects of
//! the two. The first lake that a ledger meets is its own. A further address belongs to a known lake when the
//! lake there shows the very objects of that lake, or when a person says so.

use super::listing::Listed;
use crate::error::Result;
use crate::ids::LakeId;
use crate::pg::Pool;

/// Lets one execution at a time name lakes: of two that meet the same new lake, the second finds it named.
const LOCK: &str = "select lake_id from evo.lakes where lake_id = 1 for update";

/// Where an address leads, as far as the ledger knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddressStatus {
    /// The address leads to this lake.
    Known(LakeId),
    /// The ledger has not met any lake yet.
    First,
    /// It is unknown; the ledger knows lakes under these addresses.
    Other(Vec<String>),
}

/// A lake that the ledger knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownLake {
    /// Id of the lake.
    pub lake: LakeId,
    /// Its addresses, oldest first.
    pub addresses: Vec<String>,
    /// Number of its objects in the ledger.
    pub objects: i64,
}

/// Looks up where an address leads.
///
/// # Errors
/// See [`crate::pg`].
pub async fn address_status(pool: &Pool, address: &str) -> Result<AddressStatus> {
    let connection = pool.get().await?;
    let rows = connection.query(sql_file!("ledger/lake_addresses.sql"), &[]).await?;
    if let Some(row) = rows.iter().find(|row| row.get::<_, &str>(1) == address) {
        return Ok(AddressStatus::Known(row.get(0)));
    }
    Ok(match rows.is_empty() {
        true => AddressStatus::First,
        false => AddressStatus::Other(rows.iter().map(|row| row.get(1)).collect()),
    })
}

/// The lake that holds objects of this page in the same version at the same path, and none of them in another
/// version.
///
/// # Errors
/// See [`crate::pg`].
pub async fn holder(pool: &Pool, entity: &str, page: &[Listed]) -> Result<Option<LakeId>> {
    let connection = pool.get().await?;
    let paths: Vec<&str> = page.iter().map(|o| o.path.as_str()).collect();
    let etags: Vec<&str> = page.iter().map(|o| o.etag.as_str()).collect();
    let rows = connection.query(sql_file!("ledger/lake_of_objects.sql"), &[&entity, &paths, &etags]).await?;
    Ok(rows.first().map(|row| row.get(0)))
}

/// Makes the lake at this address the ledger's first. If a rival names another lake first, that one stays.
/// Returns what the ledger knows about the address now.
///
/// # Errors
/// See [`crate::pg`].
pub async fn be_first(pool: &Pool, address: &str) -> Result<AddressStatus> {
    let mut connection = pool.get().await?;
    let tx = connection.begin().await?;
    tx.execute(LOCK, &[]).await?;
    let rows = tx.query(sql_file!("ledger/lake_addresses.sql"), &[]).await?;
    if rows.is_empty() {
        tx.query(sql_file!("ledger/keep_lake_address.sql"), &[&address, &Some(LakeId::default())]).await?;
    }
    tx.commit().await?;
    drop(connection);
    address_status(pool, address).await
}

/// Records an address of a lake, or of a new lake if none is given. Returns the lake to which the address
/// leads now: a rival may have been faster.
///
/// # Errors
/// See [`crate::pg`].
pub async fn keep_address(pool: &Pool, address: &str, lake: Option<LakeId>) -> Result<LakeId> {
    let mut connection = pool.get().await?;
    let tx = connection.begin().await?;
    tx.execute(LOCK, &[]).await?;
    let row = tx.query_one(sql_file!("ledger/keep_lake_address.sql"), &[&address, &lake]).await?;
    let kept = row.get(0);
    tx.commit().await?;
    Ok(kept)
}

/// Lets an address lead to the lake that is known as `known_as`. `None` when there is no such lake.
///
/// # Errors
/// See [`crate::pg`].
pub async fn rename(pool: &Pool, address: &str, known_as: &str) -> Result<Option<LakeId>> {
    let connection = pool.get().await?;
    let rows = connection.query(sql_file!("ledger/rename_lake.sql"), &[&address, &known_as]).await?;
    Ok(rows.first().map(|row| row.get(0)))
}

/// All lakes of the ledger, oldest first.
///
/// # Errors
/// See [`crate::pg`].
pub async fn all(pool: &Pool) -> Result<Vec<KnownLake>> {
    let connection = pool.get().await?;
    let rows = connection.query(sql_file!("ledger/lakes.sql"), &[]).await?;
    Ok(rows.iter().map(|row| KnownLake { lake: row.get(0), addresses: row.get(1), objects: row.get(2) }).collect())
}
