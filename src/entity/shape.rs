//! The faults in the keys and values of a declaration, each with its line: serde reports the first one only.

use serde_json::{Value, json};

use super::contract::CONTRACT_KEYS;
use super::extract;
use crate::declaration::{self, DeclaredKey, DeclaredTable, Document, KeyShape, names};
use crate::error::{Mistakes, Result};

/// The keys of an `entity.toml`.
pub(super) const KEYS: &[DeclaredKey] = &[
    DeclaredKey::required("name", KeyShape::Text, "name on the command line: small letters, digits, underscores"),
    DeclaredKey::required("bronze_prefix", KeyShape::Text, "folder of its objects below the lake"),
    DeclaredKey::required("zone", KeyShape::Text, "zone of times without an offset, such as America/Sao_Paulo"),
    DeclaredKey::new("dates", KeyShape::Texts, "formats of dates besides ISO 8601, such as %d/%m/%Y"),
    DeclaredKey::new(
        "missing",
        KeyShape::Word(&["keep", "mark", "delete"]),
        "what becomes of rows that the newest whole run lacks",
    ),
    DeclaredKey::new("snapshot", KeyShape::Word(&["run"]), "each run that is put into the lake holds everything"),
    DeclaredKey::required(
        "models",
        KeyShape::List,
        "names of its models, which are those of core tables; parent first",
    ),
    DeclaredKey::required("staging", KeyShape::Table(STAGING_KEYS), "its staging table"),
    DeclaredKey::new("input", KeyShape::Table(INPUT_KEYS), "how its objects are written; found out by default"),
    DeclaredKey::required("key", KeyShape::Table(KEY_KEYS), "how the key is read from a document: one of the rules"),
    DeclaredKey::new("partition", KeyShape::Table(PARTITION_KEYS), "the time by which staging is partitioned"),
    DeclaredKey::new("history", KeyShape::Table(HISTORY_KEYS), "each version of a document is kept, by its own time"),
    DeclaredKey::new("contract", KeyShape::Table(CONTRACT_KEYS), "what a change of the documents is worth"),
    DeclaredKey::new("extract", KeyShape::Tables(extract::KEYS), "requests that bring its records (docs/extract.md)"),
];
const STAGING_KEYS: &[DeclaredKey] = &[
    DeclaredKey::required("table", KeyShape::Text, "schema and table, such as stg_evo.visits_raw"),
    DeclaredKey::required("key_column", KeyShape::Text, "its key column"),
];
const INPUT_KEYS: &[DeclaredKey] = &[
    DeclaredKey::new("suffixes", KeyShape::List, "ends of the names of data objects"),
    DeclaredKey::new("compression", KeyShape::Word(&["auto", "none", "gzip", "zstd"]), "how objects are compressed"),
    DeclaredKey::new("format", KeyShape::Word(&["auto", "ndjson", "json-array", "csv"]), "how records are written"),
    DeclaredKey::new("delimiter", KeyShape::Text, "CSV: the character between two fields"),
    DeclaredKey::new("quote", KeyShape::Text, "CSV: the character around a field"),
];
const KEY_KEYS: &[DeclaredKey] = &[
    DeclaredKey::new("field", KeyShape::Text, "a field that is unique"),
    DeclaredKey::new("type", KeyShape::Word(&["integer", "text", "uuid"]), "type of the field; integer by default"),
    DeclaredKey::new("fields", KeyShape::List, "fields that are unique together"),
    DeclaredKey::new("digest", KeyShape::List, "fields of which a digest is the key"),
];
const PARTITION_KEYS: &[DeclaredKey] = &[
    DeclaredKey::required("column", KeyShape::Text, "column of the staging table, a part of its key"),
    DeclaredKey::required("field", KeyShape::Text, "field of the document with the local time"),
    DeclaredKey::required("by", KeyShape::Word(&["year"]), "the time that a partition covers"),
];

const HISTORY_KEYS: &[DeclaredKey] = &[
    DeclaredKey::required("column", KeyShape::Text, "column of the time, in staging and in each history"),
    DeclaredKey::required("field", KeyShape::Texts, "where documents have it; of several, the first one with a value"),
];

/// The JSON schema of an `entity.toml`, made of the declarations that parse it.
pub fn declaration_schema() -> Value {
    let mut schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#", "title": "entity.toml: an entity of evo",
    });
    if let (Some(schema), Value::Object(of_keys)) = (schema.as_object_mut(), declaration::schema(KEYS)) {
        schema.extend(of_keys);
    }
    schema
}

