//! A dimension, declared by one SQL file: `dimensions/<name>.sql` in `sql/` or in the folder of `--extend`.

use std::path::Path;

use include_dir::{Dir, include_dir};

use crate::entity::{Catalog, Entity, Header, KeyType, Template, of_statement};
use crate::error::{Error, Kind, Mistakes, Result};
use crate::transform::sql_files::{sql_files, stem};

static BUILT_IN: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/sql/dimensions");

/// Columns of a sighting besides its key and name: the latest time that its document gives, the core table,
/// and the first key column of its row there. The dimension's table has the same columns, for each row's
/// winner.
const LINEAGE: [&str; 3] = ["_source_time", "_source_table", "_source_key"];

/// A core table that a dimension is derived from.
#[derive(Debug, Clone)]
pub struct DimensionSource {
    /// Qualified, not quoted: `core.evo_members`.
    pub table: String,
    /// The entity that owns it.
    pub entity: Entity,
}

/// A table derived from core tables: one row for each id that any of them names.
#[derive(Debug, Clone)]
pub struct Dimension {
    /// Name on the command line and in the ledger: `branches`.
    pub name: String,
    /// Qualified core table, not quoted: `core.evo_branches`.
    pub table: String,
    /// Name of its key column.
    pub key: String,
    /// Type of its key column.
    pub key_type: KeyType,
    /// The id that stands for nobody, as text; `None` where every id counts.
    pub nobody: Option<String>,
    /// Name of its text column.
    pub name_column: String,
    /// The tables of its sources, each once. Several may belong to one entity.
    pub sources: Vec<DimensionSource>,
    /// A select of sightings, with a placeholder `{core.…}` for each source.
    pub(super) sightings: Template,
    /// Changes with the select and the columns that its rows are made by.
    pub digest: String,
}

impl Dimension {
    /// The core tables of its sources.
    pub fn source_tables(&self) -> Vec<String> {
        self.sources.iter().map(|source| source.table.clone()).collect()
    }

    /// The names of the entities that own its sources, each once.
    pub fn source_entities(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for source in &self.sources {
            if !names.contains(&source.entity.name) {
                names.push(source.entity.name.clone());
            }
        }
        names
    }

    /// The type that holds the keys of all of its sources.
    pub fn source_key_type(&self) -> KeyType {
        let mut types = self.sources.iter().map(|source| source.entity.key_type());
        let first = types.next().unwrap_or(KeyType::Integer);
        if types.all(|key_type| key_type == first) { first } else { KeyType::Text }
    }
}

/// The built-in dimensions and those of `extend/dimensions/`, by name.
///
/// # Errors
/// `Config`, with file and line, when a dimension cannot be read or reads a table that no entity fills; and
/// when a name is given twice.
pub fn all(extend: Option<&Path>, catalog: &Catalog) -> Result<Vec<Dimension>> {
    let mut mistakes = Mistakes::default();
    let list = all_with_mistakes(extend, catalog, &mut mistakes);
    mistakes.into_result(Some(list))
}

/// Reads as [`all`] does and adds every mistake to `mistakes`. A dimension with a mistake is left out.
pub fn all_with_mistakes(extend: Option<&Path>, catalog: &Catalog, mistakes: &mut Mistakes) -> Vec<Dimension> {
    let built_in = BUILT_IN
        .files()
        .map(|file| (file.path().display().to_string(), file.contents_utf8().unwrap_or_default().to_owned()));
    let mut list = Vec::new();
    for (path, text) in built_in.chain(mistakes.keep(sql_files(extend, "dimensions")).unwrap_or_default()) {
        list.extend(mistakes.keep(parse(&path, &text, catalog)));
    }
    list.sort_by(|a, b| a.name.cmp(&b.name));
    let entities = catalog.all().iter().map(|entity| &entity.name);
    let names: Vec<&String> = entities.chain(list.iter().map(|dimension| &dimension.name)).collect();
    for (_, name) in names.iter().enumerate().filter(|(i, name)| names[..*i].contains(name)) {
        let error = Error::new(Kind::Config, format!("the name {name:?} is given twice"));
        mistakes.add(error.hint("rename the file in the folder given by --extend"));
    }
    list
}

