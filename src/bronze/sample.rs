//! A count, with the first few of what was counted.

/// Examples that are kept: enough to see what they are, however many there are.
const KEPT: usize = 10;

/// A count with up to ten examples. Its memory does not grow with the count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample<T> {
    /// How many were counted.
    pub count: u64,
    /// The first ten that were counted.
    pub first: Vec<T>,
}

impl<T> Default for Sample<T> {
    fn default() -> Self {
        Self { count: 0, first: Vec::new() }
    }
}

impl<T> Sample<T> {
    /// Counts one, and keeps it if it is among the first ten.
    pub fn add(&mut self, one: T) {
        self.count += 1;
        if self.first.len() < KEPT {
            self.first.push(one);
        }
    }

    /// Adds the count and the examples of another sample.
    pub fn extend(&mut self, other: Self) {
        self.count += other.count;
        let room = KEPT.saturating_sub(self.first.len());
        self.first.extend(other.first.into_iter().take(room));
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many were counted and are not among the first.
    pub fn more(&self) -> u64 {
        self.count.saturating_sub(self.first.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_counted_and_a_few_are_kept() {
        let mut sample = Sample::default();
        (0..25).for_each(|i| sample.add(i));
        let mut other = Sample::default();
        other.add(99);
        other.extend(sample);
        assert_eq!((other.count, other.more(), other.is_empty()), (26, 16, false));
        assert_eq!(other.first, [99, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
    }
}
