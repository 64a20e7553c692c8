//! `evo.manifests`: what an extraction says of its run, held against what the lake and the ledger hold.

use super::objects::Selection;
use crate::error::Result;
use crate::pg::Pool;

/// What a manifest says; fields that it does not have are `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    /// Path of the manifest.
    pub path: String,
    /// Identity of its content.
    pub etag: String,
    /// Records of all objects of the run.
    pub records: Option<i64>,
    /// Objects of the run.
    pub parts: Option<i64>,
    /// Windows that could not be extracted.
    pub errors: Option<i64>,
}

/// A run with objects that wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingRun {
    /// Its id.
    pub run_id: String,
    /// Objects that the lake shows of it.
    pub objects: i64,
    /// What its manifest says, if there is one.
    pub manifest: Option<Manifest>,
    /// Whether there is no newer run.
    pub is_newest: bool,
    /// Whether a run before it has a manifest, so that this one may be expected to get one.
    pub expects_manifest: bool,
}

/// A run that is in and whose objects hold another number of lines than its manifest says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The run.
    pub run_id: String,
    /// By the manifest.
    pub records: i64,
    /// By the objects.
    pub lines: i64,
}

/// Keeps what a manifest says.
///
/// # Errors
/// As the server says.
pub async fn record(pool: &Pool, entity: &str, run_id: &str, manifest: &Manifest) -> Result<()> {
    let connection = pool.get().await?;
    let m = manifest;
    connection
        .execute(
            sql_file!("ledger/record_manifest.sql"),
            &[&entity, &run_id, &m.path, &m.etag, &m.records, &m.parts, &m.errors],
        )
        .await?;
    Ok(())
}

/// Whether a manifest is known by path and etag, and said how many records its run has.
///
/// # Errors
/// As the server says.
pub async fn is_known(pool: &Pool, entity: &str, path: &str, etag: &str) -> Result<bool> {
    let connection = pool.get().await?;
    let sql = "select exists (select from evo.manifests where entity = $1 and path = $2 and etag = $3 and records_count is not null)";
    Ok(connection.query_one(sql, &[&entity, &path, &etag]).await?.get(0))
}

/// The runs of the selection with objects that wait, oldest first.
///
/// # Errors
/// As the server says.
pub async fn waiting_runs(pool: &Pool, entity: &str, selection: &Selection) -> Result<Vec<WaitingRun>> {
    let connection = pool.get().await?;
    let rows =
        connection.query(sql_file!("ledger/waiting_runs.sql"), &[&entity, &selection.run_id, &selection.since]).await?;
    Ok(rows
        .iter()
        .map(|row| WaitingRun {
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
        })
        .collect())
}

/// Those of the runs that are in completely and whose number of lines is not that of their manifest.
///
/// # Errors
/// As the server says.
pub async fn differences(pool: &Pool, entity: &str, runs: &[String]) -> Result<Vec<Difference>> {
    let connection = pool.get().await?;
    let runs = runs.to_vec();
    let rows = connection.query(sql_file!("ledger/manifest_differences.sql"), &[&entity, &runs]).await?;
    Ok(rows.iter().map(|row| Difference { run_id: row.get(0), records: row.get(1), lines: row.get(2) }).collect())
}
