//! A database per test, a lake per test, and the real binary with a clean environment.
//!
//! One private server serves all test processes: `target/tmp/pg`, started once under the lock of
//! `evo::embedded`, left running for the next test and stopped by `scripts/test`. Each test gets a database
//! of its own from a template that `evo migrate` made.
//!
//! `EVO_TEST_CITUS_URL` names a Citus cluster to test with: see [`cluster`].
//! `EVO_TEST_PG_BIN` names the programs of another PostgreSQL to test with; its server lives in
//! `target/tmp/pg-MAJOR`.

mod api;
mod blob;
pub mod cluster;
mod collector;
mod dice;
mod http;
mod jobs;
mod lake;
mod outcome;
pub mod pgbouncer;
pub mod proxy;
pub mod server;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

pub use api::Api;
pub use blob::{Act, BlobServer, End, Request};
pub use collector::{Collector, Reply, attributes, metrics_of};
pub use dice::Dice;
use evo::embedded::{Cluster, Spec};
pub use http::{Asked, HttpReply, HttpServer};
pub use jobs::{History, Jobs, with_room};
pub use lake::{Object, gz, object, write};
pub use outcome::outcome;
use serde_json::Value;
use tokio_postgres::{NoTls, SimpleQueryMessage};

/// The shared server's address without a database: `postgresql://user:password@host:port`.
fn server() -> &'static str {
    static SERVER: OnceLock<String> = OnceLock::new();
    SERVER.get_or_init(|| {
        if let Some(coordinator) = cluster::coordinator() {
            return coordinator.to_owned();
        }
        let bin_dir = std::env::var_os("EVO_TEST_PG_BIN").map(PathBuf::from);
        let name =
            bin_dir.as_deref().map_or_else(|| "pg".to_owned(), |bin| format!("pg-{}", server::major_version(bin)));
        let state_dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        // Tests may lose their data with the machine; they must not wait for its disk.
        let fast = [
            ("fsync", "off"),
            ("full_page_writes", "off"),
            ("synchronous_commit", "off"),
            ("shared_buffers", "128MB"),
            ("max_connections", "300"),
        ];
        let extra_settings = fast.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let spec = Spec { state_dir, bin_dir, extra_settings };
        let path = std::env::var("PATH").unwrap_or_default();
        let url = Cluster::new(spec, &path).ensure().unwrap_or_else(|e| panic!("{}", e.render())).url();
        url.rsplit_once('/').unwrap().0.to_owned()
    })
}

/// Runs statements on a database; the last one's rows as text, null as `∅`.
pub fn sql(url: &str, statements: &str) -> Vec<Vec<String>> {
    try_sql(url, statements).unwrap_or_else(|e| {
        cluster::leave_out_if_refused(url, statements, &e);
        panic!("{statements}\n{e:?}")
    })
}

/// The same on a database that may be unavailable, or refuse.
pub fn try_sql(url: &str, statements: &str) -> Result<Vec<Vec<String>>, tokio_postgres::Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
        let task = tokio::spawn(connection);
        let messages = messages(&client, statements).await?;
        drop(client);
        let _ = task.await;
        Ok(rows(messages))
    })
}

async fn messages(
    client: &tokio_postgres::Client,
    statements: &str,
) -> Result<Vec<SimpleQueryMessage>, tokio_postgres::Error> {
    match client.simple_query(statements).await {
        Err(e) if cluster::refuses_several(&e) && !statements.starts_with("begin") => {
            let mut last = Vec::new();
            for statement in cluster::each_statement(statements) {
                last = client.simple_query(statement).await?;
            }
            Ok(last)
        }
        answered => answered,
    }
}

/// One session that stays open: what it begins goes on until it says otherwise.
pub struct Session {
    url: String,
    runtime: tokio::runtime::Runtime,
    client: tokio_postgres::Client,
}

impl Session {
    pub fn open(url: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client = runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
            tokio::spawn(connection);
            client
        });
        Self { url: url.to_owned(), runtime, client }
    }

    /// Runs a statement, or tells why the server does not.
    pub fn try_run(&self, statement: &str) -> Result<(), String> {
        let tried = self.runtime.block_on(self.client.batch_execute(statement));
        tried.map_err(|error| error.as_db_error().map_or(error.to_string(), |error| error.message().to_owned()))
    }

    /// Runs statements; the last one's rows as text.
    pub fn run(&self, statements: &str) -> Vec<Vec<String>> {
        let messages = self.runtime.block_on(messages(&self.client, statements));
        rows(messages.unwrap_or_else(|e| {
            cluster::leave_out_if_refused(&self.url, statements, &e);
            panic!("{statements}\n{e:?}")
        }))
    }
}

