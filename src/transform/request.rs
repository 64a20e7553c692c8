//! The request that a transform carries out.

use std::time::Duration;

/// How core is brought up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// By the documents that changed.
    #[default]
    Incremental,
    /// By a new generation that takes the place of the old one.
    FullRefresh,
    /// By comparing all of core with staging and writing what differs.
    InPlace,
}

impl Mode {
    /// As summaries show it: `incremental`, `full refresh`, `in place`.
    pub fn word(self) -> &'static str {
        match self {
            Mode::Incremental => "incremental",
            Mode::FullRefresh => "full refresh",
            Mode::InPlace => "in place",
        }
    }
}

/// How core is to be brought up to date.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Request {
    /// The mode. `None` takes an increment or, when at least half of 100,000 or more documents changed or
    /// a definition did, a full refresh.
    pub mode: Option<Mode>,
    /// Options of a full refresh, whether it was asked for or chosen.
    pub refresh: Refresh,
    /// Whether rows that the source no longer has are looked for, if the entity wants that.
    pub follows_source: bool,
    /// Whether documents are transformed although they break the contract of their entity.
    pub accepts_contract: bool,
}

/// Options of a full refresh.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Refresh {
    /// Rebuild only the partitions of this year. Entities without yearly partitions refuse it (`Usage`).
    pub year: Option<i32>,
    /// The largest share of its rows, 0 to 1, that a table may lose, or that may be missing from the source.
    pub max_shrink: f64,
    /// How long the swap waits for sessions whose snapshot is older than the new generation.
    pub reader_wait: Duration,
}
