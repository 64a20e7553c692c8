//! Where the files of a private server lie.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::folder::{Folder, trust};
use super::user::ServerUser;
use crate::error::{Error, Kind, Result};

/// In the state directory, where the data is not in it.
const LOCATION: &str = "postgres.location";
/// In the data directory since it is complete.
const READY: &str = "evo.ready";

/// The files of one private server.
#[derive(Debug, Clone)]
pub(super) struct Place {
    state_dir: PathBuf,
    /// The data directory.
    pub(super) data: PathBuf,
    /// Whether the data lies outside of the state directory.
    pub(super) elsewhere: bool,
}

impl Place {
    /// Where the server of `state_dir` is, or would be; touches nothing. `None` without a state directory.
    pub(super) fn find(state_dir: &Path) -> Option<Self> {
        let state_dir = std::fs::canonicalize(state_dir).ok()?;
        let (data, elsewhere) = match Folder::open(&state_dir).and_then(|folder| folder.read_text(LOCATION)) {
            Ok(location) => (PathBuf::from(location.trim()), true),
            // A link there is the owner's own: the state directory is trusted.
            Err(_) => (resolved(state_dir.join("postgres")), false),
        };
        Some(Self { state_dir, data, elsewhere })
    }

    /// The same, but decides where the data of a server that is not made yet will lie, and records that.
    pub(super) fn decide(state_dir: &Path) -> Result<Self> {
        let place = Self::find(state_dir).ok_or_else(|| cannot("read", state_dir, std::io::ErrorKind::NotFound))?;
        if place.elsewhere || place.data.exists() {
            return Ok(place);
        }
        match ServerUser::choose(&place.data)? {
            Some(user) if !user.can_reach(&place.state_dir) => {
                let path = place.state_dir.as_os_str().as_encoded_bytes();
                let name = format!("{:032x}", xxhash_rust::xxh3::xxh3_128(path));
                let data = Path::new("/var/lib/evo").join(name);
                let folder = Folder::open(&place.state_dir);
                let written = folder.and_then(|folder| folder.replace(LOCATION, &data.display().to_string(), None));
                written.map_err(|e| cannot("write", &place.state_dir.join(LOCATION), e))?;
                Ok(Self { data, elsewhere: true, ..place })
            }
            _ => Ok(place),
        }
    }

    /// Where the data is made, before it moves to `data` whole.
    pub(super) fn making(&self) -> PathBuf {
        self.data.with_extension("making")
    }

    /// Whether `data` is complete and evo's own.
    pub(super) fn is_made(&self) -> bool {
        self.data.join(READY).exists() && self.data.join("PG_VERSION").exists()
    }

    /// Marks the data directory `dir` as complete.
    pub(super) fn mark_made(&self, dir: &Path) -> Result<()> {
        let path = dir.join(READY);
        let text = "This data directory is made and managed by evo; `evo db destroy` removes it.\n";
        let written = Folder::open(dir).and_then(|folder| folder.replace(READY, text, None));
        written.map_err(|e| cannot("write", &path, e))
    }

    /// Refuses a folder at the place of the data that evo did not make.
    pub(super) fn refuse_foreign(&self) -> Result<()> {
        let empty = std::fs::read_dir(&self.data).map_or(true, |mut entries| entries.next().is_none());
        if self.is_made() || empty {
            return Ok(());
        }
        Err(Error::new(Kind::Config, format!("{} is not a database that evo made", self.data.display()))
            .detail("it holds files, but not the mark that evo leaves, so evo does not touch it")
            .hint("choose another folder with EVO_STATE_DIR (state_dir), or move that one away"))
    }

    /// The major version of PostgreSQL that made the data.
    pub(super) fn version(&self) -> Result<String> {
        let path = self.data.join("PG_VERSION");
        let text = Folder::open(&self.data).and_then(|folder| folder.read_text("PG_VERSION"));
        Ok(text.map_err(|e| cannot("read", &path, e))?.trim().to_owned())
    }

    fn password_file(&self) -> PathBuf {
        self.state_dir.join("postgres.password")
    }

    /// The superuser's password.
    pub(super) fn password(&self) -> Result<String> {
        let path = self.password_file();
        let text = Folder::open(&self.state_dir).and_then(|folder| folder.read_text("postgres.password"));
        Ok(text.map_err(|e| cannot("read", &path, e))?.trim().to_owned())
    }

    /// Keeps the superuser's password, for evo's user alone.
    pub(super) fn keep_password(&self, password: &str) -> Result<()> {
        let path = self.password_file();
        // The mode counts at creation only: a file left from before might be open to others.
        let _ = std::fs::remove_file(&path);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        options
            .open(&path)
            .and_then(|mut file| file.write_all(password.as_bytes()))
            .map_err(|e| cannot("write", &path, e))
    }

