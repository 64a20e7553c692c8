//! The retry policy from its settings.

use super::resolved::{Origin, Resolved, find};
use super::value;
use crate::error::Result;
use crate::retry::Policy;

/// Reads the policy. The first pause is never longer than the longest. If only the longest was given the
/// default of the first is shortened; otherwise the longest is raised. What `evo config show` prints is
/// changed accordingly.
///
/// # Errors
/// `Config` or `Usage` for a value out of its range.
pub(super) fn policy(all: &mut [Resolved]) -> Result<Policy> {
    let read = |name: &str| find(all, name);
    let (base, max) = (read("retry.base")?, read("retry.max")?);
    let given = (base.time()?, max.time()?);
    let (first, longest) = match base.origin {
        Origin::Default => (given.0.min(given.1), given.1),
        _ => (given.0, given.1.max(given.0)),
    };
    let policy = Policy {
        max_retries: read("retry.max_retries")?.whole()? as u32,
        base: first,
        max: longest,
        budget: read("retry.budget")?.time()?,
    };
    for (name, was, is) in [("retry.base", given.0, first), ("retry.max", given.1, longest)] {
        if let Some(changed) = all.iter_mut().find(|r| r.key.name == name && was != is) {
            changed.text = Some(value::show_duration(is));
        }
    }
    Ok(policy)
}
