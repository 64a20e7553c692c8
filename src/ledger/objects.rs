//! `evo.objects`: every bronze object ever seen, and what became of it.

use chrono::NaiveDate;

use crate::error::Result;
use crate::pg::{Connection, Pool};

/// An object as a listing of the lake shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Path below the lake's root.
    pub path: String,
    /// Identity of the content.
    pub etag: String,
    /// Compressed size.
    pub size_bytes: i64,
    /// Run in the path; `None` when it has none.
    pub run_id: Option<String>,
    /// Date in the path.
    pub ingestion_date: Option<NaiveDate>,
}

/// An object that waits to be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Its id in the ledger.
    pub object_id: i64,
    /// Path below the lake's root.
    pub path: String,
    /// Identity of the content that was listed.
    pub etag: String,
    /// Compressed size.
    pub size_bytes: i64,
    /// Run that wrote it.
    pub run_id: String,
    /// Date in the path.
    pub ingestion_date: Option<NaiveDate>,
}

/// Which objects a load is about.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// This run only, exactly.
    pub run_id: Option<String>,
    /// Objects extracted on this day or later.
    pub since: Option<NaiveDate>,
    /// What is loaded already.
    pub again: Again,
}

/// Which objects that are in, or were set aside, are loaded again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Again {
    /// None.
    #[default]
    No,
    /// All of the selection.
    All,
    /// Those with open rejects, and nothing else.
    Rejected,
}

/// How many objects of an entity are in a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// `pending`, `loaded`, `quarantined` or `gone`.
    pub state: String,
    /// Whether they are in the selection.
    pub is_selected: bool,
    /// Objects.
    pub objects: i64,
    /// Compressed bytes.
    pub bytes: i64,
}

/// Records a page of a listing; known objects (same path and etag) are left alone. Returns how many were new.
///
/// # Errors
/// As the server says.
pub async fn record(pool: &Pool, entity: &str, listed: &[Listed]) -> Result<u64> {
    let connection = pool.get().await?;
    let paths: Vec<&str> = listed.iter().map(|o| o.path.as_str()).collect();
    let etags: Vec<&str> = listed.iter().map(|o| o.etag.as_str()).collect();
    let sizes: Vec<i64> = listed.iter().map(|o| o.size_bytes).collect();
    let runs: Vec<Option<String>> = listed.iter().map(|o| o.run_id.clone()).collect();
    let dates: Vec<Option<NaiveDate>> = listed.iter().map(|o| o.ingestion_date).collect();
    connection.execute(sql_file!("ledger/record_objects.sql"), &[&entity, &paths, &etags, &sizes, &runs, &dates]).await
}

/// How many objects of a listed page, given as path, etag and size, the ledger does not know, and their bytes. Reads only.
///
/// # Errors
/// As the server says.
pub async fn unknown<'a>(
    connection: &Connection,
    entity: &str,
    listed: impl Iterator<Item = (&'a str, &'a str, u64)>,
) -> Result<(u64, u64)> {
    let (mut paths, mut etags, mut sizes) = (Vec::new(), Vec::new(), Vec::new());
    for (path, etag, size) in listed {
        paths.push(path);
        etags.push(etag);
        sizes.push(i64::try_from(size).unwrap_or(i64::MAX));
    }
    let row = connection.query_one(sql_file!("ledger/unknown_objects.sql"), &[&entity, &paths, &etags, &sizes]).await?;
    Ok((row.get::<_, i64>(0).unsigned_abs(), row.get::<_, i64>(1).unsigned_abs()))
}

/// How many objects of the entity are in which state, inside and outside of the selection.
///
/// # Errors
/// As the server says.
pub async fn outlook(pool: &Pool, entity: &str, selection: &Selection) -> Result<Vec<Standing>> {
    let connection = pool.get().await?;
    let rows =
        connection.query(sql_file!("ledger/outlook.sql"), &[&entity, &selection.run_id, &selection.since]).await?;
    Ok(rows
        .iter()
        .map(|row| Standing { state: row.get(0), is_selected: row.get(1), objects: row.get(2), bytes: row.get(3) })
        .collect())
}

/// Why an object leaves its batch without being loaded.
#[derive(Debug, Clone, Copy)]
pub enum Removal<'a> {
    /// It cannot be read, for this reason; it is not tried again until its content changes or `--all-runs` asks for it.
    Quarantined(&'a str),
    /// The lake does not hand it out now: it stays pending, and the next plan holds it again.
    Unreadable,
    /// It was replaced or deleted since it was listed; a newer version is an object of its own.
    Gone,
}

/// Takes an object out of its batch.
///
/// # Errors
/// As the server says.
pub async fn remove(pool: &Pool, object_id: i64, removal: Removal<'_>) -> Result<()> {
    let (state, reason) = match removal {
        Removal::Quarantined(reason) => ("quarantined", Some(reason.to_owned())),
        Removal::Unreadable => ("pending", None),
        Removal::Gone => ("gone", None),
    };
    let connection = pool.get().await?;
    connection.execute(sql_file!("ledger/remove_object.sql"), &[&object_id, &state, &reason]).await?;
    Ok(())
}

/// Path and etag of at most `limit` other objects of the entity, those that were read before first.
///
/// # Errors
/// As the server says.
pub async fn others(pool: &Pool, entity: &str, not: &[Pending], limit: i64) -> Result<Vec<(String, String)>> {
    let connection = pool.get().await?;
    let ids: Vec<i64> = not.iter().map(|o| o.object_id).collect();
    let rows = connection.query(sql_file!("ledger/other_objects.sql"), &[&entity, &ids, &limit]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}
