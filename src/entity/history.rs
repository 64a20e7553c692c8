//! Versions of documents: the time that tells them apart, and what a model of them has to be.

use serde::Deserialize;
use toml::Spanned;

use super::definition::Model;
use super::header::{Header, HeaderLine};
use super::key::{History, KeyTime, Partition};
use super::missing::MissingRows;
use super::model::Select;
use crate::error::{Error, Kind, Mistakes, Result};

/// Columns of staging that evo fills itself.
const TAKEN: [&str; 3] = ["raw_data", "run_id", "ingestion_date"];

/// `[history]` of a declaration. Its keys have been checked one by one (`shape.rs`).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HistoryDeclaration {
    column: String,
    field: Fields,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Fields {
    One(String),
    FirstOf(Vec<String>),
}

/// The rest of the declaration, as far as versions have to go with it.
pub(super) struct Beside<'a> {
    pub key_column: &'a str,
    pub partition: Option<&'a Partition>,
    pub missing: MissingRows,
}

/// What an entity declares about versions.
pub(super) struct DeclaredHistory {
    pub history: Option<History>,
    /// File and line.
    place: String,
}

impl DeclaredHistory {
    /// Reads `[history]` of a file with this text; `None` when it is wrong.
    pub(super) fn read(
        declared: Option<Spanned<HistoryDeclaration>>,
        (file, text): (&str, &str),
        beside: &Beside<'_>,
        mistakes: &mut Mistakes,
    ) -> Option<Self> {
        let Some(declared) = declared else { return Some(Self { history: None, place: file.to_owned() }) };
        let line = text[..declared.span().start.min(text.len())].matches('\n').count() + 1;
        let place = format!("{file}:{line}");
        // Then that is the mistake, and not what follows from it.
        Some(()).filter(|()| !declared.get_ref().column.trim().is_empty())?;
        let history = mistakes.keep(declared.into_inner().check(&place, beside))?;
        Some(Self { history: Some(history), place })
    }

    /// The column with the time that tells versions apart.
    pub(super) fn column(&self) -> Option<&str> {
        self.history.as_ref().map(|history| history.column.as_str())
    }

    /// The time in the keys of staging.
    pub(super) fn key_time<'a>(&'a self, partition: Option<&'a Partition>) -> Option<KeyTime<'a>> {
        match (partition, &self.history) {
            (Some(part), _) => Some(KeyTime { column: &part.column, fields: std::slice::from_ref(&part.field) }),
            (None, Some(history)) => Some(KeyTime { column: &history.column, fields: &history.fields }),
            (None, None) => None,
        }
    }

    /// Makes sure that a model shows the versions that staging keeps.
    ///
    /// # Errors
    /// `Config`, with file and line.
    pub(super) fn require_model(&self, models: &[Model]) -> Result<()> {
        if self.history.is_none() || models.iter().any(|model| model.is_history) {
            return Ok(());
        }
        let message = format!("{}: [history] keeps each version, and no model shows them", self.place);
        Err(Error::new(Kind::Config, message)
            .hint("write -- history: yes into the header of a model, or remove [history]"))
    }
}

impl HistoryDeclaration {
    /// The declaration at `place`, file and line, if it goes with the rest.
    ///
    /// # Errors
    /// `Config`.
    fn check(self, place: &str, beside: &Beside<'_>) -> Result<History> {
        let wrong = |message: String| Error::new(Kind::Config, format!("{place}: {message}"));
        if beside.partition.is_some() {
            return Err(wrong("an entity has either [history] or [partition]".to_owned())
                .hint("both are a time in the key: with [partition] another time is another document"));
        }
        if beside.missing != MissingRows::Keep {
            let word = beside.missing.word();
            return Err(wrong(format!("[history] does not go with missing = {word:?}"))
                .detail("that a document is missing is no version of it: nothing says at which time it went")
                .hint("declare missing in a second entity with the same bronze_prefix and tables of its own"));
        }
        let is_taken = self.column.starts_with('_') || TAKEN.contains(&self.column.as_str());
        if is_taken || self.column == beside.key_column || self.column == History::ENDS {
            return Err(wrong(format!("column in [history] cannot be {:?}, which is another column", self.column))
                .hint("it is since when a version counts: column = \"valid_from\""));
        }
        let fields = match self.field {
            Fields::One(field) => vec![field],
            Fields::FirstOf(fields) => fields,
        };
        Ok(History { column: self.column, fields })
    }
}

