//! Writes the files of a draft or an update.

use std::path::{Path, PathBuf};

use super::place::place;
use crate::draft::{DraftFile, EarlierMigrations, UpdatedFile};
use crate::entity::declaration_schema;
use crate::error::Result;

/// Folder of drafts where no folder is configured.
pub(super) const FOLDER: &str = "own";

/// The schema of entity.toml, as drafts refer to it.
const SCHEMA: &str = "models/entity.schema.json";

/// The migrations that the folder has.
pub(in crate::commands) fn earlier_migrations(folder: &Path) -> EarlierMigrations {
    let mut earlier = EarlierMigrations::default();
    for entry in std::fs::read_dir(folder.join("migrations")).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let number = name.split('_').next().and_then(|number| number.parse::<u32>().ok());
        earlier.last = earlier.last.max(number.unwrap_or_default());
        if name.ends_with(".up.sql") {
            earlier.texts.extend(std::fs::read_to_string(entry.path()));
        }
    }
    earlier
}

/// Writes the files below the folder, none of them over another, and returns their paths. Beside them the
/// schema of entity.toml, to which they refer: it is evo's own, so an older one is replaced.
///
/// # Errors
/// As [`place`].
pub(super) fn write_draft(folder: &Path, files: &[DraftFile]) -> Result<Vec<PathBuf>> {
    let mut all = as_new(files);
    let (path, text) = (folder.join(SCHEMA), format!("{:#}\n", declaration_schema()));
    if !std::fs::read_to_string(&path).is_ok_and(|known| known == text) {
        all.push(UpdatedFile { path: SCHEMA.to_owned(), text, is_new: !path.exists() });
    }
    let mut written = place(folder, &all)?;
    written.retain(|written| *written != path);
    Ok(written)
}

/// Puts the files of an update below the folder. A changed one takes the place of its earlier text.
///
/// # Errors
/// As [`place`].
pub(super) fn write_update(folder: &Path, files: &[UpdatedFile]) -> Result<Vec<PathBuf>> {
    place(folder, files)
}

/// Writes the files below the folder, none of them over another, and returns their paths.
///
/// # Errors
/// As [`place`].
pub(super) fn write(folder: &Path, files: &[DraftFile]) -> Result<Vec<PathBuf>> {
    place(folder, &as_new(files))
}

fn as_new(files: &[DraftFile]) -> Vec<UpdatedFile> {
    let new = |file: &DraftFile| UpdatedFile { path: file.path.clone(), text: file.text.clone(), is_new: true };
    files.iter().map(new).collect()
}