    /// Removes all files of the server. The caller holds the lock, and the server does not run.
    pub(super) fn remove(&self) -> Result<()> {
        for dir in [&self.data, &self.making()] {
            remove_dir(dir)?;
        }
        for name in ["postgres.password", "postgres.location", "postgres.lock"] {
            let _ = std::fs::remove_file(self.state_dir.join(name));
        }
        if let (true, Some(parent)) = (self.elsewhere, self.data.parent()) {
            let _ = std::fs::remove_dir(parent);
        }
        // Both only when nothing else is in them.
        let _ = std::fs::remove_dir(&self.state_dir);
        Ok(())
    }
}

fn resolved(path: PathBuf) -> PathBuf {
    std::fs::canonicalize(&path).unwrap_or(path)
}

/// Waits for the lock under which commands make, start, stop and destroy the server. It ends with the file.
pub(super) fn lock(state_dir: &Path) -> Result<File> {
    let path = state_dir.join("postgres.lock");
    loop {
        std::fs::create_dir_all(state_dir).map_err(|e| cannot("create", state_dir, e))?;
        trust(state_dir)?;
        let real = std::fs::canonicalize(state_dir).map_err(|e| cannot("read", state_dir, e))?;
        let opened = Folder::open(&real).and_then(|folder| folder.lock_file("postgres.lock"));
        let file = opened.map_err(|e| cannot("open", &path, e))?;
        file.lock().map_err(|e| cannot("lock", &path, e))?;
        // Whoever held it before may have been `destroy`, which removes the file: then this lock is on nothing.
        let locked = file.metadata().map_err(|e| cannot("read", &path, e))?;
        if std::fs::metadata(&path).is_ok_and(|present| present.ino() == locked.ino()) {
            return Ok(file);
        }
    }
}

/// Removes a directory that may be absent.
pub(super) fn remove_dir(dir: &Path) -> Result<()> {
    match std::fs::remove_dir_all(dir) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(cannot("remove", dir, e)),
        _ => Ok(()),
    }
}

/// The disk of the private server has no room.
pub(super) fn full(message: String) -> Error {
    Error::new(Kind::DatabaseFull, message)
        .hint("free some space, or use another disk with EVO_STATE_DIR (state_dir); then run the same command again")
}

/// Whether a program's last words were that.
pub(super) fn says_full(text: &str) -> bool {
    text.contains("No space left on device")
}

/// An error of the file system, with the way out where it is a matter of permissions.
pub(super) fn cannot(what: &str, path: &Path, e: impl Into<std::io::Error>) -> Error {
    let e = e.into();
    let denied = e.kind() == std::io::ErrorKind::PermissionDenied;
    if e.kind() == std::io::ErrorKind::StorageFull {
        return full(format!("cannot {what} {}: the disk is full", path.display())).caused_by(e);
    }
    if e.raw_os_error() == Some(libc::ELOOP) {
        return Error::new(Kind::Config, format!("cannot {what} {}: it is a symbolic link", path.display()))
            .hint("evo follows no link there: remove it, or use another state directory with EVO_STATE_DIR (state_dir)")
            .caused_by(e);
    }
    let error = Error::new(Kind::Config, format!("cannot {what} {}: {e}", path.display())).caused_by(e);
    match denied {
        true => {
            error.hint("does another user own it? use a state directory of your own with EVO_STATE_DIR (state_dir)")
        }
        false => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looking_for_a_server_makes_nothing() {
        let root = tempfile::tempdir().unwrap();
        assert!(Place::find(&root.path().join("none")).is_none());
        assert!(!Place::find(root.path()).unwrap().is_made());
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_with_somebody_elses_files_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let place = Place::find(root.path()).unwrap();
        std::fs::create_dir(&place.data).unwrap();
        assert!(place.refuse_foreign().is_ok(), "an empty folder is nobody's");
        std::fs::write(place.data.join("PG_VERSION"), "15\n").unwrap();
        assert_eq!(place.refuse_foreign().unwrap_err().kind(), Kind::Config);
        place.mark_made(&place.data).unwrap();
        assert!(place.refuse_foreign().is_ok());
    }

    #[test]
    fn the_password_is_for_its_owner_alone_even_over_an_open_file() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("postgres.password"), "old").unwrap();
        let place = Place::find(root.path()).unwrap();
        place.keep_password("new").unwrap();
        assert_eq!(place.password().unwrap(), "new");
        assert_eq!(std::fs::metadata(place.password_file()).unwrap().mode() & 0o777, 0o600);
    }
}
