//! Running `evo new --update`: read the samples, compare them with the entity, try the additions out, write
//! them.

use std::path::{Path, PathBuf};

use super::args::Args;
use super::scratch::{checked, scratch_folder};
use super::trial::{self, TriedDraft};
use super::update_show::{self, Updated};
use super::{samples, shapes, write};
use crate::commands::database;
use crate::config::Settings;
use crate::draft::{self, UpdatedFile};
use crate::entity::{Catalog, Entity, Select};
use crate::error::{Error, Kind, Result};
use crate::report::Outcome;

/// What is read of the folder of `--extend`; it may hold anything else.
const FOLDERS: [&str; 4] = ["models", "migrations", "dimensions", "checks"];

/// Runs it.
///
/// # Errors
/// `Usage` for an entity that is not one of the user's own, and samples that cannot be read; `Config` when
/// what was added does not work.
pub(super) async fn run(args: &Args, settings: &Settings) -> Result<Outcome> {
    let catalog = Catalog::load(settings.extend.as_deref())?;
    let entity = catalog.select(std::slice::from_ref(&args.entity))?[0].clone();
    let (root, texts) = written(&entity)?;
    let samples = samples::find(settings, &args.from).await?;
    let (reading, kept) = shapes::read(settings, (&samples, &entity.input), !args.dry_run).await?;
    reading.require_documents()?;
    let update = draft::update(&entity, &texts.selects(), &reading);
    let files = draft::updated_files(&entity, &update, &texts.declaration, write::earlier_migrations(&root).next())?;
    let mut updated = Updated::new(&entity, &update, &reading);
    updated.kept = kept;
    if !args.no_trial && !args.dry_run && !files.is_empty() {
        match database::has_programs(settings) {
            true => {
                let scratch = scratch_folder()?;
                let own = scratch.0.join("own");
                for folder in FOLDERS.into_iter().filter(|folder| root.join(folder).is_dir()) {
                    copy(&root.join(folder), &own.join(folder))?;
                }
                write::write_update(&own, &files)?;
                let entity = checked(&own, &entity.name)?;
                let tried = TriedDraft { entity: &entity, input: &entity.input, samples: &samples, example: &[] };
                updated.trial = Some(trial::run(settings, &scratch.0, &tried, args.rows).await?);
            }
            false => updated.untried = Some("no PostgreSQL is installed here, so the additions were not tried out"),
        }
    }
    if !args.dry_run {
        updated.written = write::write_update(&root, &files)?;
    }
    Ok(update_show::outcome(&updated, &added_lines(&texts, &files)))
}

/// The files of an entity as they are written.
#[derive(Debug)]
pub(in crate::commands) struct WrittenEntity {
    /// `entity.toml`.
    pub declaration: String,
    /// The models, with the names of their files.
    pub models: Vec<(String, Select)>,
}

impl WrittenEntity {
    /// The selects of the models.
    pub(in crate::commands) fn selects(&self) -> Vec<Select> {
        self.models.iter().map(|(_, select)| select.clone()).collect()
    }

    /// The text of a file; empty for one that is not there.
    fn text(&self, file: &str) -> &str {
        let model = self.models.iter().find(|(name, _)| name == file).map(|(_, select)| select.whole());
        model.unwrap_or(if file == "entity.toml" { self.declaration.as_str() } else { "" })
    }
}

/// The folder of `--extend` and the files of an entity in it.
///
/// # Errors
/// `Usage` for a built-in entity; `Config` for a file that cannot be read.
pub(in crate::commands) fn written(entity: &Entity) -> Result<(PathBuf, WrittenEntity)> {
    let Some(folder) = &entity.folder else {
        return Err(Error::new(Kind::Usage, format!("{} is built in: its models come with evo", entity.name))
            .hint("declare an entity of your own with another name over the same objects: docs/own-data.md"));
    };
    let read = |name: &str| {
        let path = folder.join(name);
        std::fs::read_to_string(&path)
            .map_err(|e| Error::new(Kind::Config, format!("cannot read {}", path.display())).caused_by(e))
    };
    let mut models = Vec::new();
    for model in &entity.models {
        let file = format!("{}.sql", model.table.trim_start_matches("core."));
        let mut key = model.key.clone();
        key.push(model.parent_key.clone());
        let select = Select::parse(&folder.join(&file).display().to_string(), &read(&file)?, &key)?;
        models.push((file, select));
    }
    let root = folder.parent().and_then(Path::parent).unwrap_or(folder);
    Ok((root.to_owned(), WrittenEntity { declaration: read("entity.toml")?, models }))
}

/// The lines that each changed file gets, by its path; all of a new one.
pub(in crate::commands) fn added_lines(texts: &WrittenEntity, files: &[UpdatedFile]) -> Vec<(String, Vec<String>)> {
    let of = |file: &UpdatedFile| {
        let name = file.path.rsplit('/').next().unwrap_or_default();
        let known = if file.is_new { "" } else { texts.text(name) };
        let lines = file.text.lines().filter(|line| known.lines().all(|known| known != *line));
        (file.path.clone(), lines.map(str::to_owned).collect())
    };
    files.iter().filter(|file| !file.path.ends_with(".down.sql")).map(of).collect()
}

/// Copies a folder with everything in it.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let failed = |e| Error::new(Kind::Config, format!("cannot copy {}", from.display())).caused_by(e);
    std::fs::create_dir_all(to).map_err(failed)?;
    for entry in std::fs::read_dir(from).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target)?,
            false => drop(std::fs::copy(entry.path(), target).map_err(failed)?),
        }
    }
    Ok(())
}
