//! Reads the run, the date and the kind of an object from its path:
//! `…/ingestion_date=2026-01-10/run_id=20260110T013212Z/2023-04_part-00001.jsonl.gz`.

use chrono::{Datelike, NaiveDate};

use crate::entity::Compression;

/// The usual suffixes of data objects, followed by `.gz` or `.zst` if they are compressed.
const SUFFIXES: [&str; 4] = [".jsonl", ".ndjson", ".json", ".csv"];

/// Run and ingestion date of an object, as far as its path has them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PathMeta {
    /// The text after `run_id=`; [`super::order`] says which of two is newer.
    pub run_id: Option<String>,
    /// The date after `ingestion_date=`.
    pub ingestion_date: Option<NaiveDate>,
}

/// Reads run and date from the segments of a path.
pub(super) fn path_meta(path: &str) -> PathMeta {
    let segment = |name: &str| path.split('/').find_map(|s| s.strip_prefix(name)).filter(|v| !v.is_empty());
    PathMeta {
        run_id: segment("run_id=").map(str::to_owned),
        ingestion_date: segment("ingestion_date=").and_then(date),
    }
}

/// A day of the years 1 to 9999. Others are no dates of extractions, and the server has not room for all of
/// them: one such folder would fail the listing for every object of its page.
fn date(text: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|day| (1..=9999).contains(&day.year()))
}

/// The kind of a file, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NameKind {
    /// An object with records.
    Data,
    /// The extraction's own description of its run.
    Manifest,
    /// A file that begins with `_` or `.` (`_SUCCESS`), or lies in such a folder (`_temporary`). By
    /// convention readers of a lake ignore it.
    Hidden,
    /// A suffix that evo does not read.
    Other,
}

/// Classifies a path below an entity's prefix, by the `suffixes` declared or the usual ones. Case does not
/// matter.
pub(super) fn name_kind(path: &str, suffixes: &[String]) -> NameKind {
    let (folders, file) = path.rsplit_once('/').unwrap_or(("", path));
    let is_hidden = |segment: &str| segment.starts_with(['_', '.']);
    if folders.split('/').any(is_hidden) {
        return NameKind::Hidden;
    }
    if uncompressed(file).eq_ignore_ascii_case("_manifest.json") {
        return NameKind::Manifest;
    }
    if is_hidden(file) {
        return NameKind::Hidden;
    }
    let ends_well = match suffixes {
        [] => SUFFIXES.iter().any(|suffix| ends_with(uncompressed(file), suffix)),
        declared => declared.iter().any(|suffix| ends_with(path, suffix)),
    };
    if ends_well { NameKind::Data } else { NameKind::Other }
}

/// The compression that a name promises.
pub(super) fn compression(path: &str) -> Option<Compression> {
    match path.rsplit_once('.') {
        Some((_, ending)) if ending.eq_ignore_ascii_case("gz") => Some(Compression::Gzip),
        Some((_, ending)) if ending.eq_ignore_ascii_case("zst") => Some(Compression::Zstd),
        _ => None,
    }
}

/// Whether the object is CSV by its name.
pub(super) fn is_csv(path: &str) -> bool {
    ends_with(uncompressed(path), ".csv")
}

fn uncompressed(path: &str) -> &str {
    match (compression(path), path.rsplit_once('.')) {
        (Some(_), Some((name, _))) => name,
        _ => path,
    }
}

fn ends_with(path: &str, suffix: &str) -> bool {
    let Some(at) = path.len().checked_sub(suffix.len()) else { return false };
    path.as_bytes()[at..].eq_ignore_ascii_case(suffix.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_and_date_come_from_their_segments() {
        let base = "bronze/evo/entity=sales";
        let found =
            path_meta(&format!("{base}/ingestion_date=2026-01-10/run_id=20260110T020501Z/2025-12_part-00007.jsonl.gz"));
        assert_eq!(found.run_id.as_deref(), Some("20260110T020501Z"));
        assert_eq!(found.ingestion_date, NaiveDate::from_ymd_opt(2026, 1, 10));
        assert_eq!(path_meta(&format!("{base}/2025-12_part-00007.jsonl.gz")), PathMeta::default());
        for date in ["x", "2026-02-30", "-5000-01-01", "0000-01-01", "262142-12-31", "20260110"] {
            let found = path_meta(&format!("{base}/ingestion_date={date}/run_id=/a.jsonl.gz"));
            assert_eq!(found, PathMeta::default(), "{date}");
        }
    }

    #[test]
    fn data_ends_in_a_usual_suffix_with_or_without_that_of_its_compression_in_any_case() {
        for suffix in SUFFIXES {
            for compression in ["", ".gz", ".zst"] {
                let path = format!("run_id=1/2025-12_part-00007{suffix}{compression}");
                assert_eq!(name_kind(&path, &[]), NameKind::Data, "{path}");
                let path = format!("run_id=1/PART{}", format!("{suffix}{compression}").to_uppercase());
                assert_eq!(name_kind(&path, &[]), NameKind::Data, "{path}");
            }
        }
        for path in [
            "a.txt",
            "a.jsonl.bz2",
            "a.gz",
            "a.json.gz.tmp",
            "a.jsonl.gz.part",
            "a.jsonl.gzip",
            "a.parquet",
            "csv",
            "a.crc",
            "ação",
        ] {
            assert_eq!(name_kind(path, &[]), NameKind::Other, "{path}");
        }
    }

    #[test]
    fn markers_and_hidden_or_unfinished_files_are_hidden() {
        for path in [
            "_SUCCESS",
            ".a.jsonl.gz",
            "_temporary/0/a.jsonl",
            ".t/a.csv",
            "r/_x/_manifest.json",
            ".a.jsonl.crc",
            "_old_manifest.json",
        ] {
            assert_eq!(name_kind(path, &[]), NameKind::Hidden, "{path}");
        }
        assert_eq!(name_kind("_a.txt", &[".txt".to_owned()]), NameKind::Hidden);
    }

    #[test]
    fn declared_suffixes_replace_the_usual_ones() {
        let declared = [".txt".to_owned(), ".tsv.gz".to_owned()];
        for path in ["a.txt", "a.TXT", "a.tsv.gz"] {
            assert_eq!(name_kind(path, &declared), NameKind::Data, "{path}");
        }
        for path in ["a.csv", "a.tsv"] {
            assert_eq!(name_kind(path, &declared), NameKind::Other, "{path}");
        }
    }

    #[test]
    fn a_name_tells_compression_and_csv() {
        assert_eq!(compression("a.csv.gz"), Some(Compression::Gzip));
        assert_eq!(compression("a.zst"), Some(Compression::Zstd));
        assert_eq!(compression("a.JSONL.GZ"), Some(Compression::Gzip));
        assert_eq!(compression("gz"), None);
        assert!(is_csv("a.csv") && is_csv("a.csv.zst") && !is_csv("a.csv.jsonl") && !is_csv("csv.gz"));
    }

    #[test]
    fn a_manifest_is_known_by_its_name() {
        for path in ["a/_manifest.json", "_manifest.json", "a/_manifest.json.gz", "_MANIFEST.JSON"] {
            assert_eq!(name_kind(path, &[]), NameKind::Manifest, "{path}");
        }
        assert_eq!(name_kind("a/old_manifest.json", &[]), NameKind::Data);
        assert_eq!(name_kind("_manifest.json/a", &[]), NameKind::Hidden);
    }
}
