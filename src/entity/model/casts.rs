//! The casts that a model may use, `evo.as_…`.

use crate::entity::scan::Fault;
use crate::entity::scan::Tokens;
use crate::suggest::did_you_mean;

/// Endings of the casts' names (`evo.as_bigint`); `evo.try_…` and `evo.misfit_…` have the same ones.
pub const CASTS: [&str; 11] =
    ["bigint", "int", "decimal", "bool", "date", "local", "timestamptz", "object", "array", "text", "short"];

/// The newest migration that changes what a cast gives. It is part of the digest of every model: rows that
/// were made by older casts may be different.
pub const CASTS_CHANGED: u32 = 14;

/// Elements of an array; a table function, not a cast.
pub(super) const CHILDREN: &str = "children";

/// A call of one of evo's casts.
#[derive(Debug, Clone, Copy)]
pub(super) struct CastCall {
    /// The ending of its name: `bigint`.
    pub kind: &'static str,
    /// The token with its name, `as_bigint`.
    pub name: usize,
    /// The bracket that opens its arguments.
    pub open: usize,
}

/// The cast called at this token, if one is.
pub(super) fn cast_at(tokens: &Tokens<'_>, i: usize) -> Result<Option<CastCall>, Fault> {
    let is_ours = tokens.is_name(i, "evo") && tokens.is_mark(i + 1, ".") && tokens.is_mark(i + 3, "(");
    let Some(name) = tokens.name(i + 2).filter(|_| is_ours) else { return Ok(None) };
    if let Some(ending) = ["try_", "misfit_"].iter().find_map(|family| name.strip_prefix(family)) {
        return Err(Fault::new(tokens.start(i), format!("evo.{name} nulls a value without an issue"))
            .hint(format!("write evo.as_{ending}: what does not fit becomes null and an issue")));
    }
    let Some(ending) = name.strip_prefix("as_") else { return Ok(None) };
    let known = CASTS.iter().copied().chain([CHILDREN]);
    let Some(kind) = known.clone().find(|kind| *kind == ending) else {
        let fault = Fault::new(tokens.start(i), format!("there is no cast evo.{name}"));
        return Err(fault.hint(match did_you_mean(ending, known.clone()) {
            Some(near) => format!("did you mean evo.as_{near}?"),
            None => format!("there are evo.as_{}", known.collect::<Vec<_>>().join(", evo.as_")),
        }));
    };
    Ok(Some(CastCall { kind, name: i + 2, open: i + 3 }))
}
