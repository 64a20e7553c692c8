//! Dimensions: one file of SQL each, `sql/dimensions/<name>.sql`, and those of `--extend DIR/dimensions/`.

use std::path::Path;

use include_dir::{Dir, include_dir};

use crate::entity::{Catalog, Entity};
use crate::error::{Error, Kind, Result};
use crate::suggest::did_you_mean;
use crate::transform::files;

static BUILT_IN: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/sql/dimensions");

/// What each sighting says of its document, and the dimension's table of each row's winner: the latest time that the document
/// itself gives, the core table, and the first key column of its row there.
const CONTRACT: [&str; 3] = ["_source_time", "_source_table", "_source_key"];

/// A table derived from core tables: one row per id that any of them names.
#[derive(Debug, Clone)]
pub struct Dimension {
    /// Name on the command line and in the ledger: `branches`.
    pub name: String,
    /// Qualified core table: `core.evo_branches`.
    pub table: String,
    /// Its bigint key column.
    pub key: String,
    /// Its text column.
    pub name_column: String,
    /// A select of sightings, with `{core.…}` placeholders for its sources.
    pub select: String,
    /// The entities that own the sources, one each.
    pub sources: Vec<Entity>,
}

impl Dimension {
    /// The core table of a source: the parent table of its entity.
    pub(super) fn source_table(source: &Entity) -> &str {
        source.models.first().map_or("", |model| model.table.as_str())
    }

    /// The core tables of its sources.
    pub fn source_tables(&self) -> Vec<String> {
        self.sources.iter().map(|source| Self::source_table(source).to_owned()).collect()
    }
}

/// The built-in dimensions and those of `extend/dimensions/`, by name.
///
/// # Errors
/// `Config` when a file is not understood, or reads a table that is no entity's parent table; it names the file.
pub fn all(extend: Option<&Path>, catalog: &Catalog) -> Result<Vec<Dimension>> {
    let mut list = Vec::new();
    for file in BUILT_IN.files() {
        let (path, text) = (file.path().display().to_string(), file.contents_utf8().unwrap_or_default());
        list.push(parse(&path, text, catalog)?);
    }
    for (path, text) in files::sql_files(extend, "dimensions")? {
        list.push(parse(&path, &text, catalog)?);
    }
    list.sort_by(|a, b| a.name.cmp(&b.name));
    let entities = catalog.all().iter().map(|e| &e.name);
    let names: Vec<&String> = entities.chain(list.iter().map(|d| &d.name)).collect();
    match names.iter().enumerate().find(|(i, name)| names[..*i].contains(name)) {
        Some((_, name)) => Err(Error::new(Kind::Config, format!("the name {name:?} is given twice"))
            .hint("rename the file in the folder given by --extend")),
        None => Ok(list),
    }
}

fn parse(path: &str, text: &str, catalog: &Catalog) -> Result<Dimension> {
    let header = |label: &str| {
        files::header(text, label).map(str::to_owned).ok_or_else(|| {
            Error::new(Kind::Config, format!("{path}: the header has no line \"-- {label}: …\""))
                .hint("a dimension begins with comment lines for purpose, table, key and name")
        })
    };
    let select = crate::sql::fill(text, &[]).trim().trim_end_matches(';').trim_end().to_owned();
    let mut sources: Vec<Entity> = Vec::new();
    for table in select.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(table, _)| table) {
        let owner = catalog.all().iter().find(|e| Dimension::source_table(e) == table).ok_or_else(|| {
            Error::new(Kind::Config, format!("{path}: {{{table}}} is not the parent table of an entity"))
                .hint("a dimension reads the first core table of entities, {core.evo_members} for one")
        })?;
        if !sources.iter().any(|source| source.name == owner.name) {
            sources.push(owner.clone());
        }
    }
    if sources.is_empty() {
        return Err(Error::new(Kind::Config, format!("{path}: the select reads no {{core.…}} table")));
    }
    if let Some(column) = CONTRACT.iter().find(|column| !select.contains(**column)) {
        return Err(Error::new(Kind::Config, format!("{path}: the select gives no {column}"))
            .hint("a sighting has a key, a name, _source_time, _source_table and _source_key: see sql/dimensions in the source"));
    }
    header("purpose")?;
    let stem = Path::new(path).file_stem().map(|s| s.to_string_lossy().into_owned());
    Ok(Dimension {
        name: stem.unwrap_or_default(),
        table: header("table")?,
        key: header("key")?,
        name_column: header("name")?,
        select,
        sources,
    })
}

