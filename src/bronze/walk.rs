//! The files of a local lake, folder by folder. What cannot be listed is set aside by name, and the walk goes on.
//!
//! A symbolic link is followed as long as it stays in the lake. One that leads out of it, to nothing, or back to a folder
//! on the way to itself is set aside: whoever may write into the lake must not choose what evo reads elsewhere.

use std::fs::{self, DirEntry, FileType, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::lake::{PAGE_OBJECTS, Page, Wanted};
use super::layout::Sort;

/// A walk below a folder of the lake.
pub(super) struct Walk<E: FnMut(Page) -> bool> {
    /// The lake's root, without links in it.
    root: PathBuf,
    wanted: Wanted,
    page: Page,
    folders: Vec<Folder>,
    /// Takes a page; `false` ends the walk.
    each: E,
}

/// A folder that is to be read.
struct Folder {
    /// Below the lake's root, as objects are called.
    path: String,
    /// Where it is, without links in it.
    real: PathBuf,
    /// The folders from which links led here.
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
            // No folder is one without objects.
            Err(e) if is_absent(&e) => {}
            Err(e) => self.page.set_aside(path, &reason(&e)),
        }
    }

    /// `false` when nobody wants more.
    fn read(&mut self, folder: &Folder) -> bool {
        let entries = match fs::read_dir(&folder.real) {
            Ok(entries) => entries,
            Err(e) => {
                self.lost(&folder.path, &e);
                return true;
            }
        };
        for entry in entries {
            match entry {
                Ok(entry) => self.take(folder, &entry),
                Err(e) => {
                    self.lost(&folder.path, &e);
                    break;
                }
            }
            if self.page.len() >= PAGE_OBJECTS && !(self.each)(std::mem::take(&mut self.page)) {
                return false;
            }
        }
        true
    }

    fn take(&mut self, folder: &Folder, entry: &DirEntry) {
        let name = entry.file_name();
        let shown = name.to_string_lossy();
        let path = if folder.path.is_empty() { shown.into_owned() } else { format!("{}/{shown}", folder.path) };
        let sort = self.wanted.sort(&path);
        // A folder's own name says nothing of what is in it, unless it is a hidden one.
        let is_relevant = |t: FileType| t.is_dir() || matches!(sort, Sort::Data | Sort::Manifest);
        let file_type = match entry.file_type() {
            Ok(_) if sort == Sort::Hidden => return,
            Ok(t) => t,
            Err(e) => return self.lost(&path, &e),
        };
        if name.to_str().is_none() && (is_relevant(file_type) || file_type.is_symlink()) {
            return self.page.set_aside(&path, "its name is not UTF-8, so that it can neither be kept nor asked for");
        }
        let child = Folder { path, real: folder.real.join(&name), left: folder.left.clone() };
        if file_type.is_symlink() {
            self.follow(child, &folder.real, sort);
        } else {
            self.sort(child, file_type, sort);
        }
    }

    fn sort(&mut self, child: Folder, file_type: FileType, sort: Sort) {
        if file_type.is_dir() {
            self.folders.push(child);
        } else if sort == Sort::Other {
            self.page.others.add(child.path);
        } else if file_type.is_file() {
            match fs::symlink_metadata(&child.real) {
                Ok(metadata) => self.wanted.put(&mut self.page, child.path, etag(&metadata), metadata.len()),
                Err(e) => self.lost(&child.path, &e),
            }
        } else {
            self.page.set_aside(&child.path, &format!("it is a {}, not a file", kind(file_type)));
        }
    }

    fn follow(&mut self, child: Folder, from: &Path, sort: Sort) {
        let is_relevant = matches!(sort, Sort::Data | Sort::Manifest);
        let target = child.real.canonicalize().and_then(|real| Ok((fs::metadata(&real)?.file_type(), real)));
        let (file_type, real) = match target {
            Ok(found) => found,
            // What a link that leads nowhere was meant to be, only its name tells.
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
        self.sort(Folder { path: child.path, real, left }, file_type, sort);
    }

    /// What vanished between two looks is not there any more; anything else that cannot be looked at is set aside.
    fn lost(&mut self, path: &str, e: &io::Error) {
        if !is_absent(e) {
            self.page.set_aside(path, &reason(e));
        }
    }
}

/// Why a link out of the lake is not followed.
pub(super) const OUTSIDE: &str = "it is a symbolic link that leads out of the lake, which is not followed";

/// Identity of a file's content: inode, time of change and size.
pub(super) fn etag(metadata: &Metadata) -> String {
    let changed = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    let micros = changed.unwrap_or_default().as_micros();
    format!("\"{:x}-{micros:x}-{:x}\"", metadata.ino(), metadata.len())
}

/// Why a file or a folder cannot be read, in words.
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

fn kind(file_type: FileType) -> &'static str {
    match () {
        () if file_type.is_fifo() => "pipe",
        () if file_type.is_socket() => "socket",
        () if file_type.is_block_device() || file_type.is_char_device() => "device",
        () => "special file",
    }
}
