//! What becomes of a row that its source no longer has.

use serde::Deserialize;

use super::extract::Query;
use crate::error::{Error, Kind, Result};

/// What becomes of the core rows of a document that the newest whole run no longer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MissingRows {
    /// They stay as they are.
    #[default]
    Keep,
    /// `_deleted_at` says since when.
    Mark,
    /// They are deleted.
    Delete,
}

/// Which runs that evo did not extract hold everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Snapshots {
    /// Every run.
    Run,
}

impl MissingRows {
    /// Its word in a declaration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Mark => "mark",
            Self::Delete => "delete",
        }
    }

    /// Makes sure that a run of the entity can be known to hold everything, if that matters.
    ///
    /// # Errors
    /// `Config`.
    pub(super) fn check(self, snapshot: Option<Snapshots>, queries: &[Query], file: &str) -> Result<()> {
        if self == Self::Keep {
            return match snapshot {
                None => Ok(()),
                Some(_) => Err(Error::new(Kind::Config, format!("{file}: snapshot says nothing without missing"))
                    .hint("write missing = \"mark\" or \"delete\" above it, or remove it")),
            };
        }
        let is_known = snapshot.is_some() || queries.first().is_some_and(is_unbounded) || queries.len() == 1;
        if is_known {
            return Ok(());
        }
        let message = format!("{file}: missing = {:?}, and no run is known to hold everything", self.word());
        let reason = match queries.is_empty() {
            true => "nothing says which runs do",
            false => "its further queries bring records that its first one does not ask for",
        };
        Err(Error::new(Kind::Config, message)
            .detail(reason)
            .hint("write snapshot = \"run\" if each run that somebody puts into the lake holds everything"))
    }
}

/// Whether a query asks for everything, whatever the days of the extraction.
pub(super) fn is_unbounded(query: &Query) -> bool {
    query.window.is_none() && query.since.is_none()
}
