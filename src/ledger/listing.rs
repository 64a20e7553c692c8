//! What a listing of the lake shows, and what the ledger records of it in `evo.objects`.

use chrono::{DateTime, NaiveDate, Utc};

use crate::error::Result;
use crate::ids::LakeId;
use crate::pg::{Ask, Connection, Row};

/// An object as a listing of the lake shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Path below the lake's root.
    pub path: String,
    /// The etag, which identifies the content.
    pub etag: String,
    /// Size as stored, bytes.
    pub size_bytes: i64,
    /// Run in the path, if there is one.
    pub run_id: Option<String>,
    /// The ingestion date in the path, if there is one.
    pub ingestion_date: Option<NaiveDate>,
}

/// How many objects of a listing were in which state before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ListingCounts {
    /// Never listed before.
    pub new: u64,
    /// Pending, including those that were gone and are back.
    pub pending: u64,
    /// Loaded, in this version.
    pub loaded: u64,
    /// Quarantined and not acknowledged.
    pub quarantined: u64,
    /// Quarantined and acknowledged.
    pub ignored: u64,
}

impl ListingCounts {
    /// Counts objects that are in this state, or `new`; states that a listing does not show are not counted.
    pub(super) fn count(&mut self, state: &str, objects: u64) {
        match state {
            "new" => self.new += objects,
            "pending" => self.pending += objects,
            "loaded" => self.loaded += objects,
            "quarantined" => self.quarantined += objects,
            "ignored" => self.ignored += objects,
            _ => {}
        }
    }

    /// Adds the counts of another page.
    pub fn add(&mut self, other: ListingCounts) {
        self.new += other.new;
        self.pending += other.pending;
        self.loaded += other.loaded;
        self.quarantined += other.quarantined;
        self.ignored += other.ignored;
    }
}

/// The server's time, which marks the begin of a listing.
///
/// # Errors
/// See [`crate::pg`].
pub async fn now(on: &impl Ask) -> Result<DateTime<Utc>> {
    Ok(on.query("select clock_timestamp()", &[]).await?.first().map(|row| row.get(0)).unwrap_or_default())
}

/// The states of the objects of these pages when none of them has to be recorded: each is known, pending or
/// loaded, and the ledger has no other version of its path. That is the usual listing.
///
/// # Errors
/// See [`crate::pg`].
pub async fn all_known(
    on: &impl Ask,
    entity: &str,
    lake: LakeId,
    pages: &[impl AsRef<[Listed]>],
) -> Result<Option<ListingCounts>> {
    let objects = || pages.iter().flat_map(|page| page.as_ref());
    let paths: Vec<&str> = objects().map(|o| o.path.as_str()).collect();
    let etags: Vec<&str> = objects().map(|o| o.etag.as_str()).collect();
    let rows = on.query(sql_file!("ledger/known_objects.sql"), &[&entity, &lake, &paths, &etags]).await?;
    let versions: u64 = rows.iter().map(|row| row.get::<_, i64>(1).unsigned_abs()).sum();
    let (known, listed) = (counted(&rows), paths.len() as u64);
    Ok((versions == listed && known.pending + known.loaded == listed).then_some(known))
}

/// Records a page of a listing that began at `began`. Known objects (same lake, path and etag) are left
/// alone; objects that were gone are pending again.
///
/// # Errors
/// See [`crate::pg`].
pub async fn record(
    on: &impl Ask,
    entity: &str,
    lake: LakeId,
    listed: &[Listed],
    began: DateTime<Utc>,
) -> Result<ListingCounts> {
    if let Some(known) = all_known(on, entity, lake, &[listed]).await? {
        return Ok(known);
    }
    let paths: Vec<&str> = listed.iter().map(|o| o.path.as_str()).collect();
    let etags: Vec<&str> = listed.iter().map(|o| o.etag.as_str()).collect();
    let sizes: Vec<i64> = listed.iter().map(|o| o.size_bytes).collect();
    let runs: Vec<Option<String>> = listed.iter().map(|o| o.run_id.clone()).collect();
    let dates: Vec<Option<NaiveDate>> = listed.iter().map(|o| o.ingestion_date).collect();
    let sql = sql_file!("ledger/record_objects.sql");
    let rows = on.query(sql, &[&entity, &lake, &paths, &etags, &sizes, &runs, &dates, &began]).await?;
    Ok(counted(&rows))
}

/// Rows of state and number.
fn counted(rows: &[Row]) -> ListingCounts {
    let mut seen = ListingCounts::default();
    for row in rows {
        seen.count(row.get(0), row.get::<_, i64>(1).unsigned_abs());
    }
    seen
}

/// After a complete listing that began at `began`, marks as gone the quarantined objects that the lake no
/// longer holds.
///
/// # Errors
/// See [`crate::pg`].
pub async fn settle(on: &impl Ask, entity: &str, lake: LakeId, began: DateTime<Utc>) -> Result<()> {
    on.execute(sql_file!("ledger/settle_listing.sql"), &[&entity, &lake, &began]).await?;
    Ok(())
}

/// The number and bytes of objects of a listed page, given as path, etag and size, that a load of this lake
/// would take: those that the ledger does not know, and those that were gone and are back. Changes nothing.
///
/// # Errors
/// See [`crate::pg`].
pub async fn unknown<'a>(
    connection: &Connection,
    entity: &str,
    lake: LakeId,
    listed: impl Iterator<Item = (&'a str, &'a str, u64)>,
) -> Result<(u64, u64)> {
    let (mut paths, mut etags, mut sizes) = (Vec::new(), Vec::new(), Vec::new());
    for (path, etag, size) in listed {
        paths.push(path);
        etags.push(etag);
        sizes.push(i64::try_from(size).unwrap_or(i64::MAX));
    }
    let values: [&dyn crate::pg::Param; 5] = [&entity, &lake, &paths, &etags, &sizes];
    let row = connection.query_one(sql_file!("ledger/unknown_objects.sql"), &values).await?;
    Ok((row.get::<_, i64>(0).unsigned_abs(), row.get::<_, i64>(1).unsigned_abs()))
}
