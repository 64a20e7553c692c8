//! Keys that are looked for in sets of seen keys.

use crate::ledger::seen::keys_of;

/// Sorted keys, and which of them were found.
#[derive(Debug, Default)]
pub(super) struct SoughtKeys {
    keys: Vec<i64>,
    is_found: Vec<bool>,
}

impl SoughtKeys {
    pub(super) fn new(mut keys: Vec<i64>) -> Self {
        keys.sort_unstable();
        keys.dedup();
        Self { is_found: vec![false; keys.len()], keys }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Marks the keys that a set of seen keys contains too, and hands out their positions.
    pub(super) fn find_in(&mut self, set: &[u8], mut found: impl FnMut(usize)) {
        let mut at = 0;
        for key in keys_of(set) {
            at += steps_to(&self.keys[at..], key);
            match self.keys.get(at) {
                None => break,
                Some(sought) if *sought == key => {
                    self.is_found[at] = true;
                    found(at);
                }
                Some(_) => {}
            }
        }
    }

    /// The position of a key that is looked for.
    pub(super) fn position(&self, key: i64) -> Option<usize> {
        self.keys.binary_search(&key).ok()
    }

    /// Whether a key is looked for and was found.
    pub(super) fn is_found(&self, key: i64) -> bool {
        self.position(key).is_some_and(|at| self.is_found[at])
    }

    /// The keys that were not found.
    pub(super) fn not_found(&self) -> Vec<i64> {
        self.keys.iter().zip(&self.is_found).filter(|(_, is_found)| !**is_found).map(|(key, _)| *key).collect()
    }
}

/// How many of the sorted `keys` are less than `key`. Quick when they are few, as between neighbours.
fn steps_to(keys: &[i64], key: i64) -> usize {
    let mut reach = 1;
    while keys.get(reach - 1).is_some_and(|sought| *sought < key) {
        reach *= 2;
    }
    let (begin, end) = (reach / 2, reach.min(keys.len()));
    begin + keys[begin..end].partition_point(|sought| *sought < key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::SeenKey;
    use crate::ledger::seen::KeySet;

    fn set(keys: &[i64]) -> Vec<u8> {
        let mut set = KeySet::default();
        keys.iter().for_each(|key| set.push(SeenKey { key: *key, place: *key }));
        set.bytes().to_vec()
    }

    #[test]
    fn keys_are_found_wherever_they_stand() {
        for (sought, seen, left) in [
            (vec![5, 1, 3], vec![3, 4], vec![1, 5]),
            (vec![], vec![3], vec![]),
            (vec![i64::MIN, -1, 0, i64::MAX], vec![i64::MIN, 0, 7, i64::MAX], vec![-1]),
            ((0..1000).collect(), (0..1000).filter(|n| n % 7 != 0).collect(), (0..1000).step_by(7).collect()),
            ((0..1000).step_by(100).collect(), (0..1000).collect(), vec![]),
        ] {
            let mut keys = SoughtKeys::new(sought);
            let mut positions = Vec::new();
            keys.find_in(&set(&seen), |at| positions.push(at));
            assert_eq!(keys.not_found(), left);
            assert!(
                positions.is_sorted() && seen.iter().all(|key| keys.is_found(*key) == keys.position(*key).is_some())
            );
        }
    }
}
