//! Random numbers that never change: splitmix64, owned here so that no dependency can alter the documents.

/// One step of splitmix64's output function: every bit of `z` influences every bit of the result.
fn scramble(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The golden ratio as a fraction of 2⁶⁴: the increment of splitmix64, and a sequence without clusters.
pub(crate) const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// A number that depends on all of `words` and on nothing else.
pub(crate) fn hash<const N: usize>(words: [u64; N]) -> u64 {
    words.iter().fold(GOLDEN, |state, word| scramble(state.wrapping_add(GOLDEN) ^ word.wrapping_mul(GOLDEN)))
}

/// A stream of random numbers that belongs to one record, so that no record depends on another.
#[derive(Debug, Clone)]
pub(crate) struct Rng(u64);

impl Rng {
    /// The stream named by `words`.
    pub(crate) fn of<const N: usize>(words: [u64; N]) -> Self {
        Self(hash(words))
    }

    /// The next 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        scramble(self.0)
    }

    /// A number in `0..n`; 0 when `n` is 0.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        scale(self.next(), n)
    }

    /// A number in `low..=high`.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// True for `percent` of 100 draws.
    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of `items`, which are not empty.
    pub(crate) fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len() as u64) as usize]
    }
}

/// Maps the whole range of `u64` evenly on `0..n`.
pub(crate) fn scale(x: u64, n: u64) -> u64 {
    ((u128::from(x) * u128::from(n)) >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_splitmix64_and_stays_so() {
        // The reference implementation's first outputs for the state 1234567.
        let mut rng = Rng(1_234_567);
        assert_eq!([rng.next(), rng.next()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
        assert_eq!(hash([1, 2, 3]), hash([1, 2, 3]));
        assert_ne!(hash([1, 2, 3]), hash([1, 3, 2]));
        assert_ne!(hash([0]), hash([0, 0]));
    }

    #[test]
    fn draws_cover_their_range_evenly() {
        let mut rng = Rng::of([7]);
        let mut seen = [0u32; 10];
        for _ in 0..10_000 {
            seen[rng.below(10) as usize] += 1;
        }
        assert!(seen.iter().all(|n| (850..1150).contains(n)), "{seen:?}");
        assert!((0..1000).all(|_| (3..=5).contains(&rng.between(3, 5))));
        assert_eq!(rng.below(0), 0);
    }
}
