//! How long something took, over many times, in little memory.

use std::time::Duration;

/// Buckets between a duration and its double.
const STEPS: u64 = 16;
const STEP_BITS: u32 = STEPS.trailing_zeros();

/// Counts durations in buckets of which each is a sixteenth wider than the one before. It keeps count, sum
/// and maximum exactly, and quantiles to 4 %. A histogram takes up to 8 kB, however much it counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Histogram {
    /// By bucket; as long as the last one that is not 0.
    buckets: Vec<u64>,
    count: u64,
    sum: Duration,
    max: Duration,
}

impl Histogram {
    /// Counts one duration.
    pub fn record(&mut self, duration: Duration) {
        let at = bucket_of(duration);
        if self.buckets.len() <= at {
            self.buckets.resize(at + 1, 0);
        }
        self.buckets[at] += 1;
        self.count += 1;
        self.sum += duration;
        self.max = self.max.max(duration);
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// All of them together.
    pub fn sum(&self) -> Duration {
        self.sum
    }

    /// The longest.
    pub fn max(&self) -> Duration {
        self.max
    }

    /// The duration that the share `q` of them, 0 to 1, did not exceed; zero if there were none.
    pub fn quantile(&self, q: f64) -> Duration {
        let rank = ((self.count as f64 * q).ceil() as u64).clamp(1, self.count.max(1));
        let mut seen = 0;
        for (at, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= rank {
                let middle = (lower_bound(at) + lower_bound(at + 1)) / 2;
                return Duration::from_micros(middle).min(self.max);
            }
        }
        Duration::ZERO
    }

    /// The buckets that are not empty, in ascending order: the bound below which its durations are, and how
    /// many it has.
    pub fn buckets(&self) -> impl Iterator<Item = (Duration, u64)> + '_ {
        let counted = self.buckets.iter().enumerate().filter(|(_, count)| **count > 0);
        counted.map(|(at, count)| (Duration::from_micros(lower_bound(at + 1)), *count))
    }
}

/// The bucket of a duration: one for each of the first 16 µs, then 16 for each doubling.
fn bucket_of(duration: Duration) -> usize {
    let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    if micros < STEPS {
        return micros as usize;
    }
    let doublings = micros.ilog2() - STEP_BITS;
    (u64::from(doublings) * STEPS + (micros >> doublings)) as usize
}

/// The first microsecond of a bucket.
fn lower_bound(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < 2 * STEPS {
        return bucket;
    }
    let doublings = bucket / STEPS - 1;
    (bucket % STEPS + STEPS).checked_shl(doublings as u32).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_begins_where_the_one_before_ends_and_holds_its_own_durations() {
        for bucket in 0..800 {
            let (first, next) = (lower_bound(bucket), lower_bound(bucket + 1));
            assert!(first < next, "{bucket}");
            assert!((next - first - 1) * STEPS <= first, "{bucket} is a sixteenth wide at most");
            for micros in [first, next - 1] {
                assert_eq!(bucket_of(Duration::from_micros(micros)), bucket, "{micros}");
            }
        }
        assert!(bucket_of(Duration::MAX) < 1024);
    }

    #[test]
    fn quantiles_are_those_of_the_durations_to_four_percent() {
        let mut histogram = Histogram::default();
        assert_eq!((histogram.quantile(0.5), histogram.max()), (Duration::ZERO, Duration::ZERO));
        for ms in (1..=1000).rev() {
            histogram.record(Duration::from_millis(ms));
        }
        assert_eq!((histogram.count(), histogram.sum()), (1000, Duration::from_millis(500_500)));
        for (q, ms) in [(0.5, 500.0), (0.95, 950.0), (0.99, 990.0), (1.0, 1000.0), (0.001, 1.0)] {
            let found = histogram.quantile(q).as_secs_f64() * 1000.0;
            assert!((found - ms).abs() <= ms * 0.04, "{q}: {found}");
        }
        assert_eq!(histogram.buckets().map(|(_, count)| count).sum::<u64>(), 1000);
        assert!(histogram.quantile(1.0) <= histogram.max());
    }
}
