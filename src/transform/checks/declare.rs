//! Checks: one query each, `sql/checks/<name>.sql`, and those of `--extend DIR/checks/`.

use std::collections::BTreeMap;
use std::path::Path;

use include_dir::{Dir, include_dir};

use crate::entity::Catalog;
use crate::error::{Context, Error, Kind, Result};
use crate::suggest::did_you_mean;
use crate::transform::files;

static BUILT_IN: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/sql/checks");

/// What rows of a check mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Worth a look.
    Warn,
    /// The data must not be used: no swap, exit code 6.
    Fail,
}

/// When a check runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Of a full refresh, on the new generation, before readers see it.
    Swap,
    /// After an increment, on the rows of core that it may have changed.
    Increment,
    /// By `evo check`, on what serves.
    Check,
}

/// What a check is run once for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Each {
    Entity,
    Child,
}

/// A query that must return no rows.
#[derive(Debug, Clone)]
pub struct Check {
    /// File name without `.sql`.
    pub name: String,
    /// What it makes sure of.
    pub purpose: String,
    /// What its rows mean.
    pub severity: Severity,
    /// What to do about them.
    pub hint: Option<String>,
    pub(super) each: Each,
    /// Entities it concerns; empty: all.
    pub(super) entities: Vec<String>,
    pub(super) when: Vec<When>,
    /// Values by name, each a text that SQL reads as what it needs.
    pub(super) parameters: BTreeMap<String, String>,
    /// The query; its first column is a key that may be shown.
    pub(super) sql: String,
}

/// All checks that apply, with what the command line says about them.
#[derive(Debug, Clone, Default)]
pub struct Checks {
    pub(super) list: Vec<Check>,
    /// Checks whose rows are to be tolerated this time.
    accepted: Vec<String>,
}

impl Checks {
    /// The built-in checks and those of `extend/checks/`, by name; one of the same name replaces the built-in one.
    ///
    /// # Errors
    /// `Config` when a file is not understood; it names the file.
    pub fn load(extend: Option<&Path>, catalog: &Catalog) -> Result<Self> {
        let mut found = BTreeMap::new();
        let built_in = BUILT_IN
            .files()
            .map(|file| (file.path().display().to_string(), file.contents_utf8().unwrap_or_default().to_owned()));
        for (path, text) in built_in.chain(files::sql_files(extend, "checks")?) {
            let check = parse(&path, &text, catalog).context(path)?;
            found.insert(check.name.clone(), check);
        }
        Ok(Self { list: found.into_values().collect(), accepted: Vec::new() })
    }

    /// Every check, by name.
    pub fn all(&self) -> &[Check] {
        &self.list
    }

    /// Only the named ones; no name means all.
    ///
    /// # Errors
    /// `Usage` for a name that no check has.
    pub fn only(mut self, names: &[String]) -> Result<Self> {
        self.require("--only", names)?;
        self.list.retain(|check| names.is_empty() || names.contains(&check.name));
        Ok(self)
    }

    /// Treats the named ones as warnings.
    ///
    /// # Errors
    /// `Usage` for a name that no check has.
    pub fn accept(mut self, names: &[String]) -> Result<Self> {
        self.require("--accept", names)?;
        self.accepted = names.to_vec();
        for check in self.list.iter_mut().filter(|check| names.contains(&check.name)) {
            check.severity = Severity::Warn;
        }
        Ok(self)
    }

    /// Gives parameters other values: `fill_rate.points=30`.
    ///
    /// # Errors
    /// `Usage` for a text of another form, and for a check or parameter that does not exist.
    pub fn set(mut self, settings: &[String]) -> Result<Self> {
        for setting in settings {
            let parts = setting.split_once('=').and_then(|(path, value)| Some((path.split_once('.')?, value)));
            let Some(((name, parameter), value)) = parts else {
                return Err(Error::new(
                    Kind::Usage,
                    format!("--set {setting:?} has not the form CHECK.PARAMETER=VALUE"),
                )
                .hint("for example --set freshness.max_age='3 days'"));
            };
            self.require("--set", &[name.to_owned()])?;
            for check in self.list.iter_mut().filter(|check| check.name == name) {
                let known = check.parameters.keys().cloned().collect::<Vec<_>>().join(", ");
                let Some(slot) = check.parameters.get_mut(parameter) else {
                    return Err(Error::new(
                        Kind::Usage,
                        format!("--set: check {name:?} has no parameter {parameter:?}"),
                    )
                    .detail(format!("it has: {}", if known.is_empty() { "none" } else { &known })));
                };
                value.clone_into(slot);
            }
        }
        Ok(self)
    }

