//! One check: a query in a file, and the header that says when it runs and what its rows mean.

use std::collections::BTreeMap;

use crate::entity::{Catalog, Entity, Header, HeaderLine, Template};
use crate::error::Result;
use crate::transform::sql_files::stem;

const HINT: &str = "a check begins with comment lines for purpose, for, severity and when (docs/checks.md)";

/// The consequence of rows that a check returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// A warning: somebody should examine the rows.
    Warn,
    /// The data must not be used: no swap, exit code 6.
    Fail,
}

/// When a check runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// In a full refresh, on the new generation, before readers see it.
    Swap,
    /// After an increment, on the rows of core that it may have changed.
    Increment,
    /// By `evo check`, on what serves.
    Check,
}

/// The unit that a check runs once for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Each {
    Entity,
    Child,
    History,
}

/// A query that must return no rows.
#[derive(Debug, Clone)]
pub struct Check {
    /// File name without `.sql`.
    pub name: String,
    /// Its purpose, from the header.
    pub purpose: String,
    /// The consequence of its rows.
    pub severity: Severity,
    /// Advice for when it returns rows.
    pub hint: Option<String>,
    pub(super) each: Each,
    /// Names of the entities that it is about; empty for all.
    entities: Vec<String>,
    when: Vec<When>,
    /// Values of its parameters by name, as texts that SQL reads as what it needs.
    pub(super) parameters: BTreeMap<String, String>,
    /// The query; its first column is a key that may be shown.
    pub(super) query: Template,
    /// It is one of evo's own.
    pub(super) is_built_in: bool,
}

impl Check {
    /// Whether it asks if children have their parents, and nothing else.
    pub(super) fn is_about_parents(&self) -> bool {
        self.is_built_in && self.name == "orphan"
    }

    /// Whether it asks if an id came to have a second parent, and nothing else. A row that was there keeps
    /// its ids.
    pub(super) fn is_about_new_ids(&self) -> bool {
        self.is_built_in && self.name == "child_id_twice"
    }

    /// Whether it compares the ledger with the rows.
    pub(super) fn is_about_ledger(&self) -> bool {
        self.is_built_in && self.name == "ledger"
    }

    /// Whether it runs for this entity at this time.
    pub(super) fn is_due(&self, entity: &Entity, when: When) -> bool {
        self.when.contains(&when) && self.is_about(entity)
    }

    /// Whether it ever runs for this entity.
    pub fn is_about(&self, entity: &Entity) -> bool {
        self.entities.is_empty() || self.entities.contains(&entity.name)
    }

    /// Reads `text`, the content of `file`.
    ///
    /// # Errors
    /// `Config`, with file and line.
    pub(super) fn parse(file: &str, text: &str, catalog: &Catalog) -> Result<Self> {
        let header = Header::read(file, text);
        let units = [("each entity", Each::Entity), ("each child", Each::Child), ("each history", Each::History)];
        let each = word(header.require("for", HINT)?, &units)?;
        let severity = word(header.require("severity", HINT)?, &[("warn", Severity::Warn), ("fail", Severity::Fail)])?;
        let entities = match header.all("entity").next() {
            Some(line) => entities(line, catalog)?,
            None => Vec::new(),
        };
        let mut parameters = BTreeMap::new();
        for line in header.all("parameter") {
            let parts = line.value.split_once('=');
            let (name, value) =
                parts.ok_or_else(|| line.error(format!("{:?} is not of the form \"name = value\"", line.value)))?;
            parameters.insert(name.trim().to_owned(), value.trim().to_owned());
        }
        let concerned: Vec<&Entity> =
            catalog.all().iter().filter(|e| entities.is_empty() || entities.contains(&e.name)).collect();
        let query = Template::parse(file, text, |name| allow(name, each, &concerned, &parameters))?;
        Ok(Self {
            name: stem(file),
            purpose: header.require("purpose", HINT)?.value.to_owned(),
            severity,
            hint: header.get("hint").map(str::to_owned),
            each,
            entities,
            when: times(header.require("when", HINT)?)?,
            parameters,
            query,
            is_built_in: false,
        })
    }
}

/// The meaning of the line's word.
fn word<T: Copy>(line: HeaderLine<'_>, known: &[(&str, T)]) -> Result<T> {
    let found = known.iter().find(|(word, _)| *word == line.value).map(|(_, meaning)| *meaning);
    found.ok_or_else(|| {
        let words: Vec<String> = known.iter().map(|(word, _)| format!("{word:?}")).collect();
        line.error(format!("{:?} is neither {}", line.value, words.join(" nor ")))
    })
}

