//! Whether a run is finished, as far as its manifest shows.

use crate::ledger::manifests::WaitingRun;

/// Why a run does not count as finished; `None` when it does.
///
/// The manifest is the last thing that an extraction writes. So objects that it counts or lists and that are
/// not there are on their way, or lost. Where runs of an entity have manifests, the newest one without is
/// still being written, or was interrupted; an older one will not get one any more: what it has is all there
/// is. The same holds for objects of a later date under the id of a run that has a manifest: they are another
/// extraction, which has none yet.
///
/// A run that evo extracts itself is in the ledger: it is unfinished until its manifest is written, also the
/// first run of all.
pub(in crate::load) fn unfinished(run: &WaitingRun) -> Option<String> {
    if run.is_being_extracted {
        return Some("not finished: its extraction is still open; `evo extract` continues it".to_owned());
    }
    match &run.manifest {
        Some(_) if run.absent > 0 => {
            let (absent, path) = (run.absent, run.absent_path.as_deref().unwrap_or_default());
            let what = match absent {
                1 => format!("{path}, which its manifest lists, is not there"),
                _ => format!("{absent} objects that its manifest lists are not there, the first one is {path}"),
            };
            Some(format!("not finished: {what}"))
        }
        Some(manifest) => {
            let parts = manifest.parts?;
            if run.objects < parts {
                return Some(format!("not finished: {} of the {parts} objects in its manifest are there", run.objects));
            }
            (run.is_newest && run.goes_on_after_manifest && run.objects > parts)
                .then(|| "not finished: its objects of the latest date have no manifest yet".to_owned())
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
    use crate::ledger::manifests::Manifest;

    #[test]
    fn a_run_is_unfinished_when_objects_are_missing_or_its_manifest_is() {
        let with = |parts| Some(Manifest { parts, ..Manifest::default() });
        let run = |manifest, is_newest, expects_manifest| WaitingRun {
            run_id: "r".to_owned(),
            objects: 3,
            manifest,
            is_newest,
            expects_manifest,
            goes_on_after_manifest: false,
            is_being_extracted: false,
            absent: 0,
            absent_path: None,
            pending: 3,
        };
        let lacks = |absent, run| WaitingRun { absent, absent_path: Some("r/x.gz".to_owned()), ..run };
        let open = WaitingRun { is_being_extracted: true, ..run(None, true, false) };
        assert!(unfinished(&open).unwrap().contains("evo extract"));
        let goes_on = |run| WaitingRun { goes_on_after_manifest: true, ..run };
        assert!(unfinished(&run(with(Some(4)), false, false)).unwrap().contains("3 of the 4"));
        assert!(unfinished(&run(None, true, true)).unwrap().contains("no manifest"));
        assert!(unfinished(&lacks(1, run(with(Some(3)), false, false))).unwrap().contains("r/x.gz, which"));
        assert!(unfinished(&lacks(2, run(with(None), true, true))).unwrap().contains("2 objects that"));
        assert!(unfinished(&goes_on(run(with(Some(2)), true, true))).unwrap().contains("latest date"));
        for finished in [
            run(with(Some(3)), true, true),
            run(with(Some(2)), true, true),
            run(with(None), true, true),
            run(None, true, false),
            run(None, false, true),
            goes_on(run(with(Some(3)), true, true)),
            goes_on(run(with(Some(2)), false, true)),
            goes_on(run(with(None), true, true)),
        ] {
            assert_eq!(unfinished(&finished), None, "{finished:?}");
        }
    }
}
