//! The faults in the keys and values of a declaration, each with its line: serde reports the first one only.

use crate::declaration::{DeclaredTable, Document};
use crate::error::{Mistakes, Result};

const KEYS: [&str; 13] = [
    "name",
    "bronze_prefix",
    "zone",
    "dates",
    "missing",
    "snapshot",
    "models",
    "staging",
    "input",
    "key",
    "partition",
    "history",
    "extract",
];
const INPUT_KEYS: [&str; 5] = ["suffixes", "compression", "format", "delimiter", "quote"];

/// The keys that are unknown, missing, of the wrong type or of the wrong form, and the names of the models as
/// far as they can be read. Empty when the text is no TOML.
pub(super) fn read(document: Document<'_>, mistakes: &mut Mistakes) -> Vec<String> {
    let Some(root) = mistakes.keep(document.parse()) else { return Vec::new() };
    let top = DeclaredTable::listing(document, ("the declaration", 0), root.get_ref(), &KEYS, mistakes);
    mistakes.keep(top.required("zone"));
    mistakes.keep(of_form(&top, "name", "a name without blanks, such as visits, and not all", is_name));
    let form = "a folder below the lake, such as bronze/evo/entity=visits";
    mistakes.keep(of_form(&top, "bronze_prefix", form, is_below_the_lake));
    mistakes.keep(top.texts("dates"));
    for (key, words) in [("missing", &["keep", "mark", "delete"][..]), ("snapshot", &["run"][..])] {
        if let Some(Some(word)) = mistakes.keep(top.text(key))
            && !words.contains(&word)
        {
            mistakes.add(top.wrong(key, &words.join(", ")));
        }
    }
    if let Some(staging) = part(&top, "staging", (&["table", "key_column"], &["key_column"]), mistakes) {
        let form = "schema and table, such as stg_evo.visits_raw";
        mistakes.keep(of_form(&staging, "table", form, is_qualified));
    }
    if let Some(key) = part(&top, "key", (&["field", "type", "fields", "digest"], &[]), mistakes) {
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
    if top.has("partition") {
        part(&top, "partition", (&["column", "field", "by"], &["column", "field", "by"]), mistakes);
    }
    history(&top, mistakes);
    mistakes.keep(top.table("input", &INPUT_KEYS));
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
    let Some(history) = part(top, "history", (&["column", "field"], &["column"]), mistakes) else { return };
    let fields = mistakes.keep(history.texts("field"));
    let are_fields = |fields: Vec<&str>| !fields.is_empty() && fields.iter().all(|field| !field.trim().is_empty());
    if fields.is_some_and(|fields| !fields.is_some_and(are_fields)) {
        mistakes.add(history.wrong("field", "the field with the time of a change, or a list of fields"));
    }
}

/// A table that must be there, with its known and its required keys.
fn part<'a>(
    top: &DeclaredTable<'a>,
    key: &str,
    (known, required): (&[&str], &[&str]),
    mistakes: &mut Mistakes,
) -> Option<DeclaredTable<'a>> {
    let table: Result<_> = top.table(key, known);
    let table = mistakes.keep(table)?;
    match &table {
        Some(table) => {
            for key in required {
                mistakes.keep(table.required(key));
            }
        }
        None => mistakes.add(top.fault(&format!("has no [{key}]"))),
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