fn parse(file: &str, text: &str, catalog: &Catalog) -> Result<Dimension> {
    const HINT: &str = "a dimension begins with comment lines for purpose, table, key and name";
    let header = Header::read(file, text);
    header.require("purpose", HINT)?;
    let table = header.require("table", HINT)?.value.to_owned();
    let key = header.require("key", HINT)?.value.to_owned();
    let name_column = header.require("name", HINT)?.value.to_owned();
    let key_type = key_type(&header)?;
    let nobody = header.get("nobody").map(str::to_owned);
    let owner =
        |table: &str| catalog.all().iter().find(|entity| entity.models.iter().any(|model| model.table == table));
    let sightings = Template::parse(file, text, |name| match owner(name) {
        Some(_) => Ok(()),
        None => Err((
            format!("{{{name}}} is not a table of an entity"),
            "a dimension reads core tables of entities, {core.evo_members} for example".to_owned(),
        )),
    })?;
    let mut sources: Vec<DimensionSource> = Vec::new();
    for table in sightings.placeholders() {
        if let Some(entity) = owner(table).filter(|_| !sources.iter().any(|source| source.table == table)) {
            sources.push(DimensionSource { table: table.to_owned(), entity: entity.clone() });
        }
    }
    if sources.is_empty() {
        return Err(Error::new(Kind::Config, format!("{file}: the select reads no {{core.…}} table"))
            .hint("read it through a placeholder: from {core.evo_members} m"));
    }
    let columns: Vec<&str> = [key.as_str(), &name_column].into_iter().chain(LINEAGE).collect();
    sightings.require_columns(
        file,
        &columns,
        "a sighting has a key, a name, _source_time, _source_table and _source_key: see sql/dimensions in the source",
    )?;
    let nobody_shown = nobody.as_deref().unwrap_or_default();
    let digest =
        of_statement(&format!("select {key}, {name_column}, {nobody_shown} ({})", sightings.render(str::to_owned)));
    Ok(Dimension { name: stem(file), table, key, key_type, nobody, name_column, sources, sightings, digest })
}

/// The type of the ids; integer unless the header says otherwise.
fn key_type(header: &Header) -> Result<KeyType> {
    let Some(line) = header.all("key type").next() else { return Ok(KeyType::Integer) };
    let found = KeyType::NAMES.into_iter().find(|(name, _)| *name == line.value);
    found.map(|(_, key_type)| key_type).ok_or_else(|| {
        let names: Vec<&str> = KeyType::NAMES.into_iter().map(|(name, _)| name).collect();
        line.error(format!("{:?} is not a type of keys", line.value)).hint(format!("one of {}", names.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dimensions_declare_what_they_read() {
        let catalog = Catalog::load(None).unwrap();
        let list = all(None, &catalog).unwrap();
        let shown: Vec<String> = list
            .iter()
            .map(|d| {
                let sources: Vec<&str> = d.sources.iter().map(|s| s.entity.name.as_str()).collect();
                format!("{} {} {} {} < {}", d.name, d.table, d.key, d.name_column, sources.join(" "))
            })
            .collect();
        assert_eq!(
            shown,
            [
                "branches core.evo_branches branch_id branch_name < members prospects sales entries",
                "employees core.evo_employees employee_id employee_name < members sales entries",
            ]
        );
        let sightings = list[0].sightings.render(str::to_owned);
        assert!(sightings.starts_with("select branch_id"), "the header's placeholders are no sources");
    }

    #[test]
    fn a_faulty_dimension_names_its_file_and_line() {
        let catalog = Catalog::load(None).unwrap();
        let good = "-- purpose: p\n-- table: core.x\n-- key: a\n-- name: b\nselect 1 as a, 'x' as b, \
                    sale_date as _source_time,\n\
                    'core.evo_sales' as _source_table, sale_id as _source_key from {core.evo_sales}";
        assert!(parse("x.sql", good, &catalog).is_ok());
        for (from, to, expected) in [
            ("-- key: a\n", "", "x.sql:1: the header has no line \"-- key: …\""),
            ("{core.evo_sales}", "core.evo_sales", "x.sql: the select reads no"),
            ("_source_time", "_source_run_id", "x.sql:5: the select gives no _source_time"),
            ("'x' as b, ", "", "x.sql:5: the select gives no b"),
            ("{core.evo_sales}", "{core.evo_branches}", "x.sql:6: {core.evo_branches} is not a table of an entity"),
            ("-- name: b", "-- name: b\n-- key type: number", "x.sql:5: key type: \"number\" is not a type of keys"),
        ] {
            let error = parse("x.sql", &good.replacen(from, to, 1), &catalog).unwrap_err();
            assert!(error.message().starts_with(expected), "{}", error.render());
        }
    }
}
