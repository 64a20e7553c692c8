//! Running `evo new`: read, draft, check, try out, write.

use std::path::PathBuf;

use super::args::Args;
use super::place::require_absent;
use super::scratch::{checked, scratch_folder};
use super::show::{self, Drafted};
use super::trial::{self, TriedDraft};
use super::{samples, update, write};
use crate::bronze::Limits;
use crate::commands::database;
use crate::config::Settings;
use crate::draft::{self, DraftWish, EarlierMigrations};
use crate::entity::{Catalog, MissingRows};
use crate::error::{Error, Kind, Result};
use crate::report::Outcome;

/// Longest name of an entity, bytes: tables have longer ones.
const MAX_NAME: usize = 30;

/// Runs the command.
///
/// # Errors
/// `Usage` for a name that cannot be, samples that cannot be read or have no key, and files that are there
/// already; `Config` when the draft does not work.
pub async fn run(args: Args, settings: &Settings) -> Result<Outcome> {
    if args.update {
        return update::run(&args, settings).await;
    }
    require_name(&args.entity)?;
    let folder = settings.extend.clone().unwrap_or_else(|| PathBuf::from(write::FOLDER));
    let catalog = Catalog::load(settings.extend.as_deref())?;
    if catalog.all().iter().any(|entity| entity.name == args.entity) {
        return Err(Error::new(Kind::Usage, format!("there is an entity {} already", args.entity)).hint(format!(
            "to add what the samples have to it: evo new {} --update --from …; or choose another name",
            args.entity
        )));
    }
    require_absent(&folder.join("models").join(&args.entity).join("entity.toml"))?;
    let samples = samples::find(settings, &args.from).await?;
    let limits = Limits { line_bytes: settings.max_line_bytes, ratio: settings.max_ratio };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let reading = draft::read_samples(&samples, None, limits, threads).await?;
    let missing = match args.missing.as_deref() {
        Some("mark") => MissingRows::Mark,
        Some(_) => MissingRows::Delete,
        None => MissingRows::Keep,
    };
    let earlier = write::earlier_migrations(&folder);
    let wish = DraftWish {
        entity: args.entity.clone(),
        key: args.key.clone(),
        zone: args.zone.clone(),
        missing,
        history: args.history.clone(),
        tables: tables(&catalog, &earlier),
    };
    let draft = draft::plan(&wish, &reading)?;
    let mut files = draft::files(&draft, earlier.next());
    let scratch = scratch_folder()?;
    write::write(&scratch.0.join("own"), &files)?;
    let entity = checked(&scratch.0.join("own"), &args.entity)?;
    let mut drafted = Drafted::new(&draft, &reading);
    if !args.no_trial && !args.dry_run {
        match database::has_programs(settings) {
            true => {
                let example = draft::example_documents(&draft, &reading.shape);
                let input = &entity.input;
                let tried = TriedDraft { entity: &entity, input, samples: &samples, example: &example };
                let trial = trial::run(settings, &scratch.0, &tried, args.rows).await?;
                files.push(draft::test_file(&draft, &example, &trial.example));
                drafted.trial = Some(trial);
            }
            false => drafted.untried = Some("no PostgreSQL is installed here, so the draft was not tried out"),
        }
    }
    if !args.dry_run {
        drafted.written = write::write_draft(&folder, &files)?;
        drafted.is_configured = settings.extend.is_some();
    }
    Ok(show::outcome(&drafted, &folder))
}

/// The tables of the schema core that models have or migrations create.
fn tables(catalog: &Catalog, earlier: &EarlierMigrations) -> Vec<String> {
    let models = catalog.all().iter().flat_map(|entity| &entity.models);
    let of_models = models.map(|model| model.table.trim_start_matches("core.").to_owned());
    of_models.chain(earlier.tables()).collect()
}

fn require_name(name: &str) -> Result<()> {
    let is_word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    let begins_well = name.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
    match begins_well && name.len() <= MAX_NAME && name.bytes().all(is_word) && name != "all" {
        true => Ok(()),
        false => Err(Error::new(Kind::Usage, format!("{name:?} is not a valid name for an entity"))
            .hint(format!("up to {MAX_NAME} small letters, digits and underscores: evo new visits --from visits.csv"))),
    }
}
