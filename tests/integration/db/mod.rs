//! `evo db`: the private server is started once, survives what happens to servers, and touches only what is
//! its own.

mod users;

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::server::{SmallDisk, eventually, fill, signal};
use crate::support::{Database, Run, binary, cluster, is_root};

/// A folder in which no database is configured. Its server is gone with it, also when an assertion fails.
struct Home {
    dir: tempfile::TempDir,
    /// User and group, where evo is to run as another one than the tests.
    user: Option<u32>,
    variables: Vec<(String, String)>,
}

impl Home {
    fn new() -> Self {
        Self::below(&std::env::temp_dir())
    }

    fn below(parent: &Path) -> Self {
        let dir = tempfile::tempdir_in(parent).unwrap();
        // The server of root's evo runs as another user, who gets there.
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        Self { dir, user: None, variables: Vec::new() }
    }

    /// Of another user, who has a copy of the binary within reach. Needs root.
    fn of_user(id: u32) -> Self {
        let mut home = Self::new();
        std::fs::copy(env!("CARGO_BIN_EXE_evo"), home.path().join("evo")).unwrap();
        std::os::unix::fs::chown(home.path(), Some(id), Some(id)).unwrap();
        home.user = Some(id);
        home
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = binary(self.path());
        if let Some(id) = self.user {
            let own = Command::new(self.path().join("evo"));
            command = with_environment_of(&command, own);
            command.current_dir(self.path()).stdin(Stdio::null()).uid(id).gid(id);
        }
        command.args(args).envs(self.variables.clone());
        command
    }

    fn run(&self, args: &[&str]) -> Run {
        self.command(args).output().unwrap().into()
    }

    #[track_caller]
    fn ok(&self, args: &[&str]) -> String {
        self.run(args).exits(0).stdout
    }

    #[track_caller]
    fn json(&self, args: &[&str]) -> Value {
        self.run(&[args, &["--output", "json"]].concat()).exits(0).json()
    }

    #[track_caller]
    fn pid(&self) -> i32 {
        self.json(&["db", "status"])["pid"].as_i64().unwrap() as i32
    }

    #[track_caller]
    fn data(&self) -> PathBuf {
        self.json(&["db", "status"])["data"].as_str().unwrap().into()
    }

    /// The one value of a query.
    #[track_caller]
    fn query(&self, sql: &str) -> String {
        self.ok(&["db", "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-c", sql]).trim().to_owned()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        self.variables.clear();
        self.run(&["db", "destroy", "--yes"]);
    }
}

fn with_environment_of(model: &Command, mut command: Command) -> Command {
    command.env_clear().envs(model.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command
}

/// Kills the process and waits until it is dead: on a busy machine it lives for a while after the signal, and
/// a command that runs then rightly takes it for alive.
fn kill(pid: i32) {
    signal(pid, libc::SIGKILL);
    let alive = || match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => !stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(['Z', 'X'])),
        Err(_) => false,
    };
    while alive() {
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn looking_at_a_server_that_was_never_made_makes_nothing() {
    let evo = Home::new();
    assert_eq!(evo.json(&["db", "status"])["state"], "absent");
    assert_eq!(evo.json(&["db", "stop"])["stopped"], false);
    assert_eq!(evo.json(&["db", "destroy"])["removed"], false);
    assert_eq!(std::fs::read_dir(evo.path()).unwrap().count(), 0);
}

#[test]
fn commands_at_once_start_the_server_once() {
    let evo = Home::new();
    let commands: Vec<_> = (0..4)
        .map(|_| {
            let mut command = evo.command(&["db", "start", "--output", "json"]);
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::null()).spawn().unwrap()
        })
        .collect();
    let answers: Vec<serde_json::Value> = commands
        .into_iter()
        .map(|command| serde_json::from_slice(&command.wait_with_output().unwrap().stdout).unwrap())
        .collect();
    assert_eq!(answers.iter().filter(|answer| answer["started"] == true).count(), 1, "{answers:?}");
    assert!(answers.iter().all(|answer| answer["port"] == answers[0]["port"]), "{answers:?}");
}

