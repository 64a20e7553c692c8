//! How an entity is declared: `entity.toml`, and the header of each model.

use serde::Deserialize;
use toml::Spanned;

use super::contract;
use super::dates::DeclaredDates;
use super::definition::{Entity, Model, Staging};
use super::digest::{self, Times};
use super::extract;
use super::header::Header;
use super::history::{self, Beside, DeclaredHistory, HistoryDeclaration};
use super::input;
use super::key::{KeyRule, KeyType, Partition};
use super::missing::{MissingRows, Snapshots};
use super::model::Select;
use super::shape;
use crate::declaration::Document;
use crate::error::{Context, Error, Kind, Mistakes, Result};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EntityDeclaration {
    name: String,
    bronze_prefix: String,
    zone: Spanned<String>,
    #[serde(default)]
    dates: DeclaredDates,
    #[serde(default)]
    missing: MissingRows,
    snapshot: Option<Snapshots>,
    models: Vec<String>,
    staging: Spanned<Staging>,
    #[serde(default)]
    input: input::InputDeclaration,
    key: KeyDeclaration,
    partition: Option<Partition>,
    history: Option<Spanned<HistoryDeclaration>>,
    /// Read by [`contract::read`], which knows the lines.
    #[serde(default, rename = "contract")]
    _contract: serde::de::IgnoredAny,
    /// Read by [`extract::read`], which knows the lines.
    #[serde(default, rename = "extract")]
    _queries: serde::de::IgnoredAny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyDeclaration {
    field: Option<String>,
    #[serde(rename = "type")]
    field_type: Option<KeyType>,
    fields: Option<Vec<String>>,
    digest: Option<Vec<String>>,
}

impl KeyDeclaration {
    fn rule(self, file: &str) -> Result<KeyRule> {
        if self.field_type.is_some() && self.field.is_none() {
            return Err(Error::new(Kind::Config, format!("{file} gives the key a type, but no field"))
                .hint("type says what the values of field are; the keys of fields and digest have a type already"));
        }
        match (self.field, self.fields, self.digest) {
            (Some(field), None, None) => Ok(KeyRule::Field(field, self.field_type.unwrap_or(KeyType::Integer))),
            (None, Some(fields), None) if !fields.is_empty() => Ok(KeyRule::Fields(fields)),
            (None, None, Some(fields)) if !fields.is_empty() => Ok(KeyRule::Digest(fields)),
            _ => Err(Error::new(Kind::Config, format!("{file} needs one key rule"))
                .hint("write [key] with either field = \"…\", fields = [\"…\", …] or digest = [\"…\", …]")),
        }
    }
}

/// Reads an entity from its folder; `read` gives the content of a file in it. `None` when something is wrong;
/// every mistake names its file.
pub(super) fn parse_entity(
    folder: &str,
    read: impl Fn(&str) -> Option<String>,
    mistakes: &mut Mistakes,
) -> Option<Entity> {
    let folder = Folder { path: folder, read };
    let file = folder.path("entity.toml");
    let text = mistakes.keep(folder.text("entity.toml"))?;
    let declared: EntityDeclaration = match toml::from_str(&text) {
        Ok(declared) => declared,
        Err(e) => {
            let models = faults(Document { file: &file, text: &text }, &e, mistakes);
            folder.models(&models, Additions::default(), mistakes);
            return None;
        }
    };
    let before = mistakes.all().len();
    let document = Document { file: &file, text: &text };
    shape::read(document, mistakes);
    let contract = contract::read(document, mistakes);
    let is_whole = mistakes.all().len() == before;
    let key = mistakes.keep(declared.key.rule(&file));
    let partition = declared.partition.as_ref();
    let beside = Beside { key_column: &declared.staging.get_ref().key_column, partition, missing: declared.missing };
    let history = DeclaredHistory::read(declared.history, (&file, &text), &beside, mistakes);
    let time = history.as_ref().and_then(|history| history.key_time(partition));
    let input = key.as_ref().and_then(|key| mistakes.keep(declared.input.check(key, time).context(&file)));
    let dates = mistakes.keep(declared.dates.check(&file, &text));
    let formats = dates.as_deref().unwrap_or_default();
    let versions = history.as_ref().map(DeclaredHistory::column);
    let is_marked = declared.missing == MissingRows::Mark;
    let additions = Additions { times: (declared.zone.get_ref(), formats), is_marked, versions };
    let models = folder.models(&declared.models, additions, mistakes);
    if let (Some(history), Some(models)) = (&history, &models) {
        mistakes.keep(history.require_model(models));
    }
    let queries = extract::read(&file, &text, mistakes);
    let missing = queries.as_ref().and_then(|q| mistakes.keep(declared.missing.check(declared.snapshot, q, &file)));
    is_whole.then_some(())?;
    Some(Entity {
        name: declared.name,
        bronze_prefix: declared.bronze_prefix.trim_matches('/').to_owned(),
        zone_at: format!("{file}:{}", line_of(&text, declared.zone.span().start)),
        zone: declared.zone.into_inner(),
        folder: None,
        dates: dates?,
        staging_at: format!("{file}:{}", line_of(&text, declared.staging.span().start)),
        staging: declared.staging.into_inner(),
        input: input?,
        queries: queries?,
        missing: missing.map(|()| declared.missing)?,
        snapshot: declared.snapshot,
        contract,
        key: key?,
        partition: declared.partition,
        history: history?.history,
        models: models?,
    })
}

/// Adds what is wrong with a declaration that cannot be read. Returns the names of its models, as far as they
/// can be.
fn faults(document: Document<'_>, error: &toml::de::Error, mistakes: &mut Mistakes) -> Vec<String> {
    let before = mistakes.all().len();
    let models = shape::read(document, mistakes);
    contract::read(document, mistakes);
    if mistakes.all().len() == before {
        let unreadable = Error::new(Kind::Config, format!("{} is not a valid declaration", document.file));
        mistakes.add(unreadable.detail(error.to_string()));
    }
    models
}

/// The line of a place in a text, from 1.
fn line_of(text: &str, at: usize) -> usize {
    text[..at.min(text.len())].matches('\n').count() + 1
}

/// What evo adds to the models of an entity.
#[derive(Clone, Copy, Default)]
struct Additions<'a> {
    times: Times<'a>,
    /// Rows have the column `_deleted_at`.
    is_marked: bool,
    /// The time that tells versions apart, where staging keeps them; `None` if that cannot be read.
    versions: Option<Option<&'a str>>,
}

