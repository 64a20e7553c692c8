//! Files in folders that another user may write to.
//!
//! When evo runs as root, the data directory belongs to the server's unprivileged user, who could put links where evo's
//! files are expected: what root writes, gives away or shows would be another file. So nothing here follows a link, and
//! each name is looked up in an open folder, which cannot be exchanged on the way.

use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use super::place::cannot;
use super::user::ServerUser;
use crate::error::{Error, Kind, Result};

/// More than any file has that is read here.
const MOST: u64 = 64 << 20;

/// An open folder.
#[derive(Debug)]
pub(super) struct Folder(OwnedFd);

impl Folder {
    /// Opens a folder that is no link.
    ///
    /// # Errors
    /// As the system says; `ELOOP` or `ENOTDIR` for a link.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let flags = libc::O_DIRECTORY | libc::O_NOFOLLOW;
        std::fs::OpenOptions::new().read(true).custom_flags(flags).open(path).map(|file| Self(file.into()))
    }

    /// A folder in it, made for the server's user if it is not there.
    ///
    /// # Errors
    /// As [`Folder::open`].
    pub(super) fn subfolder(&self, name: &str, user: Option<ServerUser>) -> io::Result<Self> {
        let text = CString::new(name)?;
        // SAFETY: an open descriptor and a terminated string.
        let made = unsafe { libc::mkdirat(self.0.as_raw_fd(), text.as_ptr(), 0o700) } == 0;
        let folder = Self(self.at(name, libc::O_RDONLY | libc::O_DIRECTORY)?.into());
        if let (true, Some(user)) = (made, user) {
            user.own_open(&folder.0)?;
        }
        Ok(folder)
    }

    /// A new file for the server's user in the place of one that may be there.
    ///
    /// # Errors
    /// As the system says.
    pub(super) fn create(&self, name: &str, user: Option<ServerUser>) -> io::Result<File> {
        self.remove(name)?;
        let file = self.at(name, libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL)?;
        if let Some(user) = user {
            user.own_open(&file)?;
        }
        Ok(file)
    }

    /// Puts a file with this text in the place of one that may be there: all of it or nothing.
    ///
    /// # Errors
    /// As the system says.
    pub(super) fn replace(&self, name: &str, text: &str, user: Option<ServerUser>) -> io::Result<()> {
        let next = format!("{name}.new");
        let mut file = self.create(&next, user)?;
        file.write_all(text.as_bytes())?;
        if user.is_none() {
            file.set_permissions(std::fs::Permissions::from_mode(0o644))?;
        }
        let (from, to) = (CString::new(next)?, CString::new(name)?);
        let folder = self.0.as_raw_fd();
        // SAFETY: open descriptors and terminated strings.
        match unsafe { libc::renameat(folder, from.as_ptr(), folder, to.as_ptr()) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// The content of a plain file.
    ///
    /// # Errors
    /// As the system says; `InvalidInput` for what is no plain file.
    pub(super) fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let file = self.at(name, libc::O_RDONLY | libc::O_NONBLOCK)?;
        plain(&file)?;
        let mut bytes = Vec::new();
        file.take(MOST).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// The same as text.
    ///
    /// # Errors
    /// As [`Folder::read`].
    pub(super) fn read_text(&self, name: &str) -> io::Result<String> {
        self.read(name).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// A file to lock, made if it is not there.
    ///
    /// # Errors
    /// As [`Folder::read`].
    pub(super) fn lock_file(&self, name: &str) -> io::Result<File> {
        let file = self.at(name, libc::O_RDWR | libc::O_CREAT | libc::O_NONBLOCK)?;
        plain(&file)?;
        Ok(file)
    }

    /// The same only if it is there.
    ///
    /// # Errors
    /// As [`Folder::read`].
    pub(super) fn existing(&self, name: &str) -> io::Result<File> {
        let file = self.at(name, libc::O_RDONLY | libc::O_NONBLOCK)?;
        plain(&file)?;
        Ok(file)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let text = CString::new(name)?;
        // SAFETY: an open descriptor and a terminated string.
        if unsafe { libc::unlinkat(self.0.as_raw_fd(), text.as_ptr(), 0) } == 0 {
            return Ok(());
        }
        let e = io::Error::last_os_error();
        if e.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(e) }
    }

    fn at(&self, name: &str, flags: libc::c_int) -> io::Result<File> {
        let text = CString::new(name)?;
        let flags = flags | libc::O_NOFOLLOW | libc::O_CLOEXEC;
        // SAFETY: an open descriptor and a terminated string; the descriptor that comes back is owned by nobody else.
        unsafe {
            match libc::openat(self.0.as_raw_fd(), text.as_ptr(), flags, 0o600) {
                -1 => Err(io::Error::last_os_error()),
                descriptor => Ok(File::from_raw_fd(descriptor)),
            }
        }
    }
}

fn plain(file: &File) -> io::Result<()> {
    match file.metadata()?.is_file() {
        true => Ok(()),
        false => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no plain file")),
    }
}

/// Refuses a state directory that another user can exchange or has prepared. To root that matters: what stands in it
/// decides as whom the server runs, and to which server data and password go.
///
/// # Errors
/// `Config` that names the folder.
pub(super) fn trust(state_dir: &Path) -> Result<()> {
    // SAFETY: geteuid has no preconditions.
    if unsafe { libc::geteuid() } != 0 {
        return Ok(());
    }
    let hint = "make one of root's own with EVO_STATE_DIR (state_dir), or run evo as the user who owns it";
    let refused = |why: &str| {
        Err(Error::new(Kind::Config, format!("the state directory {} is refused: {why}", state_dir.display()))
            .hint(hint))
    };
    let link = std::fs::symlink_metadata(state_dir).map_err(|e| cannot("read", state_dir, e))?;
    if link.is_symlink() && link.uid() != 0 {
        return refused("it is a link that another user made");
    }
    let found = std::fs::metadata(state_dir).map_err(|e| cannot("read", state_dir, e))?;
    if found.mode() & 0o002 != 0 {
        return refused("everybody may write to it");
    }
    if found.uid() == 0 {
        return Ok(());
    }
    // An ordinary user's own: root may use it, and the server runs as that user.
    let real = std::fs::canonicalize(state_dir).map_err(|e| cannot("read", state_dir, e))?;
    let parent = real.parent().and_then(|parent| std::fs::metadata(parent).ok());
    if parent.is_some_and(|parent| parent.mode() & 0o002 != 0) {
        return refused("another user owns it, in a folder to which everybody may write");
    }
    let data = std::fs::symlink_metadata(real.join("postgres"));
    match data.is_ok_and(|data| data.uid() == found.uid() && data.is_dir()) {
        true => Ok(()),
        false => refused("another user owns it"),
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
        let folder = Folder::open(&inside).unwrap();
        folder.replace("evo.conf", "ours", None).unwrap();
        assert!(std::fs::symlink_metadata(inside.join("evo.conf")).unwrap().is_file());
        assert_eq!(folder.read_text("evo.conf").unwrap(), "ours");
        assert!(folder.read("postmaster.pid").is_err());
        assert!(folder.lock_file("evo.running").is_err() && folder.existing("evo.running").is_err());
        assert!(folder.subfolder("log", None).is_err());
        folder.create("postmaster.pid", None).unwrap().write_all(b"1").unwrap();
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "theirs");
        let link = dir.path().join("link");
        symlink(&inside, &link).unwrap();
        assert!(Folder::open(&link).is_err());
    }

    #[test]
    fn root_trusts_no_state_directory_that_another_user_prepared() {
        // SAFETY: geteuid has no preconditions.
        if unsafe { libc::geteuid() } != 0 {
            println!("skipped: not root");
            return;
        }
        use std::os::unix::fs::chown;
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
        assert!(trust(&state).is_ok(), "an ordinary user's own, in a folder of its own");
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o1777)).unwrap();
        assert!(trust(&state).is_err(), "anybody could have put it there");
        let link = dir.path().join("link");
        std::os::unix::fs::symlink("/", &link).unwrap();
        std::os::unix::fs::lchown(&link, Some(65534), Some(65534)).unwrap();
        assert!(trust(&link).unwrap_err().message().contains("link"));
    }
}