#[test]
fn starting_and_stopping_again_changes_nothing_and_says_so() {
    let evo = Home::new();
    assert!(evo.ok(&["db", "start"]).starts_with("started"));
    assert!(evo.ok(&["db", "start"]).starts_with("it is running already"));
    let url = evo.ok(&["db", "url"]);
    assert!(evo.ok(&["db", "stop"]).starts_with("stopped"));
    assert!(evo.ok(&["db", "stop"]).starts_with("it is not running"));
    assert_eq!(evo.json(&["db", "status"])["state"], "stopped");
    assert_eq!(evo.ok(&["db", "url"]), url, "the address outlives a restart");
}

#[test]
fn the_server_is_utf8_sorts_by_bytes_and_is_open_to_the_password_alone() {
    let evo = Home::new();
    let settings = "select pg_encoding_to_char(encoding) || ' ' || datcollate || ' ' || current_setting('timezone')
        || ' ' || current_setting('listen_addresses') from pg_database where datname = current_database()";
    assert_eq!(evo.query(settings), "UTF8 C UTC 127.0.0.1");
    let url = evo.ok(&["db", "url"]);
    let (_, rest) = url.trim().split_once("evo:").unwrap();
    let (password, rest) = rest.split_once('@').unwrap();
    assert_eq!(password.len(), 48);
    let wrong = evo.with("EVO_DATABASE_URL", &format!("postgresql://evo:wrong@{rest}"));
    let refused = wrong.run(&["db", "psql", "-c", "select 1"]).exits(2);
    refused.says("password authentication failed");
}

#[test]
fn committed_rows_survive_kill_9_of_the_postmaster() {
    let evo = Home::new();
    evo.query("create table kept as select generate_series(1, 1000) as id");
    let before = evo.pid();
    kill(before);
    assert_eq!(evo.query("select count(*) from kept"), "1000");
    assert_ne!(evo.pid(), before);
}