fn rows(messages: Vec<SimpleQueryMessage>) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for message in messages {
        match message {
            SimpleQueryMessage::RowDescription(_) => rows.clear(),
            SimpleQueryMessage::Row(row) => {
                rows.push((0..row.len()).map(|i| row.get(i).unwrap_or("∅").to_owned()).collect());
            }
            _ => {}
        }
    }
    rows
}

/// Runs a statement in the database `postgres` of every server that has databases of tests.
fn everywhere(statement: &str) {
    match cluster::coordinator() {
        Some(coordinator) => cluster::everywhere(coordinator, statement),
        None => drop(sql(&format!("{}/postgres", server()), statement)),
    }
}

/// The name of the template database, made once per text of the migrations.
fn template() -> &'static str {
    static TEMPLATE: OnceLock<String> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let migrations = evo::ledger::migrations::all(None).unwrap();
        let texts: String = migrations.iter().map(|m| m.checksum.as_str()).collect();
        let name = format!("template_{:016x}", xxhash_rust::xxh3::xxh3_64(texts.as_bytes()));
        let admin = format!("{}/postgres", server());
        // One process builds it while the others wait.
        let lock = std::fs::File::create(Path::new(env!("CARGO_TARGET_TMPDIR")).join("template.lock")).unwrap();
        lock.lock().unwrap();
        drop_left_overs(&admin, &name);
        if sql(&admin, &format!("select 1 from pg_database where datname = '{name}'")).is_empty() {
            let building = "building";
            everywhere(&format!("drop database if exists {building} with (force)"));
            everywhere(&format!("create database {building} template template0"));
            cluster::coordinator().inspect(|coordinator| cluster::join(coordinator, building));
            let output = Command::new(env!("CARGO_BIN_EXE_evo"))
                .env_clear()
                .current_dir(env!("CARGO_TARGET_TMPDIR"))
                .args(["migrate", "--database-url", &format!("{}/{building}", server())])
                .output()
                .unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            cluster::coordinator().inspect(|coordinator| cluster::distribute(coordinator, building));
            // The sessions of the command may take a moment to end, and nobody may copy what somebody is
            // connected to.
            end_sessions(building);
            everywhere(&format!("alter database {building} rename to {name}"));
        }
        name
    })
}

/// Ends the sessions of a database on every server, and lets nobody connect.
fn end_sessions(name: &str) {
    everywhere(&format!("alter database {name} allow_connections false"));
    everywhere(&format!("select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = '{name}'"));
}

