//! A private PostgreSQL for those who have none configured: started from the machine's own binaries.
//!
//! It lives in `<state_dir>/postgres`, listens on a free port of 127.0.0.1 with a random password that a 0600 file
//! keeps, and goes on running after the command that started it. A lock file makes concurrent commands start it once.
//! TCP rather than a socket, because a socket's path may have 107 bytes only and a state directory lies anywhere.
//!
//! The server refuses to run as root: then it runs as `postgres`, or `nobody`, in a data directory that this user owns.
//! Where that user cannot reach the state directory (below `/root`, say) the data lies in `/var/lib/evo/<hash>`.
//!
//! States of the directory: absent → initialised (`evo.ready` is written last, so a half-made one is made again) →
//! running (`postmaster.pid` says "ready") → stopped or crashed; starting again is the same for both.

pub mod binaries;
mod cluster;
mod process;
mod user;

use std::path::PathBuf;

pub use cluster::Cluster;

/// Which private server is meant.
#[derive(Debug, Clone)]
pub struct Spec {
    /// evo's folder, `.evo`.
    pub state_dir: PathBuf,
    /// Folder of the server's programs, where it is not to be searched for.
    pub bin_dir: Option<PathBuf>,
    /// Further lines of its configuration.
    pub extra_settings: Vec<(String, String)>,
}

/// How to reach the running server.
#[derive(Debug, Clone)]
pub struct Address {
    /// On 127.0.0.1.
    pub port: u16,
    /// Superuser.
    pub user: String,
    /// Its password; local and private.
    pub password: String,
    /// Database.
    pub database: String,
}

impl Address {
    /// As a URL, password included.
    pub fn url(&self) -> String {
        format!("postgresql://{}:{}@127.0.0.1:{}/{}", self.user, self.password, self.port, self.database)
    }
}

/// What [`Cluster::status`] found.
#[derive(Debug, Clone)]
pub enum Status {
    /// Never made.
    Absent,
    /// Made and not running.
    Stopped,
    /// Running.
    Running {
        /// Process id of the postmaster.
        pid: i32,
        /// How to reach it.
        address: Address,
    },
}