/// The folder of an entity.
struct Folder<'a, F> {
    path: &'a str,
    /// Gives the content of a file in it.
    read: F,
}

impl<F: Fn(&str) -> Option<String>> Folder<'_, F> {
    fn path(&self, file: &str) -> String {
        format!("{}/{file}", self.path)
    }

    fn text(&self, file: &str) -> Result<String> {
        (self.read)(file).ok_or_else(|| Error::new(Kind::Config, format!("cannot read {}", self.path(file))))
    }

    /// The models of these names; `None` when one of them is wrong.
    fn models(&self, names: &[String], additions: Additions<'_>, mistakes: &mut Mistakes) -> Option<Vec<Model>> {
        let mut models = Vec::new();
        for name in names {
            let file = format!("{name}.sql");
            let text = mistakes.keep(self.text(&file));
            models.push(text.and_then(|text| parse_model(name, &self.path(&file), &text, additions, mistakes)));
        }
        models.into_iter().collect()
    }
}

fn parse_model(name: &str, file: &str, text: &str, additions: Additions<'_>, mistakes: &mut Mistakes) -> Option<Model> {
    const HINT: &str = "a model begins with comment lines for grain, source, parent key and key";
    let header = Header::read(file, text);
    mistakes.keep(header.require("grain", HINT));
    let parent_key = mistakes.keep(header.require("parent key", HINT)).map(|line| line.value.to_owned());
    let key = mistakes.keep(header.require("key", HINT)).map(|line| line.list());
    // Which columns the header names is known only from a whole one.
    let (parent_key, key) = (parent_key?, key?);
    let history = mistakes.keep(history::of_model(&header, (&parent_key, &key), additions.versions))?;
    let named: Vec<String> = key.iter().chain([&parent_key]).cloned().collect();
    let select =
        Select::parse(file, text, &named).and_then(Select::guarded).and_then(|s| s.with_dates(additions.times.1));
    let select = select.and_then(|s| if additions.is_marked { s.with_deleted_at() } else { Ok(s) });
    let select = mistakes.keep(select)?;
    let versions = additions.versions.flatten().filter(|_| history.is_some());
    if let (Some(line), Some(column)) = (history, versions) {
        mistakes.keep(history::check_select(line, &select, column))?;
    }
    let digest = digest::of_model(text, &named, additions.times, versions);
    Some(Model { table: format!("core.{name}"), parent_key, key, select, is_history: history.is_some(), digest })
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
        let (entity, mistakes) = all_of(toml, model);
        mistakes.into_result(entity)
    }

    fn all_of(toml: &str, model: &str) -> (Option<Entity>, Mistakes) {
        let mut mistakes = Mistakes::default();
        let read = |file: &str| match file {
            "entity.toml" => Some(toml.to_owned()),
            "evo_visits.sql" => Some(model.to_owned()),
            _ => None,
        };
        (parse_entity("visits", read, &mut mistakes), mistakes)
    }

    #[test]
    fn every_mistake_of_a_declaration_is_found_with_its_line() {
        let toml = TOML
            .replace("zone = ", "zoen = ")
            .replace("key_column", "key_colum")
            .replace("\"evo_visits\"]", "\"evo_visits\", \"evo_other\"]");
        let (entity, mistakes) = all_of(&toml, &MODEL.replace("{source}", "x"));
        assert!(entity.is_none());
        let found: Vec<&str> = mistakes.all().iter().map(Error::message).collect();
        assert_eq!(
            found,
            [
                "visits/entity.toml:4: unknown key \"zoen\" in the declaration",
                "visits/entity.toml:1: the declaration has no zone",
                "visits/entity.toml:8: unknown key \"key_colum\" in staging of the declaration",
                "visits/evo_visits.sql:6: the select does not read from {source}",
                "cannot read visits/evo_other.sql",
            ]
        );
        let toml = format!("{TOML}digest = [\"a\"]\n[[extract]]\nsource = 1\n[[extract]]\npath = \"x\"\n");
        let (_, mistakes) = all_of(&toml, MODEL);
        let found: Vec<&str> = mistakes.all().iter().map(Error::message).collect();
        assert_eq!(
            found,
            [
                "visits/entity.toml needs one key rule",
                "visits/entity.toml:13: source in [[extract]] must be a text",
                "visits/entity.toml:12: [[extract]] has no path",
                "visits/entity.toml:14: [[extract]] has no source",
                "visits/entity.toml:15: path in [[extract]] must be a path that begins with / and has no parameters; \
                 those go into query",
            ]
        );
    }

    #[test]
    fn an_entity_is_read_from_its_folder() {
        let entity = parse(TOML, MODEL).unwrap();
        assert_eq!(entity.bronze_prefix, "bronze/evo/entity=visits");
        assert_eq!(entity.key, KeyRule::Field("idVisit".into(), KeyType::Integer));
        assert_eq!(entity.models[0].key, ["visit_id"]);
        assert_eq!(entity.models[0].table, "core.evo_visits");
        assert_eq!(entity.models[0].select.text(), "select s.visit_id\nfrom {source} s");
    }

    #[test]
    fn a_value_that_nothing_could_be_made_of_is_refused_with_its_line() {
        for (from, to, expected) in [
            ("name = \"visits\"", "name = \"all\"", ":2: name in the declaration must be a name without blanks"),
            ("name = \"visits\"", "name = \"two words\"", ":2: name in the declaration must be a name"),
            ("/bronze/evo/entity=visits/", "/", ":3: bronze_prefix in the declaration must be a folder below the lake"),
            ("/bronze/evo/entity=visits/", "../other", ":3: bronze_prefix in the declaration must be a folder"),
            ("[\"evo_visits\"]", "[]", ":5: models in the declaration must be a list with at least one model"),
            ("[\"evo_visits\"]", "[\"evo_visits\", \"evo_visits\"]", "each model once, and \"evo_visits\""),
            ("stg_evo.visits_raw", "visits_raw", ":7: table in staging of the declaration must be schema and table"),
            ("key_column = \"visit_id\"", "key_column = \" \"", ":8: key_column in staging of the declaration must be"),
            ("field = \"idVisit\"", "field = \"\"", ":10: field in key of the declaration must be a text that is not"),
            ("field = \"idVisit\"", "fields = [\"a\", \"\"]", ":10: fields in key of the declaration must be a list"),
        ] {
            let error = parse(&TOML.replace(from, to), MODEL).unwrap_err();
            assert!(error.message().contains(expected), "{}", error.render());
        }
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
