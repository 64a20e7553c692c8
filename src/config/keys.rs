//! Every setting, declared once: its key in evo.toml, its variable, flag, range, default and meaning.
//!
//! Parsing, `evo config show` and the table in `docs/configuration.md` all come from [`KEYS`].

use std::fmt;
use std::time::Duration;

use super::environment::Environment;
use super::source::{self, ApiSource};
use super::value;
use crate::error::{Error, Kind, Mistakes};
use crate::failpoint;
use crate::suggest::did_you_mean;

/// The values that a setting takes, wherever they come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// A text with a parser of its own: an address, a folder.
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A whole number in this range, both ends included.
    Whole(u64, u64),
    /// A duration in this range, both ends included.
    Time(Duration, Duration),
    /// A number of bytes in this range, both ends included.
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

/// The declaration of one setting.
#[derive(Debug)]
pub struct Setting {
    /// Setting in evo.toml; a dot separates table and key.
    pub name: &'static str,
    /// The environment variable: `EVO_…`.
    pub variable: &'static str,
    /// Flag, of every command or of those that it concerns; `None` when there is none.
    pub flag: Option<&'static str>,
    /// The values that it takes, with their range.
    pub takes: Takes,
    /// Default as text; `None` when it depends on the machine or on other settings.
    pub default: Option<&'static str>,
    /// Its meaning, in one line without a full stop.
    pub doc: &'static str,
}

impl Setting {
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

const fn key(name: &'static str, variable: &'static str, takes: Takes) -> Setting {
    Setting { name, variable, flag: None, takes, default: None, doc: "" }
}

/// Every setting, in the order of `docs/configuration.md`.
pub static KEYS: &[Setting] = &[
    key("database_url", "EVO_DATABASE_URL", Takes::Text).flag("--database-url").doc(
        "PostgreSQL to use, a URL or key=value string; without one libpq's PG* variables, then \
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
    key("metrics_file", "EVO_METRICS_FILE", Takes::Text)
        .flag("--metrics-file")
        .doc("file for Prometheus' textfile collector, or a folder for it; written while a job runs and at its end"),
    key("metrics_interval", "EVO_METRICS_INTERVAL", time(1_000, HOUR)).default("15s").doc(
        "how often a running job writes metrics_file and sends its metrics; default: \
             OTEL_METRIC_EXPORT_INTERVAL, if it is set",
    ),
    key("otlp_endpoint", "EVO_OTLP_ENDPOINT", Takes::Text).flag("--otlp-endpoint").doc(
        "collector of OpenTelemetry (OTLP over HTTP) for metrics and spans; default: \
             OTEL_EXPORTER_OTLP_ENDPOINT",
    ),
    key("notify", "EVO_NOTIFY", Takes::Text)
        .flag("--notify")
        .doc("address to which the summary of a job is posted when it has ended, such as that of a webhook"),
    key("notify_on", "EVO_NOTIFY_ON", Takes::Word(&["always", "failure"]))
        .flag("--notify-on")
        .default("always")
        .doc("when it is posted: after every job, or after one whose exit code is not 0"),
    key("notify_format", "EVO_NOTIFY_FORMAT", Takes::Text)
        .default("auto")
        .doc("what is posted: json, slack, teams, or the path of a template; auto: as the host of the address expects"),
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

/// Unknown `EVO_` variables are typos, and mistakes with the nearest known name, except those of the EVO API
/// and the secrets of `sources`.
pub(super) fn refuse_unknown_variables(environment: &Environment, sources: &[ApiSource], mistakes: &mut Mistakes) {
    let known = || KEYS.iter().map(|key| key.variable).chain(["EVO_CONFIG"]).chain(failpoint::VARIABLE);
    let of_the_api = |name: &str| name.starts_with("EVO_API_") || ["EVO_USERNAME", "EVO_PASSWORD"].contains(&name);
    let is_expected =
        |name: &str| of_the_api(name) || source::is_secret_of(sources, name) || known().any(|k| k == name);
    for name in environment.names().filter(|name| name.starts_with("EVO_") && !is_expected(name)) {
        let error = Error::new(Kind::Config, format!("unknown environment variable {name}"));
        mistakes.add(match did_you_mean(name, known()) {
            Some(near) => error.hint(format!("did you mean {near}?")),
            None => error.hint("`evo config show` lists every setting and its variable"),
        });
    }
}
