//! What a path of the lake says: `…/ingestion_date=2026-01-10/run_id=20260110T013212Z/2023-04_part-00001.jsonl.gz`.

use chrono::NaiveDate;

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

/// Whether a path names data; manifests and anything else are not data.
pub fn is_data(path: &str) -> bool {
    path.ends_with(".jsonl.gz") || path.ends_with(".ndjson.gz") || path.ends_with(".json.gz")
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
    fn a_manifest_is_not_data() {
        assert!(is_data("a/2025-12_part-00007.jsonl.gz"));
        assert!(!is_data("a/_manifest.json"));
        assert!(is_manifest("a/_manifest.json") && is_manifest("_manifest.json"));
        assert!(!is_manifest("a/old_manifest.json") && !is_manifest("_manifest.json/a"));
    }
}
