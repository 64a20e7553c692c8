//! Entities: what is extracted together, staged in one table and transformed into one family of core tables.
//!
//! An entity is a folder `sql/models/<name>/` with an `entity.toml` and one SQL model per core table; the built-in
//! ones are embedded, further ones come from `--extend DIR` (`DIR/models/<name>/…`). Adding one needs no Rust.

mod dates;
mod input;
mod model;

use std::path::Path;

use include_dir::{Dir, include_dir};
use serde::Deserialize;

use crate::error::{Context, Error, Kind, Result};
use crate::suggest::did_you_mean;

pub use dates::DateFormat;
pub use input::{Compression, Format, Input};
pub use model::{
    CASTS, Case, Cast, Children, Column, Expression, Part, Placeholder, Plain, Record, RecordColumn, Select, Span,
};

static BUILT_IN: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/sql/models");

/// One entity: where its objects lie, how a document's key is read, where it is staged, which models it feeds.
#[derive(Debug, Clone)]
pub struct Entity {
    /// Name on the command line and in the ledger: `sales`.
    pub name: String,
    /// Path of its objects below the lake's root: `bronze/evo/entity=sales`.
    pub bronze_prefix: String,
    /// Zone in which local times of its documents are read.
    pub zone: String,
    /// Formats in which its documents write dates and times, besides ISO 8601.
    pub dates: Vec<DateFormat>,
    /// Staging table.
    pub staging: Staging,
    /// How its objects are written.
    pub input: Input,
    /// How the key is read from a document.
    pub key: KeyRule,
    /// The second part of the key, where the staging table is partitioned by time.
    pub partition: Option<Partition>,
    /// Its core tables, parent first.
    pub models: Vec<Model>,
}

/// The staging table of an entity.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Staging {
    /// Qualified name: `stg_evo.sales_raw`.
    pub table: String,
    /// Its bigint key column: `sale_id`.
    pub key_column: String,
}

/// How the bigint key of a document is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyRule {
    /// An integer field of the document.
    Field(String),
    /// MD5 over these fields joined with `|`, first 15 hex digits, modulo 10^15; the first field is required.
    Digest(Vec<String>),
}

/// The time column by which the staging table is partitioned.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Partition {
    /// Column of type timestamptz, part of the primary key.
    pub column: String,
    /// Field of the document with the local time.
    pub field: String,
    /// Width of a partition.
    pub by: PartitionBy,
}

/// Width of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PartitionBy {
    /// One partition a calendar year of the entity's zone.
    Year,
}

/// One SQL select that fills one core table.
#[derive(Debug, Clone)]
pub struct Model {
    /// Qualified core table: `core.evo_sales`.
    pub table: String,
    /// The parent's key column in this table.
    pub parent_key: String,
    /// All key columns.
    pub key: Vec<String>,
    /// The select, understood.
    pub select: Select,
}

impl Entity {
    /// Staging key columns in order: the key column and, where there is one, the partition column.
    pub fn staging_key(&self) -> Vec<&str> {
        let mut key = vec![self.staging.key_column.as_str()];
        key.extend(self.partition.as_ref().map(|p| p.column.as_str()));
        key
    }
}

/// All known entities, in the order in which `all` goes through them.
#[derive(Debug, Clone)]
pub struct Catalog {
    entities: Vec<Entity>,
}

