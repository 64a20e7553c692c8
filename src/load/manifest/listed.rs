//! The entries of a manifest about single objects: `"objects": [{ "path", "bytes", "sha256" }, …]`.

use serde_json::{Map, Value};

use super::number::count;
use crate::ledger::manifests::ListedObject;

/// The objects with size and digest, and what could not be understood. Entries without a digest are another
/// tool's own.
pub(super) fn read(fields: &Map<String, Value>) -> (Vec<ListedObject>, Option<String>) {
    let Some(Value::Array(entries)) = fields.get("objects") else { return (Vec::new(), None) };
    let with_digest: Vec<&Value> = entries.iter().filter(|entry| entry.get("sha256").is_some()).collect();
    let listed: Vec<ListedObject> = with_digest.iter().filter_map(|entry| object(entry)).collect();
    let unclear = with_digest.len() - listed.len();
    let what = format!("path, bytes or sha256 of {unclear} of its objects cannot be understood");
    (listed, (unclear > 0).then_some(what))
}

fn object(entry: &Value) -> Option<ListedObject> {
    Some(ListedObject {
        path: entry.get("path")?.as_str().filter(|path| !path.is_empty())?.to_owned(),
        size_bytes: count(entry.get("bytes")?)?,
        sha256: digest(entry.get("sha256")?.as_str()?)?,
    })
}

/// 64 hexadecimal digits.
fn digest(text: &str) -> Option<Vec<u8>> {
    let byte = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    let is_hex = text.len() == 64 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_hex.then(|| (0..64).step_by(2).map(byte).collect()).flatten()
}

/// Where an object of a manifest lies: beside it. The lake may have been copied to another prefix since the
/// manifest was written.
pub(super) fn beside(manifest: &str, path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or_default();
    match manifest.rsplit_once('/') {
        Some((folder, _)) => format!("{folder}/{name}"),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(objects: &str) -> (Vec<ListedObject>, Option<String>) {
        read(serde_json::from_str::<Value>(&format!("{{\"objects\": {objects}}}")).unwrap().as_object().unwrap())
    }

    #[test]
    fn objects_have_a_size_and_a_digest_or_are_reported() {
        let hex = "00ff".repeat(16);
        let (listed, unclear) = of(&format!(r#"[{{"path": "a/b.gz", "bytes": 7, "sha256": "{hex}", "records": 1}}]"#));
        assert_eq!((listed[0].path.as_str(), listed[0].size_bytes, unclear), ("a/b.gz", 7, None));
        assert_eq!(listed[0].sha256, [0, 255].repeat(16));
        for wrong in [
            format!(r#"{{"path": "x", "bytes": -1, "sha256": "{hex}"}}"#),
            format!(r#"{{"path": "x", "bytes": 1, "sha256": "{}"}}"#, &hex[1..]),
            format!(r#"{{"path": "x", "bytes": 1, "sha256": "{}"}}"#, hex.replace('0', "é")),
            format!(r#"{{"bytes": 1, "sha256": "{hex}"}}"#),
            r#"{"path": "x", "bytes": 1, "sha256": 5}"#.to_owned(),
        ] {
            let (listed, unclear) = of(&format!("[{wrong}]"));
            assert!(listed.is_empty() && unclear.unwrap().contains("of 1 of its objects"), "{wrong}");
        }
        for other in ["12", "[\"a\", \"b\"]", "[{\"path\": \"a\"}]"] {
            assert_eq!(of(other), (Vec::new(), None), "{other}");
        }
    }

    #[test]
    fn an_object_lies_beside_its_manifest() {
        assert_eq!(beside("new/run_id=1/_manifest.json", "old/run_id=1/a.gz"), "new/run_id=1/a.gz");
        assert_eq!(beside("_manifest.json", "a.gz"), "a.gz");
    }
}
