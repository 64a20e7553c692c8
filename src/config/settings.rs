//! The effective settings of one execution.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::azure::{Azure, RequestPolicy};
use super::database::{self, Database};
use super::environment::Environment;
use super::file::File;
use super::flags::{GlobalArgs, LogFormat, Output};
use super::keys::{self, KEYS};
use super::lake::LakeAddress;
use super::machine::Machine;
use super::notify::{self, Notify};
use super::reporting::{self, Progress};
use super::resolved::{self, Origin, Resolved, find};
use super::retries;
use super::source::{self, ApiSource};
use super::telemetry::{self, Telemetry};
use crate::error::{Error, Kind, Mistakes, Result};
use crate::retry::Policy;

/// How long a job in a terminal waits for a server that it has never reached.
const FIRST_CONNECT: Duration = Duration::from_secs(5);

/// The effective settings of one execution, each within the range of its key.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The PostgreSQL server to use.
    pub database: Database,
    /// Where the bronze objects are.
    pub lake: LakeAddress,
    /// Credentials for a lake on Azure, and how requests to it are retried.
    pub azure: Azure,
    /// APIs that records are extracted from.
    pub sources: Vec<ApiSource>,
    /// Folder of the private PostgreSQL and the default lake: `.evo`.
    pub state_dir: PathBuf,
    /// Folder of PostgreSQL's server programs; `None` searches for them.
    pub pg_bin: Option<PathBuf>,
    /// The value of `PATH`, where programs are searched.
    pub search_path: String,
    /// Folder with `models/` and `migrations/` of the user's own entities; it exists.
    pub extend: Option<PathBuf>,
    /// Parallel workers of a load or transform, 1 to 64.
    pub workers: usize,
    /// Objects per batch of a load; `None` chooses by their size.
    pub batch_size: Option<usize>,
    /// How long a stalled execution keeps the batches that it has claimed.
    pub lease: Duration,
    /// Longest line that a load accepts, bytes.
    pub max_line_bytes: usize,
    /// Decompressed bytes per compressed byte from which an object counts as a decompression bomb.
    pub max_ratio: u64,
    /// Rows per transaction of a transform.
    pub chunk_rows: u64,
    /// How batches, chunks and steps are retried.
    pub retry: Policy,
    /// How long a job in a terminal waits for a server that it has never reached; `None` is as long as for
    /// any other.
    pub first_connect: Option<Duration>,
    /// Format of the summary on stdout.
    pub output: Output,
    /// Format of the log on stderr.
    pub log_format: LogFormat,
    /// How a running job shows its progress.
    pub progress: Progress,
    /// Columns that the summary may use; `None` for no limit.
    pub columns: Option<usize>,
    /// Whether log lines may be colored: stderr is a terminal and NO_COLOR is not set.
    pub color: bool,
    /// The machine and the process, for `evo.runs`.
    pub machine: Machine,
    /// Log level: 0 warnings, 1 info, 2 debug, 3 trace.
    pub log_level: u8,
    /// Where metrics and spans go while a job runs.
    pub telemetry: Telemetry,
    /// Whom to notify when it has ended.
    pub notify: Option<Notify>,
    /// Every key with its value (secrets redacted) and its origin, for `evo config show`.
    pub shown: Vec<Resolved>,
    /// The mistakes in them, for commands that load them with their mistakes; a wrong setting has its
    /// default.
    pub mistakes: Arc<Mistakes>,
}

impl Settings {
    /// Reads flags, environment and settings file.
    ///
    /// # Errors
    /// `Config` for a file, a variable or a value that is not understood; `Usage` for a flag's value.
    pub fn load(global: &GlobalArgs) -> Result<Self> {
        Self::load_with_mistakes(global)?.faultless()
    }

    /// Reads as [`Settings::load`] does, for a command that lists every mistake: what is wrong has its
    /// default, and is one of [`Settings::mistakes`].
    ///
    /// # Errors
    /// None but defects of evo.
    pub fn load_with_mistakes(global: &GlobalArgs) -> Result<Self> {
        let mut mistakes = Mistakes::default();
        let environment = Environment::of_process(&mut mistakes);
        let armed = crate::failpoint::arm(crate::failpoint::VARIABLE.and_then(|name| environment.get(name)));
        mistakes.keep(armed);
        Self::gather(global, &environment, mistakes)
    }

