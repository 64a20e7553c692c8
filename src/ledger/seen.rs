//! What a batch has seen without touching it: `evo.batches.seen_keys`.
//!
//! An unchanged row is not written, so its lineage cannot tell that a newer object had the key too. With contents A, B, A
//! in runs 1, 2, 3, of which run 2 arrives last, the row still says "run 1", and B must lose all the same. So a batch
//! keeps the keys that it found unchanged, and an older batch asks the newer ones before it overwrites anything.
//!
//! Fresh loads see nothing of the kind and store nothing. A key set is sorted differences: a byte a key where keys are
//! dense (which the server then compresses well), about six where they are digests.

use crate::error::Result;
use crate::pg::Transaction;

/// Stores the keys that a batch has seen and not touched, in its transaction. `keys` are sorted.
///
/// # Errors
/// As the server says.
pub async fn record(tx: &Transaction<'_>, batch_id: i64, keys: &[i64]) -> Result<()> {
    tx.execute("update evo.batches set seen_keys = $2 where batch_id = $1", &[&batch_id, &encode(keys)]).await?;
    Ok(())
}

/// Those of `keys` (sorted) that an object behind (`run_id`, `path`) has seen. One newer batch is read at a time.
///
/// # Errors
/// As the server says.
pub async fn by_newer(tx: &Transaction<'_>, entity: &str, run_id: &str, path: &str, keys: &[i64]) -> Result<Vec<i64>> {
    let newer = tx.query(sql_file!("ledger/newer_seen.sql"), &[&entity, &run_id, &path]).await?;
    let mut beaten = Vec::new();
    for row in newer {
        let batch_id: i64 = row.get(0);
        let row = tx.query_one("select seen_keys from evo.batches where batch_id = $1", &[&batch_id]).await?;
        beaten.extend(common(keys, decode(&row.get::<_, Vec<u8>>(0))));
    }
    beaten.sort_unstable();
    beaten.dedup();
    Ok(beaten)
}

/// Sorted keys as LEB128 of their differences.
fn encode(keys: &[i64]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(keys.len() * 2);
    let mut last = i64::MIN;
    for key in keys {
        let mut difference = key.wrapping_sub(last) as u64;
        last = *key;
        while difference >= 0x80 {
            bytes.push(difference as u8 | 0x80);
            difference >>= 7;
        }
        bytes.push(difference as u8);
    }
    bytes
}

fn decode(bytes: &[u8]) -> impl Iterator<Item = i64> {
    let mut last = i64::MIN;
    let mut rest = bytes.iter();
    std::iter::from_fn(move || {
        let (mut difference, mut shift) = (0_u64, 0);
        loop {
            let byte = *rest.next()?;
            difference |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                break;
            }
        }
        last = last.wrapping_add(difference as i64);
        Some(last)
    })
}

/// Keys in both sorted sequences.
fn common(keys: &[i64], seen: impl Iterator<Item = i64>) -> Vec<i64> {
    let mut rest = keys;
    let mut both = Vec::new();
    for key in seen {
        rest = &rest[rest.partition_point(|k| *k < key)..];
        match rest.first() {
            None => break,
            Some(first) if *first == key => both.push(key),
            Some(_) => {}
        }
    }
    both
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_set_comes_back_as_it_was() {
        for keys in [
            vec![],
            vec![0],
            vec![i64::MIN, -1, 0, 1, i64::MAX],
            (5..5_000).collect(),
            vec![78_607_398_374_561, 785_225_325_939_991],
        ] {
            assert_eq!(decode(&encode(&keys)).collect::<Vec<_>>(), keys);
        }
        let dense: Vec<i64> = (1_000_000..1_050_000).collect();
        assert!(encode(&dense).len() < 50_020, "a byte a key where keys are dense");
    }

    #[test]
    fn common_keys_are_found_in_sorted_sequences() {
        assert_eq!(common(&[1, 3, 5, 9], [0, 3, 4, 9, 12].into_iter()), [3, 9]);
        assert!(common(&[], [1].into_iter()).is_empty());
    }
}
