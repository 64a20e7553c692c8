//! All entities that evo knows.

use std::path::Path;

use include_dir::{Dir, include_dir};

use super::declaration::parse_entity;
use super::definition::Entity;
use crate::error::{Error, Kind, Mistakes, Result};
use crate::suggest::did_you_mean;

static BUILT_IN: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/sql/models");

/// All entities that evo knows, in the order in which `all` works on them: the built-in ones, then those of
/// `--extend` by name.
#[derive(Debug, Clone)]
pub struct Catalog {
    entities: Vec<Entity>,
}

impl Catalog {
    /// The built-in entities and those of `extend/models/`.
    ///
    /// # Errors
    /// `Config` when a declaration, the header of a model or its select cannot be read. The error names the
    /// file, and the line of what is wrong in a model.
    pub fn load(extend: Option<&Path>) -> Result<Self> {
        let mut mistakes = Mistakes::default();
        let catalog = Self::load_with_mistakes(extend, &mut mistakes);
        mistakes.into_result(Some(catalog))
    }

    /// Reads as [`Catalog::load`] does and adds every mistake to `mistakes`. An entity with a mistake is left
    /// out.
    pub fn load_with_mistakes(extend: Option<&Path>, mistakes: &mut Mistakes) -> Self {
        let mut entities = Vec::new();
        for dir in BUILT_IN.dirs() {
            let read = |name: &str| {
                let file = BUILT_IN.get_file(dir.path().join(name))?;
                file.contents_utf8().map(str::to_owned)
            };
            entities.extend(parse_entity(&dir.path().display().to_string(), read, mistakes));
        }
        if let Some(root) = extend.map(|dir| dir.join("models")).filter(|dir| dir.is_dir()) {
            let unreadable = |e| Error::new(Kind::Config, format!("cannot read {}", root.display())).caused_by(e);
            let folders = std::fs::read_dir(&root).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
            let mut folders = mistakes.keep(folders.map_err(unreadable)).unwrap_or_default();
            folders.sort_by_key(std::fs::DirEntry::file_name);
            for folder in folders.iter().map(std::fs::DirEntry::path).filter(|path| path.is_dir()) {
                let read = |name: &str| std::fs::read_to_string(folder.join(name)).ok();
                let entity = parse_entity(&folder.display().to_string(), read, mistakes);
                entities.extend(entity.map(|entity| Entity { folder: Some(folder.clone()), ..entity }));
            }
        }
        for (i, entity) in entities.iter().enumerate() {
            let entity: &Entity = entity;
            if entities[..i].iter().any(|other| other.name == entity.name) {
                let error = Error::new(Kind::Config, format!("entity {:?} is declared twice", entity.name));
                mistakes.add(error.hint("rename the one in the folder given by --extend"));
            }
        }
        Self { entities }
    }

    /// All entities, in the order in which `all` works on them.
    pub fn all(&self) -> &[Entity] {
        &self.entities
    }

    /// The named entities in the order given, each once; `all`, or no name, means every entity.
    ///
    /// # Errors
    /// `Usage` for a name that is not declared; the hint is the nearest one.
    pub fn select(&self, names: &[String]) -> Result<Vec<&Entity>> {
        if names.is_empty() || names.iter().any(|n| n == "all") {
            return Ok(self.entities.iter().collect());
        }
        let mut chosen: Vec<&Entity> = Vec::new();
        for name in names {
            let Some(entity) = self.entities.iter().find(|e| &e.name == name) else {
                let known: Vec<&str> = self.entities.iter().map(|e| e.name.as_str()).collect();
                return Err(unknown_entity(name, &known));
            };
            if !chosen.iter().any(|e| e.name == entity.name) {
                chosen.push(entity);
            }
        }
        Ok(chosen)
    }
}

/// The error for a name that is none of the `known` ones; the hint is the nearest one.
pub fn unknown_entity(name: &str, known: &[&str]) -> Error {
    let error =
        Error::new(Kind::Usage, format!("unknown entity {name:?}")).detail(format!("known: {}, all", known.join(", ")));
    if name.contains(',') {
        let names: Vec<&str> = name.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
        return error.hint(format!("names are separated by spaces: {}", names.join(" ")));
    }
    match did_you_mean(name, known.iter().copied()) {
        Some(near) => error.hint(format!("did you mean {near:?}?")),
        None => error.hint("an entity of your own is found in the folder given by --extend, or EVO_EXTEND"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_entity_is_answered_with_the_nearest_name() {
        let catalog = Catalog::load(None).unwrap();
        assert_eq!(catalog.select(&["all".into()]).unwrap().len(), 4);
        let error = catalog.select(&["sale".into()]).unwrap_err();
        assert_eq!(error.hint_text(), Some("did you mean \"sales\"?"));
        assert_eq!(error.kind(), Kind::Usage);
        let error = catalog.select(&["sales,members".into()]).unwrap_err();
        assert_eq!(error.hint_text(), Some("names are separated by spaces: sales members"));
    }
}
