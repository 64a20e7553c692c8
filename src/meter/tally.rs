//! The counters of this process.
//!
//! One execution is one process, so they are the process's own, as its CPU time is. Whatever counts needs no
//! handle, however deep it is: the retry loop, a commit, a channel.

use std::sync::LazyLock;
use std::time::Duration;

use parking_lot::Mutex;

use super::measures::{Measures, PoolUse};
use super::names::{Backlog, Counted, Timed};
use crate::error::Kind;

/// Counts what a process does. Every call takes a lock for well under a microsecond.
#[derive(Debug, Default)]
pub struct Tally(Mutex<Measures>);

/// The tally of this process.
pub fn tally() -> &'static Tally {
    static TALLY: LazyLock<Tally> = LazyLock::new(Tally::default);
    &TALLY
}

impl Tally {
    /// Adds to the counts of an entity. What is 0 adds nothing.
    pub fn count(&self, entity: &str, counts: &[(Counted, u64)]) {
        let mut measures = self.0.lock();
        for (counted, n) in counts.iter().filter(|(_, n)| *n > 0) {
            *measures.counts.entry((entity.to_owned(), *counted)).or_default() += n;
        }
    }

    /// Counts how long things of an entity took; the empty name stands for the process as a whole.
    pub fn time(&self, entity: &str, times: &[(Timed, Duration)]) {
        let mut measures = self.0.lock();
        for (timed, duration) in times {
            measures.times.entry((entity.to_owned(), *timed)).or_default().record(*duration);
        }
    }

    /// Counts a phase that has ended.
    pub(super) fn phase_ended(&self, label: &str, elapsed: Duration) {
        self.0.lock().phases.entry(label.to_owned()).or_default().record(elapsed);
    }

    /// Counts a retry after an error of this kind, and the pause before it.
    pub fn repeated(&self, kind: Kind, waited: Duration) {
        let mut measures = self.0.lock();
        let repeats = measures.repeats.entry(format!("{kind:?}")).or_default();
        repeats.count += 1;
        repeats.waited += waited;
    }

    /// Counts how full a channel of this `capacity` is, with room for `free` more.
    pub fn filled(&self, backlog: Backlog, free: usize, capacity: usize) {
        let mut measures = self.0.lock();
        let fill = measures.backlogs.entry(backlog).or_default();
        fill.count += 1;
        fill.sum += 1.0 - free as f64 / capacity.max(1) as f64;
    }

    /// Notes how many connections are open and in use, and how many may be open.
    pub fn pool(&self, open: u32, in_use: u32, limit: u32) {
        let pool = &mut self.0.lock().pool;
        *pool = PoolUse { open, in_use, peak: pool.peak.max(in_use), limit };
    }

    /// Everything that was counted until now.
    pub fn measures(&self) -> Measures {
        self.0.lock().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_adds_up_by_entity_and_by_kind() {
        let tally = Tally::default();
        tally.count("sales", &[(Counted::Lines, 10), (Counted::Rejected, 0)]);
        tally.count("sales", &[(Counted::Lines, 5)]);
        tally.count("members", &[(Counted::Lines, 1)]);
        for ms in [1, 2, 3, 4] {
            tally.time("sales", &[(Timed::Merge, Duration::from_millis(ms))]);
        }
        tally.repeated(Kind::DatabaseBusy, Duration::from_millis(20));
        tally.repeated(Kind::DatabaseBusy, Duration::from_millis(40));
        tally.filled(Backlog::Decoded, 4, 4);
        tally.filled(Backlog::Decoded, 0, 4);
        tally.pool(3, 2, 8);
        tally.pool(3, 1, 8);
        tally.phase_ended("sales: loading", Duration::from_secs(2));
        let json = tally.measures().to_json();
        assert_eq!(
            json["counts"],
            serde_json::json!([{ "entity": "members", "lines": 1 }, { "entity": "sales", "lines": 15 }])
        );
        let merge = &json["timings"][0];
        assert_eq!((merge["entity"].as_str(), merge["timing"].as_str()), (Some("sales"), Some("merge")));
        assert_eq!((merge["count"].as_u64(), merge["sum_ms"].as_f64()), (Some(4), Some(10.0)));
        assert!((merge["p50_ms"].as_f64().unwrap() - 2.0).abs() < 0.1 && merge["max_ms"] == 4.0, "{merge}");
        assert_eq!(json["retries"][0], serde_json::json!({ "kind": "DatabaseBusy", "count": 2, "waited_ms": 60.0 }));
        assert_eq!(json["backlogs"][0], serde_json::json!({ "backlog": "decoded", "mean_fill": 0.5 }));
        assert_eq!(json["pool"], serde_json::json!({ "open": 3, "in_use": 1, "peak": 2, "limit": 8 }));
        assert_eq!(json["phases"][0]["elapsed_ms"], 2000.0);
    }
}
