//! Running the server's programs, and reading what `postmaster.pid` says.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::user::ServerUser;
use crate::error::{Error, Kind, Result};

/// How long a start may take: recovery after a crash replays WAL first.
const START_TIMEOUT: Duration = Duration::from_secs(120);

/// Runs the server's programs as the right user.
#[derive(Debug, Clone)]
pub(super) struct Programs {
    pub(super) bin: PathBuf,
    pub(super) user: Option<ServerUser>,
}

/// What `postmaster.pid` says of a live server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Postmaster {
    pub(super) pid: i32,
    pub(super) port: u16,
    pub(super) ready: bool,
}

impl Programs {
    /// A program with a clean environment, detached from evo's terminal and pipes.
    pub(super) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.bin.join(program));
        command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C").env("TZ", "UTC").current_dir("/");
        command.stdin(Stdio::null());
        if let Some(user) = self.user {
            user.apply(&mut command);
        }
        command
    }

    /// Runs a program to its end.
    pub(super) fn run(&self, mut command: Command, what: &str) -> Result<()> {
        let failed = |detail: String| Error::new(Kind::Config, format!("cannot {what}")).detail(detail);
        let output = command.output().map_err(|e| failed(e.to_string()))?;
        if output.status.success() {
            return Ok(());
        }
        let text = [output.stdout, output.stderr].concat();
        Err(failed(String::from_utf8_lossy(&text).trim().to_owned()))
    }

    /// Starts the server detached and waits until it is ready.
    pub(super) fn start(&self, data: &Path, port: u16) -> Result<Postmaster> {
        forget_the_dead(data);
        let mut command = self.command("pg_ctl");
        let log = data.join("log").join("startup.log");
        command.arg("start").arg("-D").arg(data).arg("-l").arg(&log).arg("-W").arg("-o").arg(format!("-p {port}"));
        // The server inherits these and outlives evo: a pipe would keep whoever reads evo's output waiting.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let status = command.status().map_err(|e| Error::new(Kind::Config, "cannot run pg_ctl").caused_by(e))?;
        let started = Instant::now();
        while status.success() && started.elapsed() < START_TIMEOUT {
            match postmaster(data) {
                Some(found) if found.ready => return Ok(found),
                None if started.elapsed() > Duration::from_secs(3) => break,
                _ => std::thread::sleep(Duration::from_millis(50)),
            }
        }
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        let tail: Vec<&str> = text.lines().rev().take(5).collect();
        Err(Error::new(Kind::DatabaseUnavailable, "the private PostgreSQL did not start")
            .detail(tail.into_iter().rev().collect::<Vec<_>>().join("\n"))
            .hint(format!("see {} and the files beside it", log.display())))
    }
}

/// The live server of a data directory. A pid file left by a crash or a reboot names a process that is no postgres.
pub(super) fn postmaster(data: &Path) -> Option<Postmaster> {
    let text = std::fs::read_to_string(data.join("postmaster.pid")).ok()?;
    let line = |n: usize| text.lines().nth(n).map(str::trim);
    let pid: i32 = line(0)?.parse().ok()?;
    is_postgres(pid).then(|| Postmaster {
        pid,
        port: line(3).and_then(|p| p.parse().ok()).unwrap_or(0),
        ready: line(7) == Some("ready"),
    })
}

/// A killed postmaster that nobody has reaped still answers to its number, and a new one would refuse to start. Its
/// pid file goes once the last process of its session is gone too: until then the old shared memory is in use.
fn forget_the_dead(data: &Path) {
    let file = data.join("postmaster.pid");
    let pid = std::fs::read_to_string(&file).ok().and_then(|text| text.lines().next()?.trim().parse::<i32>().ok());
    let Some(pid) = pid.filter(|pid| process(*pid).is_some_and(|p| p.is_postgres && p.is_dead)) else { return };
    let started = Instant::now();
    while session_lives(pid) && started.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(50));
    }
    let _ = std::fs::remove_file(&file);
}

fn session_lives(session: i32) -> bool {
    let pids = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(process)
        .any(|p| p.is_postgres && p.session == session && !p.is_dead)
}

struct Process {
    is_postgres: bool,
    is_dead: bool,
    session: i32,
}

/// From `/proc/<pid>/stat`: `pid (name) state ppid pgrp session …`.
fn process(pid: i32) -> Option<Process> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (head, rest) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split(' ').collect();
    Some(Process {
        is_postgres: head.ends_with("(postgres"),
        is_dead: fields.first() == Some(&"Z"),
        session: fields.get(3)?.parse().ok()?,
    })
}

/// Whether a live process of this number is a postgres. A killed one that nobody has reaped yet is not alive.
fn is_postgres(pid: i32) -> bool {
    if Path::new("/proc/self").exists() {
        return process(pid).is_some_and(|p| p.is_postgres && !p.is_dead);
    }
    // No /proc on this system: ask whether the process exists at all.
    // SAFETY: signal 0 only checks.
    unsafe { libc::kill(pid, 0) == 0 }
}

/// A port of 127.0.0.1 that is free now.
pub(super) fn free_port() -> Result<u16> {
    std::net::TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|e| Error::new(Kind::Config, "no free port on 127.0.0.1").caused_by(e))
}
