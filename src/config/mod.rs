//! Settings: flag > environment > evo.toml > default. The only reader of the environment.

mod azure;
pub mod dsn;
pub mod environment;
mod file;
mod flags;
mod keys;
mod lake;
mod nearest;
mod value;

use std::path::PathBuf;
use std::time::Duration;

pub use azure::{AZURE_VARIABLES, Azure, Credential, Patience};
pub use dsn::Dsn;
pub use environment::Environment;
pub use flags::{GlobalArgs, LogFormat, Output};
pub use keys::{KEYS, Key, Origin, Resolved};
pub use lake::Lake;
pub use value::duration;

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

/// How often and how long a failed batch is tried again.
#[derive(Debug, Clone, Copy)]
pub struct Retry {
    /// Retries after the first attempt.
    pub max_retries: u32,
    /// Pause before the first retry; doubles from there.
    pub base: Duration,
    /// The longest pause.
    pub max: Duration,
    /// How long may be spent on waiting altogether.
    pub budget: Duration,
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
    pub retry: Retry,
    /// Shape of the summary.
    pub output: Output,
    /// Shape of the log.
    pub log_format: LogFormat,
    /// Whether progress bars may be drawn (stderr is a terminal and nobody asked for quiet).
    pub progress: bool,
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
        let all = keys::resolve(global, environment, &file);
        let text = |name: &str| all.iter().find(|r| r.key.name == name).and_then(|r| r.text.clone());
        let read = |name: &str| keys::find(&all, name);

        let state_dir = environment.directory.join(read("state_dir")?.require()?);
        let lake = match text("lake") {
            Some(address) => read("lake")?.parse(|_| Lake::parse(&address, &environment.directory, environment))?,
            None => Lake::Directory(state_dir.join("lake")),
        };
        let address = read("database_url")?;
        let (mut database, database_shown) =
            database(address.text.clone(), environment).map_err(|e| address.blame(e))?;
        let stall_timeout = read("retry.stall_timeout")?.parse(value::duration)?.max(Duration::from_millis(100));
        if let Database::Server(dsn) = &mut database {
            dsn.stall_timeout = stall_timeout;
        }
        let mut shown: Vec<Resolved> = all.iter().map(Resolved::redacted).collect();
        for resolved in &mut shown {
            match resolved.key.name {
                "database_url" => {
                    (resolved.text, resolved.origin) = database_shown.clone().with_default(resolved.origin.clone())
                }
                "lake" => resolved.text = Some(lake.to_string()),
                _ => {}
            }
        }
        let log_level = match (global.quiet, global.verbose) {
            (true, _) => 0,
            (false, 0) => read("log_level")?.parse(keys::log_level)?,
            (false, more) => more.saturating_add(1).min(3),
        };
        let log_format = read("log_format")?.parse(keys::choice::<LogFormat>)?;
        let whole = |name: &str, min, max| read(name)?.parse(|t| value::whole(t, min, max));
        let retry = Retry {
            max_retries: whole("retry.max_retries", 0, 1_000)? as u32,
            base: read("retry.base")?.parse(value::duration)?,
            max: read("retry.max")?.parse(value::duration)?,
            budget: read("retry.budget")?.parse(value::duration)?,
        };
        let Retry { max_retries, base, max, budget } = retry;
        let batches = Policy { max_retries, base, max, budget };
        let patience = Patience::new(read("lake_idle_timeout")?.parse(value::duration_above_zero)?, batches);
        let settings = Self {
            database,
            lake,
            azure: Azure::read(environment, patience),
            state_dir,
            pg_bin: text("pg_bin").map(PathBuf::from),
            search_path: environment.get("PATH").unwrap_or_default().to_owned(),
            extend: text("extend").map(|dir| environment.directory.join(dir)),
            workers: whole("workers", 1, 64)? as usize,
            batch_size: match text("batch_size") {
                Some(_) => Some(whole("batch_size", 1, 10_000)? as usize),
                None => None,
            },
            lease: read("load.lease")?.parse(value::duration)?.max(Duration::from_secs(1)),
            max_line_bytes: read("load.max_line_bytes")?.parse(|t| value::size(t, 1024, 1 << 30))? as usize,
            max_ratio: whole("load.max_ratio", 1, 1_000_000)?,
            chunk_rows: whole("transform.chunk_rows", 1, 10_000_000)?,
            retry,
            output: read("output")?.parse(keys::choice::<Output>)?,
            log_format,
            progress: environment.terminal && log_level > 0 && log_format == LogFormat::Text,
            color: environment.terminal && environment.get("NO_COLOR").is_none(),
            log_level,
            shown,
        };
        match &settings.extend {
            Some(dir) if !dir.is_dir() => {
                Err(Error::new(Kind::Config, format!("the folder given by extend does not exist: {}", dir.display())))
            }
            _ => Ok(settings),
        }
    }
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
