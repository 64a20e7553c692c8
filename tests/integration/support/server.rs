//! PostgreSQL servers of a test's own, to be stopped, killed, filled and promoted; on loopback, at a free
//! port, run by an unprivileged user where the tests run as root, gone at the end.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{RLIM_INFINITY, Resource, setrlimit};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{is_root, sql};

/// A server with its data.
pub struct Server {
    dir: Home,
    pub port: u16,
    is_running: bool,
    /// Folder of its programs.
    bin: Option<PathBuf>,
    /// Address space of each of its processes, in bytes.
    memory_limit: Option<u64>,
}

/// Where a server lives.
enum Home {
    Folder(tempfile::TempDir),
    Disk(SmallDisk, &'static str),
}

impl Home {
    fn path(&self) -> &Path {
        match self {
            Self::Folder(dir) => dir.path(),
            Self::Disk(disk, _) => disk.path(),
        }
    }

    /// A new one of the same kind.
    fn another(&self) -> Self {
        match self {
            Self::Folder(_) => Self::Folder(folder()),
            Self::Disk(_, size) => Self::Disk(SmallDisk::mount(size), size),
        }
    }
}

impl Server {
    /// A new, empty, running server with these settings.
    pub fn start(settings: &[(&str, &str)]) -> Self {
        Self::start_at(Home::Folder(folder()), None, settings)
    }

    /// The same, of another PostgreSQL.
    pub fn start_from(bin: &Path, settings: &[(&str, &str)]) -> Self {
        Self::start_at(Home::Folder(folder()), Some(bin.to_owned()), settings)
    }

    /// The same on a disk of its own, of this size, that can be filled. Needs root.
    pub fn start_on_disk(size: &'static str, settings: &[(&str, &str)]) -> Self {
        Self::start_at(Home::Disk(SmallDisk::mount(size), size), None, settings)
    }

    fn start_at(dir: Home, bin: Option<PathBuf>, settings: &[(&str, &str)]) -> Self {
        let mut server = Self { dir, port: free_port(), is_running: false, bin, memory_limit: None };
        server.pg("initdb", &["--auth=trust", "--username=evo", "--no-sync", "--encoding=UTF8", "--locale=C"]);
        let common = [
            ("listen_addresses", "127.0.0.1"),
            ("unix_socket_directories", ""),
            ("shared_buffers", "32MB"),
            ("max_connections", "60"),
            ("max_wal_size", "256MB"),
            ("wal_level", "replica"),
            ("hot_standby", "on"),
            ("logging_collector", "off"),
        ];
        server.configure(&common);
        server.configure(settings);
        server.run();
        server
    }

    /// A running standby of this server, a copy of its data, whose commits wait for it from now on.
    pub fn standby(&mut self) -> Self {
        self.stop("fast");
        let mut standby = Self {
            dir: self.dir.another(),
            port: free_port(),
            is_running: false,
            bin: self.bin.clone(),
            memory_limit: None,
        };
        let mut copy = Command::new("cp");
        copy.arg("-a").arg(self.data()).arg(standby.data());
        unprivileged(&mut copy);
        assert!(copy.status().unwrap().success());
        standby.demote(self);
        self.run();
        standby.run();
        self.sql("alter system set synchronous_standby_names = 'standby'");
        self.sql("select pg_reload_conf()");
        let is_synchronous = "select count(*) from pg_stat_replication where sync_state = 'sync'";
        eventually("the standby is synchronous", || self.sql(is_synchronous)[0][0] == "1");
        standby
    }

    /// Adds settings; they count after the next start.
    pub fn configure(&self, settings: &[(&str, &str)]) {
        let path = self.data().join("postgresql.conf");
        let mut text = std::fs::read_to_string(&path).unwrap();
        for (name, value) in settings {
            text += &format!("{name} = '{value}'\n");
        }
        std::fs::write(path, text).unwrap();
    }

    /// Starts it, after a stop or a crash.
    pub fn run(&mut self) {
        self.try_run().unwrap_or_else(|said| panic!("{said}"));
    }