    /// As [`Settings::load`], with the given environment instead of the process's.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub fn resolve(global: &GlobalArgs, environment: &Environment) -> Result<Self> {
        Self::gather(global, environment, Mistakes::default())?.faultless()
    }

    fn faultless(mut self) -> Result<Self> {
        let mistakes = Arc::into_inner(std::mem::take(&mut self.mistakes)).unwrap_or_default();
        mistakes.into_result(Some(self))
    }

    /// Reads everything, with the default in the place of what is wrong.
    fn gather(global: &GlobalArgs, environment: &Environment, mut mistakes: Mistakes) -> Result<Self> {
        let file = settings_file(global, environment, &mut mistakes);
        let sources = source::read(&file.path.display().to_string(), &file.text, environment, &mut mistakes);
        if let Some(sources) = &sources {
            keys::refuse_unknown_variables(environment, sources, &mut mistakes);
        }
        let mut all = resolved::look_up(global, environment, &file);
        resolved::set_right(&mut all, &mut mistakes);
        let retry = retries::policy(&mut all)?;
        let read = |name: &str| find(&all, name);
        let state_dir = environment.directory.join(read("state_dir")?.require()?);
        mistakes.keep(no_file(read("state_dir")?, &state_dir));
        let lake = lake(read("lake")?, environment, &mut mistakes);
        let is_default_lake = lake.is_none();
        let lake = lake.unwrap_or_else(|| LakeAddress::Directory(state_dir.join("lake")));
        let extend = read("extend")?.text.as_deref().map(|dir| environment.directory.join(dir));
        let (database, database_shown) = match mistakes.keep(database(&all, retry, environment)) {
            Some(found) => found,
            None => database::choose(None, &Environment::default())?,
        };
        let log_level = reporting::log_level(global, read("log_level")?)?;
        let log_format = read("log_format")?.word::<LogFormat>()?;
        let batch_size = read("batch_size")?;
        Ok(Self {
            database,
            azure: Azure::read(environment, RequestPolicy::new(read("lake_idle_timeout")?.time()?, retry)),
            sources: sources.unwrap_or_default(),
            state_dir,
            pg_bin: read("pg_bin")?.text.as_deref().map(PathBuf::from),
            search_path: environment.get("PATH").unwrap_or_default().to_owned(),
            extend: extend.and_then(|dir| mistakes.keep(existing(dir))),
            workers: read("workers")?.whole()? as usize,
            batch_size: batch_size.text.is_some().then(|| batch_size.whole()).transpose()?.map(|size| size as usize),
            lease: read("load.lease")?.time()?,
            max_line_bytes: read("load.max_line_bytes")?.whole()? as usize,
            max_ratio: read("load.max_ratio")?.whole()?,
            chunk_rows: read("transform.chunk_rows")?.whole()?,
            retry,
            first_connect: (environment.terminal && read("retry.budget")?.origin == Origin::Default)
                .then_some(FIRST_CONNECT),
            output: reporting::output(read("output")?, log_format)?,
            log_format,
            progress: reporting::progress(
                (log_level, log_format),
                environment.terminal,
                read("progress_interval")?.time()?,
            ),
            columns: environment.columns,
            color: environment.terminal && environment.get("NO_COLOR").is_none(),
            machine: Machine::read(environment),
            log_level,
            telemetry: mistakes.keep(telemetry::read(&all, environment)).unwrap_or_default(),
            notify: mistakes.keep(notify::read(&all, environment)).flatten(),
            shown: shown(&all, (&lake, is_default_lake), database_shown),
            lake,
            mistakes: Arc::new(mistakes),
        })
    }
}

fn settings_file(global: &GlobalArgs, environment: &Environment, mistakes: &mut Mistakes) -> File {
    let named = global.config.clone().map(|path| (path, "--config"));
    let named = named.or_else(|| environment.get("EVO_CONFIG").map(|path| (path.into(), "EVO_CONFIG")));
    let (path, required) = match named {
        Some((path, by)) => (path, Some(by)),
        None => (PathBuf::from("evo.toml"), None),
    };
    let known: Vec<&str> = KEYS.iter().map(|key| key.name).collect();
    File::read(&path, &environment.directory.join(&path), required, &known, mistakes)
}

/// The lake that the setting names; `None` for the default one.
fn lake(setting: &Resolved, environment: &Environment, mistakes: &mut Mistakes) -> Option<LakeAddress> {
    setting.text.as_ref()?;
    mistakes.keep(setting.parse(|text| LakeAddress::parse(text, &environment.directory, environment)))
}

/// The database, with the timeouts that the settings give it.
fn database(all: &[Resolved], retry: Policy, environment: &Environment) -> Result<(Database, database::ShownAddress)> {
    let address = find(all, "database_url")?;
    let found = database::choose(address.text.as_deref(), environment);
    let (mut database, shown) = found.map_err(|e| address.blame(e))?;
    if let Database::Server(dsn) = &mut database {
        dsn.stall_timeout = find(all, "retry.stall_timeout")?.time()?;
        dsn.lock_wait = retry.budget.max(Duration::from_secs(1));
    }
    Ok((database, shown))
}

/// Makes sure that a folder which evo would create is not a file.
fn no_file(setting: &Resolved, folder: &Path) -> Result<()> {
    if setting.text.as_deref().is_some_and(|text| text.trim().is_empty()) {
        return Err(setting.blame(Error::new(Kind::Config, "expected a folder such as .evo, found \"\"")));
    }
    match folder.exists() && !folder.is_dir() {
        false => Ok(()),
        true => {
            let message = format!("{} is a file, and evo keeps the private PostgreSQL in a folder", folder.display());
            Err(setting.blame(Error::new(Kind::Config, message).hint("name a folder: state_dir, or EVO_STATE_DIR")))
        }
    }
}

fn existing(folder: PathBuf) -> Result<PathBuf> {
    match folder.is_dir() {
        true => Ok(folder),
        false => {
            Err(Error::new(Kind::Config, format!("the folder given by extend does not exist: {}", folder.display()))
                .hint("create it, or leave --extend and EVO_EXTEND out"))
        }
    }
}

/// Every setting as `evo config show` prints it, without credentials.
fn shown(
    all: &[Resolved],
    (lake, is_default_lake): (&LakeAddress, bool),
    database: database::ShownAddress,
) -> Vec<Resolved> {
    let mut shown: Vec<Resolved> = all.iter().map(Resolved::redacted).collect();
    for resolved in &mut shown {
        match resolved.key.name {
            "database_url" => {
                resolved.text = Some(database.text.clone());
                resolved.origin = database.origin.clone().unwrap_or_else(|| resolved.origin.clone());
            }
            "lake" => {
                resolved.text = Some(lake.to_string());
                if is_default_lake {
                    resolved.origin = Origin::Default;
                }
            }
            _ => {}
        }
    }
    shown
}