/// What `evo transform NAME…` names: entities and dimensions, entities first.
///
/// # Errors
/// `Usage` for a name that is neither, with the nearest one as a hint.
pub fn select<'a>(
    catalog: &'a Catalog,
    dimensions: &'a [Dimension],
    names: &[String],
) -> Result<(Vec<&'a Entity>, Vec<&'a Dimension>)> {
    if names.is_empty() || names.iter().any(|name| name == "all") {
        return Ok((catalog.all().iter().collect(), dimensions.iter().collect()));
    }
    let known: Vec<&str> =
        catalog.all().iter().map(|e| e.name.as_str()).chain(dimensions.iter().map(|d| d.name.as_str())).collect();
    if let Some(name) = names.iter().find(|name| !known.contains(&name.as_str())) {
        let error = Error::new(Kind::Usage, format!("unknown entity {name:?}"))
            .detail(format!("known: {}, all", known.join(", ")));
        return Err(match did_you_mean(name, known.iter().copied()) {
            Some(near) => error.hint(format!("did you mean {near:?}?")),
            None => error,
        });
    }
    let (own, entities): (Vec<String>, Vec<String>) =
        names.iter().cloned().partition(|name| dimensions.iter().any(|d| &d.name == name));
    let entities = if entities.is_empty() { Vec::new() } else { catalog.select(&entities)? };
    Ok((entities, dimensions.iter().filter(|d| own.contains(&d.name)).collect()))
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
                let sources: Vec<&str> = d.sources.iter().map(|s| s.name.as_str()).collect();
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
        assert!(list[0].select.starts_with("select branch_id"), "the header's placeholders are no sources");
    }

    #[test]
    fn a_faulty_dimension_names_its_file_and_what_is_wrong() {
        let catalog = Catalog::load(None).unwrap();
        let good = "-- purpose: p\n-- table: core.x\n-- key: a\n-- name: b\nselect 1, sale_date as _source_time, 'core.evo_sales' as _source_table, \
                    sale_id as _source_key from {core.evo_sales}";
        assert!(parse("x.sql", good, &catalog).is_ok());
        for (from, to, expected) in [
            ("-- key: a\n", "", "-- key:"),
            ("{core.evo_sales}", "core.evo_sales", "reads no"),
            ("_source_time", "_source_run_id", "gives no _source_time"),
            ("{core.evo_sales}", "{core.evo_sale_items}", "{core.evo_sale_items} is not the parent table"),
        ] {
            let error = parse("x.sql", &good.replace(from, to), &catalog).unwrap_err();
            assert!(error.message().contains(expected) && error.message().contains("x.sql"), "{}", error.render());
        }
    }

    #[test]
    fn names_select_entities_and_dimensions_and_a_misspelt_one_is_answered_with_the_nearest() {
        let catalog = Catalog::load(None).unwrap();
        let dimensions = all(None, &catalog).unwrap();
        let select = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
            select(&catalog, &dimensions, &names).map(|(e, d)| (e.len(), d.len()))
        };
        assert_eq!(select(&["all"]).unwrap(), (4, 2));
        assert_eq!(select(&["branches"]).unwrap(), (0, 1));
        assert_eq!(select(&["sales", "branches", "sales"]).unwrap(), (1, 1));
        assert_eq!(select(&["branchs"]).unwrap_err().hint_text(), Some("did you mean \"branches\"?"));
    }
}
