//! `evo drift`: what changed in the documents, since when, and what to add to the models.

use serde_json::{Value, json};

use super::failures;
use super::new::{self, FileDiff};
use super::warehouse::{self, Access};
use crate::config::Settings;
use crate::counted::counted;
use crate::draft::{self, ChangedType, SampleReading};
use crate::drift::{
    self, Breach, BrokenRule, FieldChange, FieldCounts, FieldFindings, KnownFields, SampledLine, compared,
};
use crate::entity::{Catalog, Entity, FieldContract};
use crate::error::{Error, Result};
use crate::ledger::models;
use crate::pg::Pool;
use crate::report::Outcome;
use crate::report::table::table;
use crate::sql::qualified;
use crate::visible;

/// Shows which fields of documents are new, have another type, or are missing, since when, and the lines to
/// add to the models. Changes nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  evo drift            all entities
  evo drift visits     one of them

Changes are counted from the first transform on, and by samples: what one
document in a million has may go unnoticed. A field is missing if the documents
of the newest run lack it and those before had it. What a change is worth is
declared in entity.toml, under [contract]: docs/own-data.md.")]
pub struct Args {
    /// Entities [default: all]
    #[arg(value_name = "ENTITY")]
    pub entities: Vec<String>,
}

/// What changed in the documents of an entity.
struct EntityDrift<'a> {
    entity: &'a Entity,
    changes: Vec<FieldChange>,
    /// Fields that the documents of the newest run lack.
    missing: Vec<Breach>,
    newest_run: String,
    /// Columns whose values are no longer of their type.
    changed: Vec<ChangedType>,
    differences: Vec<FileDiff>,
    /// What to look at.
    notes: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// `Usage` for an unknown entity; see [`crate::pg`]. An entity whose documents cannot be looked at is part of
/// the outcome, and the others are shown.
pub async fn run(args: Args, settings: &Settings) -> Result<Outcome> {
    let catalog = Catalog::load(settings.extend.as_deref())?;
    let known = catalog.clone();
    let entities = known.select(&args.entities)?;
    let warehouse = warehouse::open(settings, catalog, ("drift", 1), Access::of(false)?).await?;
    let (mut found, mut errors) = (Vec::new(), Vec::new());
    for entity in entities {
        match of_entity(&warehouse.pool, entity).await {
            Ok(drift) => found.push(drift),
            Err(error) => errors.push((entity.name.clone(), error)),
        }
    }
    let text: Vec<String> = found.iter().map(text).collect();
    let unable = |(entity, e): &(String, Error)| json!({ "entity": entity, "error": e.to_string() });
    let json = json!({
        "entities": found.iter().map(to_json).collect::<Vec<_>>(),
        "errors": errors.iter().map(unable).collect::<Vec<_>>(),
    });
    Ok(Outcome::new(text.join("\n\n"), json).failed_with(failures::combined(errors)))
}

async fn of_entity<'a>(pool: &Pool, entity: &'a Entity) -> Result<EntityDrift<'a>> {
    let mut connection = pool.get().await?;
    let changes = drift::changes(&*connection, &entity.name).await?;
    let (newest, newest_run) = drift::newest_batches(&*connection, &entity.name).await?;
    let staged = models::staged(&*connection, &entity.name).await?;
    let tx = connection.begin().await?;
    let known = KnownFields::read(&tx, &entity.name).await?;
    let ids: Vec<String> = newest.iter().map(ToString::to_string).collect();
    let ids = format!("'{{{}}}'::bigint[]", ids.join(","));
    let target = qualified(&entity.staging.table);
    let of_newest = drift::of_first(&target, &format!("t._batch_id = any({ids})"));
    let of_others = drift::of_table(&target, staged, &format!("coalesce(t._batch_id, 0) <> all({ids})"));
    let (mut now, mut before, mut reading) = (FieldCounts::default(), FieldCounts::default(), SampleReading::default());
    let add = |counts: &mut FieldCounts, reading: &mut SampleReading, document: &str, place: SampledLine| {
        counts.add(document, place);
        if draft::add_document(&mut reading.shape, document.as_bytes()) {
            reading.documents += 1;
            reading.keys.add(document.as_bytes());
        }
    };
    drift::read_documents(&tx, &of_newest, |document, place| add(&mut now, &mut reading, document, place)).await?;
    drift::read_documents(&tx, &of_others, |document, place| add(&mut before, &mut reading, document, place)).await?;
    tx.rollback().await?;
    let ignore = entity.contract.as_ref().map(|contract| contract.ignore.clone()).unwrap_or_default();
    let contract = FieldContract { ignore, ..FieldContract::watchful() };
    let FieldFindings { breaches: mut missing, notes } = compared(&contract, &known, &before, &now);
    missing.retain(|breach| breach.rule == BrokenRule::MissingField);
    let (changed, differences) = (Vec::new(), Vec::new());
    let mut found = EntityDrift { entity, changes, missing, newest_run, changed, differences, notes };
    add_additions(&mut found, &reading)?;
    Ok(found)
}

