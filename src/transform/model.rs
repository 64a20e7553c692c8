//! A model's text in its readings: typed records, casts, careful casts, and the list of misfits.

use super::typed::typed;
use crate::entity::{Entity, Model};
use crate::sql::{fill, ident, literal, qualified};

/// How a value that does not fit is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Casts {
    /// Typed records instead of casts where that gives the same: the statement fails, also where [`Casts::Fast`] would not.
    Typed,
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

    /// What `column` fulfils in this range.
    pub(super) fn conditions(&self, column: &str) -> Vec<String> {
        let after = self.after.iter().map(|v| format!("{} > {}", ident(column), literal(v)));
        after.chain(self.up_to.iter().map(|v| format!("{} <= {}", ident(column), literal(v)))).collect()
    }
}

impl Source {
    /// Rows whose present content came with one of these batches, and whose key lies in the range.
    pub(super) fn batches(entity: &Entity, ids: &[i64], keys: &Range) -> Self {
        let ids: Vec<String> = ids.iter().map(i64::to_string).collect();
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

    /// The relation as a subquery.
    pub(super) fn sql(&self) -> String {
        let condition = if self.conditions.is_empty() { "true".to_owned() } else { self.conditions.join(" and ") };
        format!("(select * from {} where {condition})", self.table)
    }
}

/// The model's select over `source`.
pub(super) fn select(entity: &Entity, model: &Model, source: &Source, casts: Casts) -> String {
    if casts == Casts::Typed
        && let Some(text) = typed(&model.select, &model.key)
    {
        return filled(entity, &text, source);
    }
    let text = filled(entity, &model.select, source);
    match casts {
        Casts::Typed | Casts::Fast => text,
        Casts::Careful => text.replace("evo.as_", "evo.try_"),
    }
}

/// The same select, whose cast columns give the raw text where it does not fit, else null; with `evo_source_file` and
/// `evo_source_line` of the document.
pub(super) fn misfits(entity: &Entity, model: &Model, source: &Source) -> String {
    let text = filled(entity, &model.select, source);
    // Only the select list lists misfits: in the from clause a cast decides which rows there are.
    let (list, rest) = text.split_at(from_clause(&text));
    list.lines().map(misfit_line).collect::<Vec<_>>().join("\n")
        + ",\n    s._source_file as evo_source_file,\n    s._source_line as evo_source_line"
        + &rest.replace("evo.as_", "evo.try_")
}

/// One line of the select list: `expression as name,`. An object that is none is a misfit of every column read from it.
fn misfit_line(line: &str) -> String {
    let objects: Vec<&str> =
        line.split("evo.as_object(").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0)).collect();
    let Some((value, name)) = line.rsplit_once(" as ").filter(|_| !objects.is_empty()) else {
        return line.replace("evo.as_", "evo.misfit_");
    };
    let value = value.replace("evo.as_object(", "evo.try_object(");
    let value =
        if value.contains("evo.as_") { value.replace("evo.as_", "evo.misfit_") } else { "null::text".to_owned() };
    let objects: Vec<String> = objects.iter().map(|object| format!("evo.misfit_object({object})")).collect();
    format!("coalesce({value}, {}) as {name}", objects.join(", "))
}

/// A column of the select list that is cast, and where its value stands in the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CastColumn {
    pub name: String,
    /// `saleItens[].itemValue`; alternatives separated by `|`.
    pub path: String,
}

/// The columns of the select list that are cast.
pub(super) fn cast_columns(model: &Model) -> Vec<CastColumn> {
    let list = &model.select[..from_clause(&model.select)];
    let array = children_call(&model.select).and_then(|call| call.split('\'').nth(1).map(|name| format!("{name}[].")));
    let prefix = array.unwrap_or_default();
    list.lines()
        .filter(|line| line.contains("evo.as_"))
        .filter_map(|line| line.trim().trim_end_matches(',').rsplit_once(" as "))
        .map(|(value, name)| CastColumn {
            name: name.trim_matches('"').to_owned(),
            path: fields(value).iter().map(|field| format!("{prefix}{field}")).collect::<Vec<_>>().join("|"),
        })
        .collect()
}

/// The arguments of a select's `evo.as_children(…)`, if it unfolds an array.
pub(super) fn children_call(select: &str) -> Option<&str> {
    let (_, rest) = select.split_once("evo.as_children(")?;
    rest.split_once(')').map(|(arguments, _)| arguments)
}

/// The document's fields in an expression over its record `d`: `d."status" ->> 'id'` is `status.id`.
fn fields(expression: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = expression;
    while let Some(at) = rest.find("d.") {
        let is_alias = rest[..at].chars().next_back().is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != '.');
        rest = &rest[at + 2..];
        if !is_alias {
            continue;
        }
        let end = match rest.strip_prefix('"') {
            Some(quoted) => quoted.find('"').map_or(rest.len(), |i| i + 2),
            None => rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len()),
        };
        let mut path = rest[..end].trim_matches('"').to_owned();
        rest = &rest[end..];
        rest = rest.strip_prefix(')').filter(|behind| behind.trim_start().starts_with("->")).unwrap_or(rest);
        while let Some(inner) = rest.trim_start().strip_prefix("->") {
            let inner = inner.trim_start_matches('>').trim_start().trim_start_matches('\'');
            let (name, behind) = inner.split_once('\'').unwrap_or((inner, ""));
            path = format!("{path}.{name}");
            rest = behind;
        }
        found.push(path);
    }
    found
}

fn filled(entity: &Entity, select: &str, source: &Source) -> String {
    fill(select, &[("source", &source.sql()), ("zone", &literal(&entity.zone))])
}

pub(super) fn from_clause(text: &str) -> usize {
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
        let text = misfits(sales, items, &Source::batches(sales, &[4, 5], &Range::default()));
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
        let path = |name: &str| columns.iter().find(|c| c.name == name).map(|c| c.path.as_str());
        assert_eq!(path("sale_date"), Some("saleDate"));
        assert_eq!(path("removed"), Some("removed"));
        assert_eq!(
            path("corporate_partnership_id"),
            Some("coporatePartnershipId|corporatePartnershipId|idCorporatePartnership")
        );
        assert_eq!(path("observations"), None);
        let receivables = cast_columns(&sales.models[2]);
        let path = |name: &str| receivables.iter().find(|c| c.name == name).map(|c| c.path.as_str());
        assert_eq!(
            path("payment_type_id"),
            Some("receivables[].paymentType.id|receivables[].paymentType.idPaymentType")
        );
        assert_eq!(path("amount"), Some("receivables[].ammount|receivables[].amount"));
    }

    #[test]
    fn an_object_that_is_none_is_a_misfit_of_what_is_read_from_it() {
        assert_eq!(
            misfit_line("    evo.as_int(evo.as_object(d.status) ->> 'id') as status_id,"),
            "coalesce(    evo.misfit_int(evo.try_object(d.status) ->> 'id'), evo.misfit_object(d.status)) as status_id,"
        );
        assert_eq!(
            misfit_line("evo.as_object(d.status) ->> 'name' as status_name,"),
            "coalesce(null::text, evo.misfit_object(d.status)) as status_name,"
        );
        assert_eq!(misfit_line("evo.as_int(d.a) as a,"), "evo.misfit_int(d.a) as a,");
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
        let source = Source::batches(&entity, &[1], &open(Some("3"), Some("9"))).sql();
        assert!(source.ends_with("= any('{1}'::bigint[]) and \"sale_id\" > '3' and \"sale_id\" <= '9')"), "{source}");
        assert_eq!(Source::part("a", "x", &open(None, None)).sql(), "(select * from a where true)");
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