    /// Starts it if it is not running, as a supervisor does: again and again.
    pub fn revive(&mut self) {
        let started = Instant::now();
        while super::try_sql(&self.url("postgres"), "select 1").is_err() {
            let said = if self.is_alive() { Ok(()) } else { self.try_run() };
            assert!(started.elapsed() < Duration::from_secs(60), "the server does not start: {said:?}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn try_run(&mut self) -> Result<(), String> {
        let options = format!("-p {}", self.port);
        let log = self.dir.path().join("log").display().to_string();
        let args = ["start", "--wait", "--timeout=60", "--silent", "--log", &log, "--options", &options];
        self.is_running = true;
        self.try_pg("pg_ctl", &args)
    }

    /// The process id of the postmaster, while there is one.
    pub fn pid(&self) -> Option<i32> {
        let text = std::fs::read_to_string(self.data().join("postmaster.pid")).ok()?;
        text.lines().next()?.parse().ok()
    }

    fn is_alive(&self) -> bool {
        self.pid().is_some_and(|pid| kill(Pid::from_raw(pid), None).is_ok())
    }

    /// Stops it: `fast` or `immediate`, which is a crash.
    pub fn stop(&mut self, mode: &str) {
        self.pg("pg_ctl", &["stop", "--wait", "--mode", mode, "--silent"]);
        self.is_running = false;
    }

    /// Makes a standby the primary, and returns when it takes writes.
    pub fn promote(&self) {
        self.pg("pg_ctl", &["promote", "--wait", "--silent"]);
        eventually("the promoted server takes writes", || self.sql("select pg_is_in_recovery()")[0][0] == "f");
    }

    /// Makes it a standby of another server at its next start.
    pub fn demote(&self, primary: &Server) {
        std::fs::write(self.data().join("standby.signal"), "").unwrap();
        self.configure(&[
            ("primary_conninfo", &format!("host=127.0.0.1 port={} user=evo application_name=standby", primary.port)),
            ("synchronous_standby_names", ""),
        ]);
    }

    /// Restarts it with this much memory for each process beyond what the server has mapped now; `None` for
    /// no limit.
    pub fn limit_memory(&mut self, bytes: Option<u64>) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid().unwrap())).unwrap();
        let mapped = status.lines().find_map(|line| line.strip_prefix("VmSize:")).unwrap();
        let mapped: u64 = mapped.trim().trim_end_matches(" kB").parse().unwrap();
        self.stop("fast");
        self.memory_limit = bytes.map(|bytes| mapped * 1024 + bytes);
        self.run();
    }

    /// The folder that holds its data and its log: its disk, where it has one.
    pub fn home(&self) -> &Path {
        self.dir.path()
    }

    /// Where its data is.
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// What it logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    pub fn url(&self, database: &str) -> String {
        url(self.port, database)
    }

    /// Runs statements in the database `postgres`.
    pub fn sql(&self, statements: &str) -> Vec<Vec<String>> {
        sql(&self.url("postgres"), statements)
    }

    fn pg(&self, program: &str, args: &[&str]) {
        self.try_pg(program, args).unwrap_or_else(|said| panic!("{said}"));
    }

    fn try_pg(&self, program: &str, args: &[&str]) -> Result<(), String> {
        let given = self.bin.clone().or_else(|| std::env::var_os("EVO_TEST_PG_BIN").map(PathBuf::from));
        let path = std::env::var("PATH").unwrap();
        // All programs from one folder: the wrappers in PATH would choose a version of their own.
        let program_path = evo::embedded::find_program(program, "", given.as_deref())
            .or_else(|| evo::embedded::find_program(program, &path, given.as_deref()));
        let mut command = Command::new(program_path.unwrap_or_else(|| panic!("there is no {program}")));
        command.args(args).env("PGDATA", self.data()).current_dir(self.dir.path()).stdin(Stdio::null());
        unprivileged(&mut command);
        if let Some(limit) = self.memory_limit.filter(|_| program == "pg_ctl") {
            // SAFETY: setrlimit may be called between fork and exec.
            unsafe {
                command.pre_exec(move || Ok(setrlimit(Resource::RLIMIT_AS, limit, RLIM_INFINITY)?));
            }
        }
        // To a file: the server would inherit a pipe and keep it open as long as it runs.
        let out = std::fs::File::create(self.dir.path().join("out")).unwrap();
        command.stdout(out.try_clone().unwrap()).stderr(out);
        let status = command.status().unwrap();
        let said = std::fs::read_to_string(self.dir.path().join("out")).unwrap();
        if status.success() { Ok(()) } else { Err(format!("{program} {args:?}: {said}\n{}", self.log())) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.is_running && !std::thread::panicking() {
            self.stop("immediate");
        } else if let Some(pid) = self.pid() {
            signal(pid, libc::SIGQUIT);
        }
    }
}

