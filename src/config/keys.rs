//! Every setting, declared once: its key in evo.toml, its variable, its flag, its default and what it means.
//!
//! Parsing, `evo config show` and the table in `docs/configuration.md` all come from [`KEYS`].

use std::fmt;

use clap::ValueEnum;

use super::environment::Environment;
use super::file::File;
use super::nearest::nearest;
use super::{GlobalArgs, default_workers, value};
use crate::error::{Error, Kind, Result};
use crate::failpoint;

/// One setting.
#[derive(Debug)]
pub struct Key {
    /// Key in evo.toml; a dot separates the table.
    pub name: &'static str,
    /// Environment variable.
    pub variable: &'static str,
    /// Flag that every command takes, or the flag of some commands in parentheses.
    pub flag: Option<&'static str>,
    /// Default as text; `None` when it is found out.
    pub default: Option<&'static str>,
    /// What it means, in one line.
    pub doc: &'static str,
}

const fn key(
    name: &'static str,
    variable: &'static str,
    flag: Option<&'static str>,
    default: Option<&'static str>,
    doc: &'static str,
) -> Key {
    Key { name, variable, flag, default, doc }
}

/// All settings.
pub static KEYS: &[Key] = &[
    key(
        "database_url",
        "EVO_DATABASE_URL",
        Some("--database-url"),
        None,
        "PostgreSQL to work on, a URL or key=value string; without one libpq's PG* variables, then PG_HOST …, then a private server",
    ),
    key(
        "lake",
        "EVO_LAKE",
        Some("--lake"),
        None,
        "where the bronze objects are: a path, file:///path or az://container/prefix; default `lake` in state_dir",
    ),
    key(
        "lake_idle_timeout",
        "EVO_LAKE_IDLE_TIMEOUT",
        None,
        Some("30s"),
        "a lake on Azure that sends nothing for this long is asked again, from where it stopped",
    ),
    key("state_dir", "EVO_STATE_DIR", None, Some(".evo"), "folder of the private PostgreSQL and the default lake"),
    key(
        "pg_bin",
        "EVO_PG_BIN",
        None,
        None,
        "folder of PostgreSQL's server programs for the private server; default: searched for",
    ),
    key("extend", "EVO_EXTEND", Some("--extend"), None, "folder with models/ and migrations/ of your own entities"),
    key("output", "EVO_OUTPUT", Some("--output"), Some("text"), "summary on stdout: text or json"),
    key("log_format", "EVO_LOG_FORMAT", Some("--log-format"), Some("text"), "log lines on stderr: text or json"),
    key("log_level", "EVO_LOG_LEVEL", None, Some("info"), "warn, info, debug or trace; -v and -q override it"),
    key("workers", "EVO_WORKERS", None, None, "batches or chunks worked on at once; default: one per CPU, at most 8"),
    key(
        "batch_size",
        "EVO_BATCH_SIZE",
        None,
        None,
        "objects per batch of a load; a batch is one transaction; default: 10, up to 500 small ones, fewer over 25 MiB",
    ),
    key("load.max_line_bytes", "EVO_LOAD_MAX_LINE_BYTES", None, Some("64MiB"), "longest line that a load takes"),
    key(
        "load.max_ratio",
        "EVO_LOAD_MAX_RATIO",
        None,
        Some("1000"),
        "decompressed bytes to one compressed byte, counted behind 64 MiB, beyond which an object is taken for a bomb",
    ),
    key(
        "load.lease",
        "EVO_LOAD_LEASE",
        None,
        Some("1m"),
        "how long a stalled execution keeps the batches that it has claimed; those of one that is gone are taken over at once",
    ),
    key("transform.chunk_rows", "EVO_TRANSFORM_CHUNK_ROWS", None, Some("20000"), "rows per transaction of a transform"),
    key(
        "retry.max_retries",
        "EVO_RETRY_MAX_RETRIES",
        Some("--max-retries"),
        Some("5"),
        "retries of a failed batch, chunk or full refresh after its first attempt; 0 also means not to wait for a database that is away",
    ),
    key(
        "retry.base",
        "EVO_RETRY_BASE",
        Some("--retry-base"),
        Some("5s"),
        "pause before the first retry; doubles from there, with jitter",
    ),
    key("retry.max", "EVO_RETRY_MAX", None, Some("4m"), "the longest pause"),
    key(
        "retry.budget",
        "EVO_RETRY_BUDGET",
        Some("--retry-budget"),
        Some("10m"),
        "how long a job waits for a database that is away, and how long the pauses of one batch may add up to",
    ),
    key(
        "retry.stall_timeout",
        "EVO_RETRY_STALL_TIMEOUT",
        None,
        Some("1m"),
        "how long a connection may keep silent before the server is asked over another one whether it still works; if not, the work is repeated",
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

    pub(super) fn blame(&self, e: Error) -> Error {
        match &self.origin {
            Origin::Default => e.context(self.key.name),
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
    let name = |v: &dyn Fn() -> Option<clap::builder::PossibleValue>| v().map(|p| p.get_name().to_owned());
    match key {
        "database_url" => global.database_url.clone(),
        "lake" => global.lake.clone(),
        "extend" => global.extend.as_ref().map(|p| p.display().to_string()),
        "output" => global.output.and_then(|o| name(&|| o.to_possible_value())),
        "retry.max_retries" => global.max_retries.map(|n| n.to_string()),
        "retry.base" => global.retry_base.clone(),
        "retry.budget" => global.retry_budget.clone(),
        "log_format" => global.log_format.and_then(|f| name(&|| f.to_possible_value())),
        _ => None,
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
        value::unexpected(&names.join(" or "), text)
    })
}

pub(super) fn log_level(text: &str) -> Result<u8> {
    ["warn", "info", "debug", "trace"]
        .iter()
        .position(|name| *name == text)
        .map(|level| level as u8)
        .ok_or_else(|| value::unexpected("warn, info, debug or trace", text))
}

/// An `EVO_` variable that evo does not know is a typo, but for those of the EVO API.
pub(super) fn refuse_unknown_variables(environment: &Environment) -> Result<()> {
    let known = || KEYS.iter().map(|key| key.variable).chain(["EVO_CONFIG"]).chain(failpoint::VARIABLE);
    let of_the_api = |name: &str| name.starts_with("EVO_API_") || ["EVO_USERNAME", "EVO_PASSWORD"].contains(&name);
    let unknown =
        environment.names().find(|name| name.starts_with("EVO_") && !of_the_api(name) && !known().any(|k| k == *name));
    let Some(name) = unknown else { return Ok(()) };
    let error = Error::new(Kind::Config, format!("unknown environment variable {name}"));
    Err(match nearest(name, known()) {
        Some(near) => error.hint(format!("did you mean {near}?")),
        None => error.hint("`evo config show` lists every setting and its variable"),
    })
}
