//! What stands for a key in the sets of seen keys: an integer itself, and PostgreSQL's 64-bit hash of any
//! other key and of one with a time, so that evo and its statements write the same.
//!
//! The functions are what hash partitions are made with, and so the same in every version:
//! <https://github.com/postgres/postgres/blob/master/src/common/hashfn.c>.

use crate::entity::KeyType;
use crate::ids::{RowKey, SeenKey};

/// The key, or the digest of a key and of its time in microseconds since 1970.
pub fn seen_key(key: &RowKey, micros: Option<i64>) -> SeenKey {
    let key = digest(key, micros);
    SeenKey { key, place: micros.unwrap_or(key) }
}

fn digest(key: &RowKey, micros: Option<i64>) -> i64 {
    let seed = micros.unwrap_or_default().cast_unsigned();
    let hash = match (key, micros) {
        (RowKey::Integer(id), None) => return *id,
        (RowKey::Integer(id), Some(_)) => {
            let (low, high) = (*id as u32, (id >> 32) as u32);
            let folded = low ^ if *id >= 0 { high } else { !high };
            hash_extended(&folded.to_le_bytes(), seed)
        }
        (RowKey::Text(text), _) => hash_extended(text.as_bytes(), seed),
        (RowKey::Uuid(id), _) => hash_extended(id.as_bytes(), seed),
    };
    hash.cast_signed()
}

/// The same in SQL, of an expression for the key and one for its time.
pub fn seen_key_sql(key_type: KeyType, key: &str, time: Option<&str>) -> String {
    let (_, hash) = key_type.hashes();
    match (key_type, time) {
        (_, Some(time)) => format!("{hash}({key}, (extract(epoch from {time}) * 1000000)::bigint)"),
        (KeyType::Integer, None) => key.to_owned(),
        (_, None) => format!("{hash}({key}, 0)"),
    }
}

/// Bob Jenkins' hash of some bytes, with a seed.
fn hash_extended(bytes: &[u8], seed: u64) -> u64 {
    let begin = 0x9e37_79b9_u32.wrapping_add(bytes.len() as u32).wrapping_add(3_923_095);
    let mut state = [begin; 3];
    if seed != 0 {
        state[0] = state[0].wrapping_add((seed >> 32) as u32);
        state[1] = state[1].wrapping_add(seed as u32);
        mix(&mut state);
    }
    let mut parts = bytes.chunks_exact(12);
    for part in parts.by_ref() {
        add(&mut state, part, 0);
        mix(&mut state);
    }
    // The lowest byte of the last word is left for the length.
    let rest = parts.remainder();
    add(&mut state, &rest[..rest.len().min(8)], 0);
    if let Some(last) = rest.get(8..) {
        add(&mut state[2..], last, 1);
    }
    finish(&mut state);
    u64::from(state[1]) << 32 | u64::from(state[2])
}

/// Adds bytes to words of four, of which the first begins `shift` bytes later.
fn add(words: &mut [u32], bytes: &[u8], shift: usize) {
    for (i, byte) in bytes.iter().enumerate() {
        let place = i + shift;
        words[place / 4] = words[place / 4].wrapping_add(u32::from(*byte) << (place % 4 * 8));
    }
}

fn mix(state: &mut [u32; 3]) {
    let [mut a, mut b, mut c] = *state;
    for (first, second, third) in [(4, 6, 8), (16, 19, 4)] {
        a = a.wrapping_sub(c) ^ c.rotate_left(first);
        c = c.wrapping_add(b);
        b = b.wrapping_sub(a) ^ a.rotate_left(second);
        a = a.wrapping_add(c);
        c = c.wrapping_sub(b) ^ b.rotate_left(third);
        b = b.wrapping_add(a);
    }
    *state = [a, b, c];
}

fn finish(state: &mut [u32; 3]) {
    let [mut a, mut b, mut c] = *state;
    c = (c ^ b).wrapping_sub(b.rotate_left(14));
    a = (a ^ c).wrapping_sub(c.rotate_left(11));
    b = (b ^ a).wrapping_sub(a.rotate_left(25));
    c = (c ^ b).wrapping_sub(b.rotate_left(16));
    a = (a ^ c).wrapping_sub(c.rotate_left(4));
    b = (b ^ a).wrapping_sub(a.rotate_left(14));
    c = (c ^ b).wrapping_sub(b.rotate_left(24));
    *state = [a, b, c];
}
