//! Settings: flag > environment > evo.toml > default. The only reader of the environment.

mod azure;
pub mod dsn;
pub mod environment;
mod file;
mod flags;
mod keys;
mod lake;
mod parsers;
mod value;

use std::path::PathBuf;
use std::time::Duration;

pub use azure::{AZURE_VARIABLES, Azure, Credential, Patience};
pub use dsn::Dsn;
pub use environment::{Environment, columns_of_stderr};
pub use flags::{GlobalArgs, LogFormat, Output};
pub use keys::{KEYS, Key, Origin, Resolved, Takes};
pub use lake::Lake;
pub use parsers::{day, share, time, whole};
pub use value::Share;

use crate::error::{Error, Kind, Result};
use crate::retry::Policy;
use file::File;

/// Which PostgreSQL to use.
#[derive(Debug, Clone)]
pub enum Database {
    /// The private server that evo keeps in `state_dir`.
    Embedded,
    /// A server that somebody else runs.
    Server(Box<Dsn>),
}

/// How a running job shows how far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Not at all: somebody asked for quiet.
    Hidden,
    /// Bars on stderr, which is a terminal.
    Bars,
    /// A log line this often.
    Lines(Duration),
}

/// The effective settings of one execution.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Which PostgreSQL.
    pub database: Database,
    /// Where the bronze objects are.
    pub lake: Lake,
    /// Credentials for a lake on Azure, and how patient evo is with it.
    pub azure: Azure,
    /// Folder of the private PostgreSQL and the default lake: `.evo`.
    pub state_dir: PathBuf,
    /// Folder of PostgreSQL's server programs, where it is not to be searched for.
    pub pg_bin: Option<PathBuf>,
    /// `PATH`, where programs are searched.
    pub search_path: String,
    /// Folder with `models/` and `migrations/` of further entities.
    pub extend: Option<PathBuf>,
    /// Parallel workers of a load or transform.
    pub workers: usize,
    /// Objects per batch of a load; `None` chooses by their size.
    pub batch_size: Option<usize>,
    /// How long a stalled execution keeps the batches that it has claimed.
    pub lease: Duration,
    /// Longest line that a load takes, bytes.
    pub max_line_bytes: usize,
    /// Decompressed bytes to one compressed byte, beyond which an object is taken for a bomb.
    pub max_ratio: u64,
    /// Rows per transaction of a transform.
    pub chunk_rows: u64,
    /// Retry policy.
    pub retry: Policy,
    /// How long a job in a terminal waits for a server that it has never reached; `None` is as long as for any other.
    pub first_try: Option<Duration>,
    /// Shape of the summary.
    pub output: Output,
    /// Shape of the log.
    pub log_format: LogFormat,
    /// How a running job shows how far it is.
    pub progress: Progress,
    /// Columns that the summary may take; `None` as many as it needs.
    pub columns: Option<usize>,
    /// Whether log lines may be colored (stderr is a terminal, and NO_COLOR is not set).
    pub color: bool,
    /// Log level: 0 warnings, 1 info, 2 debug, 3 trace.
    pub log_level: u8,
    /// Every key with its value as shown (secrets redacted) and its origin, for `evo config show`.
    pub shown: Vec<Resolved>,
}

impl Settings {
    /// Reads flags, environment and settings file.
    ///
    /// # Errors
    /// `Config` when a file, a variable or a value is not understood.
    pub fn load(global: &GlobalArgs) -> Result<Self> {
        let environment = Environment::of_process()?;
        crate::failpoint::arm(crate::failpoint::VARIABLE.and_then(|name| environment.get(name)))?;
        Self::resolve(global, &environment)
    }

