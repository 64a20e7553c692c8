//! Rows with older content than a line: right if a newer object has seen that content.
//!
//! What a newer object has seen is a set of keys, not of contents, and the object may have been replaced
//! since, so that no line of it is compared any more. It only says that an older line does not count. Whether
//! the row is as it was loaded, the line that it names must show.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::chunk::LineChunk;
use super::loaded::LoadedObject;
use super::mismatch::Mismatch;
use crate::error::Result;
use crate::ids::{ObjectNo, RowKey, SeenKey};
use crate::ledger::seen::{self, Candidates};
use crate::pg::Transaction;

/// A row that is wrong unless a newer object has seen its content.
#[derive(Debug)]
pub(super) struct Clue {
    /// The key as sets of seen keys have it.
    pub seen_key: SeenKey,
    /// The mismatch that it is then.
    pub mismatch: Mismatch,
}

/// The clues that the lines of one object gave so far. Of a key that the object has several times only the
/// last line counts.
#[derive(Debug, Default)]
pub(super) struct Clues(HashMap<LineKey, Clue>);

/// A key with its time, as it was read.
type LineKey = (RowKey, Option<DateTime<Utc>>);

impl Clues {
    /// Adds what a chunk gave. A line without a clue takes back that of an earlier line with its key.
    pub(super) fn add(&mut self, chunk: &LineChunk, found: Vec<(i64, Clue)>) {
        if self.0.is_empty() && found.is_empty() {
            return;
        }
        let mut found: HashMap<i64, Clue> = found.into_iter().collect();
        for (i, line) in chunk.lines.iter().enumerate() {
            let key = (chunk.keys[i].clone(), chunk.events.get(i).copied());
            match found.remove(line) {
                Some(clue) => drop(self.0.insert(key, clue)),
                None => drop(self.0.remove(&key)),
            }
        }
    }

    /// All of them, when the object has ended.
    pub(super) fn all(self) -> Vec<Clue> {
        self.0.into_values().collect()
    }
}

/// The mismatches among the clues that came from an object's lines.
///
/// # Errors
/// See [`crate::pg`].
pub(super) async fn resolve(
    tx: &Transaction<'_>,
    entity: &str,
    object: &LoadedObject,
    mut clues: Vec<Clue>,
) -> Result<Vec<Mismatch>> {
    let batch = std::slice::from_ref(&object.object);
    if clues.is_empty() {
        return Ok(Vec::new());
    }
    clues.sort_by_key(|clue| clue.seen_key);
    let mut candidates = Candidates::default();
    for SeenKey { key, place } in clues.iter().map(|clue| clue.seen_key) {
        candidates.push(key, ObjectNo(0), place);
    }
    let beaten = match seen::has_newer(tx, entity, batch).await? {
        true => seen::by_newer(tx, entity, batch, &candidates).await?,
        false => Vec::new(),
    };
    let wrong = clues.into_iter().filter(|clue| beaten.binary_search(&clue.seen_key.key).is_err());
    Ok(wrong.map(|clue| clue.mismatch).collect())
}
