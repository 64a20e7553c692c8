//! Writes the files of a draft.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::draft::{DraftFile, UpdatedFile};
use crate::entity::declaration_schema;
use crate::error::{Error, Kind, Result};

/// Folder of drafts where no folder is configured.
pub(super) const FOLDER: &str = "own";

/// The schema of entity.toml, as drafts refer to it.
const SCHEMA: &str = "models/entity.schema.json";

/// The number of the next migration in the folder.
pub(in crate::commands) fn next_number(folder: &Path) -> u32 {
    let entries = std::fs::read_dir(folder.join("migrations")).into_iter().flatten().flatten();
    let number = |name: String| name.split('_').next()?.parse::<u32>().ok();
    let numbers = entries.filter_map(|entry| number(entry.file_name().to_string_lossy().into_owned()));
    numbers.max().unwrap_or(0) + 1
}

/// Writes the schema of entity.toml that drafts refer to. It is evo's own, so an older one is replaced.
///
/// # Errors
/// `Config` when it cannot be written.
pub(super) fn write_schema(folder: &Path) -> Result<()> {
    let path = folder.join(SCHEMA);
    let text = format!("{:#}\n", declaration_schema());
    if std::fs::read_to_string(&path).is_ok_and(|known| known == text) {
        return Ok(());
    }
    std::fs::write(&path, text)
        .map_err(|e| Error::new(Kind::Config, format!("cannot write {}", path.display())).caused_by(e))
}

/// Puts the files of an update below the folder. A changed one takes the place of its earlier text as a
/// whole.
///
/// # Errors
/// `Usage` when a new one is there already; `Config` when one cannot be written.
pub(super) fn write_update(folder: &Path, files: &[UpdatedFile]) -> Result<Vec<PathBuf>> {
    let of = |file: &UpdatedFile| DraftFile { path: file.path.clone(), text: file.text.clone() };
    let new: Vec<DraftFile> = files.iter().filter(|file| file.is_new).map(of).collect();
    let mut written = write(folder, &new)?;
    for file in files.iter().filter(|file| !file.is_new) {
        let path = folder.join(&file.path);
        let beside = path.with_extension("evo-new");
        std::fs::write(&beside, &file.text)
            .and_then(|()| std::fs::rename(&beside, &path))
            .map_err(|e| Error::new(Kind::Config, format!("cannot write {}", path.display())).caused_by(e))?;
        written.push(path);
    }
    written.sort();
    Ok(written)
}

/// Writes the files below the folder, none of them over another, and returns their paths.
///
/// # Errors
/// `Usage` when one is there already; `Config` when one cannot be written.
pub(super) fn write(folder: &Path, files: &[DraftFile]) -> Result<Vec<PathBuf>> {
    let paths: Vec<PathBuf> = files.iter().map(|file| folder.join(&file.path)).collect();
    if let Some(there) = paths.iter().find(|path| path.exists()) {
        return Err(Error::new(Kind::Usage, format!("{} is there already", there.display()))
            .hint("evo new writes over nothing: choose another name, or remove what is there"));
    }
    for (file, path) in files.iter().zip(&paths) {
        create(path, &file.text)
            .map_err(|e| Error::new(Kind::Config, format!("cannot write {}", path.display())).caused_by(e))?;
    }
    Ok(paths)
}

fn create(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::File::create_new(path)?.write_all(text.as_bytes())
}