    /// The same with an environment of the caller's.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub fn resolve(global: &GlobalArgs, environment: &Environment) -> Result<Self> {
        keys::refuse_unknown_variables(environment)?;
        let named = global.config.clone().map(|path| (path, "--config"));
        let named = named.or_else(|| environment.get("EVO_CONFIG").map(|path| (path.into(), "EVO_CONFIG")));
        let (path, required) = match named {
            Some((path, by)) => (path, Some(by)),
            None => (PathBuf::from("evo.toml"), None),
        };
        let known: Vec<&str> = KEYS.iter().map(|key| key.name).collect();
        let file = File::read(&path, &environment.directory.join(&path), required, &known)?;
        let mut all = keys::resolve(global, environment, &file);
        let retry = retry(&mut all)?;
        let read = |name: &str| keys::find(&all, name);
        let text = |name: &str| read(name).ok().and_then(|r| r.text.clone());
        let folder = |name: &str| text(name).map(|dir| environment.directory.join(dir));

        let state_dir = environment.directory.join(read("state_dir")?.require()?);
        let lake = match text("lake") {
            Some(address) => read("lake")?.parse(|_| Lake::parse(&address, &environment.directory, environment))?,
            None => Lake::Directory(state_dir.join("lake")),
        };
        let address = read("database_url")?;
        let (mut database, database_shown) =
            database(address.text.clone(), environment).map_err(|e| address.blame(e))?;
        if let Database::Server(dsn) = &mut database {
            dsn.stall_timeout = read("retry.stall_timeout")?.time()?;
            dsn.lock_wait = retry.budget.max(Duration::from_secs(1));
        }
        let log_level = log_level(global, read("log_level")?)?;
        let log_format = read("log_format")?.word::<LogFormat>()?;
        let every = read("progress_interval")?.time()?;
        let settings = Self {
            database,
            azure: Azure::read(environment, Patience::new(read("lake_idle_timeout")?.time()?, retry)),
            state_dir,
            pg_bin: text("pg_bin").map(PathBuf::from),
            search_path: environment.get("PATH").unwrap_or_default().to_owned(),
            extend: folder("extend"),
            workers: read("workers")?.whole()? as usize,
            batch_size: match text("batch_size") {
                Some(_) => Some(read("batch_size")?.whole()? as usize),
                None => None,
            },
            lease: read("load.lease")?.time()?,
            max_line_bytes: read("load.max_line_bytes")?.whole()? as usize,
            max_ratio: read("load.max_ratio")?.whole()?,
            chunk_rows: read("transform.chunk_rows")?.whole()?,
            retry,
            first_try: (environment.terminal && read("retry.budget")?.origin == Origin::Default).then_some(FIRST_TRY),
            output: output(read("output")?, log_format)?,
            log_format,
            progress: match (log_level, log_format, environment.terminal) {
                (0, _, _) => Progress::Hidden,
                (_, LogFormat::Text, true) => Progress::Bars,
                _ => Progress::Lines(every),
            },
            columns: environment.columns,
            color: environment.terminal && environment.get("NO_COLOR").is_none(),
            log_level,
            shown: shown(&all, &lake, &database_shown),
            lake,
        };
        match &settings.extend {
            Some(dir) if !dir.is_dir() => {
                Err(Error::new(Kind::Config, format!("the folder given by extend does not exist: {}", dir.display())))
            }
            _ => Ok(settings),
        }
    }
}

/// Whether the log is to be JSON, for an error that comes before the settings are known. Never fails: then it is text.
pub fn wants_json_log() -> bool {
    let words: Vec<String> = std::env::args_os().filter_map(|word| word.into_string().ok()).collect();
    let behind = words.iter().position(|word| word == "--log-format").and_then(|i| words.get(i + 1));
    let flag = behind.map(String::as_str).or_else(|| words.iter().find_map(|w| w.strip_prefix("--log-format=")));
    let variable = std::env::var("EVO_LOG_FORMAT").ok();
    flag.or(variable.as_deref()).is_some_and(|format| format.eq_ignore_ascii_case("json"))
}

/// The words of this process's command line, its name first.
pub fn command_line() -> Vec<std::ffi::OsString> {
    std::env::args_os().collect()
}

