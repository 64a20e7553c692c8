//! What models, dimensions and checks declare: where each column comes from.

use std::collections::{BTreeMap, BTreeSet};

use crate::entity::{Column, Entity, History, Model};
use crate::transform::checks::{Check, Severity};
use crate::transform::dimension::{Dimension, SightingReads};

/// Everything that is declared.
#[derive(Debug)]
pub(super) struct Declared<'a> {
    pub(super) entities: &'a [Entity],
    pub(super) dimensions: &'a [Dimension],
    checks: &'a [Check],
    roles: BTreeMap<&'a str, TableRole<'a>>,
    /// What each dimension reads.
    reads: Vec<(&'a Dimension, Vec<SightingReads>)>,
}

/// What a table is for.
#[derive(Debug, Clone, Copy)]
pub(super) enum TableRole<'a> {
    Staging(&'a Entity),
    Core(&'a Entity, &'a Model),
    Dimension(&'a Dimension),
}

/// Where the values of a column come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ColumnOrigin {
    /// Paths in the document.
    pub(super) paths: Vec<String>,
    /// Casts of the model: `timestamptz`.
    pub(super) casts: Vec<&'static str>,
    /// Core columns that a dimension reads: table and column.
    pub(super) columns: Vec<(String, String)>,
}

impl<'a> Declared<'a> {
    /// Of these entities, dimensions and checks.
    pub(super) fn new(entities: &'a [Entity], dimensions: &'a [Dimension], checks: &'a [Check]) -> Self {
        let mut roles = BTreeMap::new();
        for entity in entities {
            roles.insert(entity.staging.table.as_str(), TableRole::Staging(entity));
            for model in &entity.models {
                roles.insert(model.table.as_str(), TableRole::Core(entity, model));
            }
        }
        for dimension in dimensions {
            roles.insert(dimension.table.as_str(), TableRole::Dimension(dimension));
        }
        let reads = dimensions.iter().map(|dimension| (dimension, dimension.reads())).collect();
        Self { entities, dimensions, checks, roles, reads }
    }

    /// What a table is for; `None` for one that nothing declares.
    pub(super) fn role(&self, table: &str) -> Option<TableRole<'a>> {
        self.roles.get(table).copied()
    }

    /// Qualified names of all declared tables.
    pub(super) fn tables(&self) -> Vec<String> {
        self.roles.keys().map(|table| (*table).to_owned()).collect()
    }

    /// The schemas of all declared tables.
    pub(super) fn schemas(&self) -> Vec<String> {
        let schema = |table: &&str| table.split_once('.').map(|(schema, _)| schema.to_owned());
        let found: BTreeSet<String> = self.roles.keys().filter_map(schema).collect();
        found.into_iter().collect()
    }

    /// Where a column's values come from.
    pub(super) fn origin(&self, table: &str, column: &str) -> ColumnOrigin {
        match self.role(table) {
            Some(TableRole::Core(entity, model)) => {
                let declared = model.select.columns().iter().find(|declared| declared.name == column);
                match (declared, &entity.history) {
                    (Some(declared), _) => core_origin(entity, declared),
                    (None, Some(history)) if model.is_history && column == History::ENDS => ColumnOrigin {
                        paths: history.fields.clone(),
                        columns: vec![(entity.staging.table.clone(), history.column.clone())],
                        ..ColumnOrigin::default()
                    },
                    _ => ColumnOrigin::default(),
                }
            }
            Some(TableRole::Staging(entity)) => staging_origin(entity, column),
            Some(TableRole::Dimension(dimension)) => self.dimension_origin(dimension, column),
            None => ColumnOrigin::default(),
        }
    }

    /// The dimensions that read a core column.
    pub(super) fn readers(&self, table: &str, column: &str) -> impl Iterator<Item = &'a Dimension> {
        let reads =
            move |part: &SightingReads| part.words.contains(column) && part.tables.iter().any(|own| own == table);
        self.reads.iter().filter(move |(_, parts)| parts.iter().any(reads)).map(|(dimension, _)| *dimension)
    }

    fn dimension_origin(&self, dimension: &Dimension, column: &str) -> ColumnOrigin {
        let parts = self.reads.iter().filter(|(own, _)| own.name == dimension.name).flat_map(|(_, parts)| parts);
        let mut columns = Vec::new();
        for part in parts {
            let words = match column {
                column if column == dimension.key => &part.key,
                column if column == dimension.name_column => &part.name,
                _ => break,
            };
            for table in &part.tables {
                let Some(TableRole::Core(_, model)) = self.role(table) else { continue };
                let named = model.select.columns().iter().filter(|declared| words.contains(&declared.name));
                columns.extend(named.map(|declared| (table.clone(), declared.name.clone())));
            }
        }
        columns.sort();
        columns.dedup();
        ColumnOrigin { columns, ..ColumnOrigin::default() }
    }

    /// The checks that are about an entity: name, purpose, severity.
    pub(super) fn checks(&self, entity: &Entity) -> impl Iterator<Item = (&'a str, &'a str, &'static str)> {
        let about = self.checks.iter().filter(move |check| check.is_about(entity));
        about.map(|check| {
            let severity = if check.severity == Severity::Fail { "fail" } else { "warn" };
            (check.name.as_str(), check.purpose.as_str(), severity)
        })
    }

    /// The paths of an entity's documents that some column reads.
    pub(super) fn read_paths(entity: &'a Entity) -> BTreeMap<&'a str, Vec<(&'a str, &'a str)>> {
        let mut found: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
        for model in &entity.models {
            for column in model.select.columns() {
                for path in &column.paths {
                    found.entry(path).or_default().push((&model.table, &column.name));
                }
            }
        }
        found
    }
}

