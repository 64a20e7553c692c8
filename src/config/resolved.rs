//! Settings with their text and where it comes from.

use std::fmt;
use std::time::Duration;

use clap::ValueEnum;

use super::environment::Environment;
use super::file::File;
use super::flags::GlobalArgs;
use super::keys::{KEYS, Setting, Takes};
use super::value;
use crate::error::{Error, Kind, Mistakes, Result};
use crate::suggest::did_you_mean;

/// The origin of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// This flag.
    Flag(&'static str),
    /// This environment variable.
    Environment(&'static str),
    /// The settings file, and the line in it, from 1.
    File(String, usize),
    /// No origin: the built-in default.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Flag(name) => write!(f, "flag {name}"),
            Origin::Environment(name) => write!(f, "environment {name}"),
            Origin::File(path, line) => write!(f, "{path}:{line}"),
            Origin::Default => f.write_str("default"),
        }
    }
}

/// A setting with its text and where that comes from.
#[derive(Clone)]
pub struct Resolved {
    /// The setting that has this value.
    pub key: &'static Setting,
    /// The value as given; `None` when it was not given and has no fixed default.
    pub text: Option<String>,
    /// The origin of the text.
    pub origin: Origin,
}

impl fmt::Debug for Resolved {
    // Without the text: a database's address may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} from {}", self.key.name, self.origin)
    }
}

impl Resolved {
    /// The text of a key that always has one.
    pub(super) fn require(&self) -> Result<&str> {
        self.text.as_deref().ok_or_else(|| Error::new(Kind::Internal, format!("{} has no default", self.key.name)))
    }

    /// Parses the text. An error says which setting it is and where it comes from.
    pub(super) fn parse<T>(&self, parse: impl FnOnce(&str) -> Result<T>) -> Result<T> {
        parse(self.require()?).map_err(|e| self.blame(e))
    }

    /// The whole number, within the range of its key.
    pub(super) fn whole(&self) -> Result<u64> {
        self.parse(|text| match self.key.takes {
            Takes::Whole(min, max) => value::whole(text, min, max),
            Takes::Size(min, max) => value::size(text, min, max),
            _ => Err(Error::new(Kind::Internal, "this setting is not a number")),
        })
    }

    /// The duration, within the range of its key.
    pub(super) fn time(&self) -> Result<Duration> {
        self.parse(|text| match self.key.takes {
            Takes::Time(min, max) => value::duration(text, min, max),
            _ => Err(Error::new(Kind::Internal, "this setting is not a duration")),
        })
    }

    /// One of the words of its key.
    pub(super) fn word<T: ValueEnum>(&self) -> Result<T> {
        self.parse(choice)
    }

    /// Checks the value against what its key takes; a text has a parser of its own.
    ///
    /// # Errors
    /// `Config` or `Usage` that names the setting.
    fn check(&self) -> Result<()> {
        match self.key.takes {
            _ if self.text.is_none() => Ok(()),
            Takes::Text => Ok(()),
            Takes::Word(words) => self.parse(|text| one_of(text, words)),
            Takes::Whole(..) | Takes::Size(..) => self.whole().map(drop),
            Takes::Time(..) => self.time().map(drop),
        }
    }

    /// The same setting as if it had not been given.
    fn by_default(&self) -> Self {
        Self { key: self.key, text: default_of(self.key), origin: Origin::Default }
    }

    /// Prefixes an error with the setting's name as it was given. A wrong value of a flag is a `Usage` error,
    /// from any other origin it is a `Config` error.
    pub(super) fn blame(&self, e: Error) -> Error {
        let e = match (e.hint_text(), self.key.takes) {
            (None, takes) if takes != Takes::Text => {
                e.hint("`evo config show` has every setting and where it comes from")
            }
            _ => e,
        };
        match &self.origin {
            Origin::Default => e.context(self.key.name),
            Origin::Flag(flag) if self.key.takes != Takes::Text => e.of_kind(Kind::Usage).context(flag),
            Origin::Flag(flag) => e.context(flag),
            Origin::Environment(name) => e.context(name),
            Origin::File(path, line) => e.context(format!("{path}:{line}: {}", self.key.name)),
        }
    }

