//! Every setting, declared once: its key in evo.toml, its variable, its flag, its default and what it means.
//!
//! Parsing, `evo config show` and the table in `docs/configuration.md` all come from [`KEYS`].

use std::fmt;
use std::time::Duration;

use clap::ValueEnum;

use super::environment::Environment;
use super::file::File;
use super::{GlobalArgs, default_workers, value};
use crate::error::{Error, Kind, Result};
use crate::failpoint;
use crate::suggest::did_you_mean;

/// What a setting takes, wherever it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// A text that is judged elsewhere: an address, a folder.
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A whole number from the one to the other.
    Whole(u64, u64),
    /// A duration from the one to the other.
    Time(Duration, Duration),
    /// A number of bytes from the one to the other.
    Size(u64, u64),
}

impl fmt::Display for Takes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Takes::Text => Ok(()),
            Takes::Word(words) => f.write_str(&words.join(", ")),
            Takes::Whole(min, max) => write!(f, "{min} to {max}"),
            Takes::Time(min, max) => write!(f, "{} to {}", value::show_duration(*min), value::show_duration(*max)),
            Takes::Size(min, max) => write!(f, "{} to {}", value::show_size(*min), value::show_size(*max)),
        }
    }
}

const fn time(min_ms: u64, max_s: u64) -> Takes {
    Takes::Time(Duration::from_millis(min_ms), Duration::from_secs(max_s))
}

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

/// One setting.
#[derive(Debug)]
pub struct Key {
    /// Key in evo.toml; a dot separates the table.
    pub name: &'static str,
    /// Environment variable.
    pub variable: &'static str,
    /// Flag of every command, or of those that it concerns.
    pub flag: Option<&'static str>,
    /// Which values it takes.
    pub takes: Takes,
    /// Default as text; `None` when it is found out.
    pub default: Option<&'static str>,
    /// What it means, in one line.
    pub doc: &'static str,
}

impl Key {
    const fn flag(self, flag: &'static str) -> Self {
        Self { flag: Some(flag), ..self }
    }

    const fn doc(self, doc: &'static str) -> Self {
        Self { doc, ..self }
    }

    const fn default(self, default: &'static str) -> Self {
        Self { default: Some(default), ..self }
    }
}

const fn key(name: &'static str, variable: &'static str, takes: Takes) -> Key {
    Key { name, variable, flag: None, takes, default: None, doc: "" }
}

