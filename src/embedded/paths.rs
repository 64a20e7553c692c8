//! The files of a private server.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::failure::{cannot, remove_dir};
use super::open_dir::OpenDir;
use super::trust::trust;
use super::user::ServerUser;
use crate::error::{Error, Kind, Result};

/// In the state directory, when the data is elsewhere: its path.
const LOCATION: &str = "postgres.location";
/// In the data directory, once that is complete.
const READY: &str = "evo.ready";

/// The files of one private server.
#[derive(Debug, Clone)]
pub(super) struct Paths {
    state_dir: PathBuf,
    /// The data directory.
    pub(super) data: PathBuf,
    /// Whether the data is outside the state directory.
    pub(super) elsewhere: bool,
}

impl Paths {
    /// Where the server of `state_dir` is, or would be. Changes nothing. `None` if there is no state
    /// directory.
    pub(super) fn find(state_dir: &Path) -> Option<Self> {
        let state_dir = std::fs::canonicalize(state_dir).ok()?;
        let (data, elsewhere) = match OpenDir::open(&state_dir).and_then(|dir| dir.read_text(LOCATION)) {
            Ok(location) => (PathBuf::from(location.trim()), true),
            // The state directory is trusted, so a link in it is its owner's.
            Err(_) => (resolved(state_dir.join("postgres")), false),
        };
        Some(Self { state_dir, data, elsewhere })
    }

    /// As [`Paths::find`]; for a server that does not exist yet, decides where its data will be and records
    /// that.
    ///
    /// # Errors
    /// `Config` when the state directory is missing or cannot be written to.
    pub(super) fn decide(state_dir: &Path) -> Result<Self> {
        let paths = Self::find(state_dir).ok_or_else(|| cannot("read", state_dir, std::io::ErrorKind::NotFound))?;
        if paths.elsewhere || paths.data.exists() {
            return Ok(paths);
        }
        match ServerUser::choose(&paths.data)? {
            Some(user) if !user.can_reach(&paths.state_dir) => {
                let path = paths.state_dir.as_os_str().as_encoded_bytes();
                let name = format!("{:032x}", xxhash_rust::xxh3::xxh3_128(path));
                let data = Path::new("/var/lib/evo").join(name);
                let dir = OpenDir::open(&paths.state_dir);
                let written = dir.and_then(|dir| dir.replace(LOCATION, &data.display().to_string(), None));
                written.map_err(|e| cannot("write", &paths.state_dir.join(LOCATION), e))?;
                Ok(Self { data, elsewhere: true, ..paths })
            }
            _ => Ok(paths),
        }
    }

    /// Bytes that an ordinary user can still write to the disk of the data; `None` where the system does not
    /// report them.
    pub(super) fn free_bytes(&self) -> Option<u64> {
        let disk = nix::sys::statvfs::statvfs(&self.data).ok()?;
        let bytes = u128::from(disk.blocks_available()) * u128::from(disk.fragment_size());
        Some(u64::try_from(bytes).unwrap_or(u64::MAX))
    }

    /// Where the data is made. It is renamed to `data` when it is complete.
    pub(super) fn making(&self) -> PathBuf {
        self.data.with_extension("making")
    }

    /// Whether `data` is complete and was made by evo.
    pub(super) fn is_made(&self) -> bool {
        self.data.join(READY).exists() && self.data.join("PG_VERSION").exists()
    }

    /// Marks the data directory `dir` as complete.
    pub(super) fn mark_made(&self, dir: &Path) -> Result<()> {
        let path = dir.join(READY);
        let text = "This data directory is made and managed by evo; `evo db destroy` removes it.\n";
        let written = OpenDir::open(dir).and_then(|dir| dir.replace(READY, text, None));
        written.map_err(|e| cannot("write", &path, e))
    }

    /// Refuses a directory that stands where the data belongs and was not made by evo.
    ///
    /// # Errors
    /// `Config`, naming the directory.
    pub(super) fn refuse_foreign(&self) -> Result<()> {
        let is_empty = std::fs::read_dir(&self.data).map_or(true, |mut entries| entries.next().is_none());
        if self.is_made() || is_empty {
            return Ok(());
        }
        Err(Error::new(Kind::Config, format!("{} is not a database that evo created", self.data.display()))
            .detail("it holds files, but not the mark that evo leaves, so evo does not touch it")
            .hint("choose another directory with EVO_STATE_DIR (state_dir), or move that one out of the way"))
    }

