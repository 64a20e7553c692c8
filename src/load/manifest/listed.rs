//! The entries of a manifest about single objects: `"objects": [{ "path", "bytes", "sha256" }, …]`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::number::count;
use crate::ledger::manifests::ListedObject;

/// Longest name of a file, bytes, on the usual file systems; one of a blob may be longer, but its path is an
/// entry of an index.
const MAX_NAME_BYTES: usize = 600;

/// The objects with size and digest, and what could not be understood. Entries without a digest are another
/// tool's own; one that is repeated counts once.
pub(super) fn read(fields: &Map<String, Value>) -> (Vec<ListedObject>, Option<String>) {
    let Some(Value::Array(entries)) = fields.get("objects") else { return (Vec::new(), None) };
    let (mut listed, mut unclear) = (BTreeMap::<String, ListedObject>::new(), 0);
    for entry in entries.iter().filter(|entry| entry.get("sha256").is_some()) {
        let object = object(entry);
        let known = object.as_ref().and_then(|object| listed.get(name(&object.path)));
        match object {
            // Only the name counts, so it must not be given to two objects.
            Some(object) if known.is_none_or(|known| known.is_like(&object)) => {
                listed.entry(name(&object.path).to_owned()).or_insert(object);
            }
            _ => unclear += 1,
        }
    }
    let what = format!("path, bytes or sha256 of {unclear} of its objects cannot be understood");
    (listed.into_values().collect(), (unclear > 0).then_some(what))
}

fn object(entry: &Value) -> Option<ListedObject> {
    let is_usable = |path: &&str| (1..=MAX_NAME_BYTES).contains(&name(path).len()) && !name(path).contains('\0');
    Some(ListedObject {
        path: entry.get("path")?.as_str().filter(is_usable)?.to_owned(),
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
    let name = name(path);
    match manifest.rsplit_once('/') {
        Some((folder, _)) => format!("{folder}/{name}"),
        None => name.to_owned(),
    }
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
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
            format!(r#"{{"path": "a/\u0000.gz", "bytes": 1, "sha256": "{hex}"}}"#),
            format!(r#"{{"path": "a/", "bytes": 1, "sha256": "{hex}"}}"#),
            format!(r#"{{"path": "{}", "bytes": 1, "sha256": "{hex}"}}"#, "x".repeat(601)),
        ] {
            let (listed, unclear) = of(&format!("[{wrong}]"));
            assert!(listed.is_empty() && unclear.unwrap().contains("of 1 of its objects"), "{wrong}");
        }
        for other in ["12", "[\"a\", \"b\"]", "[{\"path\": \"a\"}]"] {
            assert_eq!(of(other), (Vec::new(), None), "{other}");
        }
    }

    #[test]
    fn an_object_that_is_listed_twice_counts_once_and_two_of_one_name_are_reported() {
        let entry = |path: &str, bytes: u8| {
            format!(r#"{{"path": "{path}", "bytes": {bytes}, "sha256": "{}"}}"#, "00ff".repeat(16))
        };
        let (listed, unclear) = of(&format!("[{}, {}]", entry("x/a.gz", 7), entry("y/a.gz", 7)));
        assert_eq!((listed.len(), unclear), (1, None));
        let (listed, unclear) = of(&format!("[{}, {}]", entry("a.gz", 7), entry("a.gz", 8)));
        assert_eq!(listed.len(), 1);
        assert!(unclear.unwrap().contains("of 1 of its objects"));
    }

    #[test]
    fn an_object_lies_beside_its_manifest() {
        assert_eq!(beside("new/run_id=1/_manifest.json", "old/run_id=1/a.gz"), "new/run_id=1/a.gz");
        assert_eq!(beside("_manifest.json", "a.gz"), "a.gz");
    }
}
