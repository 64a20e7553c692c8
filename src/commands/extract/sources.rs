//! The entities, the source and the lake of an extraction.

use std::sync::Arc;

use crate::bronze::Lake;
use crate::config::{ApiSource, LakeAddress, Settings};
use crate::entity::{Catalog, Entity};
use crate::error::{Context, Error, Kind, Result};
use crate::extract::Client;
use crate::suggest::did_you_mean;

/// The entities that can be extracted: of `all` those that declare a query.
pub(super) fn declared<'a>(catalog: &'a Catalog, names: &[String]) -> Result<Vec<&'a Entity>> {
    let is_all = names.iter().any(|name| name == "all");
    let chosen = catalog.select(names)?;
    let (known, unknown): (Vec<&Entity>, Vec<&Entity>) = chosen.into_iter().partition(|e| !e.queries.is_empty());
    match unknown.first() {
        Some(entity) if !is_all => {
            Err(Error::new(Kind::Config, format!("{} does not say how it is extracted", entity.name))
                .hint("declare an [[extract]] in its entity.toml: see docs/extract.md"))
        }
        _ => Ok(known),
    }
}

/// The source of an entity, and a client of it.
pub(super) fn source<'a>(settings: &'a Settings, entity: &Entity) -> Result<(&'a ApiSource, Arc<Client>)> {
    let name = entity.queries.first().map(|query| query.source.as_str()).unwrap_or_default();
    if let Some(other) = entity.queries.iter().find(|query| query.source != name) {
        let message = format!("{} is extracted from two sources: {name} and {}", entity.name, other.source);
        return Err(Error::new(Kind::Config, message).hint("an entity has one source"));
    }
    let source = settings.sources.iter().find(|source| source.name == name).ok_or_else(|| {
        let message = format!("{} comes from the source {name:?}, which is not declared", entity.name);
        let meant = did_you_mean(name, settings.sources.iter().map(|source| source.name.as_str()));
        Error::new(Kind::Config, message).hint(match meant {
            Some(meant) => format!("did you mean {meant:?}?"),
            None => format!("declare [source.{name}] in evo.toml: see docs/extract.md"),
        })
    })?;
    if let Some(fault) = &source.fault {
        return Err(Error::new(Kind::Config, fault.clone()));
    }
    let client = Client::open(source).context(format!("source {name}"))?;
    Ok((source, Arc::new(client)))
}

/// The lake. Only the default directory is made if it is not there: any other one may be mistyped, and the
/// first lake that a ledger meets becomes its own.
pub(super) fn open_lake(settings: &Settings, is_trial: bool) -> Result<Lake> {
    if let (LakeAddress::Directory(dir), false) = (&settings.lake, is_trial)
        && !dir.exists()
    {
        if *dir != settings.state_dir.join("lake") {
            let dir = dir.display();
            return Err(Error::new(Kind::SourceInvalid, format!("the lake {dir} does not exist"))
                .hint(format!("correct --lake; or, if a new lake is to begin there: mkdir -p '{dir}'")));
        }
        std::fs::create_dir_all(dir).map_err(|e| {
            Error::new(Kind::SourceInvalid, format!("the lake {} cannot be created: {e}", dir.display())).caused_by(e)
        })?;
    }
    Lake::open(&settings.lake, &settings.azure)
}
