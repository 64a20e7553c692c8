//! A set of lines of one object: one bit per line, so that a set of millions of lines is small, and a seal
//! over their texts, which shows whether a second reading of the object found the same.

use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

/// Lines by number, from 1, sealed with the texts of the first reading.
#[derive(Debug, Clone, Default)]
pub struct LineSet {
    words: Vec<u64>,
    last: i64,
    seal: Seal,
}

/// A checksum over line numbers and their texts. The order in which lines are added does not matter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seal {
    lines: u64,
    sum: u64,
}

impl Seal {
    /// Adds a line with its text.
    pub fn add(&mut self, line_no: i64, text: &[u8]) {
        self.add_hash(line_no, xxh3_128(text));
    }

    fn add_hash(&mut self, line_no: i64, hash: u128) {
        let mut both = [0; 24];
        both[..8].copy_from_slice(&line_no.to_le_bytes());
        both[8..].copy_from_slice(&hash.to_le_bytes());
        self.lines += 1;
        self.sum = self.sum.wrapping_add(xxh3_64(&both));
    }
}

impl LineSet {
    /// Adds a line with the content hash of its text. Add each line once: a second time would break the seal.
    pub fn insert(&mut self, line_no: i64, hash: u128) {
        self.seal.add_hash(line_no, hash);
        let (word, bit) = bit_of(line_no);
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= bit;
        self.last = self.last.max(line_no);
    }

    /// Whether the line is in the set.
    pub fn contains(&self, line_no: i64) -> bool {
        let (word, bit) = bit_of(line_no);
        self.words.get(word).is_some_and(|w| w & bit != 0)
    }

    /// Whether the set has no line.
    pub fn is_empty(&self) -> bool {
        self.last == 0
    }

    /// The seal of a reading that finds every line with its text.
    pub fn seal(&self) -> Seal {
        self.seal
    }

    /// The highest line number; 0 when the set is empty.
    pub fn last(&self) -> i64 {
        self.last
    }
}

fn bit_of(line_no: i64) -> (usize, u64) {
    let n = line_no.unsigned_abs();
    ((n / 64) as usize, 1 << (n % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_in_the_set_exactly_when_it_was_added() {
        let mut set = LineSet::default();
        assert!(set.is_empty() && !set.contains(1));
        for line in [1, 63, 64, 65, 1_000_000] {
            set.insert(line, 0);
        }
        let found: Vec<i64> = (0..=1_000_100).filter(|line| set.contains(*line)).collect();
        assert_eq!(found, [1, 63, 64, 65, 1_000_000]);
        assert_eq!(set.last(), 1_000_000);
    }

    #[test]
    fn a_seal_holds_when_every_line_has_its_text_in_any_order_and_breaks_otherwise() {
        let mut set = LineSet::default();
        set.insert(1, xxh3_128(b"a"));
        set.insert(2, xxh3_128(b"b"));
        let read = |lines: &[(i64, &[u8])]| {
            let mut seal = Seal::default();
            lines.iter().for_each(|(number, text)| seal.add(*number, text));
            seal == set.seal()
        };
        assert!(read(&[(2, b"b"), (1, b"a")]));
        assert!(!read(&[(1, b"b"), (2, b"a")]), "exchanged");
        assert!(!read(&[(1, b"a")]) && !read(&[]), "cut");
        assert!(!read(&[(1, b"a"), (2, b"c")]), "another text");
    }
}
