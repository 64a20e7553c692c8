//! Opens files safely in directories that another user may write to.
//!
//! When evo runs as root, the data directory belongs to the server's unprivileged user, who could put links
//! where evo's files are expected: root would then write to, give away or show another file. So nothing here
//! follows a link, and each name is looked up in an open directory, which nobody can exchange between two
//! calls.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use nix::fcntl::{OFlag, openat, renameat};
use nix::sys::stat::{Mode, mkdirat};
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::user::ServerUser;

/// More than any file that is read here has.
const MAX_BYTES: u64 = 64 << 20;

/// An open directory. Errors are those of the system call: `ELOOP` for a link, `InvalidInput` for a name that
/// is not a plain file where one is expected.
#[derive(Debug)]
pub(super) struct OpenDir(OwnedFd);

impl OpenDir {
    /// Opens a directory.
    ///
    /// # Errors
    /// `ELOOP` or `ENOTDIR` for a link.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW;
        std::fs::OpenOptions::new().read(true).custom_flags(flags.bits()).open(path).map(|file| Self(file.into()))
    }

    /// Opens a directory in it. One that is missing is made, with mode 0700, for the server's user.
    ///
    /// # Errors
    /// See [`OpenDir`].
    pub(super) fn subdirectory(&self, name: &str, user: Option<ServerUser>) -> io::Result<Self> {
        let is_new = mkdirat(&self.0, name, Mode::S_IRWXU).is_ok();
        let directory = Self(self.open_at(name, OFlag::O_RDONLY | OFlag::O_DIRECTORY)?.into());
        if let (true, Some(user)) = (is_new, user) {
            user.own_open(&directory.0)?;
        }
        Ok(directory)
    }

    /// Creates an empty file for the server's user, with mode 0600; an old one of that name is removed first.
    ///
    /// # Errors
    /// See [`OpenDir`].
    pub(super) fn create(&self, name: &str, user: Option<ServerUser>) -> io::Result<File> {
        self.remove(name)?;
        let file = self.open_at(name, OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL)?;
        if let Some(user) = user {
            user.own_open(&file)?;
        }
        Ok(file)
    }

    /// Writes a file atomically: a reader sees the old text or all of the new one.
    ///
    /// # Errors
    /// See [`OpenDir`].
    pub(super) fn replace(&self, name: &str, text: &str, user: Option<ServerUser>) -> io::Result<()> {
        let next = format!("{name}.new");
        let mut file = self.create(&next, user)?;
        file.write_all(text.as_bytes())?;
        if user.is_none() {
            file.set_permissions(std::fs::Permissions::from_mode(0o644))?;
        }
        Ok(renameat(&self.0, next.as_str(), &self.0, name)?)
    }

    /// Reads a plain file, up to 64 MiB of it.
    ///
    /// # Errors
    /// See [`OpenDir`].
    pub(super) fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.existing(name)?.take(MAX_BYTES).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Reads a plain file as text; bytes that are not UTF-8 become U+FFFD.
    ///
    /// # Errors
    /// See [`OpenDir`].
    pub(super) fn read_text(&self, name: &str) -> io::Result<String> {
        self.read(name).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Opens a plain file to lock it, and makes it if it is missing.
    ///
    /// # Errors
    /// See [`OpenDir`].
    pub(super) fn lock_file(&self, name: &str) -> io::Result<File> {
        plain(self.open_at(name, OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_NONBLOCK)?)
    }

    /// Opens a plain file that is there.
    ///
    /// # Errors
    /// See [`OpenDir`].
    pub(super) fn existing(&self, name: &str) -> io::Result<File> {
        plain(self.open_at(name, OFlag::O_RDONLY | OFlag::O_NONBLOCK)?)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        match unlinkat(&self.0, name, UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(nix::Error::ENOENT) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }

    fn open_at(&self, name: &str, flags: OFlag) -> io::Result<File> {
        let flags = flags | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        Ok(openat(&self.0, name, flags, Mode::S_IRUSR | Mode::S_IWUSR)?.into())
    }
}

/// The file, unless it is a pipe, a device or a directory.
fn plain(file: File) -> io::Result<File> {
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a plain file")),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn nothing_is_read_or_written_through_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let (inside, target) = (dir.path().join("data"), dir.path().join("target"));
        std::fs::create_dir(&inside).unwrap();
        std::fs::write(&target, "theirs").unwrap();
        for name in ["evo.conf", "log", "evo.running", "postmaster.pid"] {
            symlink(&target, inside.join(name)).unwrap();
        }
        let directory = OpenDir::open(&inside).unwrap();
        directory.replace("evo.conf", "ours", None).unwrap();
        assert!(std::fs::symlink_metadata(inside.join("evo.conf")).unwrap().is_file());
        assert_eq!(directory.read_text("evo.conf").unwrap(), "ours");
        assert!(directory.read("postmaster.pid").is_err());
        assert!(directory.lock_file("evo.running").is_err() && directory.existing("evo.running").is_err());
        assert!(directory.subdirectory("log", None).is_err());
        directory.create("postmaster.pid", None).unwrap().write_all(b"1").unwrap();
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "theirs");
        let link = dir.path().join("link");
        symlink(&inside, &link).unwrap();
        assert!(OpenDir::open(&link).is_err());
    }
}
