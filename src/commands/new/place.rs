//! Puts files below a folder: all of them, or none.
//!
//! Every text is written beside its place first, and what it replaces is copied, so that a full disk is found
//! while nothing has changed. What follows are renames. Migrations come last: a second update after a crash
//! finds what the first one added in the models, and does not write a migration that adds it once more.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::draft::UpdatedFile;
use crate::error::{Error, Kind, Result};

/// Puts the files of an update or a draft below the folder. Returns their paths. After an error everything is
/// as it was.
///
/// # Errors
/// `Usage` when a new one is there already; `Config` when one cannot be written.
pub(super) fn place(folder: &Path, files: &[UpdatedFile]) -> Result<Vec<PathBuf>> {
    for file in files.iter().filter(|file| file.is_new) {
        require_absent(&folder.join(&file.path))?;
    }
    let mut in_order: Vec<&UpdatedFile> = files.iter().collect();
    in_order.sort_by_key(|file| (file.path.starts_with("migrations/"), file.path.ends_with(".up.sql")));
    let mut placing = Placing::default();
    for file in in_order {
        let path = folder.join(&file.path);
        let failed = |e| Error::new(Kind::Config, format!("cannot write {}", path.display())).caused_by(e);
        placing.prepare(&path, file).map_err(failed)?;
    }
    for i in 0..placing.files.len() {
        failpoint!("new.before_rename");
        placing.put(i)?;
    }
    placing.is_whole = true;
    Ok(files.iter().map(|file| folder.join(&file.path)).collect())
}

/// Makes sure that there is nothing at a path.
///
/// # Errors
/// `Usage`.
pub(super) fn require_absent(path: &Path) -> Result<()> {
    match path.symlink_metadata() {
        Err(_) => Ok(()),
        Ok(_) => Err(Error::new(Kind::Usage, format!("{} is there already", path.display()))
            .hint("evo new writes over nothing: choose another name, or remove what is there")),
    }
}

/// Files on their way. Dropped before it is whole, it leaves everything as it was.
#[derive(Default)]
struct Placing {
    files: Vec<PlacedFile>,
    /// Folders that were made, the outer ones first.
    folders: Vec<PathBuf>,
    is_whole: bool,
}

struct PlacedFile {
    path: PathBuf,
    /// Where it really is: a link to a file elsewhere stays one.
    target: PathBuf,
    /// Its text, until it is put in its place.
    beside: PathBuf,
    /// A copy of what it replaces.
    before: Option<PathBuf>,
    is_placed: bool,
}

impl Placing {
    /// Writes the text beside its place.
    fn prepare(&mut self, path: &Path, file: &UpdatedFile) -> std::io::Result<()> {
        self.make_folders(path.parent().unwrap_or(path))?;
        let target = if file.is_new { path.to_owned() } else { path.canonicalize()? };
        let beside = with_ending(&target, "evo-new");
        let before = (!file.is_new).then(|| with_ending(&target, "evo-old"));
        let placed = PlacedFile { path: path.to_owned(), target, beside, before, is_placed: false };
        self.files.push(placed);
        let Some(PlacedFile { target, beside, before, .. }) = self.files.last() else { return Ok(()) };
        let mut written = std::fs::File::create(beside)?;
        written.write_all(file.text.as_bytes())?;
        if let Some(before) = before {
            std::fs::copy(target, before)?;
            written.set_permissions(std::fs::metadata(target)?.permissions())?;
        }
        // Some file systems find out that the disk is full only here.
        written.sync_all()
    }

    fn make_folders(&mut self, folder: &Path) -> std::io::Result<()> {
        let absent = folder.ancestors().take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists());
        for folder in absent.collect::<Vec<_>>().into_iter().rev() {
            std::fs::create_dir(folder)?;
            self.folders.push(folder.to_owned());
        }
        Ok(())
    }

    /// Puts a text in its place.
    fn put(&mut self, i: usize) -> Result<()> {
        let file = &mut self.files[i];
        if file.before.is_none() {
            require_absent(&file.target)?;
        }
        std::fs::rename(&file.beside, &file.target)
            .map_err(|e| Error::new(Kind::Config, format!("cannot write {}", file.path.display())).caused_by(e))?;
        file.is_placed = true;
        Ok(())
    }
}

