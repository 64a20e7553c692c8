//! Errors of the file system on the private server's files, and what to do about them.

use std::path::Path;

use crate::error::{Error, Kind, Result};

/// The disk of the private server is full.
pub(super) fn full(message: String) -> Error {
    Error::new(Kind::DatabaseFull, message)
        .hint("free some space, or use another disk with EVO_STATE_DIR (state_dir); then run the same command again")
}

/// Whether a program's output says that the disk is full.
pub(super) fn says_full(text: &str) -> bool {
    text.contains("No space left on device")
}

/// `act` (`read`, `write`, `open`) failed on `path`. `DatabaseFull` when the disk is full, else `Config`,
/// with a hint where it is a matter of permissions or of a link.
pub(super) fn cannot(act: &str, path: &Path, e: impl Into<std::io::Error>) -> Error {
    let e = e.into();
    if e.kind() == std::io::ErrorKind::StorageFull {
        return full(format!("cannot {act} {}: the disk is full", path.display())).caused_by(e);
    }
    if e.raw_os_error() == Some(nix::Error::ELOOP as i32) {
        return Error::new(Kind::Config, format!("cannot {act} {}: it is a symbolic link", path.display()))
            .hint("evo follows no link there: remove it, or use another state directory with EVO_STATE_DIR (state_dir)")
            .caused_by(e);
    }
    let is_denied = e.kind() == std::io::ErrorKind::PermissionDenied;
    let error = Error::new(Kind::Config, format!("cannot {act} {}: {e}", path.display())).caused_by(e);
    match is_denied {
        true => {
            error.hint("does another user own it? use a state directory of your own with EVO_STATE_DIR (state_dir)")
        }
        false => error.hint("name another folder with EVO_STATE_DIR (state_dir)"),
    }
}

/// Removes a directory that may be missing.
///
/// # Errors
/// Those of [`cannot`].
pub(super) fn remove_dir(dir: &Path) -> Result<()> {
    match std::fs::remove_dir_all(dir) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(cannot("remove", dir, e)),
        _ => Ok(()),
    }
}