/// All settings.
pub static KEYS: &[Key] = &[
    key("database_url", "EVO_DATABASE_URL", Takes::Text).flag("--database-url").doc(
        "PostgreSQL to work on, a URL or key=value string; without one libpq's PG* variables, then \
             PG_HOST …, then a private server",
    ),
    key("lake", "EVO_LAKE", Takes::Text).flag("--lake").doc(
        "where the bronze objects are: a path, file:///path or az://container/prefix; default `lake` \
             in state_dir",
    ),
    key("lake_idle_timeout", "EVO_LAKE_IDLE_TIMEOUT", time(100, HOUR))
        .default("30s")
        .doc("after this long without a byte from a lake on Azure, the request is repeated from where it stopped"),
    key("state_dir", "EVO_STATE_DIR", Takes::Text)
        .default(".evo")
        .doc("folder of the private PostgreSQL and the default lake"),
    key("pg_bin", "EVO_PG_BIN", Takes::Text)
        .doc("folder of PostgreSQL's server programs for the private server; found automatically by default"),
    key("extend", "EVO_EXTEND", Takes::Text)
        .flag("--extend")
        .doc("folder with models/ and migrations/ of your own entities"),
    key("output", "EVO_OUTPUT", Takes::Word(&["text", "json"]))
        .flag("--output")
        .doc("summary on stdout: text or json; default: as log_format"),
    key("log_format", "EVO_LOG_FORMAT", Takes::Word(&["text", "json"]))
        .flag("--log-format")
        .default("text")
        .doc("log lines on stderr: text or json"),
    key("log_level", "EVO_LOG_LEVEL", Takes::Word(&["warn", "info", "debug", "trace"]))
        .default("info")
        .doc("how much is logged; -v and -q override it"),
    key("progress_interval", "EVO_PROGRESS_INTERVAL", time(100, HOUR))
        .default("1m")
        .doc("how often a running job logs its progress, unless a terminal shows bars"),
    key("workers", "EVO_WORKERS", Takes::Whole(1, 64))
        .flag("--workers")
        .doc("parallel batches or chunks; default: one per CPU, at most 8"),
    key("batch_size", "EVO_BATCH_SIZE", Takes::Whole(1, 10_000)).flag("--batch-size").doc(
        "objects per batch of a load; a batch is one transaction; default: 10, up to 500 small ones, \
             fewer over 25 MiB",
    ),
    key("load.max_line_bytes", "EVO_LOAD_MAX_LINE_BYTES", Takes::Size(1 << 10, 1 << 30))
        .default("64MiB")
        .doc("longest line that a load accepts"),
    key("load.max_ratio", "EVO_LOAD_MAX_RATIO", Takes::Whole(1, 1_000_000)).default("1000").doc(
        "decompressed bytes per compressed byte, counted after 64 MiB; an object beyond this limit is \
             a decompression bomb",
    ),
    key("load.lease", "EVO_LOAD_LEASE", time(1_000, DAY)).default("1m").doc(
        "how long a stalled execution keeps the batches that it has claimed; those of an execution \
             that has ended are taken over immediately",
    ),
    key("transform.chunk_rows", "EVO_TRANSFORM_CHUNK_ROWS", Takes::Whole(1, 10_000_000))
        .default("20000")
        .doc("rows per transaction of a transform"),
    key("retry.max_retries", "EVO_RETRY_MAX_RETRIES", Takes::Whole(0, 1_000)).flag("--max-retries").default("5").doc(
        "retries of a failed batch, chunk or full refresh after its first attempt; 0 also means not \
             to wait for an unavailable database",
    ),
    key("retry.base", "EVO_RETRY_BASE", time(0, HOUR))
        .flag("--retry-base")
        .default("5s")
        .doc("pause before the first retry; doubles from there up to retry.max, with jitter"),
    key("retry.max", "EVO_RETRY_MAX", time(0, DAY)).default("4m").doc(
        "the longest pause; never shorter than a given retry.base, while the default of retry.base \
             is shortened to it",
    ),
    key("retry.budget", "EVO_RETRY_BUDGET", time(0, 7 * DAY)).flag("--retry-budget").default("10m").doc(
        "how long a job waits for an unavailable database, and how long the pauses of one batch may \
             add up to",
    ),
    key("retry.stall_timeout", "EVO_RETRY_STALL_TIMEOUT", time(100, DAY)).default("1m").doc(
        "how long a connection may be silent before evo asks the server over another one whether it \
             is still working; if it is not, the work is repeated",
    ),
];

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A flag.
    Flag(&'static str),
    /// An environment variable.
    Environment(&'static str),
    /// A line of the settings file.
    File(String, usize),
    /// Built in.
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
    /// Which.
    pub key: &'static Key,
    /// As given; `None` when nothing gave it and it has no fixed default.
    pub text: Option<String>,
    /// From where.
    pub origin: Origin,
}

impl fmt::Debug for Resolved {
    // A database's address may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} from {}", self.key.name, self.origin)
    }
}

impl Resolved {
    /// The text, for a key that always has one.
    pub(super) fn require(&self) -> Result<&str> {
        self.text.as_deref().ok_or_else(|| Error::new(Kind::Internal, format!("{} has no default", self.key.name)))
    }

    /// Parses the text; an error says which setting it is and where it comes from.
    pub(super) fn parse<T>(&self, parse: impl FnOnce(&str) -> Result<T>) -> Result<T> {
        parse(self.require()?).map_err(|e| self.blame(e))
    }

    /// The whole number, within the range of its key.
    pub(super) fn whole(&self) -> Result<u64> {
        self.parse(|text| match self.key.takes {
            Takes::Whole(min, max) => value::whole(text, min, max),
            Takes::Size(min, max) => value::size(text, min, max),
            _ => Err(Error::new(Kind::Internal, "this setting is no number")),
        })
    }

