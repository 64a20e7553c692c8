//! Reads the manifests that the ledger does not know yet.

use std::collections::BTreeMap;

use futures_util::{StreamExt, TryStreamExt};

use super::counts::{self, ManifestCounts};
use super::listed;
use crate::bronze::Object;
use crate::error::{Kind, Result};
use crate::ledger::manifests::Manifest;
use crate::load::job::LoadJob;
use crate::load::notes::Notes;

/// The largest manifest that is read; one that lists ten thousand objects has some three megabytes.
const MAX_BYTES: usize = 16 << 20;
/// Runs whose manifests are read in parallel.
const READS: usize = 8;

/// The manifests of one run. A run that crossed midnight lies on two dates, and usually has one manifest, on
/// the last of them. A run id that is used again each day has one on each date: what they count is added up.
struct RunManifests {
    run_id: String,
    /// In path order, so by date.
    objects: Vec<Object>,
}

impl RunManifests {
    /// Groups manifests by run; those outside of any run, or of runs that are not selected, are left out.
    fn of(job: &LoadJob, mut listed: Vec<Object>) -> Vec<Self> {
        listed.sort_by(|a, b| (a.meta.ingestion_date, &a.path).cmp(&(b.meta.ingestion_date, &b.path)));
        let mut runs: BTreeMap<String, Vec<Object>> = BTreeMap::new();
        for object in listed {
            let Some(run_id) = object.meta.run_id.clone() else { continue };
            if job.selection.run_id.as_ref().is_none_or(|selected| *selected == run_id) {
                runs.entry(run_id).or_default().push(object);
            }
        }
        runs.into_iter().map(|(run_id, objects)| Self { run_id, objects }).collect()
    }

    /// Path of the latest one.
    fn path(&self) -> &str {
        self.objects.last().map_or("", |last| last.path.as_str())
    }

    /// Identity of all of them together.
    fn etag(&self) -> String {
        self.objects.iter().map(|object| object.etag.as_str()).collect::<Vec<_>>().join("+")
    }
}

/// Reads the manifests that the ledger does not know, or knows without a number of records, and records them.
/// Returns a warning for each one that does not say everything, each time it is read: the data counts, but
/// its check is missing.
///
/// # Errors
/// `SourceUnavailable` or `AccessDenied` when the lake does not answer; see [`crate::pg`].
pub(in crate::load) async fn read_all(
    job: &LoadJob,
    notes: &mut impl Notes,
    listed: Vec<Object>,
) -> Result<Vec<String>> {
    let runs = RunManifests::of(job, listed);
    let read: Vec<Option<(String, Manifest, Vec<String>)>> =
        futures_util::stream::iter(runs).map(|run| read(job, &*notes, run)).buffered(READS).try_collect().await?;
    let mut warnings = Vec::new();
    for (run_id, manifest, unclear) in read.into_iter().flatten() {
        warnings.extend(unclear);
        // Also what could not be read: however the file is written, it shows that the run is finished.
        notes.record_manifest(&run_id, &manifest).await?;
    }
    Ok(warnings)
}

/// Run, what its manifests say, and warnings; `None` when the ledger knows them.
async fn read(job: &LoadJob, notes: &impl Notes, run: RunManifests) -> Result<Option<(String, Manifest, Vec<String>)>> {
    if notes.knows_manifest(run.path(), &run.etag()).await? {
        return Ok(None);
    }
    let mut total: Option<ManifestCounts> = None;
    let mut warnings = Vec::new();
    for object in &run.objects {
        let mut counts = read_one(job, object).await?;
        if !counts.unclear.is_empty() {
            let what = std::mem::take(&mut counts.unclear).join("; ");
            warnings.push(format!("the manifest {}: {what}; what it does not say is not checked", object.path));
        }
        total = Some(match total {
            Some(total) => total.plus(counts),
            None => counts,
        });
    }
    let counts = total.unwrap_or_default();
    let manifest = Manifest {
        path: run.path().to_owned(),
        ingestion_date: run.objects.last().and_then(|last| last.meta.ingestion_date),
        etag: run.etag(),
        records: counts.records,
        parts: counts.parts,
        errors: counts.errors,
        listed: counts.listed,
        lists_objects: counts.lists_objects,
    };
    Ok(Some((run.run_id, manifest, warnings)))
}

async fn read_one(job: &LoadJob, object: &Object) -> Result<ManifestCounts> {
    match job.lake.read_small(&object.path, Some(&object.etag), MAX_BYTES).await {
        Ok(bytes) => {
            let mut counts = counts::read(&bytes);
            for listed in &mut counts.listed {
                listed.path = listed::beside(&object.path, &listed.path);
            }
            Ok(counts)
        }
        // The message names the object.
        Err(e) if matches!(e.kind(), Kind::SourceChanged | Kind::SourceInvalid | Kind::SourceUnreadable) => {
            Ok(ManifestCounts {
                unclear: vec![format!("it cannot be read: {}", e.message())],
                ..ManifestCounts::default()
            })
        }
        Err(e) => Err(e),
    }
}