    /// Without the text that must not be shown: the database's address has a display of its own that redacts
    /// it, and of the address of a webhook or a collector only the host is shown.
    pub(super) fn redacted(&self) -> Self {
        let text = match self.key.name {
            "database_url" => None,
            "notify" | "otlp_endpoint" => self.text.as_deref().map(value::show_host),
            _ => self.text.clone(),
        };
        Self { text, ..self.clone() }
    }
}

/// Resolves every setting: flag, or else variable, file, default.
pub(super) fn look_up(global: &GlobalArgs, environment: &Environment, file: &File) -> Vec<Resolved> {
    KEYS.iter()
        .map(|key| {
            let flag = key.flag.and_then(|flag| Some((flag_text(global, key.name)?, Origin::Flag(flag))));
            let variable = || Some((environment.get(key.variable)?.to_owned(), Origin::Environment(key.variable)));
            let entry = || {
                let entry = file.get(key.name)?;
                Some((entry.text.clone(), Origin::File(file.path.display().to_string(), entry.line)))
            };
            let default = || (default_of(key), Origin::Default);
            let (text, origin) = flag
                .or_else(variable)
                .or_else(entry)
                .map(|(text, origin)| (Some(text), origin))
                .unwrap_or_else(default);
            Resolved { key, text, origin }
        })
        .collect()
}

fn default_of(key: &Setting) -> Option<String> {
    match key.name {
        "workers" => Some(default_workers().to_string()),
        _ => key.default.map(str::to_owned),
    }
}

/// Gives every setting with a value that its key does not take the default instead.
pub(super) fn set_right(all: &mut [Resolved], mistakes: &mut Mistakes) {
    for resolved in all {
        if mistakes.keep(resolved.check()).is_none() {
            *resolved = resolved.by_default();
        }
    }
}

fn flag_text(global: &GlobalArgs, key: &str) -> Option<String> {
    match key {
        "database_url" => global.database_url.clone(),
        "lake" => global.lake.clone(),
        "extend" => global.extend.as_ref().map(|p| p.display().to_string()),
        "output" => global.output.clone(),
        "log_format" => global.log_format.clone(),
        "metrics_file" => global.metrics_file.as_ref().map(|p| p.display().to_string()),
        "otlp_endpoint" => global.otlp_endpoint.clone(),
        "notify" => global.notify.clone(),
        "notify_on" => global.notify_on.clone(),
        "retry.max_retries" => global.max_retries.clone(),
        "retry.base" => global.retry_base.clone(),
        "retry.budget" => global.retry_budget.clone(),
        _ => global.of_command.iter().find(|(name, _)| *name == key).map(|(_, text)| text.clone()),
    }
}

/// The number of CPUs, from 1 to 8: more workers than the server has cores gain nothing.
fn default_workers() -> usize {
    std::thread::available_parallelism().map_or(2, |n| n.get().min(8))
}

/// The setting of this name.
///
/// # Errors
/// `Internal` when [`KEYS`] does not have it.
pub(super) fn find<'a>(all: &'a [Resolved], name: &str) -> Result<&'a Resolved> {
    all.iter()
        .find(|resolved| resolved.key.name == name)
        .ok_or_else(|| Error::new(Kind::Internal, format!("{name} is not a declared setting")))
}

/// Parses one of an enum's names; case is ignored.
///
/// # Errors
/// `Config` with all names and the nearest one.
pub(super) fn choice<T: ValueEnum>(text: &str) -> Result<T> {
    T::from_str(text, true).map_err(|_| {
        let names: Vec<String> =
            T::value_variants().iter().filter_map(|v| Some(v.to_possible_value()?.get_name().to_owned())).collect();
        not_one_of(text, &names.iter().map(String::as_str).collect::<Vec<_>>())
    })
}

fn one_of(text: &str, words: &[&str]) -> Result<()> {
    match words.iter().any(|word| word.eq_ignore_ascii_case(text)) {
        true => Ok(()),
        false => Err(not_one_of(text, words)),
    }
}

fn not_one_of(text: &str, words: &[&str]) -> Error {
    let error = value::unexpected(&words.join(" or "), text);
    match did_you_mean(text, words.iter().copied()) {
        Some(near) => error.hint(format!("did you mean {near:?}?")),
        None => error,
    }
}
