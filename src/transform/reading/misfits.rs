//! The values that a model's careful reading nulls.

use super::binding::{Binding, Draft};
use crate::entity::{Case, CastSite, Column, Expression, Select};
use crate::sql::ident;

/// The careful select with one more column for each that has a cast ([`misfit_column`]): the text that does
/// not fit, else null. `evo_source_file` and `evo_source_line` say where the document is.
///
/// Only what is evaluated can be a misfit: the chosen result of a `case`, and the arguments of a `coalesce`
/// up to the first value.
pub(super) fn misfits(select: &Select, binding: Binding<'_>) -> String {
    let mut text = Draft::careful(select, binding);
    let misfits = select.columns().iter().enumerate().filter_map(|(i, column)| {
        Some(format!(",\n    {} as {}", of_column(select, column, &text)?, misfit_column(i)))
    });
    let s = ident(select.source());
    let lineage = format!(",\n    {s}._source_file as evo_source_file,\n    {s}._source_line as evo_source_line");
    let added: String = misfits.chain([lineage]).collect();
    if let Some(last) = select.columns().last() {
        text.insert(last.end, added);
    }
    text.all()
}

/// The name of the column with the misfits of column `i`.
pub(in crate::transform) fn misfit_column(i: usize) -> String {
    format!("evo_misfit_{i}")
}

/// The misfit of a column: its own, or that of an object from which it is read.
fn of_column(select: &Select, column: &Column, careful: &Draft<'_>) -> Option<String> {
    let objects = column.records.iter().map(|i| &select.records()[*i].argument);
    first(objects.chain([&column.expression]).map(|expression| misfit(expression, careful)))
}

/// An expression of type text that is null unless a value does not fit; `None` if there is nothing that could
/// not fit.
fn misfit(expression: &Expression, careful: &Draft<'_>) -> Option<String> {
    first(expression.parts.iter().map(|part| match part {
        CastSite::Cast(cast) => {
            let own = format!("evo.misfit_{}({})", cast.kind, careful.part(&cast.arguments.span));
            first([misfit(&cast.arguments, careful), Some(own)].into_iter())
        }
        CastSite::Coalesce(values) => of_coalesce(values, careful),
        CastSite::Case(case) => of_case(case, 0, careful),
    }))
}

/// The first of several that is not null.
fn first(misfits: impl Iterator<Item = Option<String>>) -> Option<String> {
    let misfits: Vec<String> = misfits.flatten().collect();
    match misfits.len() {
        0 => None,
        1 => misfits.into_iter().next(),
        _ => Some(format!("coalesce({})", misfits.join(", "))),
    }
}

fn of_coalesce(values: &[Expression], careful: &Draft<'_>) -> Option<String> {
    let (value, behind) = values.split_first()?;
    let behind = of_coalesce(behind, careful)
        .map(|behind| format!("case when ({}) is null then {behind} end", careful.part(&value.span)));
    first([misfit(value, careful), behind].into_iter())
}

/// The misfit of a case, from its arm `i` on.
fn of_case(case: &Case, i: usize, careful: &Draft<'_>) -> Option<String> {
    let Some((condition, result)) = case.arms.get(i) else {
        return case.otherwise.as_ref().and_then(|otherwise| misfit(otherwise, careful));
    };
    let taken = misfit(result, careful);
    let behind = of_case(case, i + 1, careful);
    let chosen = (taken.is_some() || behind.is_some()).then(|| {
        let operand = case.operand.as_ref().map_or(String::new(), |operand| careful.part(&operand.span) + " ");
        let or_null = |misfit: Option<String>| misfit.unwrap_or_else(|| "null::text".to_owned());
        let condition = careful.part(&condition.span);
        format!("case {operand}when {condition} then {} else {} end", or_null(taken), or_null(behind))
    });
    let operand = case.operand.as_ref().filter(|_| i == 0).and_then(|operand| misfit(operand, careful));
    first([operand, misfit(condition, careful), chosen].into_iter())
}
