//! The consequences when the lake holds nothing of an entity.

use crate::error::{Error, Result};
use crate::load::LoadPlan;

/// Takes the absence out of a plan. It becomes a warning if nobody named the entity, or if something could
/// not be read, which says more than that nothing was found.
///
/// # Errors
/// The absence itself, where the entity was named.
pub(super) fn of_one(plan: &mut LoadPlan, may_be_absent: bool) -> Result<Option<Error>> {
    match plan.absence.take() {
        Some(absence) if may_be_absent || !plan.unreadable.is_empty() => {
            plan.warnings.push(absence.message().to_owned());
            Ok(Some(absence))
        }
        Some(absence) => Err(absence),
        None => Ok(None),
    }
}

/// The first absence, if every entity is absent: a lake that holds nothing of any of them is the wrong one.
pub(super) fn of_everything<'a>(mut absences: impl Iterator<Item = &'a mut Option<Error>>) -> Option<Error> {
    let first = absences.next()?;
    let all_absent = first.is_some() && absences.all(|absence| absence.is_some());
    first.take().filter(|_| all_absent)
}