/// The pauses between attempts. The first is never longer than the longest: the one that nobody gave gives way, and if
/// both were given, the longest is as long as the first. `evo config show` shows what came of it.
fn retry(all: &mut [Resolved]) -> Result<Policy> {
    let read = |name: &str| keys::find(all, name);
    let (base, max) = (read("retry.base")?, read("retry.max")?);
    let (mut first, mut longest) = (base.time()?, max.time()?);
    match base.origin {
        Origin::Default => first = first.min(longest),
        _ => longest = longest.max(first),
    }
    let policy = Policy {
        max_retries: read("retry.max_retries")?.whole()? as u32,
        base: first,
        max: longest,
        budget: read("retry.budget")?.time()?,
    };
    for (name, was, is) in [("retry.base", base.time()?, first), ("retry.max", max.time()?, longest)] {
        if let Some(changed) = all.iter_mut().find(|r| r.key.name == name && was != is) {
            changed.text = Some(value::show_duration(is));
        }
    }
    Ok(policy)
}

fn log_level(global: &GlobalArgs, setting: &Resolved) -> Result<u8> {
    Ok(match (global.quiet, global.verbose) {
        (true, _) => 0,
        (false, 0) => setting.word::<flags::LogLevel>()? as u8,
        (false, more) => more.saturating_add(1).min(3),
    })
}

/// A machine that reads the log as JSON reads the summary as JSON too, unless it says otherwise.
fn output(setting: &Resolved, log_format: LogFormat) -> Result<Output> {
    match (&setting.text, log_format) {
        (Some(_), _) => setting.word(),
        (None, LogFormat::Json) => Ok(Output::Json),
        (None, LogFormat::Text) => Ok(Output::Text),
    }
}

/// Every setting as `evo config show` prints it, without credentials.
fn shown(all: &[Resolved], lake: &Lake, database: &Shown) -> Vec<Resolved> {
    let mut shown: Vec<Resolved> = all.iter().map(Resolved::redacted).collect();
    for resolved in &mut shown {
        match resolved.key.name {
            "database_url" => (resolved.text, resolved.origin) = database.clone().with_default(resolved.origin.clone()),
            "lake" => resolved.text = Some(lake.to_string()),
            _ => {}
        }
    }
    shown
}

/// How the database's address is shown, when it does not come from the key itself.
#[derive(Debug, Clone)]
struct Shown {
    text: String,
    origin: Option<Origin>,
}

impl Shown {
    fn with_default(self, origin: Origin) -> (Option<String>, Origin) {
        (Some(self.text), self.origin.unwrap_or(origin))
    }
}

