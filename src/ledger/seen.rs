//! `evo.seen_keys`: the keys that an object has seen without touching their rows.
//!
//! An unchanged row is not written, so its lineage cannot tell that a newer object had the key too. With
//! contents A, B, A in runs 1, 2, 3, of which run 2 arrives last, the row still says "run 1", and yet B must
//! lose. So the keys that an object found unchanged in rows of older objects are stored, and a batch that is
//! about to overwrite a row asks the newer objects first.
//!
//! Fresh loads find nothing unchanged and store nothing. A key set consists of sorted differences: a byte per
//! key where keys are dense (which the server compresses well), about six where they are digests.

use super::followed::RunPlace;
use super::objects::Pending;
use crate::bronze::order::Precedence;
use crate::error::Result;
use crate::ids::{ObjectId, ObjectNo, SeenKey};
use crate::pg::{Ask, RowStream, Transaction};

/// Sorted keys as LEB128 of their differences.
#[derive(Debug, Clone)]
pub struct KeySet {
    bytes: Vec<u8>,
    last: i64,
    places: Places,
}

impl Default for KeySet {
    fn default() -> Self {
        Self { bytes: Vec::new(), last: i64::MIN, places: Places::default() }
    }
}

/// The least and the greatest place of some keys.
#[derive(Debug, Clone, Copy)]
struct Places {
    first: i64,
    last: i64,
}

impl Default for Places {
    /// Those of no key.
    fn default() -> Self {
        Self { first: i64::MAX, last: i64::MIN }
    }
}

impl Places {
    fn add(&mut self, place: i64) {
        (self.first, self.last) = (self.first.min(place), self.last.max(place));
    }
}

impl KeySet {
    /// Adds a key, which must not be less than the last one.
    pub fn push(&mut self, seen: SeenKey) {
        self.places.add(seen.place);
        let mut difference = seen.key.wrapping_sub(self.last) as u64;
        self.last = seen.key;
        while difference >= 0x80 {
            self.bytes.push(difference as u8 | 0x80);
            difference >>= 7;
        }
        self.bytes.push(difference as u8);
    }

    /// The set as it is stored.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Keys that are about to be overwritten, each with the object of the batch that brings it.
#[derive(Debug, Clone, Default)]
pub struct Candidates {
    keys: Vec<i64>,
    /// The object of each key.
    objects: Vec<ObjectNo>,
    places: Places,
}

impl Candidates {
    /// Adds a key, which must not be less than the last one. Older objects have smaller numbers.
    pub fn push(&mut self, key: i64, object: ObjectNo, place: i64) {
        self.keys.push(key);
        self.objects.push(object);
        self.places.add(place);
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

/// Stores the keys that objects have seen, in the batch's transaction.
///
/// # Errors
/// See [`crate::pg`].
pub async fn record(tx: &Transaction<'_>, seen: Vec<(ObjectId, KeySet)>) -> Result<()> {
    let (ids, sets): (Vec<ObjectId>, Vec<KeySet>) = seen.into_iter().unzip();
    let (first, last): (Vec<i64>, Vec<i64>) = sets.iter().map(|set| (set.places.first, set.places.last)).unzip();
    let sets: Vec<Vec<u8>> = sets.into_iter().map(|set| set.bytes).collect();
    tx.execute(sql_file!("ledger/record_seen.sql"), &[&ids, &sets, &first, &last]).await?;
    Ok(())
}

/// Whether any object newer than the first of the batch has seen any key.
///
/// # Errors
/// See [`crate::pg`].
pub async fn has_newer(tx: &Transaction<'_>, entity: &str, batch: &[Pending]) -> Result<bool> {
    let Some(first) = batch.first().map(Pending::precedence) else { return Ok(false) };
    let values: [&dyn crate::pg::Param; 4] = [&entity, &first.ingestion_date, &first.run_id, &first.path];
    Ok(tx.query_one(sql_file!("ledger/has_newer_seen.sql"), &values).await?.get(0))
}

/// The candidates that a newer object than the one that brings them has seen. The batch's objects are in
/// order, older ones first. Sets whose places are all before or after those of the candidates are not read.
///
/// # Errors
/// See [`crate::pg`].
pub async fn by_newer(
    tx: &Transaction<'_>,
    entity: &str,
    batch: &[Pending],
    candidates: &Candidates,
) -> Result<Vec<i64>> {
    let Some(first) = batch.first().map(Pending::precedence) else { return Ok(Vec::new()) };
    let Places { first: from, last: to } = candidates.places;
    let values: [&dyn crate::pg::Param; 6] = [&entity, &first.ingestion_date, &first.run_id, &first.path, &from, &to];
    let mut newer = tx.rows(sql_file!("ledger/newer_seen.sql"), &values).await?;
    let mut beaten = Vec::new();
    while let Some(row) = newer.next().await? {
        let precedence = Precedence { ingestion_date: row.get(0), run_id: row.get(1), path: row.get(2) };
        // An object of the same run is newer than some of the batch's objects and older than others.
        let older = batch.partition_point(|object| object.precedence() < precedence);
        common(candidates, ObjectNo::at(older), keys_of(row.get(3)), &mut beaten);
    }
    beaten.sort_unstable();
    beaten.dedup();
    Ok(beaten)
}

/// The keys of a set as it is stored, sorted.
pub fn keys_of(bytes: &[u8]) -> impl Iterator<Item = i64> {
    let mut last = i64::MIN;
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (difference, tail) = split_difference(rest)?;
        rest = tail;
        last = last.wrapping_add(difference as i64);
        Some(last)
    })
}

/// The difference that some bytes begin with, and the bytes after it.
fn split_difference(bytes: &[u8]) -> Option<(u64, &[u8])> {
    // A late run of digests reads hundreds of millions of these, most of six bytes: eight bytes at a time.
    const MORE: u64 = 0x8080_8080_8080_8080;
    if let Some((word, _)) = bytes.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*word);
        let ends = !word & MORE;
        if ends != 0 {
            let bits = ends.trailing_zeros() + 1;
            let groups = word & !MORE & (u64::MAX >> (64 - bits));
            // Eight groups of seven bits, moved together in pairs, fours and eights.
            let pairs = (groups & 0x007f_007f_007f_007f) | ((groups & 0x7f00_7f00_7f00_7f00) >> 1);
            let fours = (pairs & 0x0000_3fff_0000_3fff) | ((pairs & 0x3fff_0000_3fff_0000) >> 2);
            let difference = (fours & 0x0fff_ffff) | ((fours & 0x0fff_ffff_0000_0000) >> 4);
            return bytes.get(bits as usize / 8..).map(|tail| (difference, tail));
        }
    }
    let end = bytes.iter().position(|byte| *byte < 0x80)?;
    let (group, tail) = bytes.split_at(end + 1);
    let difference = group.iter().rev().fold(0_u64, |sum, byte| (sum << 7) | u64::from(byte & 0x7f));
    Some((difference, tail))
}