    fn require(&self, flag: &str, names: &[String]) -> Result<()> {
        let known: Vec<&str> = self.list.iter().map(|check| check.name.as_str()).collect();
        let Some(name) = names.iter().find(|name| !known.contains(&name.as_str())) else { return Ok(()) };
        let error = Error::new(Kind::Usage, format!("{flag}: there is no check {name:?}"))
            .detail(format!("known: {}", known.join(", ")));
        Err(match did_you_mean(name, known.iter().copied()) {
            Some(near) => error.hint(format!("did you mean {near:?}?")),
            None => error,
        })
    }
}

fn parse(path: &str, text: &str, catalog: &Catalog) -> Result<Check> {
    let wrong = |message: String| Error::new(Kind::Config, message);
    let header = |label: &str| {
        files::header(text, label).ok_or_else(|| {
            wrong(format!("the header has no line \"-- {label}: …\""))
                .hint("a check begins with comment lines for purpose, for, severity and when (docs/checks.md)")
        })
    };
    let each = match header("for")? {
        "each entity" => Each::Entity,
        "each child" => Each::Child,
        other => return Err(wrong(format!("for: {other:?} is neither \"each entity\" nor \"each child\""))),
    };
    let severity = match header("severity")? {
        "warn" => Severity::Warn,
        "fail" => Severity::Fail,
        other => return Err(wrong(format!("severity: {other:?} is neither \"warn\" nor \"fail\""))),
    };
    let mut when = Vec::new();
    for word in header("when")?.split(',').map(str::trim) {
        when.push(match word {
            "swap" => When::Swap,
            "increment" => When::Increment,
            "check" => When::Check,
            other => return Err(wrong(format!("when: {other:?} is none of \"swap\", \"increment\" and \"check\""))),
        });
    }
    let entities: Vec<String> =
        files::header(text, "entity").map_or(Vec::new(), |list| list.split(',').map(|e| e.trim().to_owned()).collect());
    if let Some(name) = entities.iter().find(|name| !catalog.all().iter().any(|e| &e.name == *name)) {
        return Err(wrong(format!("entity: there is no entity {name:?}")));
    }
    let mut parameters = BTreeMap::new();
    for line in files::headers(text, "parameter") {
        let (name, value) = line
            .split_once('=')
            .ok_or_else(|| wrong(format!("parameter: {line:?} has not the form \"name = value\"")))?;
        parameters.insert(name.trim().to_owned(), value.trim().to_owned());
    }
    let name = Path::new(path).file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(Check {
        name,
        purpose: header("purpose")?.to_owned(),
        severity,
        hint: files::header(text, "hint").map(str::to_owned),
        each,
        entities,
        when,
        parameters,
        sql: crate::sql::fill(text, &[]).trim().trim_end_matches(';').trim_end().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        "-- purpose: p\n-- for: each entity\n-- severity: warn\n-- when: check\n-- parameter: n = 1\nselect 1;\n";

    #[test]
    fn a_check_is_read_from_its_header() {
        let catalog = Catalog::load(None).unwrap();
        let check = parse("x/own.sql", GOOD, &catalog).unwrap();
        assert_eq!((check.name.as_str(), check.severity, check.sql.as_str()), ("own", Severity::Warn, "select 1"));
        assert_eq!(check.parameters["n"], "1");
        for (from, to, expected) in [
            ("-- purpose: p\n", "", "-- purpose:"),
            ("each entity", "all", "neither \"each entity\""),
            ("warn", "bad", "neither \"warn\""),
            ("when: check", "when: check, never", "\"never\""),
            ("n = 1", "n", "name = value"),
            ("-- when", "-- entity: sale\n-- when", "no entity \"sale\""),
        ] {
            let error = parse("own.sql", &GOOD.replace(from, to), &catalog).unwrap_err();
            assert!(error.message().contains(expected), "{}", error.render());
        }
    }

    #[test]
    fn the_command_line_chooses_accepts_and_sets() {
        let catalog = Catalog::load(None).unwrap();
        let checks = || Checks::load(None, &catalog).unwrap();
        let text = |s: &str| vec![s.to_owned()];
        assert_eq!(checks().only(&text("orphan")).unwrap().all().len(), 1);
        assert_eq!(checks().only(&text("orphans")).unwrap_err().hint_text(), Some("did you mean \"orphan\"?"));
        let set = checks().set(&text("freshness.max_age=1 hour")).unwrap();
        assert_eq!(set.all().iter().find(|c| c.name == "freshness").unwrap().parameters["max_age"], "1 hour");
        for wrong in ["freshness", "freshness.age=1", "fresh.max_age=1"] {
            assert_eq!(checks().set(&text(wrong)).unwrap_err().kind(), Kind::Usage, "{wrong}");
        }
        let accepted = checks().accept(&text("orphan")).unwrap();
        assert_eq!(accepted.all().iter().find(|c| c.name == "orphan").unwrap().severity, Severity::Warn);
    }
}
