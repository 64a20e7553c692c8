//! `evo.objects`: every object of the lake that was ever listed, and its state.

use chrono::NaiveDate;

pub use super::selection::{Again, Selection};
use crate::bronze::order::Precedence;
use crate::error::Result;
use crate::ids::{LakeId, ObjectId};
use crate::pg::{Ask, Pool, Row};
use crate::sql::fill;

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
