//! The output of `evo new`.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::trial::TrialRun;
use crate::commands::preview::cell;
use crate::counted::counted;
use crate::draft::{Certainty, DraftColumn, DraftTable, EntityDraft, SampleReading, TableKind, ValueType};
use crate::report::table::table;
use crate::report::{Outcome, units};
use crate::visible;

/// A draft, and what became of it.
pub(super) struct Drafted<'a> {
    draft: &'a EntityDraft,
    reading: &'a SampleReading,
    pub trial: Option<TrialRun>,
    /// Why it was not tried out.
    pub untried: Option<&'static str>,
    /// The files that were written; none in a dry run.
    pub written: Vec<PathBuf>,
    /// Whether the settings name the folder.
    pub is_configured: bool,
}

impl<'a> Drafted<'a> {
    pub(super) fn new(draft: &'a EntityDraft, reading: &'a SampleReading) -> Self {
        Self { draft, reading, trial: None, untried: None, written: Vec::new(), is_configured: true }
    }
}

/// As text and as JSON.
pub(super) fn outcome(drafted: &Drafted<'_>, folder: &Path) -> Outcome {
    Outcome::new(text(drafted, folder), json(drafted))
}

fn text(drafted: &Drafted<'_>, folder: &Path) -> String {
    let Drafted { draft, reading, .. } = drafted;
    let mut parts = vec![format!(
        "{} in {} of samples; key {} ({}), zone {}",
        counted(reading.documents, "document", "documents"),
        units::bytes(reading.bytes),
        draft.key_fields.join(" and "),
        draft.key_type.sql(),
        draft.zone
    )];
    for of in &draft.tables {
        parts.push(table_text(&draft.key_column, of));
    }
    let looks = draft.tables.iter().flat_map(|of| of.columns.iter().map(move |column| (of, column)));
    let looks = looks.filter(|(_, column)| column.certainty == Certainty::Look);
    let mut notes: Vec<String> = draft.notes.clone();
    notes.extend(looks.map(|(of, column)| format!("{}.{}: {}", of.name, column.name, column.note)));
    notes.extend(drafted.untried.map(str::to_owned));
    if !notes.is_empty() {
        let notes: Vec<String> = notes.iter().map(|note| format!("  {}", visible::line(note))).collect();
        parts.push(format!("look at\n{}", notes.join("\n")));
    }
    parts.extend(drafted.trial.as_ref().map(trial_text));
    parts.push(next(drafted, folder));
    parts.join("\n\n")
}

/// A table with its key and its columns.
pub(super) fn table_text(key_column: &str, of: &DraftTable) -> String {
    let key: Vec<&str> = std::iter::once(key_column).chain(of.key.iter().map(String::as_str)).collect();
    let title = format!("core.{}  key {}, {}", of.name, key.join(", "), counted(of.rows, "row", "rows"));
    match of.columns.is_empty() {
        true => title,
        false => format!("{title}\n{}", columns_text(&of.columns)),
    }
}

/// Columns with their types, and how certain these are.
pub(super) fn columns_text(columns: &[DraftColumn]) -> String {
    let row = |column: &DraftColumn| {
        let without = if column.of == 0 { 0.0 } else { column.without as f64 / column.of as f64 };
        vec![
            column.name.clone(),
            type_word(column.value_type).to_owned(),
            column.path.join("."),
            if column.without == 0 { String::new() } else { format!("{:.1} %", without * 100.0) },
            certainty_word(column.certainty).to_owned(),
            column.note.clone(),
        ]
    };
    table(&["column", "type", "field", ">without", "certainty", ""], columns.iter().map(row))
}

/// The first rows. They show values of the samples.
pub(super) fn trial_text(trial: &TrialRun) -> String {
    let misfits = match trial.issues {
        0 => String::new(),
        n => format!(", {} did not fit", counted(n, "value", "values")),
    };
    let mut text = format!("tried out with {}{misfits}", counted(trial.documents, "document", "documents"));
    for (name, count, rows) in &trial.tables {
        text += &format!("\n\ncore.{name}: {}", counted(*count, "row", "rows"));
        let Some(Value::Object(first)) = rows.first() else { continue };
        let headers: Vec<&str> = first.keys().map(String::as_str).collect();
        let cells = rows.iter().map(|row| headers.iter().map(|header| cell(&row[*header])).collect());
        text += &format!("\n{}", table(&headers, cells));
    }
    text
}

fn next(drafted: &Drafted<'_>, folder: &Path) -> String {
    let entity = &drafted.draft.entity;
    if drafted.written.is_empty() {
        return "nothing was written (--dry-run)".to_owned();
    }
    let files: Vec<String> = drafted.written.iter().map(|path| format!("  {}", path.display())).collect();
    let mut text = format!("written\n{}\n\nnext\n", files.join("\n"));
    if !drafted.is_configured {
        text += &format!("  echo 'extend = \"{}\"' >> evo.toml\n", folder.display());
    }
    text += &format!(
        "  put the files into the lake: bronze/evo/entity={entity}/ingestion_date=YYYY-MM-DD/run_id=1/\n  \
         evo migrate\n  evo load {entity}\n  evo transform {entity}"
    );
    text
}

fn type_word(value_type: Option<ValueType>) -> &'static str {
    match value_type {
        Some(ValueType::Integer) => "bigint",
        Some(ValueType::Decimal) => "numeric",
        Some(ValueType::Bool) => "boolean",
        Some(ValueType::Date) => "date",
        Some(ValueType::Time) => "timestamptz",
        Some(ValueType::Text) => "text",
        None => "jsonb",
    }
}

fn certainty_word(certainty: Certainty) -> &'static str {
    match certainty {
        Certainty::Sure => "sure",
        Certainty::Likely => "likely",
        Certainty::Look => "look at it",
    }
}

fn json(drafted: &Drafted<'_>) -> Value {
    let Drafted { draft, reading, .. } = drafted;
    let tables: Vec<Value> = draft.tables.iter().map(table_json).collect();
    json!({
        "entity": draft.entity, "documents": reading.documents, "unusable": reading.unusable, "bytes": reading.bytes,
        "key": draft.key_fields, "key_type": draft.key_type.sql(), "key_column": draft.key_column,
        "zone": draft.zone, "dates": draft.dates, "tables": tables, "notes": draft.notes,
        "trial": drafted.trial.as_ref().map(trial_json),
        "written": drafted.written,
    })
}

/// A trial as JSON.
pub(super) fn trial_json(trial: &TrialRun) -> Value {
    let tables: Vec<Value> = (trial.tables.iter())
        .map(|(name, rows, first)| json!({ "table": format!("core.{name}"), "rows": rows, "first": first }))
        .collect();
    json!({ "documents": trial.documents, "issues": trial.issues, "tables": tables })
}

/// A table as JSON.
pub(super) fn table_json(of: &DraftTable) -> Value {
    let kind = match of.kind {
        TableKind::Parent => "parent",
        TableKind::History => "history",
        TableKind::Children { .. } => "children",
        TableKind::Link { .. } => "link",
    };
    let columns: Vec<Value> = of.columns.iter().map(column_json).collect();
    json!({ "table": format!("core.{}", of.name), "kind": kind, "key": of.key, "rows": of.rows, "columns": columns })
}

/// A column as JSON.
pub(super) fn column_json(column: &DraftColumn) -> Value {
    json!({
        "column": column.name, "field": column.path, "type": type_word(column.value_type),
        "without": column.without, "of": column.of, "certainty": certainty_word(column.certainty),
        "note": column.note,
    })
}
