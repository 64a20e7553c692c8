//! The folder in which a draft is tried out.

use std::path::{Path, PathBuf};

use crate::config;
use crate::entity::{Catalog, Entity};
use crate::error::{Context, Error, Kind, Result};

/// Takes `[input]` out of a declaration: a trial writes the documents itself.
///
/// # Errors
/// `Config` when it cannot be read or written.
pub(super) fn without_input(declaration: &Path) -> Result<()> {
    let failed = |e: String| Error::new(Kind::Config, format!("cannot change {}", declaration.display())).detail(e);
    let text = std::fs::read_to_string(declaration).map_err(|e| failed(e.to_string()))?;
    let mut table: toml::Table = toml::from_str(&text).map_err(|e| failed(e.to_string()))?;
    if table.remove("input").is_some() {
        std::fs::write(declaration, table.to_string()).map_err(|e| failed(e.to_string()))?;
    }
    Ok(())
}

/// The entity as evo reads it.
pub(super) fn checked(folder: &Path, name: &str) -> Result<Entity> {
    let catalog = Catalog::load(Some(folder)).context("the draft is not understood")?;
    catalog.select(&[name.to_owned()]).map(|list| list[0].clone())
}

/// A folder that is removed in the end.
pub(super) struct Scratch(pub PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Makes such a folder.
pub(super) fn scratch_folder() -> Result<Scratch> {
    let name = format!("evo-new-{}", uuid::Uuid::new_v4().simple());
    let made = config::scratch_folder(&name);
    made.map(Scratch).map_err(|e| Error::new(Kind::Config, "cannot create a folder for the trial").caused_by(e))
}
