//! A model's text in its three readings: fast casts, careful casts, and the list of misfits.

use crate::entity::{Entity, Model};
use crate::sql::{fill, ident, literal, qualified};

/// How a value that does not fit is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Casts {
    /// `evo.as_…`: the statement fails.
    Fast,
    /// `evo.try_…`: null.
    Careful,
}

/// The rows of staging that a statement reads.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// Rows whose present content came with one of these batches.
    Batches(Vec<i64>),
    /// Rows whose key lies in `(after, up_to]`; `None` is open.
    Keys { after: Option<i64>, up_to: Option<i64> },
}

impl Source {
    /// The relation as a subquery over the entity's staging table.
    pub(super) fn sql(&self, entity: &Entity) -> String {
        let table = qualified(&entity.staging.table);
        let key = ident(&entity.staging.key_column);
        let filter = match self {
            Source::Batches(ids) => {
                let ids: Vec<String> = ids.iter().map(i64::to_string).collect();
                format!("_batch_id = any('{{{}}}'::bigint[])", ids.join(","))
            }
            Source::Keys { after, up_to } => {
                let after = after.map(|v| format!("{key} > {v}"));
                let up_to = up_to.map(|v| format!("{key} <= {v}"));
                let both: Vec<String> = after.into_iter().chain(up_to).collect();
                if both.is_empty() { "true".to_owned() } else { both.join(" and ") }
            }
        };
        format!("(select * from {table} where {filter})")
    }
}

/// The model's select over `source`.
pub(super) fn select(entity: &Entity, model: &Model, source: &Source, casts: Casts) -> String {
    let text = filled(entity, model, source);
    match casts {
        Casts::Fast => text,
        Casts::Careful => text.replace("evo.as_", "evo.try_"),
    }
}

/// The same select, whose cast columns give the raw text where it does not fit, else null.
pub(super) fn misfits(entity: &Entity, model: &Model, source: &Source) -> String {
    let text = filled(entity, model, source);
    // Only the select list lists misfits: in the from clause a cast decides which rows there are.
    let (list, rest) = text.split_at(from_clause(&text));
    list.replace("evo.as_", "evo.misfit_") + &rest.replace("evo.as_", "evo.try_")
}

/// The columns of the select list that are cast.
pub(super) fn cast_columns(model: &Model) -> Vec<String> {
    let list = &model.select[..from_clause(&model.select)];
    list.lines()
        .filter(|line| line.contains("evo.as_"))
        .filter_map(|line| line.trim().trim_end_matches(',').rsplit(" as ").next())
        .map(|name| name.trim_matches('"').to_owned())
        .collect()
}

fn filled(entity: &Entity, model: &Model, source: &Source) -> String {
    fill(&model.select, &[("source", &source.sql(entity)), ("zone", &literal(&entity.zone))])
}

fn from_clause(text: &str) -> usize {
    text.find("\nfrom ").unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entity::Catalog;

    #[test]
    fn misfits_are_listed_by_the_select_list_only() {
        let catalog = Catalog::load(None).unwrap();
        let sales = catalog.select(&["sales".into()]).unwrap()[0];
        let items = &sales.models[1];
        let text = misfits(sales, items, &Source::Batches(vec![4, 5]));
        assert!(text.contains("evo.misfit_decimal(d.\"itemValue\")"));
        assert!(text.contains("evo.try_children(s.raw_data, 'saleItens', 'idSaleItem')"));
        assert!(!text.contains("evo.as_"));
        assert!(text.contains("_batch_id = any('{4,5}'::bigint[])"));
        assert!(text.contains("'America/Sao_Paulo'"));
    }

    #[test]
    fn cast_columns_are_those_with_a_cast() {
        let catalog = Catalog::load(None).unwrap();
        let sales = catalog.select(&["sales".into()]).unwrap()[0];
        let columns = cast_columns(&sales.models[0]);
        assert!(columns.contains(&"sale_date".to_owned()) && columns.contains(&"removed".to_owned()), "{columns:?}");
        assert!(!columns.contains(&"observations".to_owned()));
    }

    #[test]
    fn every_column_of_every_model_stands_on_a_line_of_its_own() {
        // cast_columns reads the list line by line.
        for entity in Catalog::load(None).unwrap().all() {
            for model in &entity.models {
                let list = &model.select[..from_clause(&model.select)];
                for line in list.lines().filter(|l| l.contains("evo.as_")) {
                    assert!(line.contains(" as "), "{}: {line}", model.table);
                }
            }
        }
    }
}
