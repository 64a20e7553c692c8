//! Files of SQL whose first comment says what they are: dimensions and checks.

use std::path::Path;

use crate::error::{Error, Kind, Result};

/// The value of `-- label: value` in the comment that a file begins with.
pub(super) fn header<'a>(text: &'a str, label: &str) -> Option<&'a str> {
    headers(text, label).next()
}

/// All values of `-- label: value`.
pub(super) fn headers<'a>(text: &'a str, label: &str) -> impl Iterator<Item = &'a str> {
    let lines = text.lines().take_while(|line| line.starts_with("--"));
    lines
        .filter_map(move |line| line.trim_start_matches('-').trim().strip_prefix(label)?.strip_prefix(':'))
        .map(str::trim)
}

/// Path and text of the SQL files of `extend/folder/`, by name; none when there is no such folder.
pub(super) fn sql_files(extend: Option<&Path>, folder: &str) -> Result<Vec<(String, String)>> {
    let Some(folder) = extend.map(|dir| dir.join(folder)).filter(|dir| dir.is_dir()) else { return Ok(Vec::new()) };
    let unreadable = |path: &Path| format!("cannot read {}", path.display());
    let entries = std::fs::read_dir(&folder).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
    let entries = entries.map_err(|e| Error::new(Kind::Config, unreadable(&folder)).caused_by(e))?;
    let mut paths: Vec<_> = entries.iter().map(std::fs::DirEntry::path).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "sql"));
    paths.sort();
    let read = |path: &std::path::PathBuf| match std::fs::read_to_string(path) {
        Ok(text) => Ok((path.display().to_string(), text)),
        Err(e) => Err(Error::new(Kind::Config, unreadable(path)).caused_by(e)),
    };
    paths.iter().map(read).collect()
}
