//! What stands for the key of a row with a time in the sets of seen keys: PostgreSQL's
//! `hashint8extended(key, time)`, so that evo and its statements write the same.
//!
//! The function is what hash partitions are made with, and so the same in every version:
//! <https://github.com/postgres/postgres/blob/master/src/common/hashfn.c>.

/// The digest of an id and of a time in microseconds since 1970.
pub fn seen_key(id: i64, micros: i64) -> i64 {
    let (low, high) = (id as u32, (id >> 32) as u32);
    let folded = low ^ if id >= 0 { high } else { !high };
    hash_uint32_extended(folded, micros as u64) as i64
}

/// Bob Jenkins' hash of one word, with a seed.
fn hash_uint32_extended(word: u32, seed: u64) -> u64 {
    let begin = 0x9e37_79b9_u32.wrapping_add(4).wrapping_add(3_923_095);
    let mut state = [begin; 3];
    if seed != 0 {
        state[0] = state[0].wrapping_add((seed >> 32) as u32);
        state[1] = state[1].wrapping_add(seed as u32);
        mix(&mut state);
    }
    state[0] = state[0].wrapping_add(word);
    finish(&mut state);
    u64::from(state[1]) << 32 | u64::from(state[2])
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