/// The key sets of the objects of a run and of newer ones, as a stream of ingestion date, run id and set.
///
/// # Errors
/// See [`crate::pg`].
pub async fn since(tx: &Transaction<'_>, entity: &str, run: &RunPlace) -> Result<RowStream> {
    tx.rows(sql_file!("ledger/seen_since.sql"), &[&entity, &run.ingestion_date, &run.run_id]).await
}

/// How many keys these sets have at most.
///
/// # Errors
/// See [`crate::pg`].
pub async fn count_since(on: &impl Ask, entity: &str, run: &RunPlace) -> Result<u64> {
    let rows = on.query(sql_file!("ledger/seen_count.sql"), &[&entity, &run.ingestion_date, &run.run_id]).await?;
    Ok(rows.first().map_or(0, |row| row.get::<_, i64>(0).unsigned_abs()))
}

/// Adds to `both` the candidates of objects before `older` that a sorted sequence contains too.
fn common(candidates: &Candidates, older: ObjectNo, seen: impl Iterator<Item = i64>, both: &mut Vec<i64>) {
    let mut at = 0;
    for key in seen {
        // There are far more seen keys than candidates: a step is cheaper than a search for each of them.
        while candidates.keys.get(at).is_some_and(|candidate| *candidate < key) {
            at += 1;
        }
        match candidates.keys.get(at) {
            None => break,
            Some(found) if *found == key && candidates.objects[at] < older => both.push(key),
            Some(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(keys: &[i64]) -> Vec<u8> {
        let mut set = KeySet::default();
        keys.iter().for_each(|key| set.push(SeenKey { key: *key, place: -key.saturating_abs() }));
        set.bytes
    }

    #[test]
    fn a_key_set_comes_back_as_it_was() {
        for keys in [
            vec![],
            vec![0],
            vec![i64::MIN, -1, 0, 1, i64::MAX],
            (5..5_000).collect(),
            vec![78_607_398_374_561, 785_225_325_939_991],
            // Differences of every length, at every distance from the end.
            (0..63).map(|bits| 1_i64 << bits).collect(),
            (0..63).rev().map(|bits| -(1_i64 << bits)).collect(),
        ] {
            assert_eq!(keys_of(&encode(&keys)).collect::<Vec<_>>(), keys);
        }
        let dense: Vec<i64> = (1_000_000..1_050_000).collect();
        assert!(encode(&dense).len() < 50_020, "a byte a key where keys are dense");
    }

    #[test]
    fn only_candidates_of_older_objects_are_beaten() {
        let mut candidates = Candidates::default();
        for (key, object) in [(1, 0), (3, 1), (5, 0), (9, 2)] {
            candidates.push(key, ObjectNo(object), 10 - key);
        }
        assert_eq!((candidates.places.first, candidates.places.last), (1, 9));
        let beaten = |older, seen: &[i64]| {
            let mut both = Vec::new();
            common(&candidates, ObjectNo(older), seen.iter().copied(), &mut both);
            both
        };
        assert_eq!(beaten(3, &[0, 3, 4, 9, 12]), [3, 9]);
        assert_eq!(beaten(2, &[0, 3, 4, 9, 12]), [3]);
        assert_eq!(beaten(1, &[1, 3]), [1]);
        assert!(beaten(0, &[1, 3]).is_empty() && beaten(3, &[]).is_empty());
    }
}
