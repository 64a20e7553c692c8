//! The operating system's user under which the server runs.

use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::unistd::{Uid, User};

use super::failure::cannot;
use crate::error::{Error, Kind, Result};

/// An unprivileged user of this machine. Needed only when evo runs as root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ServerUser {
    uid: u32,
    gid: u32,
}

impl ServerUser {
    /// `None` when evo is not root: the server then runs as evo does. Otherwise the owner of `data`, so that
    /// root can use a server that an ordinary user made, or else the first of `postgres` and `nobody` that
    /// exists.
    ///
    /// # Errors
    /// `Config` when evo is root and there is no such user.
    pub(super) fn choose(data: &Path) -> Result<Option<Self>> {
        if !Uid::effective().is_root() {
            return Ok(None);
        }
        let owner = std::fs::metadata(data).ok().filter(|data| data.uid() != 0);
        if let Some(owner) = owner {
            return Ok(Some(Self { uid: owner.uid(), gid: owner.gid() }));
        }
        ["postgres", "nobody"].iter().find_map(|name| lookup(name)).map(Some).ok_or_else(|| {
            Error::new(
                Kind::Config,
                "PostgreSQL refuses to run as root, and there is no user postgres or nobody to run it as",
            )
            .hint("run evo as an ordinary user, or name a server with --database-url")
        })
    }

    /// Makes `command` run as this user, without root's groups: the standard library drops the supplementary
    /// ones.
    pub(super) fn apply(self, command: &mut Command) {
        command.uid(self.uid).gid(self.gid);
    }

    /// Makes this user the owner of `path`.
    ///
    /// # Errors
    /// `Config` when the file system refuses.
    pub(super) fn own(self, path: &Path) -> Result<()> {
        std::os::unix::fs::chown(path, Some(self.uid), Some(self.gid))
            .map_err(|e| cannot("give the server's user", path, e))
    }

    /// Makes this user the owner of an open file or folder.
    ///
    /// # Errors
    /// Those of `fchown`.
    pub(super) fn own_open(self, file: &impl AsFd) -> std::io::Result<()> {
        std::os::unix::fs::fchown(file, Some(self.uid), Some(self.gid))
    }

    /// Whether this user may enter `dir`.
    pub(super) fn can_reach(self, dir: &Path) -> bool {
        let mut probe = Command::new("test");
        probe.arg("-x").arg(dir).current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.apply(&mut probe);
        probe.status().is_ok_and(|status| status.success())
    }
}

fn lookup(name: &str) -> Option<ServerUser> {
    let user = User::from_name(name).ok()??;
    Some(ServerUser { uid: user.uid.as_raw(), gid: user.gid.as_raw() })
}
