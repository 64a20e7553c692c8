//! The folder of a site: what is the same is not written again, what is left over is removed.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use super::paths::SitePath;
use crate::error::{Error, Kind, Result};

/// Lists the files of a site, one a line. A folder without it belongs to somebody else.
const LIST: &str = ".catalog-files";

/// Begins the line of the list that says what the site was made from; no path has a blank.
const STATE: &str = "made from ";

/// The folder of a site that is being written.
#[derive(Debug)]
pub(super) struct SiteFolder {
    root: PathBuf,
    before: BTreeSet<SitePath>,
    files: BTreeSet<SitePath>,
    written: u64,
    /// What the site was made from, as its maker said.
    state: Option<String>,
    /// The list, locked: two makers of one site would write into each other's files.
    _lock: File,
}

/// What became of a site's files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SiteChanges {
    /// Files of the site.
    pub files: u64,
    /// Files that are new, or not what they were.
    pub written: u64,
    /// Files that no longer belong to it.
    pub removed: u64,
}

impl SiteFolder {
    /// Opens a folder, or makes it.
    ///
    /// # Errors
    /// `Usage` for a folder with other files, `AlreadyRunning` while another process writes it, `Config` when
    /// it cannot be written.
    pub(super) fn open(root: &Path) -> Result<Self> {
        let failed = |e| cannot("write", root, e);
        fs::create_dir_all(root).map_err(failed)?;
        let mut state = None;
        let before = match fs::read_to_string(root.join(LIST)) {
            Ok(text) => {
                state = text.lines().next().and_then(|line| line.strip_prefix(STATE)).map(str::to_owned);
                text.lines().filter_map(SitePath::listed).collect()
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                if fs::read_dir(root).map_err(failed)?.next().is_some() {
                    let message = format!("--out: {} has other files", root.display());
                    return Err(
                        Error::new(Kind::Usage, message).hint("name an empty folder, or one that does not exist")
                    );
                }
                // An interrupted site is known as one.
                fs::write(root.join(LIST), "").map_err(failed)?;
                BTreeSet::new()
            }
            Err(e) => return Err(failed(e)),
        };
        let lock = locked(root)?;
        for folder in ["tables", "entities", "runs"] {
            fs::create_dir_all(root.join(folder)).map_err(failed)?;
        }
        Ok(Self { root: root.to_owned(), before, files: BTreeSet::new(), written: 0, state, _lock: lock })
    }

    /// Writes a file, unless it has these bytes already.
    ///
    /// # Errors
    /// `Config` when it cannot be written.
    pub(super) fn write(&mut self, path: &SitePath, text: &str) -> Result<()> {
        let mut file = self.begin(path);
        file.add(text)?;
        self.finish(file)
    }

    /// Begins a file that is written in parts.
    pub(super) fn begin(&self, path: &SitePath) -> SiteFile {
        let target = self.root.join(path.as_str());
        let old = File::open(&target).ok().map(io::BufReader::new);
        SiteFile { path: path.clone(), target, old, same: 0, new: None }
    }

    /// Ends a file.
    ///
    /// # Errors
    /// `Config` when it cannot be written.
    pub(super) fn finish(&mut self, file: SiteFile) -> Result<()> {
        let path = file.path.clone();
        self.written += u64::from(file.end()?);
        self.files.insert(path);
        Ok(())
    }

    /// What the site was made from the last time, if all of its files are there.
    pub(super) fn state(&self) -> Option<&str> {
        let is_there = |path: &SitePath| self.root.join(path.as_str()).exists();
        self.state.as_deref().filter(|_| !self.before.is_empty() && self.before.iter().all(is_there))
    }

    /// The changes of a site that stays as it is.
    pub(super) fn unchanged(&self) -> SiteChanges {
        SiteChanges { files: self.before.len() as u64, ..SiteChanges::default() }
    }

    /// Removes what no longer belongs to the site, and lists what does, and what it was made from.
    ///
    /// # Errors
    /// `Config` when a file cannot be written or removed.
    pub(super) fn close(self, state: Option<&str>) -> Result<SiteChanges> {
        let mut list = state.map_or(String::new(), |state| format!("{STATE}{state}\n"));
        list.extend(self.files.iter().map(|path| format!("{}\n", path.as_str())));
        // What is about to be removed stays listed until it is removed.
        let mut removed = 0;
        for path in self.before.difference(&self.files) {
            let target = self.root.join(path.as_str());
            match fs::remove_file(&target) {
                Ok(()) => removed += 1,
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => return Err(cannot("remove", &target, e)),
            }
        }
        let target = self.root.join(LIST);
        if fs::read_to_string(&target).ok().as_deref() != Some(&list) {
            fs::write(&target, list).map_err(|e| cannot("write", &target, e))?;
        }
        Ok(SiteChanges { files: self.files.len() as u64, written: self.written, removed })
    }
}

/// A file that is compared with the one that is there, as long as they are the same, and written from the
/// first difference on.
#[derive(Debug)]
pub(super) struct SiteFile {
    path: SitePath,
    target: PathBuf,
    old: Option<io::BufReader<File>>,
    /// Bytes that are the same so far.
    same: u64,
    /// Since the first difference: beside the target, and renamed at the end.
    new: Option<BufWriter<File>>,
}

impl SiteFile {
    /// Adds a text.
    ///
    /// # Errors
    /// `Config` when it cannot be written.
    pub(super) fn add(&mut self, text: &str) -> Result<()> {
        let added = self.compare_or_write(text.as_bytes());
        added.map_err(|e| cannot("write", &self.target, e))
    }

