//! A set of line numbers of one object: a bit a line, so that a set of millions of lines is small.

/// Line numbers, from 1.
#[derive(Debug, Clone, Default)]
pub struct LineSet {
    words: Vec<u64>,
    last: i64,
}

impl LineSet {
    /// Adds a line.
    pub fn insert(&mut self, line_no: i64) {
        let (word, bit) = place(line_no);
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= bit;
        self.last = self.last.max(line_no);
    }

    /// Whether the line is in the set.
    pub fn contains(&self, line_no: i64) -> bool {
        let (word, bit) = place(line_no);
        self.words.get(word).is_some_and(|w| w & bit != 0)
    }

    /// Whether there is no line in it.
    pub fn is_empty(&self) -> bool {
        self.last == 0
    }

    /// The greatest line in it; 0 when it is empty.
    pub fn last(&self) -> i64 {
        self.last
    }
}

fn place(line_no: i64) -> (usize, u64) {
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
            set.insert(line);
        }
        let found: Vec<i64> = (0..=1_000_100).filter(|line| set.contains(*line)).collect();
        assert_eq!(found, [1, 63, 64, 65, 1_000_000]);
        assert_eq!(set.last(), 1_000_000);
    }
}
