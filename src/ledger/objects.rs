//! `evo.objects`: every object of the lake that was ever listed, and its state.

use chrono::{DateTime, NaiveDate, Utc};

pub use super::selection::{Again, Selection};
use crate::bronze::order::Precedence;
use crate::error::Result;
use crate::ids::{LakeId, ObjectId};
use crate::pg::{Ask, Connection, Pool, Row};
use crate::sql::fill;

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

/// An object that is to be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Its id in the ledger.
    pub object_id: ObjectId,
    /// Path below the lake's root.
    pub path: String,
    /// Identity of the content that was listed.
    pub etag: String,
    /// Size as stored, bytes.
    pub size_bytes: i64,
    /// The run in the path.
    pub run_id: String,
    /// The ingestion date in the path, if there is one.
    pub ingestion_date: Option<NaiveDate>,
    /// Its entry in the manifest of its run.
    pub manifest: InManifest,
}

/// The entry about an object in the manifest of its run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum InManifest {
    /// Nothing: there is no manifest, or it does not list objects.
    #[default]
    Unknown,
    /// It has this size and digest.
    As {
        /// Compressed size.
        size_bytes: i64,
        /// SHA-256 of the compressed bytes.
        sha256: Vec<u8>,
    },
    /// It lists the objects of the run, and this one is not among them.
    Missing,
}

impl Pending {
    /// The object of a row that begins with id, path, etag, size, run and date.
    pub fn of(row: &Row, manifest: InManifest) -> Self {
        Self {
            object_id: row.get(0),
            path: row.get(1),
            etag: row.get(2),
            size_bytes: row.get(3),
            run_id: row.get(4),
            ingestion_date: row.get(5),
            manifest,
        }
    }

    /// Its position in the order of all objects.
    pub fn precedence(&self) -> Precedence<'_> {
        Precedence { ingestion_date: self.ingestion_date, run_id: &self.run_id, path: &self.path }
    }
}

/// The number of objects of an entity in one state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateCount {
    /// `pending`, `loaded`, `quarantined`, `ignored` or `gone`.
    pub state: String,
    /// Whether they are in the selection.
    pub is_selected: bool,
    /// Number of objects.
    pub objects: i64,
    /// Their size as stored.
    pub bytes: i64,
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

/// The number of objects of the entity by state, inside and outside of the selection.
///
/// # Errors
/// See [`crate::pg`].
pub async fn outlook(on: &impl Ask, entity: &str, selection: &Selection) -> Result<Vec<StateCount>> {
    let Selection { lake, run_id, since, .. } = selection;
    let sql = fill(sql_file!("ledger/outlook.sql"), &[("objects", "evo.objects")]);
    let rows = on.query(&sql, &[&entity, lake, run_id, since]).await?;
    Ok(rows.iter().map(standing).collect())
}

/// A row of `ledger/outlook.sql`.
pub(super) fn standing(row: &Row) -> StateCount {
    StateCount { state: row.get(0), is_selected: row.get(1), objects: row.get(2), bytes: row.get(3) }
}

/// Why an object leaves its batch without being loaded.
#[derive(Debug, Clone, Copy)]
pub enum Removal<'a> {
    /// It is broken, for this reason. It is not tried again until its content changes or `--all-runs` asks
    /// for it.
    Quarantined(&'a str),
    /// The lake does not deliver it now: it stays pending, and the next plan contains it again.
    Unreadable,
    /// It was replaced or deleted since it was listed. A newer version is an object of its own.
    Gone,
}

/// Takes an object out of its batch.
///
/// # Errors
/// See [`crate::pg`].
pub async fn remove(pool: &Pool, object_id: ObjectId, removal: Removal<'_>) -> Result<()> {
    let (state, reason) = match removal {
        Removal::Quarantined(reason) => ("quarantined", Some(reason.to_owned())),
        Removal::Unreadable => ("pending", None),
        Removal::Gone => ("gone", None),
    };
    let connection = pool.get().await?;
    connection.execute(sql_file!("ledger/remove_object.sql"), &[&object_id, &state, &reason]).await?;
    Ok(())
}

