//! Whether the server of a data directory lives, and what it says of itself.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::folder::Folder;
use super::place::cannot;
use super::user::ServerUser;
use crate::error::{Error, Kind, Result};

/// What a look at a data directory told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Presence {
    /// No server.
    Gone,
    /// A server process of this machine.
    Alive(Postmaster),
    /// Processes hold the data, but no postmaster is to be seen: what is left of a killed one for a moment, or a
    /// server in another container that shares the directory.
    Held,
}

/// What `postmaster.pid` says of a live server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Postmaster {
    pub(super) pid: i32,
    pub(super) port: u16,
    /// `starting`, `ready`, `stopping` …; empty for a moment at the very start.
    pub(super) state: String,
}

impl Postmaster {
    pub(super) fn is_ready(&self) -> bool {
        self.state == "ready"
    }
}

/// Looks whether the server of `data` lives.
pub(super) fn look(data: &Path) -> Presence {
    match read_pid_file(data).filter(|found| serves(found.pid, data)) {
        Some(found) => Presence::Alive(found),
        None if is_held(data) => Presence::Held,
        None => Presence::Gone,
    }
}

/// Looks until `enough` or for as long as `patience`; returns what was last seen.
pub(super) fn wait(data: &Path, patience: Duration, enough: impl Fn(&Presence) -> bool) -> Presence {
    let started = Instant::now();
    loop {
        let seen = look(data);
        if enough(&seen) || started.elapsed() > patience {
            return seen;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The lock that a server started by evo holds as its stdin. The kernel keeps it until the last process of the server
/// is gone, in whatever container that runs.
pub(super) fn hold(data: &Path) -> Result<File> {
    let path = data.join(LOCK);
    let opened = Folder::open(data).and_then(|folder| folder.lock_file(LOCK));
    let file = opened.map_err(|e| cannot("open", &path, e))?;
    let started = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            // `evo db status` looks through a shared lock, for an instant.
            Err(TryLockError::WouldBlock) if started.elapsed() < Duration::from_secs(2) => {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(TryLockError::WouldBlock) => return Err(held_by_others(data)),
            Err(TryLockError::Error(e)) => return Err(cannot("lock", &path, e)),
        }
    }
}

/// Makes a pid file that a dead server left harmless, so that a process that happens to have its number now does not
/// keep the next one from starting.
///
/// The file stays, with a number that no process has: the rest of it lets the server find shared memory of its
/// predecessor that is still in use.
pub(super) fn disarm(data: &Path, user: Option<ServerUser>) -> Result<()> {
    let Ok(folder) = Folder::open(data) else { return Ok(()) };
    let text = match folder.read_text(PID_FILE) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(cannot("read", &data.join(PID_FILE), e)),
    };
    let rest = text.split_once('\n').map_or("", |(_, rest)| rest);
    let text = format!("{}\n{rest}", i32::MAX);
    folder.replace(PID_FILE, &text, user).map_err(|e| cannot("write", &data.join(PID_FILE), e))
}

pub(super) fn held_by_others(data: &Path) -> Error {
    Error::new(Kind::DatabaseUnavailable, "the private PostgreSQL is in use by processes that evo cannot see")
        .detail(format!("data in {}", data.display()))
        .hint(
            "either a container that shares this directory runs it: use it, or stop it, there;\n\
             or queries of a server that was killed have not ended yet: try again",
        )
}

/// In the data directory; locked for as long as a process of the server lives.
const LOCK: &str = "evo.running";
const PID_FILE: &str = "postmaster.pid";

fn is_held(data: &Path) -> bool {
    let file = Folder::open(data).and_then(|folder| folder.existing(LOCK));
    file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

fn read_pid_file(data: &Path) -> Option<Postmaster> {
    let text = Folder::open(data).ok()?.read_text(PID_FILE).ok()?;
    let line = |n: usize| text.lines().nth(n).map(str::trim);
    Some(Postmaster {
        pid: line(0)?.parse().ok()?,
        port: line(3).and_then(|port| port.parse().ok()).unwrap_or(0),
        state: line(7).unwrap_or_default().to_owned(),
    })
}

/// Whether process `pid` is a PostgreSQL that works on `data`: its number may have gone to another process, or to
/// another PostgreSQL.
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
    // The folder tells where the command line has a relative path; the command line where root may not read the folder
    // of another user's process, as in a container.
    let works_there = || std::fs::read_link(process.join("cwd")).is_ok_and(|folder| folder == data);
    is_postgres && (command.contains(&*data.to_string_lossy()) || works_there())
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
        assert_eq!(look(data.path()), Presence::Gone);
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
    fn data_is_held_as_long_as_the_lock_lives_and_no_longer() {
        let data = tempfile::tempdir().unwrap();
        let lock = hold(data.path()).unwrap();
        assert_eq!(look(data.path()), Presence::Held);
        drop(lock);
        assert_eq!(look(data.path()), Presence::Gone);
    }

    #[test]
    fn the_pid_file_tells_port_and_state() {
        let data = data_dir("77\n/x\n1700000000\n54321\n\n127.0.0.1\n  1  2\nstarting\n");
        let expected = Postmaster { pid: 77, port: 54321, state: "starting".into() };
        assert_eq!(read_pid_file(data.path()), Some(expected));
    }
}
