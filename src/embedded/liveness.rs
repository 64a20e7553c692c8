//! Whether the server of a data directory is alive, and what it reports about itself.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::failure::cannot;
use super::open_dir::OpenDir;
use super::user::ServerUser;
use crate::error::{Error, Kind, Result};

/// Whether a data directory is in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Liveness {
    /// No process uses it.
    Gone,
    /// A server of this machine runs on it.
    Alive(Postmaster),
    /// Processes use it, but no postmaster is visible: the remains of a killed server for a moment, or a
    /// server in another container that shares the directory.
    Held,
}

/// A live server, as `postmaster.pid` describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Postmaster {
    pub(super) pid: i32,
    pub(super) port: u16,
    /// `starting`, `ready`, `stopping` …; empty for a moment when the file is new.
    pub(super) state: String,
}

impl Postmaster {
    /// Whether it accepts connections.
    pub(super) fn is_ready(&self) -> bool {
        self.state == "ready"
    }
}

/// Whether the server of `data` is alive at this moment.
pub(super) fn probe(data: &Path) -> Liveness {
    match read_pid_file(data).filter(|found| serves(found.pid, data)) {
        Some(found) => Liveness::Alive(found),
        None if is_held(data) => Liveness::Held,
        None => Liveness::Gone,
    }
}

/// Probes until `is_enough` or until `timeout` has passed; returns what it saw last.
pub(super) fn wait(data: &Path, timeout: Duration, is_enough: impl Fn(&Liveness) -> bool) -> Liveness {
    let started = Instant::now();
    loop {
        let seen = probe(data);
        if is_enough(&seen) || started.elapsed() > timeout {
            return seen;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Takes the lock that a server started by evo holds as its stdin. The kernel keeps it until the server's
/// last process has ended, in whichever container that runs.
///
/// # Errors
/// `DatabaseUnavailable` (retryable) when another server holds it, `Config` when the file cannot be opened.
pub(super) fn hold(data: &Path) -> Result<File> {
    let path = data.join(LOCK);
    let opened = OpenDir::open(data).and_then(|dir| dir.lock_file(LOCK));
    let file = opened.map_err(|e| cannot("open", &path, e))?;
    let started = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            // `evo db status` takes a shared lock for an instant.
            Err(TryLockError::WouldBlock) if started.elapsed() < Duration::from_secs(2) => {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(TryLockError::WouldBlock) => return Err(held_by_others(data)),
            Err(TryLockError::Error(e)) => return Err(cannot("lock", &path, e)),
        }
    }
}

/// Makes the pid file of a dead server harmless: a process that happens to have that number now would keep
/// the next server from starting.
///
/// The file stays, with a number that no process has. From the rest of it the server finds shared memory of
/// its predecessor that is still in use.
///
/// # Errors
/// `Config` when the file cannot be read or written.
pub(super) fn disarm(data: &Path, user: Option<ServerUser>) -> Result<()> {
    let Ok(dir) = OpenDir::open(data) else { return Ok(()) };
    let text = match dir.read_text(PID_FILE) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(cannot("read", &data.join(PID_FILE), e)),
    };
    let rest = text.split_once('\n').map_or("", |(_, rest)| rest);
    let text = format!("{}\n{rest}", i32::MAX);
    dir.replace(PID_FILE, &text, user).map_err(|e| cannot("write", &data.join(PID_FILE), e))
}

/// The error for [`Liveness::Held`].
pub(super) fn held_by_others(data: &Path) -> Error {
    Error::new(Kind::DatabaseUnavailable, "the private PostgreSQL is in use by processes that evo cannot see")
        .detail(format!("data in {}", data.display()))
        .hint(
            "if a container that shares this directory runs it, use or stop it there;\n\
             if queries of a killed server have not ended yet, try again",
        )
}

/// In the data directory; locked as long as a process of the server lives.
const LOCK: &str = "evo.running";
const PID_FILE: &str = "postmaster.pid";

fn is_held(data: &Path) -> bool {
    let file = OpenDir::open(data).and_then(|dir| dir.existing(LOCK));
    file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

fn read_pid_file(data: &Path) -> Option<Postmaster> {
    let text = OpenDir::open(data).ok()?.read_text(PID_FILE).ok()?;
    let line = |n: usize| text.lines().nth(n).map(str::trim);
    Some(Postmaster {
        pid: line(0)?.parse().ok()?,
        port: line(3).and_then(|port| port.parse().ok()).unwrap_or(0),
        state: line(7).unwrap_or_default().to_owned(),
    })
}

/// Whether process `pid` is a PostgreSQL server of `data`: the number may belong to another process by now,
/// or to another PostgreSQL.
fn serves(pid: i32, data: &Path) -> bool {
    let process = PathBuf::from(format!("/proc/{pid}"));
    let command = match Path::new("/proc/self").exists() {
        // Empty for a zombie.
        true => std::fs::read(process.join("cmdline")).unwrap_or_default(),
        false => {
            let ps = Command::new("ps").args(["-ww", "-o", "command=", "-p", &pid.to_string()]).output();
            ps.map(|output| output.stdout).unwrap_or_default()
        }
    };
    let command = String::from_utf8_lossy(&command).into_owned();
    let is_postgres = command.split(['\0', ' ']).next().is_some_and(|program| program.ends_with("postgres"));
    // The working directory decides when the command line holds a relative path; the command line decides
    // when root may not read the working directory of another user's process, as in a container.
    let runs_there = || std::fs::read_link(process.join("cwd")).is_ok_and(|dir| dir == data);
    is_postgres && (command.contains(&*data.to_string_lossy()) || runs_there())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data_dir(pid_file: &str) -> tempfile::TempDir {
        let data = tempfile::tempdir().unwrap();
        std::fs::write(data.path().join("postmaster.pid"), pid_file).unwrap();
        data
    }

    #[test]
    fn a_pid_file_that_names_another_process_means_no_server() {
        let data = data_dir(&format!("{}\n/x\n1\n5432\n\n127.0.0.1\n 1 2\nready   \n", std::process::id()));
        assert_eq!(probe(data.path()), Liveness::Gone);
    }

    #[test]
    fn a_disarmed_pid_file_names_no_process_and_keeps_the_rest() {
        let data = data_dir("1\n/x\n1\n5432\n");
        disarm(data.path(), None).unwrap();
        let text = std::fs::read_to_string(data.path().join("postmaster.pid")).unwrap();
        assert_eq!(text, "2147483647\n/x\n1\n5432\n");
        assert!(disarm(&data.path().join("none"), None).is_ok());
    }

    #[test]
    fn data_is_held_exactly_as_long_as_the_lock() {
        let data = tempfile::tempdir().unwrap();
        let lock = hold(data.path()).unwrap();
        assert_eq!(probe(data.path()), Liveness::Held);
        drop(lock);
        assert_eq!(probe(data.path()), Liveness::Gone);
    }

    #[test]
    fn port_and_state_come_from_the_pid_file() {
        let data = data_dir("77\n/x\n1700000000\n54321\n\n127.0.0.1\n  1  2\nstarting\n");
        let expected = Postmaster { pid: 77, port: 54321, state: "starting".into() };
        assert_eq!(read_pid_file(data.path()), Some(expected));
    }
}