fn core_origin(entity: &Entity, declared: &Column) -> ColumnOrigin {
    let mut casts: Vec<&'static str> = declared.expression.casts().iter().map(|cast| cast.kind).collect();
    casts.dedup();
    let mut origin = ColumnOrigin { paths: declared.paths.clone(), casts, columns: Vec::new() };
    if let Some((_, name)) = &declared.reference
        && origin.paths.is_empty()
    {
        if *name == entity.staging.key_column {
            origin.paths = entity.key.fields();
        }
        origin.columns.push((entity.staging.table.clone(), name.clone()));
    }
    origin
}

fn staging_origin(entity: &Entity, column: &str) -> ColumnOrigin {
    let mut origin = ColumnOrigin::default();
    if column == entity.staging.key_column {
        origin.paths = entity.key.fields();
    } else if let Some(time) = entity.key_time().filter(|time| time.column == column) {
        origin.paths = time.fields.to_vec();
    }
    origin
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entity::Catalog;
    use crate::transform::checks::Checks;
    use crate::transform::dimension;

    #[test]
    fn every_column_of_a_model_names_its_path_its_cast_and_who_reads_it() {
        let catalog = Catalog::load(None).unwrap();
        let dimensions = dimension::all(None, &catalog).unwrap();
        let checks = Checks::load(None, &catalog).unwrap();
        let declared = Declared::new(catalog.all(), &dimensions, checks.all());
        let origin = declared.origin("core.evo_receivables", "amount");
        assert_eq!(
            (origin.paths, origin.casts),
            (vec!["receivables[].ammount".to_owned(), "receivables[].amount".to_owned()], vec!["decimal"])
        );
        let origin = declared.origin("core.evo_sales", "sale_id");
        assert_eq!(origin.paths, ["idSale"]);
        assert_eq!(origin.columns, [("stg_evo.sales_raw".to_owned(), "sale_id".to_owned())]);
        assert_eq!(declared.origin("stg_evo.sales_raw", "sale_id").paths, ["idSale"]);
        let readers: Vec<_> = declared.readers("core.evo_sales", "branch_id").map(|d| d.name.as_str()).collect();
        assert_eq!(readers, ["branches"]);
        let origin = declared.origin("core.evo_branches", "branch_id");
        assert!(origin.columns.contains(&("core.evo_entries".to_owned(), "branch_id".to_owned())), "{origin:?}");
        assert_eq!(declared.origin("core.nothing", "x"), ColumnOrigin::default());
        assert_eq!(declared.schemas(), ["core", "stg_evo"]);
    }
}