/// Adds types that changed, and what to change in the files of an entity of one's own.
fn add_additions(found: &mut EntityDrift<'_>, reading: &SampleReading) -> Result<()> {
    let entity = found.entity;
    if entity.folder.is_none() || reading.documents == 0 {
        return Ok(());
    }
    let (root, texts) = new::written(entity)?;
    let earlier = new::earlier_migrations(&root);
    let update = draft::update(entity, &texts.selects(), reading, &earlier);
    match draft::updated_files(entity, &update, &texts.declaration, &earlier) {
        Ok(files) => found.differences = new::differences(&texts, &files),
        // What changed is worth knowing also where evo cannot say how to write it.
        Err(error) => found.notes.push(error.message().to_owned()),
    }
    found.changed = update.changed;
    found.notes.extend(update.notes);
    Ok(())
}

/// The columns that read a field, or something inside of it.
fn readers(entity: &Entity, path: &str) -> Vec<String> {
    let is_inside = |path: &str, of: &str| path.strip_prefix(of).is_some_and(|rest| rest.starts_with(['.', '[']));
    let reads = |read: &String| read == path || is_inside(read, path) || is_inside(path, read);
    let of = |model: &crate::entity::Model| {
        let columns = model.select.columns().iter().filter(|column| column.paths.iter().any(reads));
        columns.map(|column| format!("{}.{}", model.table, column.name)).collect::<Vec<_>>()
    };
    entity.models.iter().flat_map(of).collect()
}

fn text(of: &EntityDrift<'_>) -> String {
    let name = &of.entity.name;
    let count = (of.changes.len() + of.missing.len()) as u64;
    if count == 0 && of.changed.is_empty() && of.differences.is_empty() && of.notes.is_empty() {
        return format!("{name}: nothing has changed since its documents were looked at first");
    }
    let shown = |path: &str| match readers(of.entity, path).as_slice() {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [first, others @ ..] => format!("{first} and {} more", others.len()),
    };
    let change = |c: &FieldChange| {
        let what = match c.known_types.is_empty() {
            true => format!("new: {}", c.json_type),
            false => format!("{}, was {}", c.json_type, c.known_types.join(", ")),
        };
        let first = match (&c.source_file, c.source_line) {
            (Some(file), Some(line)) => format!("{file} line {line}"),
            (file, _) => file.clone().unwrap_or_default(),
        };
        vec![c.path.clone(), what, c.first_seen_at.clone(), shown(&c.path), first]
    };
    let gone = |b: &Breach| {
        let what = format!("missing, {:.0} % had it", b.before * 100.0);
        vec![b.path.clone(), what, format!("run {}", of.newest_run), shown(&b.path), String::new()]
    };
    let rows = of.changes.iter().map(change).chain(of.missing.iter().map(gone));
    let mut parts = vec![format!("{name}: {}", counted(count, "field has changed", "fields have changed"))];
    if count > 0 {
        parts.push(table(&["field", "change", "since", "read by", "~first in"], rows));
    }
    parts.extend(new::changed(&of.changed));
    if let Some(differences) = new::shown_differences(&of.differences) {
        parts.push(differences);
        parts.push(format!("evo new {name} --update --from SAMPLE… makes such changes and the migration"));
    }
    if !of.notes.is_empty() {
        let notes: Vec<String> = of.notes.iter().map(|note| format!("  {}", visible::line(note))).collect();
        parts.push(format!("look at\n{}", notes.join("\n")));
    }
    parts.join("\n\n")
}

fn to_json(of: &EntityDrift<'_>) -> Value {
    let change = |c: &FieldChange| {
        json!({
            "path": c.path, "type": c.json_type, "known_types": c.known_types, "first_seen_at": c.first_seen_at,
            "source_file": c.source_file, "source_line": c.source_line, "columns": readers(of.entity, &c.path),
        })
    };
    let lines = |diff: &FileDiff| json!({ "file": diff.path, "lines": diff.lines });
    let missing = |b: &Breach| {
        let columns = readers(of.entity, &b.path);
        json!({ "path": b.path, "before": b.before, "documents": b.of, "columns": columns })
    };
    json!({
        "entity": of.entity.name, "changes": of.changes.iter().map(change).collect::<Vec<_>>(),
        "newest_run": of.newest_run, "missing": of.missing.iter().map(missing).collect::<Vec<_>>(),
        "changed": of.changed.iter().map(new::changed_json).collect::<Vec<_>>(),
        "lines": of.differences.iter().map(lines).collect::<Vec<_>>(),
        "notes": of.notes,
    })
}