    fn compare_or_write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some(new) = &mut self.new {
            return new.write_all(bytes);
        }
        let mut found = vec![0; bytes.len()];
        let is_same = match &mut self.old {
            Some(old) => old.read_exact(&mut found).is_ok() && found == bytes,
            None => false,
        };
        if is_same {
            self.same += bytes.len() as u64;
            return Ok(());
        }
        self.differ()?.write_all(bytes)
    }

    /// Begins the new file with what was the same.
    fn differ(&mut self) -> io::Result<&mut BufWriter<File>> {
        let mut new = BufWriter::new(File::create(self.temporary())?);
        if self.same > 0 {
            io::copy(&mut File::open(&self.target)?.take(self.same), &mut new)?;
        }
        self.old = None;
        Ok(self.new.insert(new))
    }

    /// Not a name that a browser or a host shows.
    fn temporary(&self) -> PathBuf {
        let name = self.target.file_name().unwrap_or_default().to_string_lossy();
        self.target.with_file_name(format!(".{name}.tmp"))
    }

    /// Puts the new file in the place of the old one. Whether it was necessary.
    fn end(mut self) -> Result<bool> {
        self.replace().map_err(|e| {
            let _ = fs::remove_file(self.temporary());
            cannot("write", &self.target, e)
        })
    }

    fn replace(&mut self) -> io::Result<bool> {
        let has_rest = match (&mut self.old, &self.new) {
            (Some(old), None) => old.read(&mut [0; 1])? > 0,
            (None, None) => true,
            (_, Some(_)) => false,
        };
        if has_rest {
            self.differ()?;
        }
        let Some(new) = self.new.take() else { return Ok(false) };
        new.into_inner().map_err(io::IntoInnerError::into_error)?;
        fs::rename(self.temporary(), &self.target)?;
        Ok(true)
    }
}

/// The list of a folder, locked as long as it is open.
fn locked(root: &Path) -> Result<File> {
    let file = File::open(root.join(LIST)).map_err(|e| cannot("read", root, e))?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => {
            let message = format!("--out: {} is being written by another evo catalog", root.display());
            Err(Error::new(Kind::AlreadyRunning, message).hint("wait until it has ended, or name another folder"))
        }
        // A share without locks is used as it is.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(file),
    }
}

fn cannot(what: &str, path: &Path, e: io::Error) -> Error {
    Error::new(Kind::Config, format!("cannot {what} {}", path.display()))
        .caused_by(e)
        .hint("name another folder with --out, or make it writable")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(root: &Path, files: &[(&'static str, &[&str])]) -> SiteChanges {
        let mut folder = SiteFolder::open(root).unwrap();
        for (path, parts) in files {
            let mut file = folder.begin(&SitePath::fixed(path));
            parts.iter().for_each(|part| file.add(part).unwrap());
            folder.finish(file).unwrap();
        }
        folder.close(Some("this")).unwrap()
    }

    #[test]
    fn what_is_the_same_is_left_alone_and_what_is_left_over_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("site");
        let read = |name: &str| fs::read_to_string(root.join(name)).unwrap();
        assert_eq!(site(&root, &[("a", &["1", "2"]), ("b", &["x"])]), SiteChanges { files: 2, written: 2, removed: 0 });
        let before = fs::metadata(root.join("a")).unwrap().modified().unwrap();
        assert_eq!(site(&root, &[("a", &["12"]), ("b", &["x"])]), SiteChanges { files: 2, written: 0, removed: 0 });
        assert_eq!(fs::metadata(root.join("a")).unwrap().modified().unwrap(), before);
        // Longer, shorter, different in the middle, empty.
        for parts in [&["1", "2", "3"][..], &["1"], &["1", "9", "3"], &[], &["1"]] {
            assert_eq!(site(&root, &[("a", parts), ("b", &["x"])]).written, 1, "{parts:?}");
            assert_eq!(read("a"), parts.concat());
        }
        assert_eq!(site(&root, &[("a", &["1"])]), SiteChanges { files: 1, written: 0, removed: 1 });
        let mut names: Vec<_> = fs::read_dir(&root).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, [LIST, "a", "entities", "runs", "tables"]);
    }

    #[test]
    fn a_site_is_known_by_what_it_was_made_from_as_long_as_it_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("site");
        assert_eq!(SiteFolder::open(&root).unwrap().state(), None);
        site(&root, &[("a", &["1"]), ("b", &["2"])]);
        let folder = SiteFolder::open(&root).unwrap();
        assert_eq!((folder.state(), folder.unchanged().files), (Some("this"), 2));
        assert_eq!(SiteFolder::open(&root).unwrap_err().kind(), Kind::AlreadyRunning);
        drop(folder);
        fs::remove_file(root.join("b")).unwrap();
        assert_eq!(SiteFolder::open(&root).unwrap().state(), None);
    }

    #[test]
    fn a_folder_with_other_files_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("index.html"), "mine").unwrap();
        let error = SiteFolder::open(dir.path()).unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
        assert!(error.message().starts_with("--out: "), "{}", error.render());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_list_that_somebody_changed_removes_nothing_elsewhere() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("site");
        site(&root, &[("a", &["1"])]);
        fs::write(dir.path().join("mine"), "").unwrap();
        fs::write(root.join(LIST), "../mine\n/etc/hostname\na\n").unwrap();
        assert_eq!(site(&root, &[("b", &["1"])]).removed, 1);
        assert!(dir.path().join("mine").exists() && !root.join("a").exists());
    }
}
