//! The files that an update changes or adds.

use toml::de::{DeTable, DeValue};

use super::earlier::EarlierMigrations;
use super::names::quoted;
use super::plan::EntityDraft;
use super::render::{core_table, model, sql_type};
use super::tables::DraftColumn;
use super::update::{EntityUpdate, TableUpdate};
use crate::entity::Entity;
use crate::error::{Error, Kind, Result};

/// A file below the folder of `--extend`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdatedFile {
    /// Its path there.
    pub path: String,
    /// Its content.
    pub text: String,
    /// Whether it is not there yet.
    pub is_new: bool,
}

/// The files of an update: models, the declaration, whose text is `declaration`, and the migration that
/// follows the `earlier` ones. None if there is nothing to add.
///
/// # Errors
/// `Config` when the declaration does not list its models in a way that evo can add to.
pub fn updated_files(
    entity: &Entity,
    update: &EntityUpdate,
    declaration: &str,
    earlier: &EarlierMigrations,
) -> Result<Vec<UpdatedFile>> {
    if update.is_empty() {
        return Ok(Vec::new());
    }
    let name = entity.folder.as_deref().and_then(|folder| folder.file_name()).unwrap_or_default();
    let folder = format!("models/{}", name.to_string_lossy());
    let changed = |path: String, text: String| UpdatedFile { path, text, is_new: false };
    let new = |path: String, text: String| UpdatedFile { path, text, is_new: true };
    let draft = draft_of(entity, update);
    let mut files = Vec::new();
    if !update.tables.is_empty() {
        let names: Vec<&str> = update.tables.iter().map(|table| table.name.as_str()).collect();
        files.push(changed(format!("{folder}/entity.toml"), with_models(entity, declaration, &names)?));
    }
    for table in &update.columns {
        files.push(changed(format!("{folder}/{}.sql", bare(table)), table.text.clone()));
    }
    for table in &update.tables {
        files.push(new(format!("{folder}/{}.sql", table.name), model(&draft, table)));
    }
    let stem = format!("migrations/{:04}_{}", earlier.next(), entity.name);
    files.push(new(format!("{stem}.up.sql"), migration(&draft, update)));
    files.push(new(format!("{stem}.down.sql"), removal(update, earlier)));
    Ok(files)
}

/// The name of a core table without its schema.
fn bare(table: &TableUpdate) -> &str {
    table.table.trim_start_matches("core.")
}

/// The entity as if its new tables had been drafted with it.
fn draft_of(entity: &Entity, update: &EntityUpdate) -> EntityDraft {
    EntityDraft {
        entity: entity.name.clone(),
        zone: entity.zone.clone(),
        dates: Vec::new(),
        delimiter: None,
        key_fields: entity.key.fields(),
        key_type: entity.key_type(),
        key_column: entity.staging.key_column.clone(),
        missing: entity.missing,
        history: None,
        tables: update.tables.clone(),
        notes: Vec::new(),
    }
}

/// The text of a declaration with more models at the end of its list.
fn with_models(entity: &Entity, text: &str, names: &[&str]) -> Result<String> {
    let added: String = names.iter().map(|name| format!(", {name:?}")).collect();
    let end = DeTable::parse(text).ok().and_then(|root| {
        let models = root.get_ref().iter().find(|(key, _)| key.get_ref() == "models")?.1;
        match models.get_ref() {
            DeValue::Array(list) => Some(list.last()?.span().end),
            _ => None,
        }
    });
    let Some(end) = end else {
        let message = format!("{}: the models are not a list that evo can add to", entity.file());
        return Err(Error::new(Kind::Config, message).hint(format!("add them to models by hand: {}", names.join(", "))));
    };
    let mut text = text.to_owned();
    text.insert_str(end, &added);
    Ok(text)
}

fn migration(draft: &EntityDraft, update: &EntityUpdate) -> String {
    let mut text = format!("-- What newer samples of {} have.\n", draft.entity);
    for table in &update.columns {
        // Somebody may have taken a column out of the model and left it in the table.
        let add = |column: &DraftColumn| {
            format!("    add column if not exists {} {}", quoted(&column.name), sql_type(column))
        };
        let columns: Vec<String> = table.columns.iter().map(add).collect();
        text += &format!("alter table core.{}\n{};\n", quoted(bare(table)), columns.join(",\n"));
    }
    let key = format!("{} {}", quoted(&draft.key_column), draft.key_type.column());
    for table in &draft.tables {
        text += &core_table(draft, table, &key);
    }
    text
}

/// Drops what the update has made. Columns that were there before stay.
fn removal(update: &EntityUpdate, earlier: &EarlierMigrations) -> String {
    let mut text = String::new();
    for table in &update.columns {
        let own = table.columns.iter().filter(|column| !earlier.name_column(&table.table, &column.name));
        let columns: Vec<String> = own.map(|column| format!("drop column {}", quoted(&column.name))).collect();
        if !columns.is_empty() {
            text += &format!("alter table core.{} {};\n", quoted(bare(table)), columns.join(", "));
        }
    }
    let tables: Vec<String> = update.tables.iter().rev().map(|table| format!("core.{}", table.name)).collect();
    if !tables.is_empty() {
        text += &format!("drop table {};\n", tables.join(", "));
    }
    match text.is_empty() {
        true => "-- Nothing to take back: the columns were there before.\n".to_owned(),
        false => text,
    }
}
