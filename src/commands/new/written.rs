//! The files of an entity as they are written, and what an update changes in them.

use std::path::{Path, PathBuf};

use similar::TextDiff;

use crate::draft::UpdatedFile;
use crate::entity::{Entity, Select};
use crate::error::{Error, Kind, Result};

/// The files of an entity as they are written.
#[derive(Debug)]
pub(in crate::commands) struct WrittenEntity {
    /// `entity.toml`.
    pub declaration: String,
    /// The models, with the names of their files.
    pub models: Vec<(String, Select)>,
}

impl WrittenEntity {
    /// The selects of the models.
    pub(in crate::commands) fn selects(&self) -> Vec<Select> {
        self.models.iter().map(|(_, select)| select.clone()).collect()
    }

    /// The text of a file; empty for one that is not there.
    fn text(&self, file: &str) -> &str {
        let model = self.models.iter().find(|(name, _)| name == file).map(|(_, select)| select.whole());
        model.unwrap_or(if file == "entity.toml" { self.declaration.as_str() } else { "" })
    }
}

/// The folder of `--extend` and the files of an entity in it.
///
/// # Errors
/// `Usage` for a built-in entity; `Config` for a file that cannot be read.
pub(in crate::commands) fn written(entity: &Entity) -> Result<(PathBuf, WrittenEntity)> {
    let Some(folder) = &entity.folder else {
        return Err(Error::new(Kind::Usage, format!("{} is built in: its models come with evo", entity.name))
            .hint("declare an entity of your own with another name over the same objects: docs/own-data.md"));
    };
    let read = |name: &str| {
        let path = folder.join(name);
        std::fs::read_to_string(&path)
            .map_err(|e| Error::new(Kind::Config, format!("cannot read {}", path.display())).caused_by(e))
    };
    let mut models = Vec::new();
    for model in &entity.models {
        let file = format!("{}.sql", model.table.trim_start_matches("core."));
        let mut key = model.key.clone();
        key.push(model.parent_key.clone());
        let select = Select::parse(&folder.join(&file).display().to_string(), &read(&file)?, &key)?;
        models.push((file, select));
    }
    let root = folder.parent().and_then(Path::parent).unwrap_or(folder);
    Ok((root.to_owned(), WrittenEntity { declaration: read("entity.toml")?, models }))
}

/// What an update changes in a file.
#[derive(Debug)]
pub(in crate::commands) struct FileDiff {
    /// Its path below the folder of `--extend`.
    pub path: String,
    /// Whether it is not there yet.
    pub is_new: bool,
    /// Lines with `-`, `+` or a blank before them, and `…` between places that are apart.
    pub lines: Vec<String>,
}

/// What changes in each file. How to take a migration back is left out.
pub(in crate::commands) fn differences(texts: &WrittenEntity, files: &[UpdatedFile]) -> Vec<FileDiff> {
    let of = |file: &UpdatedFile| {
        let name = file.path.rsplit('/').next().unwrap_or_default();
        let known = if file.is_new { "" } else { texts.text(name) };
        FileDiff { path: file.path.clone(), is_new: file.is_new, lines: changed_lines(known, &file.text) }
    };
    files.iter().filter(|file| !file.path.ends_with(".down.sql")).map(of).collect()
}

/// The lines that differ, with one before and one behind.
fn changed_lines(old: &str, new: &str) -> Vec<String> {
    let diff = TextDiff::from_lines(old, new);
    let mut lines = Vec::new();
    for (i, group) in diff.grouped_ops(1).iter().enumerate() {
        lines.extend((i > 0).then(|| "…".to_owned()));
        for change in group.iter().flat_map(|part| diff.iter_changes(part)) {
            lines.push(format!("{}{}", change.tag(), change.value().trim_end_matches(['\r', '\n'])));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_shown_with_the_lines_around_it() {
        let old =
            "-- key: id\nselect\n    s.id,\n    d.a\nfrom {source} s\nx as d (\n    a text,\n    b text)\nwhere true\n";
        let new = old.replace("d.a\n", "d.a,\n    d.b\n").replace("b text)", "b text,\n    a text)");
        assert_eq!(
            changed_lines(old, &new),
            [
                "     s.id,",
                "-    d.a",
                "+    d.a,",
                "+    d.b",
                " from {source} s",
                "…",
                "     a text,",
                "-    b text)",
                "+    b text,",
                "+    a text)",
                " where true"
            ]
        );
        assert_eq!(changed_lines("", "a\nb\n"), ["+a", "+b"]);
        assert_eq!(changed_lines("a\n", "a\n"), Vec::<String>::new());
    }
}
