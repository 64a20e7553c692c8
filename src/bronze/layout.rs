//! What a path of the lake says: `…/ingestion_date=2026-01-10/run_id=20260110T013212Z/2023-04_part-00001.jsonl.gz`.

use chrono::NaiveDate;

use crate::entity::Compression;

/// How the names of data objects end, in front of `.gz` or `.zst` if they are compressed.
const SUFFIXES: [&str; 4] = [".jsonl", ".ndjson", ".json", ".csv"];

/// Run and date of an object, as far as its path tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The opaque, sortable token behind `run_id=`.
    pub run_id: Option<String>,
    /// The day behind `ingestion_date=`.
    pub ingestion_date: Option<NaiveDate>,
}

/// Reads run and date from the segments of a path.
pub fn place(path: &str) -> Place {
    let segment = |name: &str| path.split('/').find_map(|s| s.strip_prefix(name)).filter(|v| !v.is_empty());
    Place {
        run_id: segment("run_id=").map(str::to_owned),
        ingestion_date: segment("ingestion_date=").and_then(|d| NaiveDate::parse_from_str(d, "%Y-%m-%d").ok()),
    }
}

/// What a name says of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// Records.
    Data,
    /// What an extraction says of its run.
    Manifest,
    /// Begins with `_` or `.`, as a file (`_SUCCESS`) or as a folder on the way to it (`_temporary`): by the custom of all
    /// tools that write lakes it is none of a reader's business.
    Hidden,
    /// An ending that evo does not read.
    Other,
}

/// Sorts a path below an entity's prefix by its name, by the `suffixes` declared or the usual ones. Endings count whether
/// they are written in capitals or not.
pub fn sort(path: &str, suffixes: &[String]) -> Sort {
    let (folders, file) = path.rsplit_once('/').unwrap_or(("", path));
    let is_hidden = |segment: &str| segment.starts_with(['_', '.']);
    if folders.split('/').any(is_hidden) {
        return Sort::Hidden;
    }
    if uncompressed(file).eq_ignore_ascii_case("_manifest.json") {
        return Sort::Manifest;
    }
    if is_hidden(file) {
        return Sort::Hidden;
    }
    let ends_well = match suffixes {
        [] => SUFFIXES.iter().any(|suffix| ends_with(uncompressed(file), suffix)),
        declared => declared.iter().any(|suffix| ends_with(path, suffix)),
    };
    if ends_well { Sort::Data } else { Sort::Other }
}

/// The compression that a name promises.
pub fn compression(path: &str) -> Option<Compression> {
    match path.rsplit_once('.') {
        Some((_, ending)) if ending.eq_ignore_ascii_case("gz") => Some(Compression::Gzip),
        Some((_, ending)) if ending.eq_ignore_ascii_case("zst") => Some(Compression::Zstd),
        _ => None,
    }
}

/// Whether a name says that the object is CSV.
pub fn is_csv(path: &str) -> bool {
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
            place(&format!("{base}/ingestion_date=2026-01-10/run_id=20260110T020501Z/2025-12_part-00007.jsonl.gz"));
        assert_eq!(found.run_id.as_deref(), Some("20260110T020501Z"));
        assert_eq!(found.ingestion_date, NaiveDate::from_ymd_opt(2026, 1, 10));
        assert_eq!(place(&format!("{base}/2025-12_part-00007.jsonl.gz")), Place::default());
        assert_eq!(place(&format!("{base}/ingestion_date=x/run_id=/a.jsonl.gz")), Place::default());
    }

    #[test]
    fn data_ends_in_a_usual_suffix_with_or_without_that_of_its_compression_in_any_case() {
        for suffix in SUFFIXES {
            for compression in ["", ".gz", ".zst"] {
                let path = format!("run_id=1/2025-12_part-00007{suffix}{compression}");
                assert_eq!(sort(&path, &[]), Sort::Data, "{path}");
                let path = format!("run_id=1/PART{}", format!("{suffix}{compression}").to_uppercase());
                assert_eq!(sort(&path, &[]), Sort::Data, "{path}");
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
            assert_eq!(sort(path, &[]), Sort::Other, "{path}");
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
            assert_eq!(sort(path, &[]), Sort::Hidden, "{path}");
        }
        assert_eq!(sort("_a.txt", &[".txt".to_owned()]), Sort::Hidden);
    }

    #[test]
    fn declared_suffixes_replace_the_usual_ones() {
        let declared = [".txt".to_owned(), ".tsv.gz".to_owned()];
        for path in ["a.txt", "a.TXT", "a.tsv.gz"] {
            assert_eq!(sort(path, &declared), Sort::Data, "{path}");
        }
        for path in ["a.csv", "a.tsv"] {
            assert_eq!(sort(path, &declared), Sort::Other, "{path}");
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
            assert_eq!(sort(path, &[]), Sort::Manifest, "{path}");
        }
        assert_eq!(sort("a/old_manifest.json", &[]), Sort::Data);
        assert_eq!(sort("_manifest.json/a", &[]), Sort::Hidden);
    }
}