    /// The duration, within the range of its key.
    pub(super) fn time(&self) -> Result<Duration> {
        self.parse(|text| match self.key.takes {
            Takes::Time(min, max) => value::duration(text, min, max),
            _ => Err(Error::new(Kind::Internal, "this setting is no duration")),
        })
    }

    /// One of the words of its key.
    pub(super) fn word<T: ValueEnum>(&self) -> Result<T> {
        self.parse(choice)
    }

    /// Puts the setting's name, as it was given, in front of an error. What a flag does not take is a mistake on the
    /// command line; elsewhere it is one of the settings.
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

    /// Without what must not be shown: the database's address is shown by its own redacting display.
    pub(super) fn redacted(&self) -> Self {
        let text = if self.key.name == "database_url" { None } else { self.text.clone() };
        Self { text, ..self.clone() }
    }
}

/// Looks every setting up in its sources.
pub(super) fn resolve(global: &GlobalArgs, environment: &Environment, file: &File) -> Vec<Resolved> {
    KEYS.iter()
        .map(|key| {
            let flag = key.flag.and_then(|flag| Some((flag_text(global, key.name)?, Origin::Flag(flag))));
            let variable = || Some((environment.get(key.variable)?.to_owned(), Origin::Environment(key.variable)));
            let entry = || {
                let entry = file.get(key.name)?;
                Some((entry.text.clone(), Origin::File(file.path.display().to_string(), entry.line)))
            };
            let default = || {
                let text = match key.name {
                    "workers" => Some(default_workers().to_string()),
                    _ => key.default.map(str::to_owned),
                };
                (text, Origin::Default)
            };
            let (text, origin) = flag
                .or_else(variable)
                .or_else(entry)
                .map(|(text, origin)| (Some(text), origin))
                .unwrap_or_else(default);
            Resolved { key, text, origin }
        })
        .collect()
}

fn flag_text(global: &GlobalArgs, key: &str) -> Option<String> {
    match key {
        "database_url" => global.database_url.clone(),
        "lake" => global.lake.clone(),
        "extend" => global.extend.as_ref().map(|p| p.display().to_string()),
        "output" => global.output.clone(),
        "log_format" => global.log_format.clone(),
        "retry.max_retries" => global.max_retries.clone(),
        "retry.base" => global.retry_base.clone(),
        "retry.budget" => global.retry_budget.clone(),
        _ => global.of_command.iter().find(|(name, _)| *name == key).map(|(_, text)| text.clone()),
    }
}

pub(super) fn find<'a>(all: &'a [Resolved], name: &str) -> Result<&'a Resolved> {
    all.iter()
        .find(|resolved| resolved.key.name == name)
        .ok_or_else(|| Error::new(Kind::Internal, format!("{name} is not a declared setting")))
}

/// One of an enum's names.
pub(super) fn choice<T: ValueEnum>(text: &str) -> Result<T> {
    T::from_str(text, true).map_err(|_| {
        let names: Vec<String> =
            T::value_variants().iter().filter_map(|v| Some(v.to_possible_value()?.get_name().to_owned())).collect();
        let error = value::unexpected(&names.join(" or "), text);
        match did_you_mean(text, names.iter().map(String::as_str)) {
            Some(near) => error.hint(format!("did you mean {near:?}?")),
            None => error,
        }
    })
}

/// An `EVO_` variable that evo does not know is a typo, but for those of the EVO API.
pub(super) fn refuse_unknown_variables(environment: &Environment) -> Result<()> {
    let known = || KEYS.iter().map(|key| key.variable).chain(["EVO_CONFIG"]).chain(failpoint::VARIABLE);
    let of_the_api = |name: &str| name.starts_with("EVO_API_") || ["EVO_USERNAME", "EVO_PASSWORD"].contains(&name);
    let unknown =
        environment.names().find(|name| name.starts_with("EVO_") && !of_the_api(name) && !known().any(|k| k == *name));
    let Some(name) = unknown else { return Ok(()) };
    let error = Error::new(Kind::Config, format!("unknown environment variable {name}"));
    Err(match did_you_mean(name, known()) {
        Some(near) => error.hint(format!("did you mean {near}?")),
        None => error.hint("`evo config show` lists every setting and its variable"),
    })
}