fn times(line: HeaderLine<'_>) -> Result<Vec<When>> {
    let time = |word: &String| match word.as_str() {
        "swap" => Ok(When::Swap),
        "increment" => Ok(When::Increment),
        "check" => Ok(When::Check),
        other => Err(line.error(format!("{other:?} is none of \"swap\", \"increment\" and \"check\""))),
    };
    line.list().iter().map(time).collect()
}

fn entities(line: HeaderLine<'_>, catalog: &Catalog) -> Result<Vec<String>> {
    let names = line.list();
    match names.iter().find(|name| !catalog.all().iter().any(|entity| &entity.name == *name)) {
        None => Ok(names),
        Some(name) => Err(line.error(format!("there is no entity {name:?}"))),
    }
}

/// Whether a check may use a placeholder, which must mean something for each of the `concerned` entities.
/// Else why not, and what to write.
fn allow(
    name: &str,
    each: Each,
    concerned: &[&Entity],
    parameters: &BTreeMap<String, String>,
) -> std::result::Result<(), (String, String)> {
    const ALWAYS: [&str; 8] =
        ["entity", "staging", "documents", "current", "generation", "statistics", "definitions", "parent"];
    const OF_A_CHILD: [&str; 3] = ["child", "parent_key", "child_key"];
    const OF_A_HISTORY: [&str; 4] = ["history", "identity", "since", "is_whole"];
    let table = name.strip_prefix("all ").unwrap_or(name);
    if ALWAYS.contains(&table) || parameters.contains_key(name) {
        return Ok(());
    }
    for (names, of, word) in [(&OF_A_CHILD[..], Each::Child, "child"), (&OF_A_HISTORY[..], Each::History, "history")] {
        if names.contains(&table) {
            return match each == of {
                true => Ok(()),
                false => {
                    Err((format!("{{{name}}} is only known for each {word}"), format!("write -- for: each {word}")))
                }
            };
        }
    }
    let has_table = |entity: &&&Entity| entity.models.iter().any(|model| model.table == table);
    let owners: Vec<&str> = concerned.iter().filter(has_table).map(|entity| entity.name.as_str()).collect();
    match concerned.iter().find(|entity| !owners.contains(&entity.name.as_str())) {
        None => Ok(()),
        Some(other) if !owners.is_empty() => Err((
            format!("{table} is a table of {}, and the check is also about {}", owners.join(", "), other.name),
            format!("write -- entity: {}", owners.join(", ")),
        )),
        Some(_) => Err((
            format!("{{{name}}} is not a placeholder of this check"),
            "it may be a core table, parent, child, entity, staging, generation or a parameter (docs/checks.md)"
                .to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    const GOOD: &str = "-- purpose: p\n-- for: each entity\n-- severity: warn\n-- when: check\n-- parameter: n = 1\n\
                        select {n} from {parent} where '{x}' = 'y';\n";

    #[test]
    fn a_check_is_read_from_its_header() {
        let catalog = Catalog::load(None).unwrap();
        let check = Check::parse("x/own.sql", GOOD, &catalog).unwrap();
        assert_eq!((check.name.as_str(), check.severity, check.purpose.as_str()), ("own", Severity::Warn, "p"));
        assert_eq!(check.query.placeholders().collect::<Vec<_>>(), ["n", "parent"]);
        assert_eq!(check.parameters["n"], "1");
        let sales = catalog.select(&["sales".into()]).unwrap()[0];
        assert!(check.is_due(sales, When::Check) && !check.is_due(sales, When::Swap));
    }

    #[test]
    fn what_a_check_may_not_say_is_refused_with_its_line() {
        let catalog = Catalog::load(None).unwrap();
        for (from, to, line, expected) in [
            ("-- purpose: p\n", "", 1, "-- purpose:"),
            ("each entity", "all", 2, "neither \"each entity\""),
            ("warn", "bad", 3, "neither \"warn\""),
            ("when: check", "when: check, never", 4, "\"never\""),
            ("n = 1", "n", 5, "name = value"),
            ("-- when", "-- entity: sale\n-- when", 4, "no entity \"sale\""),
            ("{n}", "{m}", 6, "{m} is not a placeholder"),
            ("{parent}", "\n{all child}", 7, "only known for each child"),
            ("{parent}", "{core.evo_sales}", 6, "core.evo_sales is a table of sales, and the check is also about"),
        ] {
            let error = Check::parse("own.sql", &GOOD.replacen(from, to, 1), &catalog).unwrap_err();
            assert_eq!(error.kind(), Kind::Config);
            assert!(error.message().starts_with(&format!("own.sql:{line}: ")), "{}", error.render());
            assert!(error.message().contains(expected), "{}", error.render());
        }
        let of_sales = GOOD.replace("{parent}", "{core.evo_sales}").replace("-- when", "-- entity: sales\n-- when");
        assert!(Check::parse("own.sql", &of_sales, &catalog).is_ok());
    }
}
