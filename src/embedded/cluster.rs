//! Start, status, stop and removal of a private server.

use std::path::PathBuf;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::failure::{full, says_full};
use super::liveness::{self, Liveness, Postmaster};
use super::make::{self, DATABASE, SUPERUSER};
use super::paths::{self, Paths};
use super::process::{self, Programs};
use super::trust::trust;
use super::user::ServerUser;
use super::{Address, Data, Spec, Status, binaries, settings};
use crate::error::{Error, Kind, Result};

/// How long to wait for a server that another process started, for its end, or for its last processes.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Starts to try: another process may take the free port before the server listens on it.
const ATTEMPTS: usize = 3;

/// With less than one segment of WAL a server cannot work, nor even recover.
const WAL_SEGMENT: u64 = 16 << 20;

/// The private server of one state directory.
#[derive(Debug)]
pub struct Cluster {
    spec: Spec,
    search_path: String,
}

impl Cluster {
    /// The server that `spec` identifies. Changes nothing. `search_path` is the value of `PATH`.
    pub fn new(spec: Spec, search_path: &str) -> Self {
        Self { spec, search_path: search_path.to_owned() }
    }

    /// Makes and starts the server if necessary, and returns how to reach it. Concurrent callers, in this
    /// process or others, make and start it once. Blocks for seconds the first time, and during recovery
    /// after a crash.
    ///
    /// # Errors
    /// `Config` when there are no programs, when the data was made by another major version, or when the
    /// directory belongs to another user; `DatabaseUnavailable` (retryable) when the server does not start;
    /// `DatabaseFull`.
    pub fn ensure(&self) -> Result<Address> {
        self.start().map(|(address, _)| address)
    }

    /// As [`Cluster::ensure`]; also returns whether this call started the server.
    ///
    /// # Errors
    /// As [`Cluster::ensure`].
    pub fn start(&self) -> Result<(Address, bool)> {
        let _lock = paths::lock(&self.spec.state_dir)?;
        let paths = Paths::decide(&self.spec.state_dir)?;
        if let Some(running) = running(&paths)? {
            return Ok((address(&paths, &running)?, false));
        }
        let programs = self.programs(&paths)?;
        if !paths.is_made() {
            let durable = !self.spec.extra_settings.iter().any(|(name, value)| name == "fsync" && value == "off");
            tracing::info!(data = %paths.data.display(), version = programs.version, "creating a private PostgreSQL");
            make::make(&programs, &paths, durable)?;
        }
        Ok((self.launch(&programs, &paths)?, true))
    }

    /// The server's state at this moment. Starts and makes nothing.
    ///
    /// # Errors
    /// `Config` when the files belong to another user.
    pub fn status(&self) -> Result<Status> {
        if self.spec.state_dir.is_dir() {
            trust(&self.spec.state_dir)?;
        }
        let made = Paths::find(&self.spec.state_dir).filter(Paths::is_made);
        let Some(paths) = made else { return Ok(Status::Absent) };
        let data = Data { path: paths.data.clone(), elsewhere: paths.elsewhere, version: paths.version()? };
        Ok(match liveness::probe(&paths.data) {
            Liveness::Gone => Status::Stopped(data),
            Liveness::Held => Status::Held(data),
            Liveness::Alive(found) if found.is_ready() => {
                Status::Running { data, pid: found.pid, address: address(&paths, &found)? }
            }
            Liveness::Alive(found) => Status::Changing { data, state: found.state },
        })
    }

    /// Stops the server cleanly: open transactions are rolled back, a checkpoint is written. Returns whether
    /// it was running.
    ///
    /// # Errors
    /// `Config` when the server belongs to another user, `DatabaseUnavailable` when it does not end in time.
    pub fn stop(&self) -> Result<bool> {
        if Paths::find(&self.spec.state_dir).is_none() {
            return Ok(false);
        }
        let _lock = paths::lock(&self.spec.state_dir)?;
        Paths::find(&self.spec.state_dir).map_or(Ok(false), |paths| halt(&paths))
    }

    /// Stops the server and removes its data and files. Returns whether there were any.
    ///
    /// # Errors
    /// Those of [`Cluster::stop`]; `Config` when evo did not make the data, or when it cannot be removed.
    pub fn destroy(&self) -> Result<bool> {
        if Paths::find(&self.spec.state_dir).is_none() {
            return Ok(false);
        }
        let _lock = paths::lock(&self.spec.state_dir)?;
        let Some(paths) = Paths::find(&self.spec.state_dir) else { return Ok(false) };
        paths.refuse_foreign()?;
        let existed = paths.is_made() || paths.making().exists();
        halt(&paths)?;
        paths.remove()?;
        Ok(existed)
    }

