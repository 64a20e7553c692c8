//! A private PostgreSQL for those who have none configured: started from the machine's own binaries.
//!
//! **Where.** `<state_dir>/postgres`. It listens on a free port of 127.0.0.1 only, and keeps that port from start to
//! start as long as nobody else takes it. TCP rather than a socket, because a socket's path may have 107 bytes only and
//! a state directory lies anywhere. Its superuser `evo` has a random password, kept in `<state_dir>/postgres.password`
//! with mode 0600.
//!
//! **As whom.** The user who runs evo. Root is refused by the server: then it runs as `postgres`, or else `nobody`,
//! and as the owner of the data directory when an ordinary user made that. Where this user cannot reach the state
//! directory (below `/root`, say) the data lies in `/var/lib/evo/<hash of the state directory's path>`, which
//! `<state_dir>/postgres.location` records.
//!
//! **How long.** It goes on running after the command that started it, in a session of its own and with none of evo's
//! descriptors: whoever waits for the end of evo's output does not wait for the server's.
//!
//! **Once.** Commands make, start, stop and destroy it under a lock on `<state_dir>/postgres.lock`. That it lives is
//! told by a second lock, on `evo.running` in the data directory: the server inherits it as its stdin, so the kernel
//! holds it exactly as long as one of its processes lives. A process id alone tells nothing after a reboot, and nothing in
//! a container that shares the directory with its host.
//!
//! ```text
//! absent ──initdb in postgres.making, then rename──▶ stopped ──▶ starting ──▶ running ──▶ stopping ──▶ stopped
//!                                                       ▲                        │ kill -9, power off
//!                                                       └────────────────────────┘ the next start recovers
//! ```

mod binaries;
mod cluster;
mod folder;
mod make;
mod place;
mod presence;
mod process;
mod settings;
mod user;

use std::fmt;
use std::path::PathBuf;

pub use binaries::find_program;
pub use cluster::Cluster;

/// Which private server is meant.
#[derive(Debug, Clone)]
pub struct Spec {
    /// evo's folder, `.evo`.
    pub state_dir: PathBuf,
    /// Folder of the server's programs, where it is not to be searched for.
    pub bin_dir: Option<PathBuf>,
    /// Further settings of the server, name and value; they take effect when it starts.
    pub extra_settings: Vec<(String, String)>,
}

/// How to reach the running server.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// On 127.0.0.1.
    pub port: u16,
    /// Superuser.
    pub user: String,
    /// Its password; hexadecimal digits.
    pub password: String,
    /// Database.
    pub database: String,
}

impl Address {
    /// As a libpq URL, password included.
    pub fn url(&self) -> String {
        format!(
            "postgresql://{}:{}@127.0.0.1:{}/{}?sslmode=disable",
            self.user, self.password, self.port, self.database
        )
    }
}

/// Without the password.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "postgresql://{}:***@127.0.0.1:{}/{}", self.user, self.port, self.database)
    }
}

/// What [`Cluster::status`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// Never made, or destroyed.
    Absent,
    /// Made and not running.
    Stopped(Data),
    /// Made, and in use by processes that are no server to be seen: queries of a killed one that have not ended yet,
    /// or a server in another container that shares the directory.
    Held(Data),
    /// On its way up or down.
    Changing {
        /// Its data.
        data: Data,
        /// The postmaster's own word: `starting`, `stopping`.
        state: String,
    },
    /// Accepting connections.
    Running {
        /// Its data.
        data: Data,
        /// Process id of the postmaster.
        pid: i32,
        /// How to reach it.
        address: Address,
    },
}

/// The data of a private server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Data {
    /// Its folder.
    pub path: PathBuf,
    /// Whether it lies outside of the state directory, because the server's user cannot reach that.
    pub elsewhere: bool,
    /// Major version of PostgreSQL that made it.
    pub version: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_shows_its_password_in_its_url_only() {
        let address = Address { port: 5, user: "evo".into(), password: "c0ffee".into(), database: "evo".into() };
        assert!(address.url().contains("c0ffee"));
        assert!(!format!("{address:?}").contains("c0ffee"));
    }
}
