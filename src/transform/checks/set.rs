//! All checks that apply, with what the command line says about them.

use std::collections::BTreeMap;
use std::path::Path;

use include_dir::{Dir, include_dir};

use super::check::{Check, Severity};
use crate::entity::Catalog;
use crate::error::{Error, Kind, Mistakes, Result};
use crate::suggest::did_you_mean;
use crate::transform::sql_files::sql_files;

static BUILT_IN: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/sql/checks");

/// All checks that apply, by name.
#[derive(Debug, Clone, Default)]
pub struct Checks(Vec<Check>);

impl Checks {
    /// The built-in checks and those of `extend/checks/`; one of the same name replaces the built-in one.
    ///
    /// # Errors
    /// `Config`, with file and line, when a check cannot be read.
    pub fn load(extend: Option<&Path>, catalog: &Catalog) -> Result<Self> {
        let mut mistakes = Mistakes::default();
        let checks = Self::load_with_mistakes(extend, catalog, &mut mistakes);
        mistakes.into_result(Some(checks))
    }

    /// Reads as [`Checks::load`] does and adds every mistake to `mistakes`. A check with a mistake is left
    /// out.
    pub fn load_with_mistakes(extend: Option<&Path>, catalog: &Catalog, mistakes: &mut Mistakes) -> Self {
        let mut found = BTreeMap::new();
        let built_in = BUILT_IN
            .files()
            .map(|file| (file.path().display().to_string(), file.contents_utf8().unwrap_or_default().to_owned()));
        let own = mistakes.keep(sql_files(extend, "checks")).unwrap_or_default();
        let files = built_in.map(|file| (file, true)).chain(own.into_iter().map(|file| (file, false)));
        for ((path, text), is_built_in) in files {
            if let Some(mut check) = mistakes.keep(Check::parse(&path, &text, catalog)) {
                check.is_built_in = is_built_in;
                found.insert(check.name.clone(), check);
            }
        }
        Self(found.into_values().collect())
    }

    /// Every check, by name.
    pub fn all(&self) -> &[Check] {
        &self.0
    }

    /// Only the named ones; no name means all.
    ///
    /// # Errors
    /// `Usage` for a name that no check has.
    pub fn only(mut self, names: &[String]) -> Result<Self> {
        self.require("--only", names)?;
        self.0.retain(|check| names.is_empty() || names.contains(&check.name));
        Ok(self)
    }

    /// The same checks; the rows of the named ones are only a warning.
    ///
    /// # Errors
    /// `Usage` for a name that no check has.
    pub fn accept(mut self, names: &[String]) -> Result<Self> {
        self.require("--accept", names)?;
        for check in self.0.iter_mut().filter(|check| names.contains(&check.name)) {
            check.severity = Severity::Warn;
        }
        Ok(self)
    }

    /// The same checks with other values of parameters: `fill_rate.points=30`.
    ///
    /// # Errors
    /// `Usage` for a text of another form, and for a check or parameter that does not exist.
    pub fn set(mut self, settings: &[String]) -> Result<Self> {
        for setting in settings {
            let parts = setting.split_once('=').and_then(|(path, value)| Some((path.split_once('.')?, value)));
            let Some(((name, parameter), value)) = parts else {
                let message = format!("--set {setting:?} is not of the form CHECK.PARAMETER=VALUE");
                return Err(Error::new(Kind::Usage, message).hint("for example --set freshness.max_age='3 days'"));
            };
            self.require("--set", &[name.to_owned()])?;
            for check in self.0.iter_mut().filter(|check| check.name == name) {
                let known = check.parameters.keys().cloned().collect::<Vec<_>>().join(", ");
                let Some(slot) = check.parameters.get_mut(parameter) else {
                    let message = format!("--set: check {name:?} has no parameter {parameter:?}");
                    let known = if known.is_empty() { "none" } else { &known };
                    return Err(Error::new(Kind::Usage, message).detail(format!("it has: {known}")));
                };
                value.clone_into(slot);
            }
        }
        Ok(self)
    }

    fn require(&self, flag: &str, names: &[String]) -> Result<()> {
        let known: Vec<&str> = self.0.iter().map(|check| check.name.as_str()).collect();
        let Some(name) = names.iter().find(|name| !known.contains(&name.as_str())) else { return Ok(()) };
        let error = Error::new(Kind::Usage, format!("{flag}: there is no check {name:?}"))
            .detail(format!("known: {}", known.join(", ")));
        Err(match did_you_mean(name, known.iter().copied()) {
            Some(near) => error.hint(format!("did you mean {near:?}?")),
            None => error,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
