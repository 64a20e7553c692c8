//! The private server's life: start once, tell, stop, destroy.

use std::path::PathBuf;
use std::time::Duration;

use super::make::{self, DATABASE, SUPERUSER};
use super::place::{self, Place};
use super::presence::{self, Postmaster, Presence};
use super::process::Programs;
use super::user::ServerUser;
use super::{Address, Data, Spec, Status, binaries, folder, settings};
use crate::error::{Error, Kind, Result};

/// How long a server may take to come up that somebody else started, to end, or to let go of its data.
const PATIENCE: Duration = Duration::from_secs(120);

/// A free port may be taken in the moment before the server listens.
const ATTEMPTS: usize = 3;

/// The private server of one state directory.
#[derive(Debug)]
pub struct Cluster {
    spec: Spec,
    search_path: String,
}

impl Cluster {
    /// The server that `spec` means; touches nothing. `search_path` is the value of `PATH`.
    pub fn new(spec: Spec, search_path: &str) -> Self {
        Self { spec, search_path: search_path.to_owned() }
    }

    /// Makes and starts the server if need be, and returns how to reach it. Concurrent callers, in this process or
    /// others, make and start it once. Blocks for seconds the first time, and as long as recovery takes after a crash.
    ///
    /// # Errors
    /// `Config` when there are no programs, the data is of another major version, or the directory is another user's;
    /// `DatabaseUnavailable` (retryable) when it does not start.
    pub fn ensure(&self) -> Result<Address> {
        self.start().map(|(address, _)| address)
    }

    /// As [`Cluster::ensure`], and tells whether it was this call that started the server.
    ///
    /// # Errors
    /// As [`Cluster::ensure`].
    pub fn start(&self) -> Result<(Address, bool)> {
        let _lock = place::lock(&self.spec.state_dir)?;
        let place = Place::decide(&self.spec.state_dir)?;
        if let Some(running) = running(&place)? {
            return Ok((address(&place, &running)?, false));
        }
        let programs = self.programs(&place)?;
        if !place.is_made() {
            let durable = !self.spec.extra_settings.iter().any(|(name, value)| name == "fsync" && value == "off");
            tracing::info!(data = %place.data.display(), version = programs.version, "making a private PostgreSQL");
            make::make(&programs, &place, durable)?;
        }
        Ok((self.launch(&programs, &place)?, true))
    }

    /// What is there now; starts and makes nothing.
    ///
    /// # Errors
    /// `Config` when the files are another user's.
    pub fn status(&self) -> Result<Status> {
        if self.spec.state_dir.is_dir() {
            folder::trust(&self.spec.state_dir)?;
        }
        let made = Place::find(&self.spec.state_dir).filter(Place::is_made);
        let Some(place) = made else { return Ok(Status::Absent) };
        let data = Data { path: place.data.clone(), elsewhere: place.elsewhere, version: place.version()? };
        Ok(match presence::look(&place.data) {
            Presence::Gone => Status::Stopped(data),
            Presence::Held => Status::Held(data),
            Presence::Alive(found) if found.is_ready() => {
                Status::Running { data, pid: found.pid, address: address(&place, &found)? }
            }
            Presence::Alive(found) => Status::Changing { data, state: found.state },
        })
    }

    /// Stops the server in good order: open transactions are rolled back, a checkpoint is written. Returns whether it
    /// ran.
    ///
    /// # Errors
    /// `Config` when the server is another user's, `DatabaseUnavailable` when it does not end in time.
    pub fn stop(&self) -> Result<bool> {
        if Place::find(&self.spec.state_dir).is_none() {
            return Ok(false);
        }
        let _lock = place::lock(&self.spec.state_dir)?;
        Place::find(&self.spec.state_dir).map_or(Ok(false), |place| halt(&place))
    }

    /// Stops the server and removes its data and its files. Returns whether there was any.
    ///
    /// # Errors
    /// `Config` when the data is not what evo made, or cannot be removed; as [`Cluster::stop`].
    pub fn destroy(&self) -> Result<bool> {
        if Place::find(&self.spec.state_dir).is_none() {
            return Ok(false);
        }
        let _lock = place::lock(&self.spec.state_dir)?;
        let Some(place) = Place::find(&self.spec.state_dir) else { return Ok(false) };
        place.refuse_foreign()?;
        let was_there = place.is_made() || place.making().exists();
        halt(&place)?;
        place.remove()?;
        Ok(was_there)
    }

