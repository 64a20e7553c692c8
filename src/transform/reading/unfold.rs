//! An array taken out of its document in one step.

use super::binding::Draft;
use super::clocks::Clocks;
use super::typed_fields::{column_type, value};
use crate::entity::{Children, JsonRecord, Select};
use crate::sql::{ident, literal};

/// The array; an error for anything else, except JSON null, which has no elements.
const LIST: &str = "case when jsonb_typeof(evo_array.list) = 'array' then evo_array.list \
                    when jsonb_typeof(evo_array.list) <> 'null' then evo.raise_misfit_array(evo_array.list) end";

/// Replaces `evo.as_children(…) c` and the record of each `c.value` by one step that gives the records.
///
/// `None` where an id that comes twice might not show as a key that comes twice: the key must be the parent's
/// key and the id, and no row may be left out.
pub(super) fn unfold(
    select: &Select,
    children: &Children,
    (key, is_plain, clocks): (&[String], bool, &Clocks<'_>),
    draft: &mut Draft<'_>,
) -> Option<()> {
    let record = element(select, children)?;
    let (last, of_parent) = key.split_last()?;
    if !is_usual(select, children, record, (last, of_parent)) {
        return None;
    }
    let id = select.columns().iter().find(|column| column.name == *last)?;
    let field = value(&format!("{}.{}", ident(&record.alias), ident(&children.id)), "bigint", is_plain);
    draft.replace(id.expression.span.clone(), format!("coalesce({field}, evo.raise_misfit_child(evo_array.list))"));
    let column = format!("{} {}, ", ident(&children.id), column_type("bigint", is_plain));
    draft.insert(record.columns.first()?.definition.start, column);
    // `offset 0` keeps the planner from repeating the expression, and its decompression, at each place of its
    // use.
    let (document, array) = (draft.part(&children.document), literal(&children.array));
    let list = format!("cross join lateral (select {document} -> {array} as list offset 0) evo_array");
    // The record reads the element once, and so does each question about one of its fields.
    let is_element_needed = children.value_reads - select.questions().len() > 1;
    let inner = clocks.before(record);
    let unfolded = match is_element_needed {
        true => {
            let (alias, argument) = (ident(&children.alias), select.slice(&record.argument.span));
            format!(
                "{list}\ncross join lateral jsonb_array_elements({LIST}) {alias} (value)\n\
                 cross join lateral {inner}jsonb_to_record({argument})"
            )
        }
        false => {
            ask_the_array(select, draft);
            format!("{list}\ncross join lateral {inner}jsonb_to_recordset({LIST})")
        }
    };
    draft.replace(children.cross_join.as_ref()?.start..record.call.end, unfolded);
    Some(())
}

/// Asks each question about fields of an element once, about the whole array: the single element is not at
/// hand, and the answer is nearly always no.
fn ask_the_array(select: &Select, draft: &mut Draft<'_>) {
    for question in select.questions() {
        let field = literal(&question.field);
        draft.replace(question.span.clone(), format!("evo.has_nested(evo_array.list, {field})"));
    }
}

/// The record that takes each element apart, if nothing else is done with the elements before it or with the
/// rows after it.
fn element<'a>(select: &'a Select, children: &Children) -> Option<&'a JsonRecord> {
    let [record] = select.records() else { return None };
    let value = (children.alias.clone(), "value".to_owned());
    let is_alone = children.cross_join.is_some() && record.follows_children && select.rest().is_empty();
    let is_of_element =
        record.function == "jsonb_to_record" && record.reference == Some(value) && !record.is_read_whole;
    (is_alone && is_of_element).then_some(record)
}

/// Whether the key is what the source gives: the parent's columns of staging, then the element's id.
fn is_usual(
    select: &Select,
    children: &Children,
    record: &JsonRecord,
    (last, of_parent): (&String, &[String]),
) -> bool {
    let is_given = |name: &String, alias: &str, column: &str| {
        let reference = (alias.to_owned(), column.to_owned());
        select.columns().iter().any(|c| c.name == *name && c.reference.as_ref() == Some(&reference))
    };
    is_given(last, &children.alias, "id")
        && of_parent.iter().all(|column| is_given(column, select.source(), column))
        && children.id_reads == 1
        && !children.has_other_reads
        && !record.columns.iter().any(|column| column.name == children.id)
        && !select.is_distinct()
}
