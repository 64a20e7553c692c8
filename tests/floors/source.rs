//! Reading the crate's own source: files, code without comments and tests, string literals.

use std::path::{Path, PathBuf};

/// All Rust files below a folder, sorted.
pub(crate) fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        match entry.path() {
            path if path.is_dir() => files.extend(self::files(&path)),
            path if path.extension().is_some_and(|e| e == "rs") => files.push(path),
            _ => {}
        }
    }
    files.sort();
    files
}

/// The folder `src`.
pub(crate) fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The folder `generator/src`.
pub(crate) fn generator() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("generator/src")
}

/// The files below a folder with their names from there on.
pub(crate) fn named_files(folder: &Path) -> Vec<(String, PathBuf)> {
    let name = |path: &PathBuf| path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
    files(folder).into_iter().map(|path| (name(&path), path)).collect()
}

/// The code of a file without its test module; comment lines are left out.
pub(crate) fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod ").next().unwrap();
    text.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}
