//! The files of a local lake, folder by folder. What cannot be listed is reported by name, and the walk goes
//! on.
//!
//! A symbolic link is followed if it stays in the lake. One that leads out of it, to nothing, or back to a
//! folder that holds it is reported: a user who may write into the lake must not choose what evo reads
//! elsewhere.

use std::fs::{self, DirEntry, FileType, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::layout::NameKind;
use super::page::{Object, PAGE_OBJECTS, Page, Wanted};

/// A walk below a folder of the lake.
pub(super) struct Walk<E: FnMut(Page) -> bool> {
    /// The lake's root, without symbolic links.
    root: PathBuf,
    wanted: Wanted,
    page: Page,
    folders: Vec<Folder>,
    /// Receives each page; `false` ends the walk.
    each: E,
}

/// A folder that is to be read.
struct Folder {
    /// Its path below the lake's root, as in the paths of objects.
    path: String,
    /// Where it is, without symbolic links.
    real: PathBuf,
    /// The folders whose links led here.
    left: Vec<PathBuf>,
}

impl<E: FnMut(Page) -> bool> Walk<E> {
    pub(super) fn new(root: PathBuf, wanted: Wanted, each: E) -> Self {
        Self { root, wanted, page: Page::default(), folders: Vec::new(), each }
    }

    /// Reads everything below `path`.
    pub(super) fn run(mut self, path: &str) {
        self.begin(path);
        while let Some(folder) = self.folders.pop() {
            if !self.read(&folder) {
                return;
            }
        }
        (self.each)(self.page);
    }

    fn begin(&mut self, path: &str) {
        match self.root.join(path).canonicalize() {
            Ok(real) if real.starts_with(&self.root) => {
                self.folders.push(Folder { path: path.to_owned(), real, left: Vec::new() });
            }
            Ok(_) => self.page.set_aside(path, OUTSIDE),
            // A missing folder holds no objects.
            Err(e) if is_absent(&e) => {}
            Err(e) => self.page.set_aside(path, &reason(&e)),
        }
    }

    /// Reads one folder; `false` when nobody wants more.
    fn read(&mut self, folder: &Folder) -> bool {
        let entries = match fs::read_dir(&folder.real) {
            Ok(entries) => entries,
            Err(e) => {
                self.failed(&folder.path, &e);
                return true;
            }
        };
        for entry in entries {
            match entry {
                Ok(entry) => self.visit(folder, &entry),
                Err(e) => {
                    self.failed(&folder.path, &e);
                    break;
                }
            }
            if self.page.len() >= PAGE_OBJECTS && !(self.each)(std::mem::take(&mut self.page)) {
                return false;
            }
        }
        true
    }

    fn visit(&mut self, folder: &Folder, entry: &DirEntry) {
        let name = entry.file_name();
        let shown = name.to_string_lossy();
        let path = if folder.path.is_empty() { shown.into_owned() } else { format!("{}/{shown}", folder.path) };
        let name_kind = self.wanted.name_kind(&path);
        // A folder's own name says nothing about what is in it, unless it is hidden.
        let is_relevant = |t: FileType| t.is_dir() || matches!(name_kind, NameKind::Data | NameKind::Manifest);
        let file_type = match entry.file_type() {
            Ok(_) if name_kind == NameKind::Hidden => return,
            Ok(t) => t,
            Err(e) => return self.failed(&path, &e),
        };
        if name.to_str().is_none() && (is_relevant(file_type) || file_type.is_symlink()) {
            return self.page.set_aside(&path, "its name is not UTF-8, so it can neither be recorded nor requested");
        }
        let child = |path| Folder { path, real: folder.real.join(&name), left: folder.left.clone() };
        if file_type.is_symlink() {
            self.follow(child(path), &folder.real, name_kind);
        } else if file_type.is_dir() {
            self.folders.push(child(path));
        } else {
            // By its name in the open folder: no path to look up for each file.
            self.add(path, file_type, name_kind, || entry.metadata());
        }
    }

    /// Adds what is no folder to the page.
    fn add(
        &mut self,
        path: String,
        file_type: FileType,
        name_kind: NameKind,
        metadata: impl FnOnce() -> io::Result<Metadata>,
    ) {
        if name_kind == NameKind::Other {
            self.page.others.add(path);
        } else if file_type.is_file() {
            match metadata() {
                Ok(metadata) => self.page.put(name_kind, Object::new(path, etag(&metadata), metadata.len())),
                Err(e) => self.failed(&path, &e),
            }
        } else {
            self.page.set_aside(&path, &format!("it is a {}, not a file", special(file_type)));
        }
    }

    fn follow(&mut self, child: Folder, from: &Path, name_kind: NameKind) {
        let is_relevant = matches!(name_kind, NameKind::Data | NameKind::Manifest);
        let target = child.real.canonicalize().and_then(|real| Ok((fs::metadata(&real)?.file_type(), real)));
        let (file_type, real) = match target {
            Ok(found) => found,
            // Only its name says what a broken link was meant to be.
            Err(_) if !is_relevant => return self.page.others.add(child.path),
            Err(e) if is_absent(&e) => return self.page.set_aside(&child.path, "it is a symbolic link to nothing"),
            Err(e) => return self.page.set_aside(&child.path, &reason(&e)),
        };
        if !is_relevant && !file_type.is_dir() {
            return self.page.others.add(child.path);
        }
        if !real.starts_with(&self.root) {
            return self.page.set_aside(&child.path, OUTSIDE);
        }
        let mut left = child.left;
        left.push(from.to_owned());
        if file_type.is_dir() && left.iter().any(|folder| folder.starts_with(&real)) {
            return self.page.set_aside(&child.path, "it is a symbolic link to a folder that holds it: a loop");
        }
        if file_type.is_dir() {
            self.folders.push(Folder { path: child.path, real, left });
        } else {
            self.add(child.path, file_type, name_kind, || fs::symlink_metadata(&real));
        }
    }

    /// Reports a file that cannot be inspected, unless it was deleted in the meantime.
    fn failed(&mut self, path: &str, e: &io::Error) {
        if !is_absent(e) {
            self.page.set_aside(path, &reason(e));
        }
    }
}

/// The reason why a link out of the lake is not followed.
pub(super) const OUTSIDE: &str = "it is a symbolic link that leads out of the lake, which is not followed";

/// Identity of a file's content: inode, size, and when it was written.
///
/// Anybody may set the time of writing back, but not the time at which the system saw the last change. That
/// is a part where it says more: where it differs, because somebody gave the file another time, owner or
/// permission. Not where the file has several names: each hard link that a backup makes or drops changes that
/// time.
pub(super) fn etag(metadata: &Metadata) -> String {
    let micros = |seconds: i64, nanos: i64| seconds.saturating_mul(1_000_000).saturating_add(nanos / 1_000);
    let written = micros(metadata.mtime(), metadata.mtime_nsec());
    let changed = micros(metadata.ctime(), metadata.ctime_nsec());
    let (inode, bytes) = (metadata.ino(), metadata.len());
    match written != changed && metadata.nlink() == 1 {
        true => format!("\"{inode:x}-{written:x}-{bytes:x}-{changed:x}\""),
        false => format!("\"{inode:x}-{written:x}-{bytes:x}\""),
    }
}

/// Why a file or a folder cannot be read, for a person.
pub(super) fn reason(e: &io::Error) -> String {
    match e.kind() {
        ErrorKind::PermissionDenied => "the user that runs evo may not read it".to_owned(),
        _ if e.raw_os_error() == Some(libc::ELOOP) => "it is a loop of symbolic links".to_owned(),
        _ => format!("it cannot be read: {e}"),
    }
}

fn is_absent(e: &io::Error) -> bool {
    e.kind() == ErrorKind::NotFound
}

fn special(file_type: FileType) -> &'static str {
    match () {
        () if file_type.is_fifo() => "pipe",
        () if file_type.is_socket() => "socket",
        () if file_type.is_block_device() || file_type.is_char_device() => "device",
        () => "special file",
    }
}