/// The line `-- history: yes` of a model's header, if it has one. `versions` is the time that tells the
/// entity's versions apart, if it keeps them; `None` when its declaration is wrong anyway.
///
/// # Errors
/// `Config`, with file and line, when the entity has no versions, or the header's key does not tell them
/// apart.
pub(super) fn of_model<'a>(
    header: &Header<'a>,
    (parent_key, key): (&str, &[String]),
    versions: Option<Option<&str>>,
) -> Result<Option<HeaderLine<'a>>> {
    let Some(line) = header.all("history").next() else { return Ok(None) };
    match (line.value, versions) {
        ("no", _) | ("yes", None) => Ok(None),
        ("yes", Some(None)) => Err(line.error("the entity keeps no versions").hint(
            "declare [history] in entity.toml: column = \"valid_from\", and field = the field that holds the time of \
             a change",
        )),
        ("yes", Some(Some(column))) => match [parent_key, column].iter().find(|name| !key.iter().any(|k| k == *name)) {
            None => Ok(Some(line)),
            Some(missing) => Err(line
                .error(format!("the key has no {missing}"))
                .hint(format!("write it so, and in the primary key of the table too: -- key: {parent_key}, {column}"))),
        },
        (other, _) => Err(line.error(format!("{other:?} is neither \"yes\" nor \"no\""))),
    }
}

/// Makes sure that the select gives the time of a version as staging has it, and leaves its end to evo.
///
/// # Errors
/// `Config`, with file and line.
pub(super) fn check_select(line: HeaderLine<'_>, select: &Select, column: &str) -> Result<()> {
    if select.columns().iter().any(|given| given.name == History::ENDS) {
        return Err(line
            .error(format!("the model has a column {}, which evo fills", History::ENDS))
            .hint("give the column another name, or remove it"));
    }
    let as_staged = (select.source().to_owned(), column.to_owned());
    let is_given = select.columns().iter().any(|c| c.name == column && c.reference.as_ref() == Some(&as_staged));
    match is_given {
        true => Ok(()),
        false => Err(line
            .error(format!("the model does not give {column} as staging has it"))
            .hint(format!("select {}.{column}", select.source()))),
    }
}

#[cfg(test)]
mod tests {
    use crate::entity::declaration::parse_entity;
    use crate::entity::{Entity, KeyTime};
    use crate::error::{Error, Mistakes, Result};

    const TOML: &str = "name = \"rates\"\nbronze_prefix = \"bronze/rates\"\nzone = \"UTC\"\nmodels = [\"rates\"]\n\
        [staging]\ntable = \"stg_evo.rates_raw\"\nkey_column = \"rate_id\"\n[key]\nfield = \"id\"\n\
        [history]\ncolumn = \"since\"\nfield = [\"changed\", \"made\"]\n";
    const MODEL: &str = "-- grain: one row per version\n-- source: x\n-- parent key: rate_id\n-- key: rate_id, since\n\
        -- history: yes\nselect s.rate_id, s.since, d.rate\nfrom {source} s\n\
        cross join lateral jsonb_to_record(s.raw_data) as d (rate text)";

    fn parse(toml: &str, model: &str) -> Result<Entity> {
        let mut mistakes = Mistakes::default();
        let read = |file: &str| match file {
            "entity.toml" => Some(toml.to_owned()),
            "rates.sql" => Some(model.to_owned()),
            _ => None,
        };
        let entity = parse_entity("rates", read, &mut mistakes);
        if entity.is_none() && mistakes.all().len() > 1 {
            panic!("{:?}", mistakes.all().iter().map(Error::message).collect::<Vec<_>>());
        }
        mistakes.into_result(entity)
    }

