//! How long batches take, and so how much of one is worth a transaction.

use std::time::Duration;

use parking_lot::Mutex;

use super::outcome::LoadedBatch;
use crate::ledger::objects::Pending;

/// Expected work above which a batch is cut.
const TOO_LONG: Duration = Duration::from_secs(3);
/// Expected work that is left to it.
const LONG_ENOUGH: Duration = Duration::from_millis(1500);

/// The time that a transaction takes besides that for its bytes.
const TRANSACTION: Duration = Duration::from_millis(50);
/// Compressed bytes of a batch below which it says nothing about others.
const TOO_SMALL: u64 = 64 * 1024;

/// How long the latest batches of a load took. Shared by its workers.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Seconds per compressed byte; 0 while nothing is measured.
    seconds_per_byte: Mutex<f64>,
}

impl Pace {
    /// Learns how long a batch took.
    pub(super) fn learn(&self, loaded: &LoadedBatch) {
        if loaded.bytes >= TOO_SMALL {
            let latest = loaded.times.total().saturating_sub(TRANSACTION).as_secs_f64() / loaded.bytes as f64;
            let mut pace = self.seconds_per_byte.lock();
            *pace = if *pace == 0.0 { latest } else { (*pace + latest) / 2.0 };
        }
    }

    /// How many of these objects a batch should keep.
    pub(super) fn fitting(&self, objects: &[Pending]) -> usize {
        let pace = *self.seconds_per_byte.lock();
        let seconds = |object: &Pending| object.size_bytes.unsigned_abs() as f64 * pace;
        if objects.iter().map(seconds).sum::<f64>() <= TOO_LONG.as_secs_f64() {
            return objects.len();
        }
        let mut sum = 0.0;
        let within = objects.iter().take_while(|object| {
            sum += seconds(object);
            sum <= LONG_ENOUGH.as_secs_f64()
        });
        within.count().max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ObjectId;
    use crate::ledger::objects::InManifest;
    use crate::load::outcome::PhaseTimes;

    fn pace(bytes: u64, took: Duration) -> Pace {
        let pace = Pace::default();
        let times = PhaseTimes { merge: took + TRANSACTION, ..PhaseTimes::default() };
        pace.learn(&LoadedBatch { bytes, times, ..LoadedBatch::default() });
        pace
    }

    fn objects(sizes: &[i64]) -> Vec<Pending> {
        let object = |size: &i64| Pending {
            object_id: ObjectId(1),
            path: String::new(),
            etag: String::new(),
            size_bytes: *size,
            run_id: String::new(),
            ingestion_date: None,
            manifest: InManifest::Unknown,
        };
        sizes.iter().map(object).collect()
    }

    #[test]
    fn a_batch_keeps_what_takes_a_second_or_two_and_one_object_at_least() {
        let slow = pace(100_000, Duration::from_secs(1));
        assert_eq!(slow.fitting(&objects(&[100_000, 100_000, 90_000])), 3, "short enough");
        assert_eq!(slow.fitting(&objects(&[70_000; 5])), 2);
        assert_eq!(slow.fitting(&objects(&[900_000, 100])), 1, "one object is not cut");
        assert_eq!(Pace::default().fitting(&objects(&[i64::MAX, 5])), 2, "nothing is measured");
        assert_eq!(pace(100, Duration::from_secs(1)).fitting(&objects(&[9_000; 5])), 5, "too small to measure");
    }
}