/// The keys that are unknown, missing, of the wrong type or of the wrong form, and the names of the models as
/// far as they can be read. Empty when the text is no TOML.
pub(super) fn read(document: Document<'_>, mistakes: &mut Mistakes) -> Vec<String> {
    let Some(root) = mistakes.keep(document.parse()) else { return Vec::new() };
    let top = DeclaredTable::listing(document, ("the declaration", 0), root.get_ref(), &names(KEYS), mistakes);
    mistakes.keep(top.required("zone"));
    mistakes.keep(of_form(&top, "name", "a name without blanks, such as visits, and not all", is_name));
    let form = "a folder below the lake, such as bronze/evo/entity=visits";
    mistakes.keep(of_form(&top, "bronze_prefix", form, is_below_the_lake));
    mistakes.keep(top.texts("dates"));
    check_words(&top, KEYS, mistakes);
    if let Some(staging) = part(&top, "staging", STAGING_KEYS, mistakes) {
        let form = "schema and table, such as stg_evo.visits_raw";
        mistakes.keep(of_form(&staging, "table", form, is_qualified));
    }
    if let Some(key) = part(&top, "key", KEY_KEYS, mistakes) {
        check_words(&key, KEY_KEYS, mistakes);
        if key.has("field") {
            mistakes.keep(key.required("field"));
        }
        for list in ["fields", "digest"] {
            let texts = mistakes.keep(key.texts(list)).flatten().unwrap_or_default();
            if texts.iter().any(|text| text.trim().is_empty()) {
                mistakes.add(key.wrong(list, "a list of fields, none of them empty"));
            }
        }
    }
    if top.has("partition")
        && let Some(partition) = part(&top, "partition", PARTITION_KEYS, mistakes)
    {
        check_words(&partition, PARTITION_KEYS, mistakes);
    }
    history(&top, mistakes);
    mistakes.keep(top.table("input", &names(INPUT_KEYS)));
    match mistakes.keep(top.texts("models")) {
        Some(Some(models)) => {
            if models.is_empty() {
                mistakes.add(top.wrong("models", "a list with at least one model"));
            }
            let mut seen: Vec<&str> = Vec::new();
            for model in &models {
                if seen.contains(model) {
                    mistakes.add(
                        top.wrong("models", &format!("a list with each model once, and {model:?} is there twice")),
                    );
                }
                seen.push(model);
            }
            models.into_iter().map(str::to_owned).collect()
        }
        Some(None) => {
            mistakes.add(top.fault("has no models"));
            Vec::new()
        }
        None => Vec::new(),
    }
}

fn history(top: &DeclaredTable<'_>, mistakes: &mut Mistakes) {
    if !top.has("history") {
        return;
    }
    let Some(history) = part(top, "history", HISTORY_KEYS, mistakes) else { return };
    let fields = mistakes.keep(history.texts("field"));
    let are_fields = |fields: Vec<&str>| !fields.is_empty() && fields.iter().all(|field| !field.trim().is_empty());
    if fields.is_some_and(|fields| !fields.is_some_and(are_fields)) {
        mistakes.add(history.wrong("field", "the field with the time of a change, or a list of fields"));
    }
}

/// Values that are none of the words which a key may have.
fn check_words(table: &DeclaredTable<'_>, keys: &[DeclaredKey], mistakes: &mut Mistakes) {
    for key in keys {
        if let Some(words) = key.words()
            && let Some(Some(word)) = mistakes.keep(table.text(key.name))
            && !words.contains(&word)
        {
            mistakes.add(table.wrong(key.name, &words.join(", ")));
        }
    }
}

/// A table that must be there.
fn part<'a>(
    top: &DeclaredTable<'a>,
    name: &str,
    keys: &[DeclaredKey],
    mistakes: &mut Mistakes,
) -> Option<DeclaredTable<'a>> {
    let table: Result<_> = top.table(name, &names(keys));
    let table = mistakes.keep(table)?;
    match &table {
        Some(table) => {
            // What has a form of its own is checked by the caller.
            let is_checked = |key: &DeclaredKey| {
                name == "staging" && key.name == "table" || matches!(key.shape, KeyShape::Texts | KeyShape::List)
            };
            for key in keys.iter().filter(|key| key.is_required && !is_checked(key)) {
                mistakes.keep(table.required(key.name));
            }
        }
        None => mistakes.add(top.fault(&format!("has no [{name}]"))),
    }
    table
}

/// A text that must be there and have a form.
fn of_form(table: &DeclaredTable<'_>, key: &str, form: &str, is_right: fn(&str) -> bool) -> Result<()> {
    match is_right(table.required(key)?) {
        true => Ok(()),
        false => Err(table.wrong(key, form)),
    }
}

/// A word of the command line.
fn is_name(text: &str) -> bool {
    !text.starts_with('-') && text != "all" && !text.contains(|c: char| c.is_whitespace() || c.is_control() || c == ',')
}

fn is_below_the_lake(text: &str) -> bool {
    let path = text.trim_matches('/');
    !path.is_empty() && path.split('/').all(|part| !["", ".", ".."].contains(&part))
}

fn is_qualified(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    parts.len() == 2 && parts.iter().all(|part| !part.trim().is_empty())
}
