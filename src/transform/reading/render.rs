//! A model as SQL over staged rows.

use super::binding::Binding;
use super::{misfits as of_misfits, typed, versions, written};
use crate::entity::{Entity, Model};
use crate::sql::literal;
use crate::transform::staged::StagedRows;

/// How a model is rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::transform) enum Reading {
    /// With typed records where that gives the same rows; elsewhere as it is written. May fail where
    /// [`Reading::Written`] would not.
    Typed {
        /// Integers must be checked to be plain digits: the server also reads others, `0x10` for example.
        is_plain: bool,
    },
    /// As its author wrote it: a value that does not fit fails the statement.
    Written,
    /// A value that does not fit is null.
    Careful,
}

/// The model's select over these rows.
pub(in crate::transform) fn select(entity: &Entity, model: &Model, rows: &StagedRows, reading: Reading) -> String {
    let text = bound(entity, model, rows, |binding| match reading {
        Reading::Typed { is_plain } => typed::typed(&model.select, &model.key, binding, is_plain)
            .unwrap_or_else(|| written::written(&model.select, binding)),
        Reading::Written => written::written(&model.select, binding),
        Reading::Careful => written::careful(&model.select, binding),
    });
    match entity.history.as_ref().filter(|_| model.is_history) {
        None => text,
        Some(history) => versions::history(entity, model, history, &text),
    }
}

/// The careful select with what it nulls; see [`of_misfits::misfits`].
pub(in crate::transform) fn misfits(entity: &Entity, model: &Model, rows: &StagedRows) -> String {
    bound(entity, model, rows, |binding| of_misfits::misfits(&model.select, Binding { also: None, ..binding }))
}

fn bound(entity: &Entity, model: &Model, rows: &StagedRows, render: impl FnOnce(Binding<'_>) -> String) -> String {
    let also = (entity.history.is_some() && model.is_history).then_some(versions::UNTIL);
    render(Binding { rows: &rows.of_model(entity, model), zone: &literal(&entity.zone), also })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entity::Catalog;
    use crate::ids::BatchId;
    use crate::transform::range::Range;

    #[test]
    fn misfits_are_listed_over_the_rows_of_batches_in_the_zone_of_the_entity() {
        let catalog = Catalog::load(None).unwrap();
        let sales = catalog.select(&["sales".into()]).unwrap()[0];
        let text =
            misfits(sales, &sales.models[1], &StagedRows::of_batches(sales, &[4, 5].map(BatchId), &Range::default()));
        assert!(text.contains("evo.misfit_decimal(d.\"itemValue\")"), "{text}");
        assert!(text.contains("_batch_id = any('{4,5}'::bigint[])"));
        assert!(text.contains("'America/Sao_Paulo'"));
    }
}
