//! Flags that every command takes.

use std::path::PathBuf;

use clap::Args;

/// Flags that every command takes. Most have an environment variable and a key in evo.toml
/// (`evo config show`).
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// PostgreSQL to use: a URL or key=value string [env: EVO_DATABASE_URL] [default: a private one in .evo/]
    #[arg(long, global = true, value_name = "URL")]
    pub database_url: Option<String>,
    /// The lake: file:///path, a path, or az://container/prefix [env: EVO_LAKE] [default: .evo/lake]
    #[arg(long, global = true, value_name = "URL")]
    pub lake: Option<String>,
    /// Settings file [env: EVO_CONFIG] [default: evo.toml, if there is one]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder with models/ and migrations/ of your own entities [env: EVO_EXTEND]
    #[arg(long, global = true, value_name = "DIR")]
    pub extend: Option<PathBuf>,
    /// Summary on stdout: text or json [env: EVO_OUTPUT] [default: as --log-format]
    #[arg(long, global = true, value_name = "FORMAT")]
    pub output: Option<String>,
    /// Log lines on stderr: text or json [env: EVO_LOG_FORMAT] [default: text]
    #[arg(long, global = true, value_name = "FORMAT")]
    pub log_format: Option<String>,
    /// Retries of a failed batch, 0 to 1000 [env: EVO_RETRY_MAX_RETRIES] [default: 5]
    #[arg(long, global = true, value_name = "N")]
    pub max_retries: Option<String>,
    /// Pause before the first retry, doubling from there [env: EVO_RETRY_BASE] [default: 5s]
    #[arg(long, global = true, value_name = "TIME")]
    pub retry_base: Option<String>,
    /// How long to wait for an unavailable database [env: EVO_RETRY_BUDGET] [default: 10m]
    #[arg(long, global = true, value_name = "TIME")]
    pub retry_budget: Option<String>,
    /// File or folder for Prometheus' textfile collector [env: EVO_METRICS_FILE]
    #[arg(long, global = true, value_name = "FILE")]
    pub metrics_file: Option<PathBuf>,
    /// Collector for metrics and spans, OTLP over HTTP [env: EVO_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_ENDPOINT]
    #[arg(long, global = true, value_name = "URL")]
    pub otlp_endpoint: Option<String>,
    /// Post the summary there when the job has ended [env: EVO_NOTIFY]
    #[arg(long, global = true, value_name = "URL")]
    pub notify: Option<String>,
    /// When to post it: always or failure [env: EVO_NOTIFY_ON] [default: always]
    #[arg(long, global = true, value_name = "WHEN")]
    pub notify_on: Option<String>,
    /// Log more (-v debug, -vv trace)
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Warnings and errors only, no progress
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// Settings that are flags of the command: key and text as given.
    #[arg(skip)]
    pub of_command: Vec<(&'static str, String)>,
}

/// The words for the log level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum LogLevel {
    Warn,
    Info,
    Debug,
    Trace,
}

/// How the summary on stdout is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Output {
    /// A table for a person.
    #[default]
    Text,
    /// One JSON document.
    Json,
}

/// How log lines on stderr are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// Short lines for a person.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}
