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

/// Whether a path below an entity's prefix names data, by the `suffixes` declared or the usual ones. What begins with
/// `_` or `.` is not data, be it a file (`_manifest.json`, `_SUCCESS`) or a folder on the way to it (`_temporary`).
pub fn is_data(path: &str, suffixes: &[String]) -> bool {
    let ends_well = match suffixes {
        [] => SUFFIXES.iter().any(|suffix| uncompressed(path).ends_with(suffix)),
        declared => declared.iter().any(|suffix| path.ends_with(suffix)),
    };
    ends_well && !path.split('/').any(|segment| segment.starts_with(['_', '.']))
}

/// The compression that a name promises.
pub fn compression(path: &str) -> Option<Compression> {
    match path.rsplit_once('.') {
        Some((_, "gz")) => Some(Compression::Gzip),
        Some((_, "zst")) => Some(Compression::Zstd),
        _ => None,
    }
}

/// Whether a name says that the object is CSV.
pub fn is_csv(path: &str) -> bool {
    uncompressed(path).ends_with(".csv")
}

fn uncompressed(path: &str) -> &str {
    match path.rsplit_once('.') {
        Some((name, "gz" | "zst")) => name,
        _ => path,
    }
}

/// Whether a path names the manifest that an extraction writes at its very end.
pub fn is_manifest(path: &str) -> bool {
    path.rsplit('/').next() == Some("_manifest.json")
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
    fn data_ends_in_a_usual_suffix_with_or_without_that_of_its_compression() {
        for suffix in SUFFIXES {
            for compression in ["", ".gz", ".zst"] {
                assert!(is_data(&format!("run_id=1/2025-12_part-00007{suffix}{compression}"), &[]));
            }
        }
        for path in ["a.txt", "a.jsonl.bz2", "a.gz", "a.json.gz.tmp", "a.parquet", "csv", "a.crc"] {
            assert!(!is_data(path, &[]), "{path}");
        }
    }

    #[test]
    fn manifests_markers_and_hidden_or_unfinished_files_are_not_data() {
        for path in
            ["_manifest.json", "r/_manifest.json", "_SUCCESS", ".a.jsonl.gz", "_temporary/0/a.jsonl", ".t/a.csv"]
        {
            assert!(!is_data(path, &[]), "{path}");
        }
        assert!(!is_data("_a.txt", &[".txt".to_owned()]));
    }

    #[test]
    fn declared_suffixes_replace_the_usual_ones() {
        let declared = [".txt".to_owned(), ".tsv.gz".to_owned()];
        assert!(is_data("a.txt", &declared) && is_data("a.tsv.gz", &declared));
        assert!(!is_data("a.csv", &declared) && !is_data("a.tsv", &declared));
    }

    #[test]
    fn a_name_tells_compression_and_csv() {
        assert_eq!(compression("a.csv.gz"), Some(Compression::Gzip));
        assert_eq!(compression("a.zst"), Some(Compression::Zstd));
        assert_eq!(compression("gz"), None);
        assert!(is_csv("a.csv") && is_csv("a.csv.zst") && !is_csv("a.csv.jsonl") && !is_csv("csv.gz"));
    }

    #[test]
    fn a_manifest_is_known_by_its_name() {
        assert!(is_manifest("a/_manifest.json") && is_manifest("_manifest.json"));
        assert!(!is_manifest("a/old_manifest.json") && !is_manifest("_manifest.json/a"));
    }
}