impl Drop for Placing {
    fn drop(&mut self) {
        // What cannot be removed is a leftover that nothing reads.
        for file in self.files.iter().rev() {
            let _ = match &file.before {
                Some(before) if file.is_placed && !self.is_whole => std::fs::rename(before, &file.target),
                Some(before) => std::fs::remove_file(before),
                None if file.is_placed && !self.is_whole => std::fs::remove_file(&file.target),
                None => Ok(()),
            };
            if !file.is_placed {
                let _ = std::fs::remove_file(&file.beside);
            }
        }
        for folder in self.folders.iter().rev().filter(|_| !self.is_whole) {
            let _ = std::fs::remove_dir(folder);
        }
    }
}

/// `visits.sql` → `visits.sql.evo-new`, in the same folder.
fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{ending}"));
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str, is_new: bool) -> UpdatedFile {
        UpdatedFile { path: path.to_owned(), text: text.to_owned(), is_new }
    }

    /// All files below a folder with their texts, in order.
    fn all(folder: &Path) -> Vec<String> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            match entry.is_dir() {
                true => found.extend(all(&entry)),
                false => {
                    let name = entry.file_name().unwrap().to_string_lossy().into_owned();
                    found.push(format!("{name}: {}", std::fs::read_to_string(&entry).unwrap()));
                }
            }
        }
        found.sort();
        found
    }

    #[test]
    fn what_cannot_be_written_as_a_whole_is_not_written_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        place(root, &[file("models/a/a.sql", "old", true), file("models/a/entity.toml", "toml", true)]).unwrap();
        let before = all(root);
        assert_eq!(before, ["a.sql: old", "entity.toml: toml"]);
        // A file where a folder is needed, and a changed file that is not there.
        std::fs::write(root.join("migrations"), "").unwrap();
        let changed = file("models/a/a.sql", "new", false);
        let (new, up) = (file("models/b/b.sql", "b", true), file("migrations/0002_a.up.sql", "up", true));
        assert_eq!(place(root, &[up.clone(), changed.clone(), new.clone()]).unwrap_err().kind(), Kind::Config);
        std::fs::remove_file(root.join("migrations")).unwrap();
        assert!(place(root, &[changed.clone(), new.clone(), file("models/a/c.sql", "c", false)]).is_err());
        assert_eq!(all(root), before);
        assert!(!root.join("models/b").exists() && !root.join("migrations").exists());
        let paths = place(root, &[up, changed, new.clone()]).unwrap();
        assert_eq!(paths, ["migrations/0002_a.up.sql", "models/a/a.sql", "models/b/b.sql"].map(|path| root.join(path)));
        assert_eq!(all(root), ["0002_a.up.sql: up", "a.sql: new", "b.sql: b", "entity.toml: toml"]);
        assert_eq!(place(root, &[new]).unwrap_err().kind(), Kind::Usage);
    }

    #[test]
    fn a_link_stays_a_link_and_rights_stay_as_they_are() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        std::fs::write(root.join("real.sql"), "old").unwrap();
        std::fs::set_permissions(root.join("real.sql"), std::fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(root.join("real.sql"), root.join("a.sql")).unwrap();
        assert_eq!(place(root, &[file("a.sql", "new", false)]).unwrap(), [root.join("a.sql")]);
        assert!(root.join("a.sql").is_symlink());
        assert_eq!(std::fs::read_to_string(root.join("real.sql")).unwrap(), "new");
        assert_eq!(std::fs::metadata(root.join("real.sql")).unwrap().permissions().mode() & 0o777, 0o640);
    }
}
