//! A test of an entity's models: `models/<entity>/tests/<name>.toml`.

use std::collections::BTreeMap;
use std::path::Path;

use include_dir::{Dir, include_dir};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::entity::Entity;
use crate::error::{Error, Kind, Result};

static BUILT_IN: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/sql/models");

/// A test: documents, and the rows that they become.
#[derive(Debug, Clone)]
pub struct ModelTest {
    /// Path of its file.
    pub file: String,
    /// The documents, one each.
    pub documents: Vec<String>,
    /// Of core tables the rows, each with the columns that are compared. A table that is not named is not
    /// compared.
    pub rows: BTreeMap<String, Vec<Map<String, Value>>>,
    /// Documents that have no key or are none.
    pub rejected: usize,
    /// Values that do not fit.
    pub issues: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TestFile {
    documents: String,
    #[serde(default)]
    rejected: usize,
    #[serde(default)]
    issues: u64,
    rows: BTreeMap<String, String>,
}

/// The tests of an entity, by file.
///
/// # Errors
/// `Config`, with the file, for one that is not understood.
pub fn tests_of(entity: &Entity, extend: Option<&Path>) -> Result<Vec<ModelTest>> {
    let mut files: Vec<(String, String)> = Vec::new();
    if let Some(dir) = BUILT_IN.get_dir(format!("{}/tests", entity.name)) {
        let text = |file: &include_dir::File<'_>| file.contents_utf8().unwrap_or_default().to_owned();
        files.extend(dir.files().map(|file| (format!("models/{}", file.path().display()), text(file))));
    }
    let folder = extend.map(|dir| dir.join("models").join(&entity.name).join("tests"));
    for path in folder.iter().flat_map(std::fs::read_dir).flatten().flatten().map(|entry| entry.path()) {
        if path.extension().is_some_and(|ending| ending == "toml") {
            let text = std::fs::read_to_string(&path)
                .map_err(|e| Error::new(Kind::Config, format!("cannot read {}", path.display())).caused_by(e))?;
            files.push((path.display().to_string(), text));
        }
    }
    files.sort();
    files.into_iter().map(|(file, text)| ModelTest::parse(entity, file, &text)).collect()
}

impl ModelTest {
    fn parse(entity: &Entity, file: String, text: &str) -> Result<Self> {
        let read: TestFile = toml::from_str(text).map_err(|e| {
            Error::new(Kind::Config, format!("{file} is not a test of a model"))
                .detail(e.to_string())
                .hint("it has documents = '''…''' and [rows] with a text for each table, one JSON value per line")
        })?;
        let mut rows = BTreeMap::new();
        for (table, lines) in &read.rows {
            let known = entity.models.iter().any(|model| model.table == format!("core.{table}"));
            if !known {
                return Err(Error::new(Kind::Config, format!("{file}: {} has no table core.{table}", entity.name))
                    .hint("[rows] names core tables of the entity, without the schema"));
            }
            let parsed: Result<Vec<_>> = filled(lines).map(|line| row(&file, table, line)).collect();
            rows.insert(format!("core.{table}"), parsed?);
        }
        let documents = filled(&read.documents).map(str::to_owned).collect();
        Ok(Self { file, documents, rows, rejected: read.rejected, issues: read.issues })
    }
}

/// The lines that are not blank.
fn filled(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

fn row(file: &str, table: &str, line: &str) -> Result<Map<String, Value>> {
    serde_json::from_str(line).map_err(|e| {
        Error::new(Kind::Config, format!("{file}: a row of {table} is not a JSON object of columns"))
            .detail(e.to_string())
    })
}
