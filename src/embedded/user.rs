//! The user under which the server runs.

use std::ffi::CString;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use super::place::cannot;
use crate::error::{Error, Kind, Result};

/// An unprivileged user of the machine; only needed when evo runs as root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ServerUser {
    uid: u32,
    gid: u32,
}

impl ServerUser {
    /// `None` when evo does not run as root and the server may run as evo does. Else the owner of `data`, so that
    /// root can use what an ordinary user made, or one of the machine's unprivileged users.
    pub(super) fn choose(data: &Path) -> Result<Option<Self>> {
        // SAFETY: geteuid has no preconditions.
        if unsafe { libc::geteuid() } != 0 {
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

    /// Makes `command` run as this user, without root's groups: the standard library drops the supplementary ones.
    pub(super) fn apply(self, command: &mut Command) {
        command.uid(self.uid).gid(self.gid);
    }

    /// Gives `path` to this user.
    pub(super) fn own(self, path: &Path) -> Result<()> {
        std::os::unix::fs::chown(path, Some(self.uid), Some(self.gid))
            .map_err(|e| cannot("give the server's user", path, e))
    }

    /// Gives an open file or folder to this user.
    pub(super) fn own_open(self, file: &impl std::os::fd::AsFd) -> std::io::Result<()> {
        std::os::unix::fs::fchown(file, Some(self.uid), Some(self.gid))
    }

    /// Whether this user can get to `dir`.
    pub(super) fn can_reach(self, dir: &Path) -> bool {
        let mut probe = Command::new("test");
        probe.arg("-x").arg(dir).current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.apply(&mut probe);
        probe.status().is_ok_and(|status| status.success())
    }
}

fn lookup(name: &str) -> Option<ServerUser> {
    let name = CString::new(name).ok()?;
    // SAFETY: name is a terminated string; the result points to static storage that is read at once, before another
    // call can overwrite it (nothing else in evo asks for users while this runs).
    unsafe {
        let entry = libc::getpwnam(name.as_ptr());
        (!entry.is_null()).then(|| ServerUser { uid: (*entry).pw_uid, gid: (*entry).pw_gid })
    }
}
