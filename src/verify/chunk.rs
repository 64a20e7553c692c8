//! Some lines of an object, to be compared in one statement.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::ids::RowKey;
use crate::pg::Param;
use crate::stage::key::DocumentKey;
use crate::stage::time::instant;

/// Lines of one chunk at most.
const MAX_LINES: usize = 2_048;
/// Bytes of their documents at most, unless one line alone is longer.
const MAX_BYTES: usize = 2 * 1024 * 1024;

/// Valid lines of an object, in ascending order.
#[derive(Debug, Clone, Default)]
pub(super) struct LineChunk {
    pub keys: Vec<RowKey>,
    pub hashes: Vec<Uuid>,
    pub lines: Vec<i64>,
    /// Times of the keys as if they were UTC; empty where keys have none.
    pub events: Vec<DateTime<Utc>>,
    /// Whether they are UTC.
    pub are_utc: Vec<bool>,
    pub documents: Vec<String>,
    bytes: usize,
}

impl LineChunk {
    /// Adds a line.
    pub(super) fn push(&mut self, line: i64, key: DocumentKey, hash: u128, document: &str) {
        self.keys.push(key.id);
        self.hashes.push(Uuid::from_u128(hash));
        self.lines.push(line);
        if let Some(event) = key.event {
            self.events.push(instant(event.micros));
            self.are_utc.push(event.is_utc);
        }
        self.bytes += document.len();
        self.documents.push(document.to_owned());
    }

    /// Whether a line of this length would be too much for it.
    pub(super) fn is_full_for(&self, bytes: usize) -> bool {
        self.lines.len() >= MAX_LINES || !self.lines.is_empty() && self.bytes + bytes > MAX_BYTES
    }

    /// Those of its lines that have one of these numbers, which come in no order.
    pub(super) fn pick(&self, lines: &[i64]) -> Self {
        let (mut picked, mut lines) = (Self::default(), lines.to_vec());
        // By number, as in every chunk: that is how a line is found in it.
        lines.sort_unstable();
        for i in lines.iter().filter_map(|line| self.lines.binary_search(line).ok()) {
            picked.keys.push(self.keys[i].clone());
            picked.hashes.push(self.hashes[i]);
            picked.lines.push(self.lines[i]);
            picked.events.extend(self.events.get(i));
            picked.are_utc.extend(self.are_utc.get(i));
            picked.documents.push(self.documents[i].clone());
        }
        picked
    }

    /// The key of a line.
    pub(super) fn key(&self, line: i64) -> Option<RowKey> {
        self.lines.binary_search(&line).ok().map(|i| self.keys[i].clone())
    }

    /// The parameters with which the statements of `sql/verify/` begin.
    pub(super) fn parameters(&self) -> [&dyn Param; 5] {
        [&self.keys, &self.hashes, &self.lines, &self.events, &self.are_utc]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_picked_in_any_order_and_found_again_by_their_number() {
        let mut chunk = LineChunk::default();
        for line in [2, 5, 7, 9] {
            chunk.push(line, DocumentKey { id: RowKey::Integer(line * 10), event: None }, 0, "{}");
        }
        let picked = chunk.pick(&[9, 3, 2, 7]);
        assert_eq!(picked.lines, [2, 7, 9]);
        assert_eq!(
            [2, 7, 9, 5].map(|line| picked.key(line)),
            [20, 70, 90, 0].map(|id| (id > 0).then_some(RowKey::Integer(id)))
        );
    }
}