    /// The major version of the PostgreSQL that made the data.
    ///
    /// # Errors
    /// `Config` when it cannot be read.
    pub(super) fn version(&self) -> Result<String> {
        let path = self.data.join("PG_VERSION");
        let text = OpenDir::open(&self.data).and_then(|dir| dir.read_text("PG_VERSION"));
        Ok(text.map_err(|e| cannot("read", &path, e))?.trim().to_owned())
    }

    fn password_file(&self) -> PathBuf {
        self.state_dir.join("postgres.password")
    }

    /// The superuser's password.
    ///
    /// # Errors
    /// `Config` when it cannot be read.
    pub(super) fn password(&self) -> Result<String> {
        let path = self.password_file();
        let text = OpenDir::open(&self.state_dir).and_then(|dir| dir.read_text("postgres.password"));
        Ok(text.map_err(|e| cannot("read", &path, e))?.trim().to_owned())
    }

    /// Saves the superuser's password with mode 0600.
    ///
    /// # Errors
    /// `Config` when it cannot be written.
    pub(super) fn keep_password(&self, password: &str) -> Result<()> {
        let path = self.password_file();
        // The mode applies at creation only: an old file might be readable for others.
        let _ = std::fs::remove_file(&path);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        options
            .open(&path)
            .and_then(|mut file| file.write_all(password.as_bytes()))
            .map_err(|e| cannot("write", &path, e))
    }

    /// Removes all files of the server. The caller holds the lock, and the server is stopped.
    ///
    /// # Errors
    /// `Config` when the data cannot be removed.
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
        // Succeeds only when the directory is empty.
        let _ = std::fs::remove_dir(&self.state_dir);
        Ok(())
    }
}

fn resolved(path: PathBuf) -> PathBuf {
    std::fs::canonicalize(&path).unwrap_or(path)
}

/// Waits for the lock under which commands make, start, stop and destroy the server. Dropping the file
/// releases it.
///
/// # Errors
/// `Config` when the state directory cannot be made or is not trusted.
pub(super) fn lock(state_dir: &Path) -> Result<File> {
    let path = state_dir.join("postgres.lock");
    loop {
        std::fs::create_dir_all(state_dir).map_err(|e| cannot("create", state_dir, e))?;
        trust(state_dir)?;
        let real = std::fs::canonicalize(state_dir).map_err(|e| cannot("read", state_dir, e))?;
        let opened = OpenDir::open(&real).and_then(|dir| dir.lock_file("postgres.lock"));
        let file = opened.map_err(|e| cannot("open", &path, e))?;
        file.lock().map_err(|e| cannot("lock", &path, e))?;
        // The previous holder may have been `destroy`, which removes the file: this lock would then exclude
        // nobody.
        let locked = file.metadata().map_err(|e| cannot("read", &path, e))?;
        if std::fs::metadata(&path).is_ok_and(|present| present.ino() == locked.ino()) {
            return Ok(file);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looking_for_a_server_makes_nothing() {
        let root = tempfile::tempdir().unwrap();
        assert!(Paths::find(&root.path().join("none")).is_none());
        assert!(!Paths::find(root.path()).unwrap().is_made());
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_directory_with_other_files_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let paths = Paths::find(root.path()).unwrap();
        std::fs::create_dir(&paths.data).unwrap();
        assert!(paths.refuse_foreign().is_ok(), "an empty directory may be used");
        std::fs::write(paths.data.join("PG_VERSION"), "15\n").unwrap();
        assert_eq!(paths.refuse_foreign().unwrap_err().kind(), Kind::Config);
        paths.mark_made(&paths.data).unwrap();
        assert!(paths.refuse_foreign().is_ok());
    }

    #[test]
    fn the_password_is_for_its_owner_alone_even_over_an_open_file() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("postgres.password"), "old").unwrap();
        let paths = Paths::find(root.path()).unwrap();
        paths.keep_password("new").unwrap();
        assert_eq!(paths.password().unwrap(), "new");
        assert_eq!(std::fs::metadata(paths.password_file()).unwrap().mode() & 0o777, 0o600);
    }
}
