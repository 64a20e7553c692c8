//! `evo config check`: every mistake in what people write, without a database or a lake.

use std::path::Path;

use serde_json::{Value, json};

use crate::config::{ApiSource, LakeAddress, Settings};
use crate::counted::counted;
use crate::entity::{Catalog, Entity};
use crate::error::{Error, Kind, Mistakes, Result};
use crate::ledger::migrations;
use crate::report::Outcome;
use crate::suggest::did_you_mean;
use crate::transform::checks::Checks;
use crate::transform::dimension;

/// The number of declarations that were read, by kind.
#[derive(Debug, Default)]
struct Read {
    entities: usize,
    models: usize,
    checks: usize,
    dimensions: usize,
    migrations: usize,
}

/// Lists every mistake of settings and declarations.
pub(super) fn check(settings: &Settings) -> Outcome {
    let (read, declared) = declarations(settings);
    let all: Vec<&Error> = settings.mistakes.all().iter().chain(declared.all()).collect();
    let json = json!({
        "mistakes": all.iter().map(|mistake| to_json(mistake)).collect::<Vec<_>>(),
        "read": {
            "entities": read.entities, "models": read.models, "checks": read.checks, "dimensions": read.dimensions,
            "migrations": read.migrations,
        },
    });
    if all.is_empty() {
        return Outcome::new(format!("no mistakes in the settings and in {}", read.text()), json);
    }
    let text: Vec<String> = all.iter().map(|mistake| shown(mistake)).collect();
    let message =
        counted(all.len() as u64, "mistake in settings and declarations", "mistakes in settings and declarations");
    let failure = Error::new(Kind::Config, message).hint("correct them, then: evo config check");
    Outcome::new(text.join("\n"), json).failed_with(Some(failure))
}

/// The mistakes of settings and declarations, for a command that checks more than these.
pub(in crate::commands) fn mistakes_of(settings: &Settings) -> Vec<String> {
    let (_, declared) = declarations(settings);
    settings.mistakes.all().iter().chain(declared.all()).map(shown).collect()
}

impl Read {
    fn text(&self) -> String {
        let kinds = [
            (self.entities, "entity", "entities"),
            (self.models, "model", "models"),
            (self.checks, "check", "checks"),
            (self.dimensions, "dimension", "dimensions"),
            (self.migrations, "migration", "migrations"),
        ];
        kinds.map(|(n, one, many)| counted(n as u64, one, many)).join(", ")
    }
}

/// The mistakes of what the settings name: entities with their models, and what is made from them.
fn declarations(settings: &Settings) -> (Read, Mistakes) {
    let extend = settings.extend.as_deref();
    let mut mistakes = Mistakes::default();
    let catalog = Catalog::load_with_mistakes(extend, &mut mistakes);
    let mut read = Read {
        entities: catalog.all().len(),
        models: catalog.all().iter().map(|entity| entity.models.len()).sum(),
        ..Read::default()
    };
    // Without the entity that it is about, a check that is right looks wrong.
    if mistakes.is_empty() {
        read.checks = Checks::load_with_mistakes(extend, &catalog, &mut mistakes).all().len();
        read.dimensions = dimension::all_with_mistakes(extend, &catalog, &mut mistakes).len();
    }
    read.migrations = mistakes.keep(migrations::all(extend)).map_or(0, |list| list.len());
    // A faulty [source.NAME] is a mistake already, and hides all of them.
    for entity in catalog.all().iter().filter(|_| !settings.sources.is_empty()) {
        check_sources(entity, &settings.sources, &mut mistakes);
    }
    for entity in catalog.all() {
        mistakes.keep(check_zone(entity));
    }
    if let LakeAddress::Azure { .. } = settings.lake {
        mistakes.keep(settings.azure.credential());
    }
    (read, mistakes)
}

fn check_sources(entity: &Entity, sources: &[ApiSource], mistakes: &mut Mistakes) {
    for query in &entity.queries {
        if !sources.iter().any(|source| source.name == query.source) {
            let message = format!("{} comes from the source {:?}, which is not declared", entity.name, query.source);
            let hint = format!("declare [source.{}] in evo.toml: see docs/extract.md", query.source);
            mistakes.add(Error::new(Kind::Config, message).hint(hint));
        }
    }
}

/// Refuses a zone that this machine does not know, as far as it knows any. The server has the last word,
/// before a load.
fn check_zone(entity: &Entity) -> Result<()> {
    let is_name = entity.zone.contains('/') && !entity.zone.contains(['<', '>', '.']);
    let is_unknown = |folder: &&Path| folder.join("America").is_dir() && !folder.join(&entity.zone).is_file();
    match Some(Path::new("/usr/share/zoneinfo")).filter(is_unknown) {
        Some(folder) if is_name => {
            let message = format!("{}: {:?} is not a time zone", entity.zone_at, entity.zone);
            let area = entity.zone.split('/').next().unwrap_or_default();
            let names: Vec<String> = std::fs::read_dir(folder.join(area))
                .map(|entries| {
                    entries.flatten().map(|e| format!("{area}/{}", e.file_name().to_string_lossy())).collect()
                })
                .unwrap_or_default();
            let near = did_you_mean(&entity.zone, names.iter().map(String::as_str));
            Err(Error::new(Kind::Config, message).hint(match near {
                Some(near) => format!("did you mean {near:?}?"),
                None => "write a name such as America/Sao_Paulo or UTC".to_owned(),
            }))
        }
        _ => Ok(()),
    }
}

/// A mistake, and what to write instead.
pub(super) fn shown(mistake: &Error) -> String {
    let more = [mistake.detail_text(), mistake.hint_text()].into_iter().flatten();
    let more = more.flat_map(str::lines).map(|line| format!("\n  {line}"));
    more.fold(mistake.message().to_owned(), |text, line| text + &line)
}

fn to_json(mistake: &Error) -> Value {
    json!({ "message": mistake.message(), "detail": mistake.detail_text(), "hint": mistake.hint_text() })
}
