//! The results of checks.

use std::time::Duration;

use super::check::Severity;
use crate::counted::counted;
use crate::error::{Error, Kind};

/// The result of one check.
#[derive(Debug, Clone)]
pub struct Finding {
    /// Name of the check.
    pub check: String,
    /// The core table or entity that it checked.
    pub on: String,
    /// The consequence of its rows.
    pub severity: Severity,
    /// Rows that it returned; 0 when all is well.
    pub rows: u64,
    /// The keys of the first five rows, in order.
    pub keys: Vec<String>,
    /// Advice for when there are rows.
    pub hint: Option<String>,
    /// Time that the query took.
    pub elapsed: Duration,
}

impl Finding {
    /// Whether the data must not be used.
    pub fn is_failure(&self) -> bool {
        self.rows > 0 && self.severity == Severity::Fail
    }
}

/// The error for what failed, `CheckFailed`; `None` when nothing did.
pub fn failure(findings: &[Finding]) -> Option<Error> {
    let failed: Vec<&Finding> = findings.iter().filter(|finding| finding.is_failure()).collect();
    let first = failed.first()?;
    let line = |f: &&Finding| {
        let more = if f.rows > f.keys.len() as u64 { ", …" } else { "" };
        format!("{} on {}: {} ({}{more})", f.check, f.on, counted(f.rows, "row", "rows"), f.keys.join(", "))
    };
    let lines: Vec<String> = failed.iter().map(line).collect();
    let error = Error::new(Kind::CheckFailed, format!("check {} failed on {}", first.check, first.on));
    let error = error.detail(lines.join("; "));
    Some(match &first.hint {
        Some(hint) => error.hint(hint.clone()),
        None => error,
    })
}
