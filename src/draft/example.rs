//! Documents of the shape of the samples, with invented values: for a test that shows nobody's data.

use serde_json::{Map, Value, json};

use super::counts::{ValueCounts, ValueType};
use super::nodes::NodeShape;
use super::plan::EntityDraft;
use super::render::DraftFile;
use crate::entity::KeyType;

/// Two documents: one with every field, and one with its key alone, and its time where versions have one.
pub fn example_documents(draft: &EntityDraft, shape: &NodeShape) -> Vec<String> {
    let of = |n: u64, is_whole: bool| {
        let mut fields = Map::new();
        for (name, node) in &shape.fields {
            if draft.key_fields.contains(name) {
                fields.insert(name.clone(), key(draft.key_type, draft.key_fields.len() > 1, n));
            } else if is_whole || draft.history.as_ref().is_some_and(|history| history.fields.contains(name)) {
                fields.insert(name.clone(), value(node));
            }
        }
        Value::Object(fields).to_string()
    };
    vec![of(1, true), of(2, false)]
}

fn key(key_type: KeyType, is_part: bool, n: u64) -> Value {
    match key_type {
        KeyType::Integer => json!(n),
        KeyType::Uuid if !is_part => json!(format!("00000000-0000-4000-8000-{n:012}")),
        KeyType::Text | KeyType::Uuid => json!(format!("key-{n}")),
    }
}

fn value(node: &NodeShape) -> Value {
    if node.records > 0 && !node.has_names_as_data {
        return Value::Object(node.fields.iter().map(|(name, field)| (name.clone(), value(field))).collect());
    }
    match &node.elements {
        Some(elements) if node.arrays > 0 => Value::Array(vec![value(elements)]),
        _ if node.plain.values > 0 => plain(&node.plain),
        _ => Value::Null,
    }
}

fn plain(plain: &ValueCounts) -> Value {
    let as_written = |number: Value| match plain.numbers {
        0 => Value::String(number.to_string()),
        _ => number,
    };
    let format = plain.format().map(|(format, _)| format);
    let time = |iso: &str| format.map_or(iso.to_owned(), formatted);
    match plain.value_type() {
        ValueType::Integer => as_written(json!(7)),
        ValueType::Decimal => as_written(json!(12.5)),
        ValueType::Bool if plain.bools > 0 => json!(true),
        ValueType::Bool => json!("true"),
        ValueType::Date => json!(time("2026-01-31")),
        ValueType::Time if plain.instants > 0 => json!(time("2026-01-31T12:30:00Z")),
        ValueType::Time => json!(time("2026-01-31T12:30:00")),
        ValueType::Text if plain.are_lists() => json!("[\"text\"]"),
        ValueType::Text if plain.codes > 0 => json!("007"),
        ValueType::Text => json!("text"),
    }
}

/// Half past twelve on the last of January 2026.
fn formatted(format: &str) -> String {
    let pairs = [("%d", "31"), ("%m", "01"), ("%Y", "2026"), ("%H", "12"), ("%M", "30"), ("%S", "00")];
    pairs.iter().fold(format.to_owned(), |text, (code, digits)| text.replace(code, digits))
}

/// JSON as a literal text of TOML has it: without what would end it, and without DEL.
fn literal(json: &str) -> String {
    json.replace("'''", "''\\u0027").replace('\u{7f}', "\\u007f")
}

/// The test with these documents and the rows that they become.
pub fn test_file(draft: &EntityDraft, documents: &[String], rows: &[(String, Vec<Map<String, Value>>)]) -> DraftFile {
    let mut text = "# Made from the shape of the samples, with invented values: change it into what matters to you.\n\
                    # Run it with: evo test\n"
        .to_owned();
    text += &format!("documents = '''\n{}\n'''\n\n[rows]\n", literal(&documents.join("\n")));
    for (table, rows) in rows {
        let lines: Vec<String> = rows.iter().map(|row| Value::Object(row.clone()).to_string()).collect();
        text += &format!("{table} = '''\n{}\n'''\n", literal(&lines.join("\n")));
    }
    DraftFile { path: format!("models/{}/tests/sample.toml", draft.entity), text }
}
