//! Where a document came from.

/// Where a document came from. The least one is reported.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SampledLine {
    /// Its run.
    pub run_id: String,
    /// Its object.
    pub source_file: String,
    /// The line there, from 1; 0 if that is not known.
    pub source_line: i64,
}

/// Names of one object that are fields of their own; with more, they are data.
pub(super) const MAX_NAMES: i64 = 200;
