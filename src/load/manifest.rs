//! Manifests: an extraction writes `_manifest.json` at its very end, with how much it wrote.

mod counts;

use futures_util::{StreamExt, TryStreamExt};

use self::counts::Counts;
use super::Job;
use super::notes::Notes;
use crate::bronze::Object;
use crate::error::{Kind, Result};
use crate::ledger::manifests::{self, Difference, Manifest, Missing, WaitingRun};
use crate::retry::retry;

/// The largest manifest that is read; one of a year of windows has some ten kilobytes.
const MAX_BYTES: usize = 16 << 20;
/// Manifests that are read at once.
const AT_ONCE: usize = 8;

impl Job {
    /// Reads the manifests that the ledger does not know, or knows without a number of records. One that does not say
    /// everything is a warning each time: the data counts, but its check is missing.
    pub(super) async fn read_manifests(
        &self,
        notes: &Notes<'_>,
        listed: Vec<Object>,
        warnings: &mut Vec<String>,
    ) -> Result<()> {
        let read: Vec<Option<String>> = futures_util::stream::iter(listed)
            .map(|object| self.read_manifest(notes, object))
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        warnings.extend(read.into_iter().flatten());
        Ok(())
    }

    async fn read_manifest(&self, notes: &Notes<'_>, object: Object) -> Result<Option<String>> {
        let Some(run_id) = &object.meta.run_id else { return Ok(None) };
        if self.selection.run_id.as_ref().is_some_and(|run| run != run_id) {
            return Ok(None);
        }
        if notes.knows_manifest(&object.path, &object.etag).await? {
            return Ok(None);
        }
        // The text of an error names the object already.
        let read = match self.lake.read_small(&object.path, Some(&object.etag), MAX_BYTES).await {
            Ok(bytes) => counts::read(&bytes),
            Err(e) if matches!(e.kind(), Kind::SourceChanged | Kind::SourceInvalid | Kind::SourceUnreadable) => {
                Counts { unclear: vec![format!("it cannot be read: {}", e.message())], ..Counts::default() }
            }
            Err(e) => return Err(e),
        };
        let warning = (!read.unclear.is_empty()).then(|| {
            let what = read.unclear.join("; ");
            format!("the manifest {}: {what}; what it does not say is not checked", object.path)
        });
        // What could not be read is recorded as well: that the run is finished is certain, however the file is written.
        let manifest = Manifest {
            path: object.path.clone(),
            ingestion_date: object.meta.ingestion_date,
            etag: object.etag.clone(),
            records: read.records,
            parts: read.parts,
            errors: read.errors,
        };
        notes.record_manifest(run_id, &manifest).await?;
        Ok(warning)
    }

    /// Of the runs that are in now, those that hold another number of lines than their manifest says.
    ///
    /// # Errors
    /// As the server says.
    pub async fn differences(&self, runs: &[String]) -> Result<Vec<Difference>> {
        retry(self.retry, &self.shutdown, "checking the manifests", |_| {
            manifests::differences(&self.pool, &self.entity.name, self.selection.lake, runs)
        })
        .await
    }

    /// Of the selected runs, those of which objects vanished although their manifest counts them.
    ///
    /// # Errors
    /// As the server says.
    pub async fn missing(&self) -> Result<Vec<Missing>> {
        retry(self.retry, &self.shutdown, "checking the manifests", |_| {
            manifests::missing(&self.pool, &self.entity.name, &self.selection)
        })
        .await
    }
}

/// Why a run does not count as finished, if it does not.
///
/// The manifest is the last thing that an extraction writes. So objects that it counts and that are not there are on their
/// way, or lost; and where runs of an entity have manifests, the newest one without is still being written, or was
/// interrupted. An older one without will not get any more: what it has is all that there is.
pub(super) fn unfinished(run: &WaitingRun) -> Option<String> {
    match &run.manifest {
        Some(manifest) => {
            let parts = manifest.parts.filter(|parts| run.objects < *parts)?;
            Some(format!("not finished: {} of the {parts} objects in its manifest are there", run.objects))
        }
        None if run.is_newest && run.expects_manifest => {
            Some("not finished: it has no manifest yet, unlike the runs before it".to_owned())
        }
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_unfinished_when_objects_are_missing_or_its_manifest_is() {
        let with = |parts| Some(Manifest { parts, ..Manifest::default() });
        let run = |manifest, is_newest, expects_manifest| WaitingRun {
            run_id: "r".to_owned(),
            objects: 3,
            manifest,
            is_newest,
            expects_manifest,
        };
        assert!(unfinished(&run(with(Some(4)), false, false)).unwrap().contains("3 of the 4"));
        assert!(unfinished(&run(None, true, true)).unwrap().contains("no manifest"));
        for finished in [
            run(with(Some(3)), true, true),
            run(with(Some(2)), true, true),
            run(with(None), true, true),
            run(None, true, false),
            run(None, false, true),
        ] {
            assert_eq!(unfinished(&finished), None, "{finished:?}");
        }
    }
}
