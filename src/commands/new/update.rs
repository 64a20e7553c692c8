//! Running `evo new --update`: read the samples, compare them with the entity, try the additions out, write
//! them.

use std::path::Path;

use super::args::Args;
use super::scratch::{checked, scratch_folder, without_input};
use super::trial::{self, TrialRun, TriedDraft};
use super::update_show::{self, Updated};
use super::written::{differences, written};
use super::{samples, shapes, write};
use crate::commands::database;
use crate::config::Settings;
use crate::draft::{self, SampleFile, SampleReading, UpdatedFile};
use crate::entity::{Catalog, Entity};
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
    require_key(&entity, &reading)?;
    let earlier = write::earlier_migrations(&root);
    let update = draft::update(&entity, &texts.selects(), &reading, &earlier);
    let files = draft::updated_files(&entity, &update, &texts.declaration, &earlier)?;
    let mut updated = Updated::new(&entity, &update, &reading);
    updated.kept = kept;
    if !args.no_trial && !args.dry_run && !files.is_empty() {
        match database::has_programs(settings) {
            true => updated.trial = Some(tried(settings, &entity, (&root, &files), (&samples, args.rows)).await?),
            false => updated.untried = Some("no PostgreSQL is installed here, so the additions were not tried out"),
        }
    }
    if !args.dry_run {
        updated.written = write::write_update(&root, &files)?;
    }
    Ok(update_show::outcome(&updated, &differences(&texts, &files)))
}

/// Tries the files of an update out, in a copy of the folder `root`.
async fn tried(
    settings: &Settings,
    entity: &Entity,
    (root, files): (&Path, &[UpdatedFile]),
    (samples, rows): (&[SampleFile], u32),
) -> Result<TrialRun> {
    let scratch = scratch_folder()?;
    let own = scratch.0.join("own");
    for folder in FOLDERS.into_iter().filter(|folder| root.join(folder).is_dir()) {
        copy(&root.join(folder), &own.join(folder))?;
    }
    write::write_update(&own, files)?;
    let name = entity.folder.as_deref().and_then(Path::file_name).unwrap_or_default();
    without_input(&own.join("models").join(name).join("entity.toml"))?;
    let copied = checked(&own, &entity.name)?;
    let tried = TriedDraft { entity: &copied, input: &entity.input, samples, example: &[] };
    trial::run(settings, &scratch.0, &tried, rows).await
}

/// Makes sure that the samples are of this entity: without a field of its key, every document of theirs would
/// be rejected.
fn require_key(entity: &Entity, reading: &SampleReading) -> Result<()> {
    let fields = &reading.shape.fields;
    let has = |field: &&String| fields.iter().any(|(name, node)| name == *field && node.present() > 0);
    let Some(missing) = entity.input.needed_columns.iter().find(|field| !has(field)) else { return Ok(()) };
    let name = &entity.name;
    let known: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
    Err(Error::new(Kind::Usage, format!("no document of the samples has {missing:?}, which the key of {name} needs"))
        .detail(format!("fields: {}", known.join(", ")))
        .hint("samples of another entity are no update: evo new NAME --from … drafts one"))
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