#[test]
fn a_start_waits_for_the_queries_of_a_killed_server() {
    let evo = Home::new();
    evo.ok(&["db", "start"]);
    // It hears of the postmaster's end only when it is done: when this file is there.
    let busy = "do $$ begin while (pg_stat_file('end_of_test', true)).size is null loop end loop; end $$";
    let mut busy = evo.command(&["db", "psql", "-X", "-c", busy]);
    let mut busy = busy.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let active = "select count(*) from pg_stat_activity where query like 'do %end_of_test%'";
    while evo.query(active) == "0" {
        std::thread::sleep(Duration::from_millis(20));
    }
    let flag = evo.data().join("end_of_test");
    kill(evo.pid());
    let mut next = evo.command(&["db", "psql", "-XqAt", "-c", "select 1"]).stdout(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(next.try_wait().unwrap(), None, "it did not wait");
    std::fs::write(flag, "now").unwrap();
    let next = Run::from(next.wait_with_output().unwrap()).exits(0);
    assert_eq!(next.stdout.trim(), "1");
    busy.wait().unwrap();
}

#[test]
fn a_process_id_that_another_process_has_now_does_not_keep_the_server_from_starting() {
    let evo = Home::new();
    evo.ok(&["db", "start"]);
    let data = evo.data();
    let pid_file = data.join("postmaster.pid");
    let text = std::fs::read_to_string(&pid_file).unwrap();
    evo.ok(&["db", "stop"]);
    // A PostgreSQL that is not this one, and a process that is no PostgreSQL: this test.
    let other = Home::new();
    other.ok(&["db", "start"]);
    for process in [other.pid(), std::process::id() as i32] {
        let rest = text.split_once('\n').unwrap().1;
        std::fs::write(&pid_file, format!("{process}\n{rest}")).unwrap();
        std::fs::set_permissions(&pid_file, std::fs::Permissions::from_mode(0o600)).unwrap();
        let owner = std::fs::metadata(&data).unwrap();
        std::os::unix::fs::chown(&pid_file, Some(owner.uid()), Some(owner.gid())).unwrap();
        assert_eq!(evo.json(&["db", "status"])["state"], "stopped", "pid {process}");
        assert_eq!(evo.json(&["db", "start"])["started"], true, "pid {process}");
        evo.ok(&["db", "stop"]);
    }
    assert_eq!(other.json(&["db", "status"])["state"], "running", "another server is none of its business");
}

#[test]
fn a_port_that_somebody_took_is_given_up() {
    let evo = Home::new();
    let port = evo.json(&["db", "start"])["port"].as_u64().unwrap();
    evo.ok(&["db", "stop"]);
    let _taken = std::net::TcpListener::bind(("127.0.0.1", port as u16)).unwrap();
    assert_ne!(evo.json(&["db", "start"])["port"].as_u64().unwrap(), port);
    assert_eq!(evo.query("select 1"), "1");
}

#[test]
fn the_server_keeps_no_descriptor_of_its_starter() {
    let evo = Home::new();
    // A second descriptor of the pipe that the test reads to its end.
    let start = evo.command(&["db", "start"]);
    let mut command = with_environment_of(&start, Command::new("sh"));
    command.args(["-c", "exec 9>&1; exec \"$0\" db start", start.get_program().to_str().unwrap()]);
    command.current_dir(evo.path()).stdin(Stdio::null());
    let (done, ended) = mpsc::channel();
    std::thread::spawn(move || done.send(command.output().unwrap().status.success()));
    assert_eq!(ended.recv_timeout(Duration::from_secs(60)), Ok(true), "the pipe is still open");
}

#[test]
fn without_programs_the_error_says_what_to_set() {
    let evo = Home::new().with("EVO_PG_BIN", "/nowhere/bin");
    let failed = evo.run(&["db", "start"]).exits(3);
    failed.says("/nowhere/bin").says("EVO_PG_BIN");
}

#[test]
fn data_of_another_major_version_is_named_with_the_way_out() {
    let evo = Home::new();
    evo.ok(&["db", "start"]);
    evo.ok(&["db", "stop"]);
    std::fs::write(evo.data().join("PG_VERSION"), "12\n").unwrap();
    let failed = evo.run(&["db", "start"]).exits(3);
    failed.says("made by PostgreSQL 12").says("of version").says("EVO_PG_BIN").says("destroy");
}

#[test]
fn a_server_that_does_not_start_says_why() {
    let evo = Home::new();
    evo.ok(&["db", "start"]);
    evo.ok(&["db", "stop"]);
    std::fs::write(evo.data().join("postgresql.auto.conf"), "work_mem = nonsense\n").unwrap();
    evo.run(&["db", "start"]).exits(5).says("did not start").says("work_mem");
}

#[test]
fn destroy_wants_to_be_sure_and_leaves_the_lake() {
    let evo = Home::new();
    evo.ok(&["db", "start"]);
    let (server, port) = (evo.pid(), evo.json(&["db", "status"])["port"].as_u64().unwrap() as u16);
    std::fs::create_dir(evo.path().join(".evo/lake")).unwrap();
    let asked = evo.run(&["db", "destroy"]).exits(2);
    asked.says(".evo/postgres").says("--yes");
    assert_eq!(evo.pid(), server);

    assert_eq!(evo.json(&["db", "destroy", "--yes"])["removed"], true);
    let left: Vec<_> = std::fs::read_dir(evo.path().join(".evo")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["lake"]);
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err(), "the server is gone");
    assert_eq!(evo.json(&["db", "destroy", "--yes"])["removed"], false);
}

