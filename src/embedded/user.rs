//! The user under which the server runs.

use std::ffi::CString;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::error::{Error, Kind, Result};

/// An unprivileged user of the machine; only needed when evo runs as root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ServerUser {
    uid: u32,
    gid: u32,
}

impl ServerUser {
    /// `None` when evo does not run as root and the server may run as evo does.
    pub(super) fn choose() -> Result<Option<Self>> {
        // SAFETY: geteuid has no preconditions.
        if unsafe { libc::geteuid() } != 0 {
            return Ok(None);
        }
        ["postgres", "nobody"].iter().find_map(|name| lookup(name)).map(Some).ok_or_else(|| {
            Error::new(
                Kind::Config,
                "PostgreSQL refuses to run as root, and there is no user postgres or nobody to run it as",
            )
            .hint("run evo as an ordinary user, or name a server with --database-url")
        })
    }

    /// Makes `command` run as this user.
    pub(super) fn apply(self, command: &mut Command) {
        // The standard library drops root's supplementary groups before it changes the uid.
        command.uid(self.uid).gid(self.gid);
    }

    /// Gives `path` to this user.
    pub(super) fn own(self, path: &Path) -> Result<()> {
        std::os::unix::fs::chown(path, Some(self.uid), Some(self.gid)).map_err(|e| {
            Error::new(Kind::Config, format!("cannot give {} to the server's user", path.display())).caused_by(e)
        })
    }

    /// Whether this user can get to `dir`, which exists or whose parent does.
    pub(super) fn can_reach(self, dir: &Path) -> bool {
        let mut probe = Command::new("test");
        let existing = dir.ancestors().find(|p| p.exists()).unwrap_or(Path::new("/"));
        probe.arg("-x").arg(existing);
        self.apply(&mut probe);
        probe.status().is_ok_and(|status| status.success())
    }
}

fn lookup(name: &str) -> Option<ServerUser> {
    let name = CString::new(name).ok()?;
    // SAFETY: name is a terminated string; the result points to static storage that is read at once, before another call.
    unsafe {
        let entry = libc::getpwnam(name.as_ptr());
        (!entry.is_null()).then(|| ServerUser { uid: (*entry).pw_uid, gid: (*entry).pw_gid })
    }
}