/// The address in the settings, else what libpq's variables say, else the predecessor's, else the private server.
fn database(address: Option<String>, environment: &Environment) -> Result<(Database, Shown)> {
    let server = |dsn: Dsn, origin| {
        let text = dsn.to_string();
        (Database::Server(Box::new(dsn)), Shown { text, origin })
    };
    if let Some(address) = address {
        // Nothing at all would mean localhost: more likely a variable was empty when the command line was written.
        if address.trim().is_empty() {
            return Err(Error::new(Kind::Config, "the database's address is empty")
                .hint("give an address, or leave the setting out; `evo config show` says what is used then"));
        }
        return Ok(server(Dsn::resolve(&address, environment)?, None));
    }
    let first_set = |names: &[&'static str]| names.iter().copied().find(|name| environment.get(name).is_some());
    if let Some(name) = first_set(&["PGSERVICE", "PGHOST", "PGHOSTADDR", "PGDATABASE"]) {
        return Ok(server(Dsn::resolve("", environment)?, Some(Origin::Environment(name))));
    }
    if let Some(name) = first_set(&["PG_HOST", "PG_DATABASE"]) {
        return Ok(server(Dsn::of_predecessor(environment)?, Some(Origin::Environment(name))));
    }
    Ok((
        Database::Embedded,
        Shown { text: "a private PostgreSQL in state_dir".to_owned(), origin: Some(Origin::Default) },
    ))
}

/// See [`Settings::first_try`].
const FIRST_TRY: Duration = Duration::from_secs(5);

/// The number of CPUs, between 1 and 8: more workers than the server has cores gain nothing.
fn default_workers() -> usize {
    std::thread::available_parallelism().map_or(2, |n| n.get().min(8))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve<const N: usize>(global: &GlobalArgs, variables: [(&str, &str); N]) -> Result<Settings> {
        let mut environment = Environment::from(variables);
        environment.directory = PathBuf::from("/nowhere");
        environment.os_user = Some("ana".to_owned());
        Settings::resolve(global, &environment)
    }

    #[test]
    fn a_flag_beats_a_variable_and_a_variable_beats_the_default() {
        let global = GlobalArgs { lake: Some("/flag".into()), ..GlobalArgs::default() };
        let lake = |s: Settings| s.lake.to_string();
        assert_eq!(lake(resolve(&global, [("EVO_LAKE", "/variable")]).unwrap()), "/flag");
        assert_eq!(lake(resolve(&GlobalArgs::default(), [("EVO_LAKE", "/variable")]).unwrap()), "/variable");
        assert_eq!(lake(resolve(&GlobalArgs::default(), []).unwrap()), "/nowhere/.evo/lake");
    }

    #[test]
    fn the_file_stands_between_variable_and_default_and_knows_its_line() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("evo.toml"), "\nworkers = 3\nbatch_size = 7\n[retry]\nbase = \"2s\"\n").unwrap();
        let mut environment = Environment::from([("EVO_WORKERS", "4")]);
        environment.directory = dir.path().to_owned();
        let settings = Settings::resolve(&GlobalArgs::default(), &environment).unwrap();
        assert_eq!((settings.workers, settings.batch_size, settings.retry.base), (4, Some(7), Duration::from_secs(2)));
        let origin = |name: &str| settings.shown.iter().find(|r| r.key.name == name).unwrap().origin.to_string();
        assert_eq!(origin("batch_size"), "evo.toml:3");
        assert_eq!(origin("workers"), "environment EVO_WORKERS");
        assert_eq!(origin("retry.max"), "default");
    }

    #[test]
    fn the_database_comes_from_libpqs_variables_or_the_predecessors_or_is_private() {
        let address = |s: Settings| match s.database {
            Database::Embedded => "embedded".to_owned(),
            Database::Server(dsn) => dsn.to_string(),
        };
        let none = GlobalArgs::default();
        assert_eq!(address(resolve(&none, []).unwrap()), "embedded");
        let libpq = resolve(&none, [("PGHOST", "db"), ("PGPASSWORD", "hunter2"), ("PGDATABASE", "w")]).unwrap();
        assert_eq!(address(libpq), "postgresql://ana:***@db:5432/w?sslmode=verify-full");
        let old = resolve(&none, [("PG_HOST", "localhost"), ("PG_USER", "u"), ("PG_DATABASE", "w")]).unwrap();
        assert_eq!(address(old), "postgresql://u@localhost:5432/w?sslmode=prefer");
        assert!(resolve(&none, [("PGSERVICE", "x")]).unwrap_err().message().contains("service"));
    }

    #[test]
    fn a_wrong_value_or_variable_names_itself_and_its_origin() {
        let none = GlobalArgs::default();
        let error = resolve(&none, [("EVO_WORKERS", "0")]).unwrap_err();
        assert!(error.message().contains("EVO_WORKERS"), "{}", error.render());
        let error = resolve(&none, [("EVO_WORKER", "2")]).unwrap_err();
        assert_eq!(error.hint_text(), Some("did you mean EVO_WORKERS?"));
        assert!(resolve(&none, [("EVO_USERNAME", "gym"), ("EVO_API_URL", "x")]).is_ok(), "they belong to the EVO API");
    }

    #[test]
    fn a_flag_and_a_variable_of_one_setting_have_one_range() {
        let flag = |name, text: &str| GlobalArgs { of_command: vec![(name, text.to_owned())], ..GlobalArgs::default() };
        for (name, variable, text, range) in [
            ("workers", "EVO_WORKERS", "1000000", "1 to 64"),
            ("workers", "EVO_WORKERS", "0", "1 to 64"),
            ("batch_size", "EVO_BATCH_SIZE", "10001", "1 to 10000"),
            ("retry.max_retries", "EVO_RETRY_MAX_RETRIES", "1001", "0 to 1000"),
        ] {
            let global = match name {
                "retry.max_retries" => GlobalArgs { max_retries: Some(text.to_owned()), ..GlobalArgs::default() },
                _ => flag(name, text),
            };
            let by_flag = resolve(&global, []).unwrap_err();
            let by_variable = resolve(&GlobalArgs::default(), [(variable, text)]).unwrap_err();
            let tail = |e: &Error| e.message().split_once(": ").unwrap().1.to_owned();
            assert_eq!(tail(&by_flag), tail(&by_variable));
            assert!(by_flag.message().starts_with("--") && by_flag.message().contains(range), "{by_flag}");
            assert_eq!((by_flag.kind(), by_variable.kind()), (Kind::Usage, Kind::Config));
        }
        let settings = resolve(&flag("workers", "3"), [("EVO_WORKERS", "4")]).unwrap();
        let workers = settings.shown.iter().find(|r| r.key.name == "workers").unwrap();
        assert_eq!((settings.workers, workers.origin.to_string()), (3, "flag --workers".to_owned()));
    }

    #[test]
    fn no_value_is_changed_in_silence() {
        let none = GlobalArgs::default();
        for (variable, text, range) in [
            ("EVO_LOAD_LEASE", "999ms", "1s to 1d"),
            ("EVO_RETRY_STALL_TIMEOUT", "99ms", "100ms to 1d"),
            ("EVO_LAKE_IDLE_TIMEOUT", "0s", "100ms to 1h"),
            ("EVO_RETRY_BUDGET", "9999999d", "0s to 7d"),
        ] {
            let error = resolve(&none, [("EVO_DATABASE_URL", "host=x"), (variable, text)]).unwrap_err();
            assert!(error.message().contains(variable) && error.message().contains(range), "{error}");
        }
        // The two pauses must agree; what came of it is shown.
        let pauses = |variables: [(&str, &str); 2]| {
            let settings = resolve(&none, variables).unwrap();
            let shown = |name| settings.shown.iter().find(|r| r.key.name == name).unwrap().text.clone().unwrap();
            (settings.retry.base, settings.retry.max, shown("retry.base"), shown("retry.max"))
        };
        let s = Duration::from_secs;
        let expected = (s(2), s(2), "2s".to_owned(), "2s".to_owned());
        assert_eq!(pauses([("EVO_RETRY_MAX", "2s"), ("EVO_RETRY_BASE", "")]), expected);
        let expected = (s(10), s(10), "10s".to_owned(), "10s".to_owned());
        assert_eq!(pauses([("EVO_RETRY_MAX", "2s"), ("EVO_RETRY_BASE", "10s")]), expected);
    }

    #[test]
    fn a_json_log_makes_the_summary_json_unless_it_is_asked_for_otherwise() {
        let output = |variables: [(&str, &str); 2]| resolve(&GlobalArgs::default(), variables).unwrap().output;
        assert_eq!(output([("EVO_LOG_FORMAT", "json"), ("EVO_OUTPUT", "")]), Output::Json);
        assert_eq!(output([("EVO_LOG_FORMAT", "json"), ("EVO_OUTPUT", "text")]), Output::Text);
        assert_eq!(output([("EVO_LOG_FORMAT", ""), ("EVO_OUTPUT", "")]), Output::Text);
    }

    #[test]
    fn no_secret_is_shown() {
        let global = GlobalArgs {
            database_url: Some("postgresql://u:hunter2@db/w?sslmode=disable".into()),
            ..GlobalArgs::default()
        };
        let settings = resolve(&global, [("AZURE_STORAGE_ACCOUNT_KEY", "c2VjcmV0")]).unwrap();
        let shown = format!("{:?}", settings);
        assert!(!shown.contains("hunter2") && !shown.contains("c2VjcmV0"), "{shown}");
    }
}