impl Catalog {
    /// The built-in entities, and those of `extend/models/` where given.
    ///
    /// # Errors
    /// `Config` when a declaration, a model's header or its select is not understood; it names the file, and the line of
    /// what is wrong in a select.
    pub fn load(extend: Option<&Path>) -> Result<Self> {
        let mut entities = Vec::new();
        for dir in BUILT_IN.dirs() {
            let read = |name: &str| {
                let file = BUILT_IN.get_file(dir.path().join(name))?;
                file.contents_utf8().map(str::to_owned)
            };
            entities.push(parse_entity(&dir.path().display().to_string(), read)?);
        }
        if let Some(root) = extend.map(|dir| dir.join("models")).filter(|dir| dir.is_dir()) {
            let unreadable = |e| Error::new(Kind::Config, format!("cannot read {}", root.display())).caused_by(e);
            let mut folders =
                std::fs::read_dir(&root).and_then(Iterator::collect::<std::io::Result<Vec<_>>>).map_err(unreadable)?;
            folders.sort_by_key(std::fs::DirEntry::file_name);
            for folder in folders.iter().map(std::fs::DirEntry::path).filter(|path| path.is_dir()) {
                let read = |name: &str| std::fs::read_to_string(folder.join(name)).ok();
                entities.push(parse_entity(&folder.display().to_string(), read)?);
            }
        }
        for (i, entity) in entities.iter().enumerate() {
            if entities[..i].iter().any(|other| other.name == entity.name) {
                return Err(Error::new(Kind::Config, format!("entity {:?} is declared twice", entity.name))
                    .hint("rename the one in the folder given by --extend"));
            }
        }
        Ok(Self { entities })
    }

    /// All entities.
    pub fn all(&self) -> &[Entity] {
        &self.entities
    }

