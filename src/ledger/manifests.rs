//! `evo.manifests`: what an extraction says about its run, compared with what the lake and the ledger hold.

use chrono::NaiveDate;

use super::objects::Selection;
use crate::error::Result;
use crate::ids::LakeId;
use crate::pg::{Ask, Param, Pool, Row};
use crate::sql::fill;

/// The manifest of a run, or its manifests together, if it lies on several dates and has one on each. Numbers
/// that no manifest gives are `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    /// Path of the manifest, the latest one where there are several.
    pub path: String,
    /// The ingestion date in that path.
    pub ingestion_date: Option<NaiveDate>,
    /// Identity of its content, or of all of them, joined by `+`.
    pub etag: String,
    /// Records in all objects of the run.
    pub records: Option<i64>,
    /// Number of the run's objects.
    pub parts: Option<i64>,
    /// Windows that could not be extracted.
    pub errors: Option<i64>,
    /// Its entries about single objects.
    pub listed: Vec<ListedObject>,
    /// Whether these are all objects of the run.
    pub lists_objects: bool,
}

/// An entry of a manifest about one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedObject {
    /// Path below the lake's root.
    pub path: String,
    /// Compressed size.
    pub size_bytes: i64,
    /// SHA-256 of the compressed bytes.
    pub sha256: Vec<u8>,
}

impl ListedObject {
    /// Whether both describe the same content.
    pub fn is_like(&self, other: &Self) -> bool {
        (self.size_bytes, &self.sha256) == (other.size_bytes, &other.sha256)
    }
}

/// A run with pending objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingRun {
    /// Id of the run.
    pub run_id: String,
    /// Objects of the run that the lake shows.
    pub objects: i64,
    /// Its manifest, if there is one.
    pub manifest: Option<Manifest>,
    /// Whether there is no newer run.
    pub is_newest: bool,
    /// Whether an older run has a manifest, so this one may be expected to get one.
    pub expects_manifest: bool,
    /// Whether objects of it lie on a later date than its manifest.
    pub goes_on_after_manifest: bool,
    /// Whether evo extracts it and has not written its manifest yet.
    pub is_being_extracted: bool,
    /// Objects that its manifest lists and the lake does not show.
    pub absent: i64,
    /// Path of the first of them.
    pub absent_path: Option<String>,
    /// Objects of the run that are not loaded.
    pub pending: i64,
}

/// A completely loaded run whose objects hold another number of lines than its manifest says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Id of the run.
    pub run_id: String,
    /// Records that the manifest counts.
    pub records: i64,
    /// Lines that its objects hold.
    pub lines: i64,
}

/// Records what a manifest says.
///
/// # Errors
/// See [`crate::pg`].
pub async fn record(on: &impl Ask, entity: &str, lake: LakeId, run_id: &str, manifest: &Manifest) -> Result<()> {
    let m = manifest;
    // The objects first: a manifest that is known is not read again.
    let paths: Vec<&str> = m.listed.iter().map(|object| object.path.as_str()).collect();
    let sizes: Vec<i64> = m.listed.iter().map(|object| object.size_bytes).collect();
    let digests: Vec<Vec<u8>> = m.listed.iter().map(|object| object.sha256.clone()).collect();
    let sql = sql_file!("ledger/record_manifest_objects.sql");
    on.execute(sql, &[&entity, &lake, &run_id, &paths, &sizes, &digests]).await?;
    let values: [&dyn Param; 10] = [
        &entity,
        &lake,
        &run_id,
        &m.ingestion_date,
        &m.path,
        &m.etag,
        &m.records,
        &m.parts,
        &m.errors,
        &m.lists_objects,
    ];
    on.execute(sql_file!("ledger/record_manifest.sql"), &values).await?;
    Ok(())
}

/// Whether a manifest is recorded under its path and etag, with the number of records of its run.
///
/// # Errors
/// See [`crate::pg`].
pub async fn is_known(on: &impl Ask, entity: &str, lake: LakeId, path: &str, etag: &str) -> Result<bool> {
    let rows = on.query(sql_file!("ledger/known_manifest.sql"), &[&entity, &lake, &path, &etag]).await?;
    Ok(rows.first().is_some_and(|row| row.get(0)))
}

/// The runs of the selection with pending objects, oldest first.
///
/// # Errors
/// See [`crate::pg`].
pub async fn waiting_runs(on: &impl Ask, entity: &str, selection: &Selection) -> Result<Vec<WaitingRun>> {
    let Selection { lake, run_id, since, .. } = selection;
    let relations = [("objects", "evo.objects"), ("manifests", "evo.manifests"), ("listed", "evo.manifest_objects")];
    let sql = fill(sql_file!("ledger/waiting_runs.sql"), &relations);
    let rows = on.query(&sql, &[&entity, lake, run_id, since]).await?;
    Ok(rows.iter().map(waiting_run).collect())
}

/// A row of `ledger/waiting_runs.sql`.
pub(super) fn waiting_run(row: &Row) -> WaitingRun {
    WaitingRun {
        run_id: row.get(0),
        objects: row.get(1),
        manifest: row.get::<_, bool>(5).then(|| Manifest {
            records: row.get(2),
            parts: row.get(3),
            errors: row.get(4),
            ..Manifest::default()
        }),
        is_newest: row.get(6),
        expects_manifest: row.get(7),
        goes_on_after_manifest: row.get(8),
        is_being_extracted: row.get(9),
        absent: row.get(10),
        absent_path: row.get(11),
        pending: row.get(12),
    }
}

/// A run whose manifest counts or lists objects that vanished before they were loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Id of the run.
    pub run_id: String,
    /// Objects that the manifest counts, or those that are there and those that it lists in vain.
    pub parts: i64,
    /// Objects that are there, or that somebody has acknowledged.
    pub present: i64,
    /// Objects that were listed once and have vanished.
    pub vanished: i64,
}

/// The runs of the selection whose manifest counts objects that vanished, oldest first.
///
/// # Errors
/// See [`crate::pg`].
pub async fn missing(pool: &Pool, entity: &str, selection: &Selection) -> Result<Vec<Missing>> {
    let Selection { lake, run_id, since, .. } = selection;
    let connection = pool.get().await?;
    let sql = sql_file!("ledger/missing_objects.sql");
    let rows = connection.query(sql, &[&entity, lake, run_id, since]).await?;
    Ok(rows
        .iter()
        .map(|row| Missing { run_id: row.get(0), parts: row.get(1), present: row.get(2), vanished: row.get(3) })
        .collect())
}

/// The completely loaded ones of these runs whose number of lines differs from their manifest's.
///
/// # Errors
/// See [`crate::pg`].
pub async fn differences(pool: &Pool, entity: &str, selection: &Selection, runs: &[String]) -> Result<Vec<Difference>> {
    let connection = pool.get().await?;
    let (runs, with_newest) = (runs.to_vec(), selection.run_id.is_none());
    let sql = sql_file!("ledger/manifest_differences.sql");
    let rows = connection.query(sql, &[&entity, &selection.lake, &runs, &with_newest]).await?;
    Ok(rows.iter().map(|row| Difference { run_id: row.get(0), records: row.get(1), lines: row.get(2) }).collect())
}