#[test]
fn a_folder_that_evo_did_not_make_is_neither_used_nor_removed() {
    let evo = Home::new();
    let foreign = evo.path().join(".evo/postgres");
    std::fs::create_dir_all(&foreign).unwrap();
    std::fs::write(foreign.join("PG_VERSION"), "15\n").unwrap();
    for command in [&["db", "start"][..], &["db", "destroy", "--yes"]] {
        evo.run(command);
        assert!(foreign.join("PG_VERSION").exists(), "{command:?}");
    }
    let failed = evo.run(&["db", "start"]).exits(3);
    failed.says("not a database that evo created");
    std::fs::remove_dir_all(&foreign).unwrap();
}

#[test]
fn a_half_made_server_is_made_again() {
    let evo = Home::new();
    let making = evo.path().join(".evo/postgres.making");
    std::fs::create_dir_all(&making).unwrap();
    std::fs::write(making.join("PG_VERSION"), "15\n").unwrap();
    assert_eq!(evo.json(&["db", "start"])["started"], true);
    assert!(!making.exists());
}

#[test]
fn with_a_server_configured_there_is_no_private_one_and_psql_goes_there() {
    if cluster::is_left_out("the servers of the tests' cluster ask for no password") {
        return;
    }
    let database = Database::bare();
    let evo = Home::new().with("EVO_DATABASE_URL", &database.url);
    for action in [&["start"][..], &["stop"], &["destroy", "--yes"]] {
        evo.run(&[&["db"], action].concat()).exits(3).says("no private PostgreSQL is in use").says("EVO_DATABASE_URL");
    }
    assert_eq!(evo.json(&["db", "status"])["state"], "configured");
    assert!(evo.ok(&["db", "url"]).contains(":***@"));
    assert!(database.url.ends_with(&evo.query("select current_database()")));
    assert!(!evo.path().join(".evo").exists());
}

#[test]
fn a_private_server_from_before_one_was_configured_can_still_be_removed() {
    let evo = Home::new();
    evo.ok(&["db", "start"]);
    let configured = evo.with("EVO_DATABASE_URL", "postgresql://u@127.0.0.1:1/x");
    assert_eq!(configured.json(&["db", "stop"])["stopped"], true);
    assert_eq!(configured.json(&["db", "destroy", "--yes"])["removed"], true);
}

#[test]
fn a_job_makes_server_and_schema_on_its_way() {
    let evo = Home::new();
    evo.ok(&["generate", "sales", "--records", "10"]);
    evo.ok(&["load", "sales"]);
    assert_eq!(evo.query("select count(*) from evo.runs"), "1");
}

#[test]
fn a_server_that_ended_because_its_disk_is_full_is_not_waited_for() {
    if !is_root() {
        eprintln!("skipped: mounting a small file system needs root");
        return;
    }
    let (disk, lake) = (SmallDisk::mount("160m"), tempfile::tempdir().unwrap());
    let evo = Home::below(disk.path())
        .with("EVO_LAKE", lake.path().to_str().unwrap())
        .with("EVO_RETRY_BUDGET", "10m")
        .with("EVO_FAILPOINTS", "load.before_copy=sleep(12000)@1");
    evo.ok(&["generate", "sales", "--records", "200"]);
    evo.ok(&["db", "start"]);
    evo.ok(&["migrate"]);
    let load = evo.command(&["load", "sales"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // From its claim on the load writes nothing of its own until the server has ended.
    eventually("a claim", || evo.query("select count(*) from evo.batches where state = 'claimed'") == "1");
    let filler = fill(disk.path());
    // The next segment of the log does not fit on the disk: the server crashes, and cannot recover.
    for statement in ["select pg_switch_wal()", "create table filler ()"] {
        evo.run(&["db", "psql", "-c", statement]);
    }
    eventually("the server's end", || evo.json(&["db", "status"])["state"] == "stopped");
    let since = Instant::now();
    let end: Run = load.wait_with_output().unwrap().into();
    end.exits(8).says("the private PostgreSQL has ended: the disk of").says("is full").says("EVO_STATE_DIR");
    assert!(since.elapsed() < Duration::from_secs(60), "{:?}", since.elapsed());
    std::fs::remove_file(filler).unwrap();
    evo.ok(&["load", "sales"]);
}
