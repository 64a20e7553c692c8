//! How an entity is declared: `entity.toml`, and the header of each model.

use serde::Deserialize;

use super::dates::{DateFormat, DeclaredDates};
use super::definition::{Entity, Model, Staging};
use super::extract;
use super::header::Header;
use super::input;
use super::key::{KeyRule, Partition};
use super::model::Select;
use crate::error::{Context, Error, Kind, Result};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EntityDeclaration {
    name: String,
    bronze_prefix: String,
    zone: String,
    #[serde(default)]
    dates: DeclaredDates,
    models: Vec<String>,
    staging: Staging,
    #[serde(default)]
    input: input::InputDeclaration,
    key: KeyDeclaration,
    partition: Option<Partition>,
    /// Read by [`extract::read`], which knows the lines.
    #[serde(default, rename = "extract")]
    _queries: serde::de::IgnoredAny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyDeclaration {
    field: Option<String>,
    digest: Option<Vec<String>>,
}

impl KeyDeclaration {
    fn rule(self, file: &str) -> Result<KeyRule> {
        match (self.field, self.digest) {
            (Some(field), None) => Ok(KeyRule::Field(field)),
            (None, Some(fields)) if !fields.is_empty() => Ok(KeyRule::Digest(fields)),
            _ => Err(Error::new(Kind::Config, format!("{file} needs one key rule"))
                .hint("write [key] with either field = \"…\" or digest = [\"…\", …]")),
        }
    }
}

/// Reads an entity from its folder; `read` gives the content of a file in it.
///
/// # Errors
/// `Config` when a file is missing or cannot be understood.
pub(super) fn parse_entity(folder: &str, read: impl Fn(&str) -> Option<String>) -> Result<Entity> {
    let path = |file: &str| format!("{folder}/{file}");
    let missing = |file: &str| Error::new(Kind::Config, format!("cannot read {}", path(file)));
    let file = path("entity.toml");
    let text = read("entity.toml").ok_or_else(|| missing("entity.toml"))?;
    let declared: EntityDeclaration = toml::from_str(&text)
        .map_err(|e| Error::new(Kind::Config, format!("{file} is not a valid declaration")).detail(e.to_string()))?;
    let key = declared.key.rule(&file)?;
    let input = declared.input.check(&key, declared.partition.as_ref()).context(&file)?;
    let dates = declared.dates.check(&file, &text)?;
    let model = |name: &String| {
        let file = format!("{name}.sql");
        parse_model(name, &path(&file), &read(&file).ok_or_else(|| missing(&file))?, &dates)
    };
    let models = declared.models.iter().map(model).collect::<Result<_>>()?;
    Ok(Entity {
        name: declared.name,
        bronze_prefix: declared.bronze_prefix.trim_matches('/').to_owned(),
        zone: declared.zone,
        dates,
        staging: declared.staging,
        input,
        queries: extract::read(&file, &text)?,
        key,
        partition: declared.partition,
        models,
    })
}

fn parse_model(name: &str, file: &str, text: &str, dates: &[DateFormat]) -> Result<Model> {
    const HINT: &str = "a model begins with comment lines for grain, source, parent key and key";
    let header = Header::read(file, text);
    header.require("grain", HINT)?;
    let parent_key = header.require("parent key", HINT)?.value.to_owned();
    let key = header.require("key", HINT)?.list();
    let named: Vec<String> = key.iter().chain([&parent_key]).cloned().collect();
    let select = Select::parse(file, text, &named)?.guarded()?.with_dates(dates)?;
    Ok(Model { table: format!("core.{name}"), parent_key, key, select })
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
    const MODEL: &str = "-- grain: one row per visit\n-- source: x\n-- parent key: visit_id\n-- key: visit_id\n\
        select s.visit_id\nfrom {source} s;\n";

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
}
