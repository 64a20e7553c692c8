//! The output of `evo new --update`.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::show::{column_json, columns_text, table_json, table_text, trial_json, trial_text};
use super::trial::TrialRun;
use super::written::FileDiff;
use crate::counted::counted;
use crate::draft::{Certainty, ChangedType, EntityUpdate, SampleReading};
use crate::entity::Entity;
use crate::report::{Outcome, units};
use crate::visible;

/// An update, and what became of it.
pub(super) struct Updated<'a> {
    entity: &'a Entity,
    update: &'a EntityUpdate,
    reading: &'a SampleReading,
    /// Samples that did not have to be read again.
    pub kept: usize,
    pub trial: Option<TrialRun>,
    /// Why it was not tried out.
    pub untried: Option<&'static str>,
    /// The files that were written; none in a dry run.
    pub written: Vec<PathBuf>,
}

impl<'a> Updated<'a> {
    pub(super) fn new(entity: &'a Entity, update: &'a EntityUpdate, reading: &'a SampleReading) -> Self {
        Self { entity, update, reading, kept: 0, trial: None, untried: None, written: Vec::new() }
    }
}

/// As text and as JSON.
pub(super) fn outcome(updated: &Updated<'_>, differences: &[FileDiff]) -> Outcome {
    Outcome::new(text(updated, differences), to_json(updated))
}

fn text(updated: &Updated<'_>, differences: &[FileDiff]) -> String {
    let Updated { entity, update, reading, .. } = updated;
    let documents = counted(reading.documents, "document", "documents");
    let kept = match updated.kept {
        0 => String::new(),
        n => format!("; {} had been read before", counted(n as u64, "sample", "samples")),
    };
    let mut parts = vec![format!("{documents} in {} of samples{kept}", units::bytes(reading.bytes))];
    for of in &update.columns {
        parts.push(format!("{}: new columns\n{}", of.table, columns_text(&of.columns)));
    }
    for of in &update.tables {
        parts.push(format!("new table {}", table_text(&entity.staging.key_column, of)));
    }
    if update.is_empty() {
        parts.push(format!("the models of {} read everything that these documents have", entity.name));
    }
    parts.extend(changed(&update.changed));
    parts.extend(notes(updated));
    if updated.written.is_empty() {
        parts.extend(shown_differences(differences));
    }
    parts.extend(updated.trial.as_ref().map(trial_text));
    parts.push(next(updated));
    parts.join("\n\n")
}

/// Columns whose values are no longer of their type; nothing if there is none.
pub(in crate::commands) fn changed(changed: &[ChangedType]) -> Option<String> {
    let line = |c: &ChangedType| {
        format!(
            "  {}.{} reads {} as {}, and there it is {}",
            c.table,
            c.column,
            visible::line(&c.path),
            c.declared,
            c.found
        )
    };
    let lines: Vec<String> = changed.iter().map(line).collect();
    (!lines.is_empty()).then(|| format!("changed types, left as they are\n{}", lines.join("\n")))
}

/// What changes in files; nothing if there is none.
pub(in crate::commands) fn shown_differences(differences: &[FileDiff]) -> Option<String> {
    let of = |file: &FileDiff| {
        let title = if file.is_new { "new file" } else { "change in" };
        format!("{title} {}\n{}", file.path, visible::lines(&file.lines.join("\n")))
    };
    let parts: Vec<String> = differences.iter().map(of).collect();
    (!parts.is_empty()).then(|| parts.join("\n\n"))
}

fn notes(updated: &Updated<'_>) -> Option<String> {
    let Updated { update, .. } = updated;
    let of_tables = update.columns.iter().map(|of| (of.table.as_str(), &of.columns));
    let looks = of_tables.flat_map(|(table, columns)| columns.iter().map(move |column| (table, column)));
    let looks = looks.filter(|(_, column)| column.certainty == Certainty::Look);
    let mut notes: Vec<String> = update.notes.clone();
    notes.extend(looks.map(|(table, column)| format!("{table}.{}: {}", column.name, column.note)));
    notes.extend(updated.untried.map(str::to_owned));
    let notes: Vec<String> = notes.iter().map(|note| format!("  {}", visible::line(note))).collect();
    (!notes.is_empty()).then(|| format!("look at\n{}", notes.join("\n")))
}

fn next(updated: &Updated<'_>) -> String {
    if updated.written.is_empty() {
        return "nothing was written".to_owned();
    }
    let files: Vec<String> = updated.written.iter().map(|path| format!("  {}", path.display())).collect();
    let entity = &updated.entity.name;
    format!(
        "written\n{}\n\nnext\n  evo migrate\n  evo transform {entity}   makes every row again, with the new columns",
        files.join("\n")
    )
}

fn to_json(updated: &Updated<'_>) -> Value {
    let Updated { entity, update, reading, .. } = updated;
    let columns: Vec<Value> = (update.columns.iter())
        .map(|of| json!({ "table": of.table, "columns": of.columns.iter().map(column_json).collect::<Vec<_>>() }))
        .collect();
    json!({
        "entity": entity.name, "documents": reading.documents, "unusable": reading.unusable, "bytes": reading.bytes,
        "columns": columns, "tables": update.tables.iter().map(table_json).collect::<Vec<_>>(),
        "changed": update.changed.iter().map(changed_json).collect::<Vec<_>>(), "notes": update.notes,
        "trial": updated.trial.as_ref().map(trial_json), "written": updated.written,
    })
}

/// A changed type as JSON.
pub(in crate::commands) fn changed_json(c: &ChangedType) -> Value {
    json!({ "table": c.table, "column": c.column, "path": c.path, "declared": c.declared, "found": c.found })
}