    /// Where the data is, or would be: for a message.
    pub fn data_dir(&self) -> PathBuf {
        Place::find(&self.spec.state_dir).map_or_else(|| self.spec.state_dir.join("postgres"), |place| place.data)
    }

    fn launch(&self, programs: &Programs, place: &Place) -> Result<Address> {
        check_version(programs, place)?;
        let mut attempt = 1;
        loop {
            let port = settings::choose_port(&place.data)?;
            settings::write(programs, &place.data, port, &self.spec.extra_settings)?;
            match programs.start(&place.data) {
                Ok(running) => {
                    tracing::debug!(pid = running.pid, port = running.port, "the private PostgreSQL runs");
                    return address(place, &running);
                }
                Err(_) if attempt < ATTEMPTS && !settings::is_free(port) => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }

    fn programs(&self, place: &Place) -> Result<Programs> {
        let made_by = if place.is_made() { place.version()?.parse().ok() } else { None };
        let found = binaries::find(self.spec.bin_dir.as_deref(), &self.search_path, made_by)?;
        Ok(Programs { bin: found.bin, version: found.version, user: ServerUser::choose(&place.data)? })
    }
}

/// The server, if one runs; waits while it starts, ends, or while backends of a killed one hold the data.
fn running(place: &Place) -> Result<Option<Postmaster>> {
    let settled = |seen: &Presence| match seen {
        Presence::Gone => true,
        Presence::Held => false,
        Presence::Alive(found) => found.is_ready(),
    };
    match presence::wait(&place.data, PATIENCE, settled) {
        Presence::Gone => Ok(None),
        Presence::Held => Err(presence::held_by_others(&place.data)),
        Presence::Alive(found) if found.is_ready() => Ok(Some(found)),
        Presence::Alive(found) => Err(Error::new(
            Kind::DatabaseUnavailable,
            format!("the private PostgreSQL is still {} after {} s", found.state, PATIENCE.as_secs()),
        )
        .hint("try again later; `evo db status` tells how it is")),
    }
}

/// Ends the server, if one runs; returns whether it did.
fn halt(place: &Place) -> Result<bool> {
    // What is left of a killed server goes by itself.
    let found = match presence::wait(&place.data, PATIENCE, |seen| *seen != Presence::Held) {
        Presence::Gone => return Ok(false),
        Presence::Held => return Err(presence::held_by_others(&place.data)),
        Presence::Alive(found) => found,
    };
    // SAFETY: kill has no preconditions; the process was just found to be the server. SIGINT is its fast shutdown.
    if unsafe { libc::kill(found.pid, libc::SIGINT) } != 0 {
        let e = std::io::Error::last_os_error();
        let gone = e.raw_os_error() == Some(libc::ESRCH);
        if !gone {
            return Err(Error::new(
                Kind::Config,
                format!("cannot stop the private PostgreSQL, pid {}: {e}", found.pid),
            )
            .caused_by(e));
        }
    }
    match presence::wait(&place.data, PATIENCE, |seen| *seen == Presence::Gone) {
        Presence::Gone => Ok(true),
        _ => Err(Error::new(
            Kind::DatabaseUnavailable,
            format!("the private PostgreSQL, pid {}, has not ended after {} s", found.pid, PATIENCE.as_secs()),
        )
        .hint("it is still writing its checkpoint: try again later")),
    }
}

fn address(place: &Place, running: &Postmaster) -> Result<Address> {
    Ok(Address {
        port: running.port,
        user: SUPERUSER.to_owned(),
        password: place.password()?,
        database: DATABASE.to_owned(),
    })
}

fn check_version(programs: &Programs, place: &Place) -> Result<()> {
    let (made_by, have) = (place.version()?, programs.version);
    if made_by == have.to_string() {
        return Ok(());
    }
    Err(Error::new(
        Kind::Config,
        format!("the private database was made by PostgreSQL {made_by}, but the programs found are of version {have}"),
    )
    .detail(format!("data in {}, programs in {}", place.data.display(), programs.bin.display()))
    .hint(format!(
        "install PostgreSQL {made_by} or point EVO_PG_BIN at its programs; \
         or start anew with `evo db destroy --yes` and load again: the lake stays"
    )))
}
