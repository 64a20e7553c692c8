//! Runs the server's programs.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::failure::{cannot, full, says_full};
use super::liveness::{self, Liveness, Postmaster};
use super::open_dir::OpenDir;
use super::user::ServerUser;
use crate::error::{Error, Kind, Result};

/// How much of a log's end is read, bytes.
const TAIL: u64 = 16 << 10;

/// A start may take long: after a crash the server replays gigabytes of WAL first.
const START_TIMEOUT: Duration = Duration::from_secs(300);

/// The server's programs and the user who runs them.
#[derive(Debug, Clone)]
pub(super) struct Programs {
    /// The directory that holds them.
    pub(super) bin: PathBuf,
    /// Their major version.
    pub(super) version: u32,
    /// The user who runs them; `None` for evo's.
    pub(super) user: Option<ServerUser>,
}

impl Programs {
    /// A program with a clean environment: the caller's `PGDATA`, `PGPORT` or locale must not reach it.
    pub(super) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.bin.join(program));
        command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C").env("TZ", "UTC").current_dir("/");
        command.stdin(Stdio::null());
        if let Some(user) = self.user {
            user.apply(&mut command);
        }
        command
    }

    /// Runs a program and waits for its end. `action` completes "cannot …".
    ///
    /// # Errors
    /// `Config` with what the program printed.
    pub(super) fn run(&self, mut command: Command, action: &str) -> Result<()> {
        let output = command.output().map_err(|e| self.cannot_run(&command, e))?;
        if output.status.success() {
            return Ok(());
        }
        let text = [output.stdout, output.stderr].concat();
        Err(Error::new(Kind::Config, format!("cannot {action}"))
            .detail(String::from_utf8_lossy(&text).trim().to_owned()))
    }

    /// Whether this build of the server accepts that value of a setting.
    pub(super) fn supports(&self, data: &Path, name: &str, value: &str) -> bool {
        let mut command = self.command("postgres");
        command.arg("-D").arg(data).args(["-C", name, "-c", &format!("{name}={value}")]);
        command.output().is_ok_and(|output| output.status.success())
    }

    /// Starts the server and waits until it accepts connections. Nobody uses the data: [`liveness::probe`]
    /// said so.
    ///
    /// # Errors
    /// `DatabaseUnavailable` (retryable) with what the server logged, when it ends or is not ready in time;
    /// `DatabaseFull` when its disk is full.
    pub(super) fn start(&self, data: &Path) -> Result<Postmaster> {
        liveness::disarm(data, self.user)?;
        let log = data.join("log");
        let logs = OpenDir::open(data).and_then(|data| data.subdirectory("log", self.user));
        let output = logs.and_then(|logs| logs.create("startup.log", self.user));
        let output = output.map_err(|e| cannot("create", &log.join("startup.log"), e))?;
        let before = lengths(&log);
        let mut child = self.spawn(data, output)?;
        let started = Instant::now();
        loop {
            if let Liveness::Alive(found) = liveness::probe(data)
                && found.is_ready()
            {
                return Ok(found);
            }
            if let Ok(Some(status)) = child.try_wait() {
                return Err(ended(status, &new_lines(&log, &before), &log));
            }
            if started.elapsed() > START_TIMEOUT {
                return Err(Error::new(
                    Kind::DatabaseUnavailable,
                    format!("the private PostgreSQL is not ready after {} s", START_TIMEOUT.as_secs()),
                )
                .detail(new_lines(&log, &before))
                .hint("it is still starting: try again later, or see `evo db status`"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Starts the server in a session of its own, so that neither Ctrl-C nor the end of the terminal reaches
    /// it.
    fn spawn(&self, data: &Path, output: File) -> Result<Child> {
        let mut command = self.command("postgres");
        let errors = output.try_clone().map_err(|e| cannot("open", data, e))?;
        command.arg("-D").arg(data).stdin(liveness::hold(data)?).stdout(output).stderr(errors);
        // SAFETY: setsid and fcntl are async-signal-safe, and nothing is allocated between fork and exec.
        // `nix::fcntl` takes owned descriptors only, which these numbers are not.
        unsafe {
            command.pre_exec(|| {
                let _ = nix::unistd::setsid();
                // evo may have inherited a lock or a pipe: it must not live as long as the server.
                for descriptor in 3..1024 {
                    libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC);
                }
                Ok(())
            });
        }
        command.spawn().map_err(|e| self.cannot_run(&command, e))
    }

    fn cannot_run(&self, command: &Command, e: std::io::Error) -> Error {
        let error = cannot("run", Path::new(command.get_program()), e);
        match self.user {
            Some(_) => error.hint(
                "evo runs as root, so another user runs PostgreSQL's programs: that user must be able to reach them",
            ),
            None => error,
        }
    }
}

fn ended(status: ExitStatus, lines: &str, log: &Path) -> Error {
    if says_full(lines) {
        return full("the private PostgreSQL did not start: its disk is full".to_owned()).detail(lines);
    }
    Error::new(Kind::DatabaseUnavailable, format!("the private PostgreSQL did not start ({status})"))
        .detail(lines)
        .hint(format!("its log is in {}", log.display()))
}

/// The length of each file in `log`.
fn lengths(log: &Path) -> HashMap<PathBuf, u64> {
    let files = std::fs::read_dir(log).into_iter().flatten().flatten();
    files.filter_map(|file| Some((file.path(), file.metadata().ok()?.len()))).collect()
}

/// The last lines that were added to the files in `log` since they had the lengths `before`.
fn new_lines(log: &Path, before: &HashMap<PathBuf, u64>) -> String {
    let mut lines = Vec::new();
    let logs = OpenDir::open(log);
    for (path, length) in lengths(log) {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let bytes = logs.as_ref().ok().and_then(|logs| logs.read(&name).ok()).unwrap_or_default();
        // A file that is shorter than before was truncated and is new from its beginning.
        let old = before.get(&path).copied().filter(|old| *old <= length).unwrap_or(0);
        let text = String::from_utf8_lossy(bytes.get(old as usize..).unwrap_or_default()).into_owned();
        let useful =
            text.lines().filter(|line| !line.contains("logging collector") && !line.contains("Future log output"));
        let mut tail: Vec<String> = useful.rev().take(8).map(str::to_owned).collect();
        tail.reverse();
        lines.extend(tail);
    }
    lines.join("\n")
}

/// The lines about a full disk among the last that a server has logged. Others are not shown: they may hold
/// values.
pub(super) fn last_words_about_disk(log: &Path) -> String {
    let newest = |path: &PathBuf| std::fs::metadata(path).and_then(|file| file.modified()).ok();
    let Some(path) = lengths(log).into_keys().max_by_key(newest) else { return String::new() };
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut bytes = Vec::new();
    let _ = OpenDir::open(log).and_then(|dir| dir.existing(&name)).and_then(|mut file| {
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
        file.read_to_end(&mut bytes)
    });
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let mut lines: Vec<&str> = text.lines().rev().take(20).filter(|line| says_full(line)).collect();
    lines.reverse();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_logged_since_the_start_are_shown() {
        let log = tempfile::tempdir().unwrap();
        let file = log.path().join("postgresql-Mon.log");
        std::fs::write(&file, "of the last run\n").unwrap();
        let before = lengths(log.path());
        std::fs::write(&file, "of the last run\nFATAL: no\n").unwrap();
        assert_eq!(new_lines(log.path(), &before), "FATAL: no");
        std::fs::write(&file, "rotated\n").unwrap();
        assert_eq!(new_lines(log.path(), &before), "rotated");
    }
}