    /// The error for a server that has ended because its disk is full, with what it logged; `None` when it
    /// runs, or ended for another reason.
    pub fn ended_by_full_disk(&self) -> Option<Error> {
        let paths = Paths::find(&self.spec.state_dir).filter(Paths::is_made)?;
        if liveness::probe(&paths.data) != Liveness::Gone {
            return None;
        }
        let last_words = process::last_words_about_disk(&paths.data.join("log"));
        let is_full = says_full(&last_words) || paths.free_bytes()? < WAL_SEGMENT;
        let message = format!("the private PostgreSQL has ended: the disk of {} is full", paths.data.display());
        is_full.then(|| match last_words.is_empty() {
            true => full(message),
            false => full(message).detail(last_words),
        })
    }

    /// Where the data is, or would be. For messages.
    pub fn data_dir(&self) -> PathBuf {
        Paths::find(&self.spec.state_dir).map_or_else(|| self.spec.state_dir.join("postgres"), |paths| paths.data)
    }

    fn launch(&self, programs: &Programs, paths: &Paths) -> Result<Address> {
        check_version(programs, paths)?;
        let mut attempt = 1;
        loop {
            let port = settings::choose_port(&paths.data)?;
            settings::write(programs, &paths.data, port, &self.spec.extra_settings)?;
            match programs.start(&paths.data) {
                Ok(running) => {
                    tracing::debug!(pid = running.pid, port = running.port, "the private PostgreSQL runs");
                    return address(paths, &running);
                }
                Err(_) if attempt < ATTEMPTS && !settings::is_free(port) => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }

    fn programs(&self, paths: &Paths) -> Result<Programs> {
        let made_by = if paths.is_made() { paths.version()?.parse().ok() } else { None };
        let found = binaries::find(self.spec.bin_dir.as_deref(), &self.search_path, made_by)?;
        Ok(Programs { bin: found.bin, version: found.version, user: ServerUser::choose(&paths.data)? })
    }
}

/// The server, if one is running. Waits while it starts or stops, and while processes of a killed one use the
/// data.
fn running(paths: &Paths) -> Result<Option<Postmaster>> {
    let settled = |seen: &Liveness| match seen {
        Liveness::Gone => true,
        Liveness::Held => false,
        Liveness::Alive(found) => found.is_ready(),
    };
    match liveness::wait(&paths.data, TIMEOUT, settled) {
        Liveness::Gone => Ok(None),
        Liveness::Held => Err(liveness::held_by_others(&paths.data)),
        Liveness::Alive(found) if found.is_ready() => Ok(Some(found)),
        Liveness::Alive(found) => Err(Error::new(
            Kind::DatabaseUnavailable,
            format!("the private PostgreSQL is still {} after {} s", found.state, TIMEOUT.as_secs()),
        )
        .hint("try again later; `evo db status` shows its state")),
    }
}

/// Stops the server, if one is running; returns whether one was.
fn halt(paths: &Paths) -> Result<bool> {
    // The remaining processes of a killed server end by themselves.
    let found = match liveness::wait(&paths.data, TIMEOUT, |seen| *seen != Liveness::Held) {
        Liveness::Gone => return Ok(false),
        Liveness::Held => return Err(liveness::held_by_others(&paths.data)),
        Liveness::Alive(found) => found,
    };
    // SIGINT is the server's fast shutdown.
    match kill(Pid::from_raw(found.pid), Signal::SIGINT) {
        Ok(()) | Err(nix::Error::ESRCH) => {}
        Err(e) => {
            let message = format!("cannot stop the private PostgreSQL, pid {}: {}", found.pid, e.desc());
            return Err(Error::new(Kind::Config, message).caused_by(e));
        }
    }
    match liveness::wait(&paths.data, TIMEOUT, |seen| *seen == Liveness::Gone) {
        Liveness::Gone => Ok(true),
        _ => Err(Error::new(
            Kind::DatabaseUnavailable,
            format!("the private PostgreSQL, pid {}, has not ended after {} s", found.pid, TIMEOUT.as_secs()),
        )
        .hint("it is still writing its checkpoint: try again later")),
    }
}

fn address(paths: &Paths, running: &Postmaster) -> Result<Address> {
    Ok(Address {
        port: running.port,
        user: SUPERUSER.to_owned(),
        password: paths.password()?,
        database: DATABASE.to_owned(),
    })
}

fn check_version(programs: &Programs, paths: &Paths) -> Result<()> {
    let (made_by, have) = (paths.version()?, programs.version);
    if made_by == have.to_string() {
        return Ok(());
    }
    Err(Error::new(
        Kind::Config,
        format!("the private database was made by PostgreSQL {made_by}, but the programs found are of version {have}"),
    )
    .detail(format!("data in {}, programs in {}", paths.data.display(), programs.bin.display()))
    .hint(format!(
        "install PostgreSQL {made_by} or point EVO_PG_BIN at its programs; \
         or start again with `evo db destroy --yes` and load again: the lake stays"
    )))
}
