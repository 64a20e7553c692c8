//! One exit code for a command that works on several entities.

use crate::error::Error;

/// The error of a command in which these entities failed: the first one's, which gives the exit code, with
/// the others in the detail. `None` when none failed.
pub(super) fn combined(failures: Vec<(String, Error)>) -> Option<Error> {
    let others: Vec<String> = failures.iter().skip(1).map(|(entity, e)| format!("{entity}: {e}")).collect();
    let (entity, first) = failures.into_iter().next()?;
    let error = first.context(entity);
    Some(if others.is_empty() { error } else { error.detail(format!("also failed: {}", others.join("; "))) })
}
