//! Which state directories root trusts.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::unistd::Uid;

use super::failure::cannot;
use crate::error::{Error, Kind, Result};

/// Refuses, for root, a state directory that another user can replace or has prepared: its contents decide
/// which user the server runs as, and which server gets the data and the password.
///
/// # Errors
/// `Config`, naming the directory.
pub(super) fn trust(state_dir: &Path) -> Result<()> {
    if !Uid::effective().is_root() {
        return Ok(());
    }
    let hint = "make one that root owns with EVO_STATE_DIR (state_dir), or run evo as the user who owns it";
    let refused = |why: &str| {
        Err(Error::new(Kind::Config, format!("the state directory {} is refused: {why}", state_dir.display()))
            .hint(hint))
    };
    let link = std::fs::symlink_metadata(state_dir).map_err(|e| cannot("read", state_dir, e))?;
    if link.is_symlink() && link.uid() != 0 {
        return refused("it is a link that another user created");
    }
    let found = std::fs::metadata(state_dir).map_err(|e| cannot("read", state_dir, e))?;
    if found.mode() & 0o002 != 0 {
        return refused("everybody may write to it");
    }
    if found.uid() == 0 {
        return Ok(());
    }
    // A directory of an ordinary user: root may use it, and the server runs as that user.
    let real = std::fs::canonicalize(state_dir).map_err(|e| cannot("read", state_dir, e))?;
    let parent = real.parent().and_then(|parent| std::fs::metadata(parent).ok());
    if parent.is_some_and(|parent| parent.mode() & 0o002 != 0) {
        return refused("another user owns it, in a directory to which everybody may write");
    }
    let data = std::fs::symlink_metadata(real.join("postgres"));
    match data.is_ok_and(|data| data.uid() == found.uid() && data.is_dir()) {
        true => Ok(()),
        false => refused("another user owns it"),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, chown, lchown, symlink};

    use super::*;

    #[test]
    fn root_trusts_no_state_directory_that_another_user_prepared() {
        if !Uid::effective().is_root() {
            println!("skipped: not root");
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join(".evo");
        std::fs::create_dir(&state).unwrap();
        assert!(trust(&state).is_ok());
        std::fs::set_permissions(&state, std::fs::Permissions::from_mode(0o777)).unwrap();
        assert!(trust(&state).unwrap_err().message().contains("everybody"));
        std::fs::set_permissions(&state, std::fs::Permissions::from_mode(0o755)).unwrap();
        chown(&state, Some(65534), Some(65534)).unwrap();
        assert!(trust(&state).unwrap_err().message().contains("another user owns it"));
        std::fs::create_dir(state.join("postgres")).unwrap();
        chown(state.join("postgres"), Some(65534), Some(65534)).unwrap();
        assert!(trust(&state).is_ok(), "an ordinary user's directory, in one that only that user may write to");
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o1777)).unwrap();
        assert!(trust(&state).is_err(), "anybody could have put it there");
        let link = dir.path().join("link");
        symlink("/", &link).unwrap();
        lchown(&link, Some(65534), Some(65534)).unwrap();
        assert!(trust(&link).unwrap_err().message().contains("link"));
    }
}
