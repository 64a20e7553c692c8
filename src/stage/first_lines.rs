//! The first line of each key of a batch whose rows go straight into the staging table: later lines of a key
//! are kept aside, because there the primary key would refuse them.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::frame::Position;
use super::key::DocumentKey;
use super::time::Event;
use super::zone::ZoneOffsets;
use crate::error::{Error, Kind, Result};
use crate::ids::ObjectNo;

/// Keys that are remembered, 8 MB of them. Beyond that they are forgotten, and the primary key refuses those
/// that come again.
const MAX_KEYS: usize = (1 << 18) / 8 * 7;
/// Bytes of lines that are kept aside.
const MAX_LATER_BYTES: usize = 1024 * 1024;

/// Where the rows of a table that is partitioned by time go.
#[derive(Debug, Clone)]
pub struct Placement {
    /// The entity's zone.
    pub zone: Arc<ZoneOffsets>,
    /// Instants that have a partition other than the default one, in microseconds since 2000-01-01 UTC.
    pub partitions: Vec<Range<i64>>,
}

/// A line whose key an earlier line of the batch has.
#[derive(Debug, Clone)]
pub struct LaterLine {
    /// Where the line is.
    pub at: Position,
    /// Its key, with its time in UTC.
    pub key: DocumentKey,
    /// Its content hash.
    pub hash: u128,
    /// Its document.
    pub text: String,
    /// The object with the last line of the key before this one.
    pub earlier: ObjectNo,
}

/// The keys of a batch so far, and the lines that were kept aside.
#[derive(Debug, Default)]
pub struct FirstLines {
    placement: Option<Placement>,
    last: Range<i64>,
    seen: HashMap<([u64; 2], i64), ObjectNo>,
    later: Vec<LaterLine>,
    later_bytes: usize,
    missing_year: Option<i32>,
}

impl FirstLines {
    /// None yet. `placement` where the staging table is partitioned.
    pub fn new(placement: Option<Placement>) -> Self {
        Self { placement, ..Self::default() }
    }

    /// The key to send the line with, its time in UTC; `None` when the line is kept aside.
    ///
    /// # Errors
    /// `TransactionConflict` when the row has no partition but the default one: see
    /// [`FirstLines::missing_year`]. `BadRow` when the lines kept aside exceed a megabyte. The batch must be
    /// staged in another way then.
    pub(super) fn admit(
        &mut self,
        at: Position,
        key: DocumentKey,
        hash: u128,
        text: &str,
    ) -> Result<Option<DocumentKey>> {
        let key = self.placed(key)?;
        if self.seen.len() >= MAX_KEYS {
            self.seen.clear();
        }
        let full_key = (key.id.identity(), key.event.map_or(0, |event| event.micros));
        let Some(earlier) = self.seen.insert(full_key, at.object_no) else { return Ok(Some(key)) };
        self.later_bytes += text.len();
        if self.later_bytes > MAX_LATER_BYTES {
            return Err(Error::new(Kind::BadRow, "too many lines of the same keys to keep them in memory"));
        }
        self.later.push(LaterLine { at, key, hash, text: text.to_owned(), earlier });
        Ok(None)
    }

    /// The year whose partition was missing, where that ended the stream.
    pub fn missing_year(&self) -> Option<i32> {
        self.missing_year
    }

    /// The lines that were kept aside, in the order of the batch.
    pub fn later(self) -> Vec<LaterLine> {
        self.later
    }

    fn placed(&mut self, key: DocumentKey) -> Result<DocumentKey> {
        let (Some(placement), Some(event)) = (&self.placement, key.event) else { return Ok(key) };
        if let Some(micros) = placement.zone.instant(event) {
            if !self.last.contains(&micros) {
                let found = placement.partitions.iter().find(|part| part.contains(&micros));
                self.last = found.cloned().unwrap_or_default();
            }
            if self.last.contains(&micros) {
                return Ok(DocumentKey { event: Some(Event { micros, is_utc: true }), ..key });
            }
        }
        self.missing_year = placement.zone.year(event);
        Err(Error::new(Kind::TransactionConflict, "a row of the batch has no partition"))
    }
}
