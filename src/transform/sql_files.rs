//! The SQL files in a folder of `--extend`.

use std::path::{Path, PathBuf};

use crate::error::{Error, Kind, Result};

/// Path and text of the SQL files of `extend/folder/`, by name; none when there is no such folder.
///
/// # Errors
/// `Config` when the folder or a file cannot be read.
pub(super) fn sql_files(extend: Option<&Path>, folder: &str) -> Result<Vec<(String, String)>> {
    let Some(folder) = extend.map(|dir| dir.join(folder)).filter(|dir| dir.is_dir()) else { return Ok(Vec::new()) };
    let unreadable = |path: &Path| format!("cannot read {}", path.display());
    let entries = std::fs::read_dir(&folder).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
    let entries = entries.map_err(|e| Error::new(Kind::Config, unreadable(&folder)).caused_by(e))?;
    let mut paths: Vec<_> = entries.iter().map(std::fs::DirEntry::path).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "sql"));
    paths.sort();
    let read = |path: &PathBuf| match std::fs::read_to_string(path) {
        Ok(text) => Ok((path.display().to_string(), text)),
        Err(e) => Err(Error::new(Kind::Config, unreadable(path)).caused_by(e)),
    };
    paths.iter().map(read).collect()
}

/// The name that a file gives to what it declares: its own without `.sql`.
pub(super) fn stem(path: &str) -> String {
    Path::new(path).file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}
