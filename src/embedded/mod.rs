//! A private PostgreSQL for those who have not configured one, started from the programs installed on this
//! machine.
//!
//! **Where.** `<state_dir>/postgres`. It listens on 127.0.0.1 only, on a port that it keeps from one start to
//! the next while nobody else takes it. TCP rather than a socket, because the path of a socket may have only
//! 107 bytes and a state directory can be anywhere. Its superuser `evo` has a random password, kept in
//! `<state_dir>/postgres.password` with mode 0600.
//!
//! **As which user.** The user who runs evo. The server refuses to run as root: it then runs as `postgres`,
//! or else `nobody`, or as the owner of the data directory when an ordinary user made that. Where this user
//! cannot reach the state directory (below `/root`, for example) the data is in `/var/lib/evo/<hash of the
//! state directory's path>`, which `<state_dir>/postgres.location` records.
//!
//! **How long.** It keeps running after the command that started it, in a session of its own and without
//! evo's descriptors: a caller that waits for the end of evo's output does not wait for the server's.
//!
//! **Once.** Commands make, start, stop and destroy it under a lock on `<state_dir>/postgres.lock`. Whether
//! it is alive shows in a second lock, on `evo.running` in the data directory: the server inherits it as its
//! stdin, so the kernel holds it exactly as long as one of the server's processes lives. A process id alone
//! proves nothing after a reboot, nor in a container that shares the directory with its host.
//!
//! ```text
//! absent ──initdb in postgres.making, then rename──▶ stopped ──▶ starting ──▶ running ──▶ stopping ──▶ stopped
//!                                                       ▲                        │ kill -9, power failure
//!                                                       └────────────────────────┘ the next start recovers
//! ```

mod binaries;
mod cluster;
mod failure;
mod liveness;
mod make;
mod open_dir;
mod paths;
mod process;
mod settings;
mod trust;
mod user;

use std::fmt;
use std::path::PathBuf;

pub use binaries::find_program;
pub use cluster::Cluster;

/// Identifies a private server, and says how to start it.
#[derive(Debug, Clone)]
pub struct Spec {
    /// The state directory, `.evo` by default. One server for each.
    pub state_dir: PathBuf,
    /// Directory of the server's programs; `None` to search for them.
    pub bin_dir: Option<PathBuf>,
    /// Further settings of the server, as name and value. They take effect when it starts.
    pub extra_settings: Vec<(String, String)>,
}

/// How to reach the running server.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// Port on 127.0.0.1.
    pub port: u16,
    /// Name of the superuser.
    pub user: String,
    /// Password of the superuser: 48 hexadecimal digits.
    pub password: String,
    /// Name of the database.
    pub database: String,
}

impl Address {
    /// A URL for libpq. Contains the password.
    pub fn url(&self) -> String {
        format!(
            "postgresql://{}:{}@127.0.0.1:{}/{}?sslmode=disable",
            self.user, self.password, self.port, self.database
        )
    }
}

/// Shows everything but the password.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "postgresql://{}:***@127.0.0.1:{}/{}", self.user, self.port, self.database)
    }
}

/// State of a private server, as [`Cluster::status`] finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// There is no data: never made, or destroyed.
    Absent,
    /// There is data, but no server runs.
    Stopped(Data),
    /// Made, and in use by processes without a visible server: queries of a killed server that have not ended
    /// yet, or a server in another container that shares the directory.
    Held(Data),
    /// The server is starting or stopping.
    Changing {
        /// The data directory in use.
        data: Data,
        /// The postmaster's own word, from `postmaster.pid`: `starting`, `stopping`.
        state: String,
    },
    /// The server accepts connections.
    Running {
        /// The data directory in use.
        data: Data,
        /// Process id of the postmaster.
        pid: i32,
        /// How to connect to it.
        address: Address,
    },
}

/// The data directory of a private server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Data {
    /// Path of the directory.
    pub path: PathBuf,
    /// Whether it is outside the state directory, because the server's user cannot reach that.
    pub elsewhere: bool,
    /// Major version of the PostgreSQL that made it: `17`.
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