/// The PostgreSQL majors that `scripts/test-versions --fetch` put below the target folder.
pub fn majors() -> Vec<PathBuf> {
    let all = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("postgresql");
    let found = std::fs::read_dir(all).into_iter().flatten().flatten().map(|entry| entry.path().join("native/bin"));
    let mut found: Vec<PathBuf> = found.filter(|bin| bin.join("postgres").exists()).collect();
    found.sort();
    found
}

/// `postgres (PostgreSQL) 15.18 …` → `15`.
pub fn major_version(bin: &Path) -> String {
    let output = Command::new(bin.join("postgres")).arg("--version").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_whitespace().nth(2).unwrap().split('.').next().unwrap().to_owned()
}

pub fn url(port: u16, database: &str) -> String {
    format!("postgresql://evo@127.0.0.1:{port}/{database}")
}

/// A port that nobody listens on. It lies below those that the system gives to clients, so that none of them
/// takes it while a server is stopped and started again.
pub fn free_port() -> u16 {
    let any = RandomState::new().build_hasher().finish() % 12_000;
    let mut ports = (0..12_000).map(|i| 20_000 + ((any + i) % 12_000) as u16);
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}

/// Sends a signal to one process.
pub fn signal(pid: i32, signal: i32) {
    assert!(pid > 1, "no process");
    // The process may have ended already.
    let _ = kill(Pid::from_raw(pid), Signal::try_from(signal).unwrap());
}

/// Waits up to 30 s until something holds.
#[track_caller]
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < Duration::from_secs(30), "waited for {what} for 30 s");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A temporary folder that the server's user owns.
pub fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    if let Some((uid, gid)) = server_user() {
        std::os::unix::fs::chown(dir.path(), Some(uid), Some(gid)).unwrap();
    }
    dir
}

/// Makes a command run as the server's user.
pub fn unprivileged(command: &mut Command) {
    if let Some((uid, gid)) = server_user() {
        command.uid(uid).gid(gid);
    }
}

/// Uid and gid of the user who runs servers; `None` for the user of the tests, unless that is root.
fn server_user() -> Option<(u32, u32)> {
    if !is_root() {
        return None;
    }
    let text = std::fs::read_to_string(Path::new("/etc/passwd")).unwrap();
    let find = |name: &str| {
        let line = text.lines().find(|line| line.split(':').next() == Some(name))?;
        let fields: Vec<&str> = line.split(':').collect();
        Some((fields[2].parse().ok()?, fields[3].parse().ok()?))
    };
    find("postgres").or_else(|| find("nobody"))
}

/// Fills the disk of a folder with a new file in it.
pub fn fill(dir: &Path) -> PathBuf {
    let names = (0..).map(|n| dir.join(format!("filler-{n}")));
    let (path, file) =
        names.filter_map(|path| Some((path.clone(), std::fs::File::create_new(path).ok()?))).next().unwrap();
    let mut size = free_bytes(dir);
    while size > 0 && nix::fcntl::posix_fallocate(&file, 0, size as i64).is_err() {
        size = size.saturating_sub(64 * 1024);
    }
    path
}

fn free_bytes(dir: &Path) -> u64 {
    let found = nix::sys::statvfs::statvfs(dir).unwrap();
    found.blocks_available() * found.fragment_size()
}

/// A file system of its own that is soon full. Needs root.
pub struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    pub fn mount(size: &str) -> Self {
        let dir = folder();
        let (uid, gid) = server_user().expect("root");
        let options = format!("size={size},uid={uid},gid={gid},mode=0700");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(dir.path()).status().unwrap();
        assert!(mounted.success(), "cannot mount a tmpfs");
        Self(dir)
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").args(["--lazy"]).arg(self.0.path()).status();
    }
}