/// Drops the databases of tests that failed or were killed, one hour after they began, so that there is time
/// to look into a failure; and the templates of earlier schemas.
fn drop_left_overs(admin: &str, template: &str) {
    for row in sql(admin, "select datname from pg_database where datname ~ '^(t|template)_[0-9a-f]+'") {
        let name = &row[0];
        let began = name.strip_prefix("t_").and_then(|rest| rest.split('_').next()?.parse::<u64>().ok());
        if began.map_or(name != template, |began| began + 3600 < now()) {
            everywhere(&format!("drop database if exists {name} with (force)"));
        }
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Whether the tests run as root: what concerns other users can be tested only then.
pub fn is_root() -> bool {
    nix::unistd::Uid::effective().is_root()
}

/// A database for one test, dropped at its end unless the test fails.
pub struct Database {
    pub url: String,
    /// Its name, if it is dropped at the end.
    name: Option<String>,
}

impl Database {
    /// With evo's schema.
    pub fn migrated() -> Self {
        Self::create_everywhere(template())
    }

    /// An empty one.
    pub fn bare() -> Self {
        Self::create("template template0")
    }

    /// A copy of another test's database, to which nobody may be connected at this moment.
    pub fn copy_of(name: &str) -> Self {
        if !cluster::is_cluster() {
            return Self::create_everywhere(name);
        }
        // The servers of a cluster keep sessions to each other.
        end_sessions(name);
        let copy = Self::create_everywhere(name);
        everywhere(&format!("alter database {name} allow_connections true"));
        copy
    }

    /// An empty one with options of `create database`: `locale 'C'`, `owner x`.
    pub fn made(how: &str) -> Self {
        Self::create(&format!("template template0 {how}"))
    }

    /// One that the test makes and drops itself.
    pub fn at(url: String) -> Self {
        Self { url, name: None }
    }

    /// A copy of a template, on every server that has one.
    fn create_everywhere(template: &str) -> Self {
        let name = format!("t_{}_{}", now(), uuid::Uuid::new_v4().simple());
        cluster::remember(&name);
        everywhere(&format!("create database {name} template {template}"));
        Self { url: format!("{}/{name}", server()), name: Some(name) }
    }

    fn create(how: &str) -> Self {
        let name = format!("t_{}_{}", now(), uuid::Uuid::new_v4().simple());
        let admin = format!("{}/postgres", server());
        cluster::remember(&name);
        sql(&admin, &format!("create database {name} {how}"));
        Self { url: format!("{}/{name}", server()), name: Some(name) }
    }

    /// The database `postgres` of the test's own server, with evo's schema.
    pub fn on(server: &server::Server) -> Self {
        let url = server.url("postgres");
        let dir = tempfile::tempdir().unwrap();
        Run::from(binary(dir.path()).args(["migrate", "--database-url", &url]).output().unwrap()).exits(0);
        Self { url, name: None }
    }

    pub fn sql(&self, statements: &str) -> Vec<Vec<String>> {
        sql(&self.url, statements)
    }

    /// Asks until the single value is this; panics after half a minute.
    #[track_caller]
    pub fn wait_for(&self, query: &str, value: &str) {
        let session = Session::open(&self.url);
        let started = std::time::Instant::now();
        while session.run(query)[0][0] != value {
            assert!(started.elapsed().as_secs() < 30, "{query} did not become {value}");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    /// The single value of a query.
    pub fn one(&self, query: &str) -> String {
        self.sql(query)[0][0].clone()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some(name) = &self.name
            && !std::thread::panicking()
        {
            everywhere(&format!("drop database if exists {name} with (force)"));
        }
    }
}

/// What a command printed and how it ended.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    /// Asserts the exit code, showing both streams.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "\n--- stdout\n{}\n--- stderr\n{}", self.stdout, self.stderr);
        self
    }

    /// Asserts that stderr holds a text.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(
            self.stderr.contains(text) || self.stdout.contains(text),
            "no {text:?} in\n--- stdout\n{}\n--- stderr\n{}",
            self.stdout,
            self.stderr
        );
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {}\n{}", self.stdout, self.stderr))
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// A folder with a lake, a database, and the binary.
pub struct Evo {
    pub dir: tempfile::TempDir,
    pub db: Database,
}

impl Evo {
    pub fn new() -> Self {
        Self::with(Database::migrated())
    }

    pub fn with(db: Database) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("lake")).unwrap();
        Self { dir, db }
    }

    pub fn lake(&self) -> PathBuf {
        self.dir.path().join("lake")
    }

    /// The binary in the test's folder with nothing but the essentials in its environment.
    pub fn command(&self, args: &[&str]) -> Command {
        self.command_at(&self.db.url, args)
    }

    /// The same on another way to the database.
    pub fn command_at(&self, url: &str, args: &[&str]) -> Command {
        let mut command = binary(self.dir.path());
        command.args(args).args(["--database-url", url, "--lake", self.lake().to_str().unwrap()]);
        command
    }

    pub fn run(&self, args: &[&str]) -> Run {
        self.command(args).output().unwrap().into()
    }

    /// Runs, asserts success, and returns the JSON summary.
    #[track_caller]
    pub fn json(&self, args: &[&str]) -> Value {
        self.run(&[args, &["--output", "json"]].concat()).exits(0).json()
    }

    /// The summary of the only entity that a command worked on.
    #[track_caller]
    pub fn entity(&self, args: &[&str]) -> Value {
        self.json(args)["entities"][0].clone()
    }
}

/// The binary in `dir` with a clean environment.
pub fn binary(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evo"));
    command.env_clear().current_dir(dir).stdin(std::process::Stdio::null());
    for name in ["PATH", "HOME", "TMPDIR", "LLVM_PROFILE_FILE"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    if let Some(bin) = std::env::var_os("EVO_TEST_PG_BIN") {
        command.env("EVO_PG_BIN", bin);
    }
    // A failing test must not wait for minutes.
    command.env("EVO_RETRY_BASE", "50ms").env("EVO_RETRY_MAX", "200ms").env("EVO_RETRY_MAX_RETRIES", "2");
    command.env("EVO_RETRY_BUDGET", "5s");
    command
}

/// Counts of a load's summary in one line: inserted/updated/unchanged/superseded/rejected of lines.
pub fn counts(summary: &Value) -> String {
    let n = |key: &str| summary[key].as_i64().unwrap_or(-1);
    let parts = ["inserted", "updated", "unchanged", "superseded", "rejected"].map(n);
    assert_eq!(parts.iter().sum::<i64>(), n("lines"), "the lines do not add up: {summary}");
    format!("{} of {}", parts.map(|p| p.to_string()).join("/"), n("lines"))
}

/// The places in the code at which a process can be made to die.
pub fn failpoints() -> Vec<String> {
    fn visit(dir: &Path, found: &mut Vec<String>) {
        for path in std::fs::read_dir(dir).unwrap().flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                visit(&path, found);
            } else if !path.ends_with("failpoint.rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let named = text.split("failpoint!(\"").skip(1).filter_map(|rest| rest.split('"').next());
                found.extend(named.map(str::to_owned));
            }
        }
    }
    let mut found = Vec::new();
    visit(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    found.sort();
    found.dedup();
    found
}