    #[test]
    fn versions_are_told_apart_by_a_time_of_the_document() {
        let entity = parse(TOML, MODEL).unwrap();
        let fields = ["changed".to_owned(), "made".to_owned()];
        assert_eq!(entity.key_time(), Some(KeyTime { column: "since", fields: &fields }));
        assert_eq!((entity.staging_key(), entity.document_key()), (vec!["rate_id", "since"], vec!["rate_id"]));
        let model = &entity.models[0];
        assert!(model.is_history);
        assert_eq!(model.identity(&entity), ["rate_id"]);
        let one = parse(&TOML.replace("[\"changed\", \"made\"]", "\"changed\""), MODEL).unwrap();
        assert_eq!(one.key_time().unwrap().fields, ["changed"]);
        assert_eq!(one.input.needed_columns, ["id", "changed"]);
        assert_ne!(one.key_digest(), entity.key_digest(), "rows of staging have other times");
        let beside = MODEL.replace("-- history: yes", "-- history: no").replace(", since\n", "\n");
        let plain = parse(&TOML[..TOML.find("[history]").unwrap()], &beside.replace("s.since, ", "")).unwrap();
        assert!(!plain.models[0].is_history && plain.history.is_none());
    }

    #[test]
    fn what_does_not_go_together_is_refused_with_file_and_line() {
        let partition = "[partition]\ncolumn = \"at\"\nfield = \"at\"\nby = \"year\"\n[history]";
        for (from, to, expected) in [
            ("\"since\"", "\"\"", "rates/entity.toml:11: column in history of the declaration must be a text"),
            ("[\"changed\", \"made\"]", "[]", "rates/entity.toml:12: field in history of the declaration must be the"),
            ("[\"changed\", \"made\"]", "\" \"", "rates/entity.toml:12: field in history of the declaration must be"),
            ("\"since\"", "\"rate_id\"", "rates/entity.toml:10: column in [history] cannot be \"rate_id\""),
            ("\"since\"", "\"valid_to\"", "rates/entity.toml:10: column in [history] cannot be \"valid_to\""),
            ("\"since\"", "\"_loaded_at\"", "rates/entity.toml:10: column in [history] cannot be \"_loaded_at\""),
            ("[history]", partition, "rates/entity.toml:14: an entity has either [history] or [partition]"),
            (
                "zone =",
                "missing = \"mark\"\nsnapshot = \"run\"\nzone =",
                "rates/entity.toml:12: [history] does not go with missing = \"mark\"",
            ),
            ("-- history: yes", "-- history: no", "rates/entity.toml:10: [history] keeps each version, and no model"),
            ("-- history: yes", "-- history: on", "rates/rates.sql:5: history: \"on\" is neither \"yes\" nor \"no\""),
            ("-- key: rate_id, since", "-- key: rate_id", "rates/rates.sql:5: history: the key has no since"),
            (
                "s.since, d.rate",
                "s.since, d.rate as valid_to",
                "rates/rates.sql:5: history: the model has a column valid",
            ),
            (
                "s.since, d.rate",
                "s._loaded_at as since",
                "rates/rates.sql:5: history: the model does not give since as",
            ),
        ] {
            let error = parse(&TOML.replace(from, to), &MODEL.replace(from, to)).unwrap_err();
            let found = if error.message().starts_with("rates/") { error.message() } else { "" };
            assert!(found.starts_with(expected), "{to}: {}", error.render());
        }
        let without = &TOML[..TOML.find("[history]").unwrap()];
        let error = parse(without, MODEL).unwrap_err();
        assert_eq!(error.message(), "rates/rates.sql:5: history: the entity keeps no versions");
    }
}
