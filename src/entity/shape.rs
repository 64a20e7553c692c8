//! The faults in the keys of a declaration, each with its line: serde reports the first one only.

use crate::declaration::{DeclaredTable, Document};
use crate::error::{Mistakes, Result};

const KEYS: [&str; 10] =
    ["name", "bronze_prefix", "zone", "dates", "models", "staging", "input", "key", "partition", "extract"];
const INPUT_KEYS: [&str; 5] = ["suffixes", "compression", "format", "delimiter", "quote"];

/// The keys that are unknown, missing or of the wrong type, and the names of the models as far as they can be
/// read. Empty when the text is no TOML.
pub(super) fn read(document: Document<'_>, mistakes: &mut Mistakes) -> Vec<String> {
    let Some(root) = mistakes.keep(document.parse()) else { return Vec::new() };
    let top = DeclaredTable::listing(document, ("the declaration", 0), root.get_ref(), &KEYS, mistakes);
    for key in ["name", "bronze_prefix", "zone"] {
        mistakes.keep(top.required(key));
    }
    mistakes.keep(top.texts("dates"));
    part(&top, "staging", (&["table", "key_column"], &["table", "key_column"]), mistakes);
    part(&top, "key", (&["field", "type", "fields", "digest"], &[]), mistakes);
    if top.has("partition") {
        part(&top, "partition", (&["column", "field", "by"], &["column", "field", "by"]), mistakes);
    }
    mistakes.keep(top.table("input", &INPUT_KEYS));
    match mistakes.keep(top.texts("models")) {
        Some(Some(models)) => models.into_iter().map(str::to_owned).collect(),
        Some(None) => {
            mistakes.add(top.fault("has no models"));
            Vec::new()
        }
        None => Vec::new(),
    }
}

/// A table that must be there, with its known and its required keys.
fn part(top: &DeclaredTable<'_>, key: &str, (known, required): (&[&str], &[&str]), mistakes: &mut Mistakes) {
    let table: Result<_> = top.table(key, known);
    match mistakes.keep(table) {
        Some(Some(table)) => {
            for key in required {
                mistakes.keep(table.required(key));
            }
        }
        Some(None) => mistakes.add(top.fault(&format!("has no [{key}]"))),
        None => {}
    }
}
