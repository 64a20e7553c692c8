//! The rows that staging held of the same objects of older runs when a batch began, and which lines of the
//! batch repeat them. Such lines are not sent.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::frame::Position;
use super::key::DocumentKey;
use super::seen_key::seen_key;
use super::zone::ZoneOffsets;
use crate::ids::{ObjectNo, RowKey, SeenKey};

/// Microseconds between 1970 and 2000.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

/// Rows, found by their keys.
#[derive(Debug, Default)]
pub struct KnownRows {
    zone: Option<Arc<ZoneOffsets>>,
    rows: Vec<KnownRow>,
    /// Where each row stands in `rows`, by the hash of its key. A map of the rows themselves would need up to
    /// twice the memory: half of its places are empty when it has just grown.
    places: HashTable<u32>,
    hasher: RandomState,
    superseded: Vec<i64>,
}

/// The identity of an id and, where it is part of the key, the time in microseconds since 2000-01-01 UTC,
/// else 0.
type Key = ([u64; 2], i64);

#[derive(Debug)]
struct KnownRow {
    key: Key,
    hash: [u64; 2],
    /// What stands for the key in the sets of seen keys.
    seen: i64,
    fate: Fate,
}

// Each worker may hold two hundred thousand.
const _: () = assert!(size_of::<KnownRow>() == 56);

/// What the batch has of a row so far.
#[derive(Debug, Clone, Copy)]
enum Fate {
    NoLine,
    /// Its last line, which is in this object, repeats it.
    Repeated(ObjectNo),
    /// A line that differs was sent, and so is every later one.
    Sent,
}

/// What the lines of a batch make of known rows.
#[derive(Debug, Default)]
pub struct KnownLines {
    /// Of each object, the sorted keys of the rows that it repeats, as the sets of seen keys hold them.
    pub keys: Vec<Vec<SeenKey>>,
    /// The keys of the rows that the batch probably changes, likewise: a line that differs was sent.
    pub changed: Vec<SeenKey>,
    /// Of each object, the number of repeating lines that are not the last of their key in the batch.
    pub superseded: Vec<i64>,
}

impl KnownRows {
    /// None yet, for a batch of so many objects, with room for so many rows. `zone` where a time is part of
    /// the key: it has to know the offset of every time that is added.
    pub fn new(zone: Option<Arc<ZoneOffsets>>, (objects, rows): (usize, usize)) -> Self {
        Self {
            zone,
            rows: Vec::with_capacity(rows),
            places: HashTable::with_capacity(rows),
            hasher: RandomState::new(),
            superseded: vec![0; objects],
        }
    }

    /// Adds a row; `time` in microseconds since 2000-01-01 UTC.
    pub fn add(&mut self, (id, time): (&RowKey, i64), hash: u128) {
        let seen = seen_key(id, self.zone.is_some().then_some(time + POSTGRES_EPOCH)).key;
        let (key, hash) = ((id.identity(), time), [(hash >> 64) as u64, hash as u64]);
        let row = KnownRow { key, hash, seen, fate: Fate::NoLine };
        let Self { rows, places, hasher, .. } = self;
        let is_same = |place: &u32| rows[*place as usize].key == key;
        match places.entry(hasher.hash_one(key), is_same, |place| hasher.hash_one(rows[*place as usize].key)) {
            Entry::Occupied(found) => rows[*found.get() as usize] = row,
            Entry::Vacant(place) => {
                place.insert(rows.len() as u32);
                rows.push(row);
            }
        }
    }

    fn find(&mut self, key: Key) -> Option<&mut KnownRow> {
        let rows = &mut self.rows;
        let found = self.places.find(self.hasher.hash_one(key), |place| rows[*place as usize].key == key)?;
        rows.get_mut(*found as usize)
    }

    /// Whether the line repeats a row, so that it need not be sent. Lines come in the order of the batch.
    pub(super) fn repeats(&mut self, at: Position, key: &DocumentKey, hash: u128) -> bool {
        let time = match (key.event, &self.zone) {
            (None, _) => Some(0),
            (Some(event), Some(zone)) => zone.instant(event),
            (Some(_), None) => None,
        };
        let Some(row) = time.and_then(|time| self.find((key.id.identity(), time))) else { return false };
        let is_same = row.hash == [(hash >> 64) as u64, hash as u64];
        let before = row.fate;
        row.fate = match before {
            // The server must see this one too: it beats the line that was sent.
            Fate::Sent => Fate::Sent,
            _ if is_same => Fate::Repeated(at.object_no),
            _ => Fate::Sent,
        };
        let is_repeated = matches!(row.fate, Fate::Repeated(_));
        if let Fate::Repeated(earlier) = before {
            self.superseded[earlier.index()] += 1;
        }
        is_repeated
    }

    /// What became of the rows.
    pub fn lines(self) -> KnownLines {
        let (mut keys, mut changed) = (vec![Vec::new(); self.superseded.len()], Vec::new());
        for row in &self.rows {
            let place = if self.zone.is_some() { row.key.1 + POSTGRES_EPOCH } else { row.seen };
            let seen = SeenKey { key: row.seen, place };
            match row.fate {
                Fate::Repeated(object) => keys[object.index()].push(seen),
                Fate::Sent => changed.push(seen),
                Fate::NoLine => {}
            }
        }
        keys.iter_mut().for_each(|keys| keys.sort_unstable());
        KnownLines { keys, changed, superseded: self.superseded }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_repeats_a_row_until_another_line_of_its_key_differs() {
        let mut known = KnownRows::new(None, (3, 3));
        for id in 1..4 {
            known.add((&RowKey::Integer(id), 0), id as u128 * 10);
        }
        let lines = [
            (0, 1, 10, true),
            (0, 2, 21, false),
            (0, 4, 40, false),
            // Again, now in a later object.
            (1, 1, 10, true),
            // Beats the line that was sent, and so must be seen.
            (1, 2, 20, false),
            (1, 3, 30, true),
            // Differs from what the line before repeated.
            (2, 3, 31, false),
        ];
        for (object, id, hash, repeats) in lines {
            let at = Position { object_no: ObjectNo(object), line_no: 1, byte_offset: 0 };
            let key = DocumentKey { id: RowKey::Integer(id), event: None };
            assert_eq!(known.repeats(at, &key, hash), repeats, "{object} {id}");
        }
        let mut lines = known.lines();
        assert_eq!(lines.keys, [vec![], vec![SeenKey { key: 1, place: 1 }], vec![]]);
        lines.changed.sort_unstable();
        assert_eq!(lines.changed, [SeenKey { key: 2, place: 2 }, SeenKey { key: 3, place: 3 }]);
        assert_eq!(lines.superseded, [1, 1, 0]);
    }
}