/// Path and etag of at most `limit` objects of the lake other than `not`, those that were read before first.
///
/// # Errors
/// See [`crate::pg`].
pub async fn others(
    pool: &Pool,
    entity: &str,
    lake: LakeId,
    not: &[Pending],
    limit: i64,
) -> Result<Vec<(String, String)>> {
    let connection = pool.get().await?;
    let ids: Vec<ObjectId> = not.iter().map(|o| o.object_id).collect();
    let rows = connection.query(sql_file!("ledger/other_objects.sql"), &[&entity, &lake, &ids, &limit]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// Quarantined objects, which wait for a person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SetAside {
    /// Number of these objects.
    pub objects: u64,
    /// Path and reason of the first ones, by path.
    pub first: Vec<(String, String)>,
}

/// The quarantined objects of the selection; at most `limit` by name.
///
/// # Errors
/// See [`crate::pg`].
pub async fn set_aside(pool: &Pool, entity: &str, selection: &Selection, limit: i64) -> Result<SetAside> {
    let Selection { lake, run_id, since, .. } = selection;
    let connection = pool.get().await?;
    let values: [&dyn crate::pg::Param; 5] = [&entity, lake, run_id, since, &limit];
    let rows = connection.query(sql_file!("ledger/set_aside.sql"), &values).await?;
    Ok(SetAside {
        objects: rows.first().map_or(0, |row| row.get::<_, i64>(2).unsigned_abs()),
        first: rows.iter().map(|row| (row.get(0), row.get(1))).collect(),
    })
}

/// The paths of those objects that vanished: they are gone, and the lake shows no other version of them.
///
/// # Errors
/// See [`crate::pg`].
pub async fn vanished(pool: &Pool, object_ids: &[ObjectId]) -> Result<Vec<String>> {
    let connection = pool.get().await?;
    let rows = connection.query(sql_file!("ledger/vanished.sql"), &[&object_ids.to_vec()]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Which objects of the ledger a command is about.
#[derive(Debug, Clone, Default)]
pub struct ObjectFilter {
    /// Only objects of these entities.
    pub entities: Vec<String>,
    /// Only objects in these states.
    pub states: Vec<String>,
    /// Only paths that match this pattern of SQL's `like`.
    pub path: Option<String>,
    /// Only objects of this run; `None` for all runs.
    pub run_id: Option<String>,
}

impl ObjectFilter {
    fn values(&self) -> [&dyn crate::pg::Param; 4] {
        [&self.entities, &self.states, &self.path, &self.run_id]
    }
}

/// An object of the ledger, to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectRow {
    /// The entity that it belongs to.
    pub entity: String,
    /// Path below the lake's root.
    pub path: String,
    /// `pending`, `loaded`, `quarantined`, `ignored` or `gone`.
    pub state: String,
    /// Why it was quarantined, if it was.
    pub reason: Option<String>,
    /// Size as stored.
    pub bytes: i64,
    /// The run in its path, if there is one.
    pub run_id: Option<String>,
    /// The ingestion date in its path, if there is one.
    pub ingestion_date: Option<NaiveDate>,
    /// When it was listed, UTC.
    pub seen_at: String,
    /// An address of its lake.
    pub lake: Option<String>,
}

/// Objects of the ledger, at most `limit`, and how many there are altogether.
///
/// # Errors
/// See [`crate::pg`].
pub async fn list(pool: &Pool, filter: &ObjectFilter, limit: i64) -> Result<(Vec<ObjectRow>, u64)> {
    let connection = pool.get().await?;
    let [entities, states, path, run_id] = filter.values();
    let rows = connection.query(sql_file!("ledger/objects.sql"), &[entities, states, path, run_id, &limit]).await?;
    let entry = |row: &crate::pg::Row| ObjectRow {
        entity: row.get(0),
        path: row.get(1),
        state: row.get(2),
        reason: row.get(3),
        bytes: row.get(4),
        run_id: row.get(5),
        ingestion_date: row.get(6),
        seen_at: row.get(7),
        lake: row.get(8),
    };
    let all = rows.first().map_or(0, |row| row.get::<_, i64>(9).unsigned_abs());
    Ok((rows.iter().map(entry).collect(), all))
}

/// Acknowledges objects that are quarantined or vanished. Returns entity and path of each.
///
/// # Errors
/// See [`crate::pg`].
pub async fn ignore(pool: &Pool, filter: &ObjectFilter) -> Result<Vec<(String, String)>> {
    let connection = pool.get().await?;
    let rows = connection.query(sql_file!("ledger/ignore_objects.sql"), &filter.values()).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// The objects whose paths match one of these patterns of SQL's `like`, oldest first: of each path the newest
/// version, if it was loaded, set aside or is pending.
///
/// # Errors
/// See [`crate::pg`].
pub async fn named(on: &impl Ask, entity: &str, lake: LakeId, patterns: &[String]) -> Result<Vec<ObjectId>> {
    let patterns = patterns.to_vec();
    let rows = on.query(sql_file!("ledger/named_objects.sql"), &[&entity, &lake, &patterns]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Makes quarantined objects pending again. Returns entity and path of each, and whether it is pending: an
/// object without a run cannot be loaded.
///
/// # Errors
/// See [`crate::pg`].
pub async fn again(pool: &Pool, filter: &ObjectFilter) -> Result<Vec<(String, String, bool)>> {
    let connection = pool.get().await?;
    let rows = connection.query(sql_file!("ledger/retry_objects.sql"), &filter.values()).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect())
}