    /// The named entities in the order given; `all`, or no name, is every one.
    ///
    /// # Errors
    /// `Usage` for a name that is not declared, with the nearest one as a hint.
    pub fn select(&self, names: &[String]) -> Result<Vec<&Entity>> {
        if names.is_empty() || names.iter().any(|n| n == "all") {
            return Ok(self.entities.iter().collect());
        }
        let mut chosen: Vec<&Entity> = Vec::new();
        for name in names {
            let Some(entity) = self.entities.iter().find(|e| &e.name == name) else {
                let known: Vec<&str> = self.entities.iter().map(|e| e.name.as_str()).collect();
                let error = Error::new(Kind::Usage, format!("unknown entity {name:?}"))
                    .detail(format!("known: {}, all", known.join(", ")));
                return Err(match did_you_mean(name, known.iter().copied()) {
                    Some(near) => error.hint(format!("did you mean {near:?}?")),
                    None => error,
                });
            };
            if !chosen.iter().any(|e| e.name == entity.name) {
                chosen.push(entity);
            }
        }
        Ok(chosen)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Declaration {
    name: String,
    bronze_prefix: String,
    zone: String,
    #[serde(default)]
    dates: dates::DeclaredDates,
    models: Vec<String>,
    staging: Staging,
    #[serde(default)]
    input: input::Declaration,
    key: KeyDeclaration,
    partition: Option<Partition>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyDeclaration {
    field: Option<String>,
    digest: Option<Vec<String>>,
}

fn parse_entity(folder: &str, read: impl Fn(&str) -> Option<String>) -> Result<Entity> {
    let here = |file: &str| format!("{folder}/{file}");
    let missing = |file: &str| Error::new(Kind::Config, format!("cannot read {}", here(file)));
    let text = read("entity.toml").ok_or_else(|| missing("entity.toml"))?;
    let declared: Declaration = toml::from_str(&text).map_err(|e| {
        Error::new(Kind::Config, format!("{} is not understood", here("entity.toml"))).detail(e.to_string())
    })?;
    let key = match (declared.key.field, declared.key.digest) {
        (Some(field), None) => KeyRule::Field(field),
        (None, Some(fields)) if !fields.is_empty() => KeyRule::Digest(fields),
        _ => {
            return Err(Error::new(Kind::Config, format!("{} needs one key rule", here("entity.toml")))
                .hint("write [key] with either field = \"…\" or digest = [\"…\", …]"));
        }
    };
    let input = declared.input.check(&key, declared.partition.as_ref()).context(here("entity.toml"))?;
    let dates = declared.dates.check(&here("entity.toml"), &text)?;
    let models = declared
        .models
        .iter()
        .map(|name| {
            let file = format!("{name}.sql");
            let text = read(&file).ok_or_else(|| missing(&file))?;
            parse_model(name, &here(&file), &text, &dates)
        })
        .collect::<Result<_>>()?;
    Ok(Entity {
        name: declared.name,
        bronze_prefix: declared.bronze_prefix.trim_matches('/').to_owned(),
        zone: declared.zone,
        dates,
        staging: declared.staging,
        input,
        key,
        partition: declared.partition,
        models,
    })
}

fn parse_model(name: &str, file: &str, text: &str, dates: &[DateFormat]) -> Result<Model> {
    let header = |label: &str| {
        text.lines()
            .take_while(|line| line.starts_with("--"))
            .find_map(|line| line.trim_start_matches('-').trim().strip_prefix(label)?.strip_prefix(':'))
            .map(|value| value.trim().to_owned())
            .ok_or_else(|| {
                Error::new(Kind::Config, format!("{file}: the header has no line \"-- {label}: …\""))
                    .hint("a model begins with comment lines for grain, source, parent key and key")
            })
    };
    header("grain")?;
    let parent_key = header("parent key")?;
    let key: Vec<String> = header("key")?.split(',').map(|c| c.trim().to_owned()).collect();
    let named: Vec<String> = key.iter().chain([&parent_key]).cloned().collect();
    Ok(Model {
        table: format!("core.{name}"),
        select: Select::parse(file, text, &named)?.checked(&named).with_dates(file, dates, &named)?,
        parent_key,
        key,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOML: &str = r#"
        name = "visits"
        bronze_prefix = "/bronze/evo/entity=visits/"
        zone = "America/Sao_Paulo"
        models = ["evo_visits"]
        [staging]
        table = "stg_evo.visits_raw"
        key_column = "visit_id"
        [key]
        field = "idVisit"
    "#;
    const MODEL: &str = "-- grain: one row per visit\n-- source: x\n-- parent key: visit_id\n-- key: visit_id\nselect s.visit_id\nfrom {source} s;\n";

    fn parse(toml: &str, model: &str) -> Result<Entity> {
        parse_entity("visits", |file| match file {
            "entity.toml" => Some(toml.to_owned()),
            "evo_visits.sql" => Some(model.to_owned()),
            _ => None,
        })
    }

    #[test]
    fn an_entity_is_read_from_its_folder() {
        let entity = parse(TOML, MODEL).unwrap();
        assert_eq!(entity.bronze_prefix, "bronze/evo/entity=visits");
        assert_eq!(entity.key, KeyRule::Field("idVisit".into()));
        assert_eq!(entity.models[0].key, ["visit_id"]);
        assert_eq!(entity.models[0].table, "core.evo_visits");
        assert_eq!(entity.models[0].select.text(), "select s.visit_id\nfrom {source} s");
    }

    #[test]
    fn a_faulty_declaration_names_its_file() {
        let cases = [
            (TOML.replace("zone", "zoned"), MODEL.to_owned(), "entity.toml"),
            (TOML.replace("field = \"idVisit\"", ""), MODEL.to_owned(), "one key rule"),
            (format!("{TOML}\n[input]\nformat = \"xml\""), MODEL.to_owned(), "entity.toml"),
            (format!("{TOML}\n[input]\ndelimiter = \";;\""), MODEL.to_owned(), "entity.toml"),
            (TOML.replace("evo_visits", "evo_other"), MODEL.to_owned(), "evo_other.sql"),
            (TOML.to_owned(), MODEL.replace("-- key:", "-- k:"), "-- key:"),
            (
                TOML.to_owned(),
                MODEL.replace("{source}", "x"),
                "visits/evo_visits.sql:6: the select does not read from {source}",
            ),
        ];
        for (toml, model, expected) in cases {
            let error = parse(&toml, &model).unwrap_err();
            assert!(error.message().contains(expected), "{}", error.render());
        }
    }

    #[test]
    fn an_unknown_entity_is_answered_with_the_nearest_name() {
        let catalog = Catalog { entities: vec![parse(TOML, MODEL).unwrap()] };
        assert_eq!(catalog.select(&["all".into()]).unwrap().len(), 1);
        let error = catalog.select(&["visit".into()]).unwrap_err();
        assert_eq!(error.hint_text(), Some("did you mean \"visits\"?"));
        assert_eq!(error.kind(), Kind::Usage);
    }
}
