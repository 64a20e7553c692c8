//! `target_session_attrs`: which of several servers will do.

use super::parameters::Parameters;
use crate::error::Result;

/// Which of several servers will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetSession {
    /// Any server that answers.
    Any,
    /// A server that takes writes.
    ReadWrite,
    /// A server that takes no writes.
    ReadOnly,
    /// A server that is not a standby.
    Primary,
    /// A standby.
    Standby,
    /// A standby if one answers, else any.
    PreferStandby,
}

impl TargetSession {
    /// The value as libpq spells it.
    pub fn name(self) -> &'static str {
        match self {
            TargetSession::Any => "any",
            TargetSession::ReadWrite => "read-write",
            TargetSession::ReadOnly => "read-only",
            TargetSession::Primary => "primary",
            TargetSession::Standby => "standby",
            TargetSession::PreferStandby => "prefer-standby",
        }
    }
}

/// Reads the parameter; any server will do without it.
///
/// # Errors
/// `Config` with the values that it may have.
pub(super) fn read(given: &mut Parameters) -> Result<TargetSession> {
    use TargetSession as T;
    let all = [T::Any, T::ReadWrite, T::ReadOnly, T::Primary, T::Standby, T::PreferStandby];
    let chosen = given.choice("target_session_attrs", &all.map(T::name))?;
    Ok(chosen.and_then(|i| all.get(i).copied()).unwrap_or(T::Any))
}
