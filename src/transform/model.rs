//! Over which rows of staging a model is read, and with which casts.

use super::reading::{self, Rows};
use crate::entity::{Entity, Model};
use crate::ids::BatchId;
use crate::sql::{ident, literal, qualified};

/// How a value that does not fit is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Casts {
    /// Typed records instead of casts where that gives the same: the statement fails, also where [`Casts::Fast`] would not.
    Typed {
        /// Whether the server reads more than digits as integers, `0x10` for one, so that it must be looked at.
        plain: bool,
    },
    /// `evo.as_…`: the statement fails.
    Fast,
    /// `evo.try_…`: null.
    Careful,
}

/// The rows of staging that a statement reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    /// The staging table, or a partition; qualified and quoted.
    table: String,
    conditions: Vec<String>,
}

/// The values in `(after, up_to]`, as texts that SQL reads; `None` is open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Range {
    pub after: Option<String>,
    pub up_to: Option<String>,
}

impl Range {
    /// The ranges between `bounds`, which ascend: one more than there are bounds, open at both ends.
    pub(super) fn between(bounds: &[String]) -> Vec<Range> {
        let mut edges: Vec<Option<String>> = vec![None];
        edges.extend(bounds.iter().cloned().map(Some));
        edges.push(None);
        edges.windows(2).map(|pair| Range { after: pair[0].clone(), up_to: pair[1].clone() }).collect()
    }

    /// The same with the bounds of a wider range where it has none.
    pub(super) fn inside(self, whole: &Range) -> Self {
        Self { after: self.after.or(whole.after.clone()), up_to: self.up_to.or(whole.up_to.clone()) }
    }

    /// What `column` fulfils in this range.
    pub(super) fn conditions(&self, column: &str) -> Vec<String> {
        let after = self.after.iter().map(|v| format!("{} > {}", ident(column), literal(v)));
        after.chain(self.up_to.iter().map(|v| format!("{} <= {}", ident(column), literal(v)))).collect()
    }
}

impl Source {
    /// Rows whose present content came with one of these batches, and whose key lies in the range.
    pub(super) fn batches(entity: &Entity, ids: &[BatchId], keys: &Range) -> Self {
        let ids: Vec<String> = ids.iter().map(BatchId::to_string).collect();
        let mut source = Self::keys(entity, keys);
        source.conditions.insert(0, format!("_batch_id = any('{{{}}}'::bigint[])", ids.join(",")));
        source
    }

    /// Rows whose key lies in the range.
    pub(super) fn keys(entity: &Entity, keys: &Range) -> Self {
        Self::part(&qualified(&entity.staging.table), &entity.staging.key_column, keys)
    }

    /// Rows of a table whose `column` lies in the range.
    pub(super) fn part(table: &str, column: &str, range: &Range) -> Self {
        Self { table: table.to_owned(), conditions: range.conditions(column) }
    }

    /// Those of them whose `column` lies in the range.
    pub(super) fn within(&self, column: &str, range: &Range) -> Self {
        let mut source = self.clone();
        source.conditions.extend(range.conditions(column));
        source
    }

    /// The relation as a subquery.
    pub(super) fn sql(&self) -> String {
        let condition = if self.conditions.is_empty() { "true".to_owned() } else { self.conditions.join(" and ") };
        format!("(select * from {} where {condition})", self.table)
    }
}

/// The model's select over `source`.
pub(super) fn select(entity: &Entity, model: &Model, source: &Source, casts: Casts) -> String {
    over(entity, source, |rows| match casts {
        Casts::Typed { plain } => reading::typed(&model.select, &model.key, rows, plain)
            .unwrap_or_else(|| reading::written(&model.select, rows)),
        Casts::Fast => reading::written(&model.select, rows),
        Casts::Careful => reading::careful(&model.select, rows),
    })
}

/// The careful select with what it nulled ([`reading::misfits`]).
pub(super) fn misfits(entity: &Entity, model: &Model, source: &Source) -> String {
    over(entity, source, |rows| reading::misfits(&model.select, rows))
}

fn over(entity: &Entity, source: &Source, read: impl FnOnce(Rows<'_>) -> String) -> String {
    read(Rows { source: &source.sql(), zone: &literal(&entity.zone) })
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
        let text = misfits(sales, items, &Source::batches(sales, &[4, 5].map(BatchId), &Range::default()));
        assert!(text.contains("evo.misfit_decimal(d.\"itemValue\")"));
        assert!(text.contains("evo.try_children(s.raw_data, 'saleItens', 'idSaleItem')"));
        assert!(!text.contains("evo.as_"));
        assert!(text.contains("_batch_id = any('{4,5}'::bigint[])"));
        assert!(text.contains("'America/Sao_Paulo'"));
    }

    #[test]
    fn ranges_cover_every_key_once() {
        let open = |after: Option<&str>, up_to: Option<&str>| Range {
            after: after.map(str::to_owned),
            up_to: up_to.map(str::to_owned),
        };
        assert_eq!(Range::between(&[]), [open(None, None)]);
        assert_eq!(
            Range::between(&["3".to_owned(), "9".to_owned()]),
            [open(None, Some("3")), open(Some("3"), Some("9")), open(Some("9"), None)]
        );
        let entity = Catalog::load(None).unwrap().select(&["sales".into()]).unwrap()[0].clone();
        let source = Source::batches(&entity, &[BatchId(1)], &open(Some("3"), Some("9"))).sql();
        assert!(source.ends_with("= any('{1}'::bigint[]) and \"sale_id\" > '3' and \"sale_id\" <= '9')"), "{source}");
        assert_eq!(Source::part("a", "x", &open(None, None)).sql(), "(select * from a where true)");
    }
}
