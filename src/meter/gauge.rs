//! How far a job is: workflows count, and `report::progress` reads the counters from time to time.
//!
//! Counting is one atomic addition, so a workflow may count as often as it likes.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::{Value, json};

use super::tally::tally;
use crate::span::WorkSpan;

/// The unit that a phase counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Things of this name, in the plural: `documents`, `indexes`.
    Things(&'static str),
    /// Requests to an API, whose pace counts by the minute.
    Requests,
    /// Nothing: the phase only takes time.
    Nothing,
}

/// The counters of one phase of a job.
#[derive(Debug)]
pub struct Gauge {
    /// Entity and activity: `sales: filling`.
    pub label: String,
    /// The unit of `done` and `total`.
    pub unit: Unit,
    total: AtomicU64,
    done: AtomicU64,
    began: Instant,
}

impl Gauge {
    /// How much is done.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// How much there is to do; 0 when that is unknown.
    pub fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    /// How long the phase has been running.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Units per second, on average since the phase began.
    pub fn rate(&self) -> f64 {
        self.done() as f64 / self.elapsed().as_secs_f64().max(0.001)
    }

    /// How long the rest will take at this rate; `None` while that is unknown.
    pub fn left(&self) -> Option<Duration> {
        let (done, total) = (self.done(), self.total());
        let left = total.saturating_sub(done) as f64 / self.rate();
        (done > 0 && total > 0).then(|| Duration::try_from_secs_f64(left).ok()).flatten()
    }

    /// The phase for a machine; `left_ms` is null while it is unknown, `unit` where nothing is counted.
    pub fn to_json(&self) -> Value {
        let unit = match self.unit {
            Unit::Bytes => Some("bytes"),
            Unit::Things(name) => Some(name),
            Unit::Requests => Some("requests"),
            Unit::Nothing => None,
        };
        json!({
            "phase": self.label, "done": self.done(), "total": self.total(), "unit": unit,
            "elapsed_ms": self.elapsed().as_millis() as u64,
            "left_ms": self.left().map(|left| left.as_millis() as u64),
        })
    }
}

/// A phase in progress; it ends when this is dropped.
#[derive(Debug)]
#[must_use = "the phase ends when this is dropped"]
pub struct Phase(Arc<Gauge>, WorkSpan);

impl Phase {
    /// Counts `n` more.
    pub fn add(&self, n: u64) {
        self.0.done.fetch_add(n, Ordering::Relaxed);
    }

    /// Begins to count work that may still fail.
    pub fn tentative(&self) -> Tentative {
        Tentative { gauge: Arc::clone(&self.0), counted: AtomicU64::new(0), is_kept: AtomicBool::new(false) }
    }
}

impl Drop for Phase {
    fn drop(&mut self) {
        tally().phase_ended(&self.0.label, self.0.elapsed());
        self.1.set("done", self.0.done());
    }
}

/// Counts work that may still fail: what it has counted is taken back when it is dropped, unless it was kept.
#[derive(Debug)]
pub struct Tentative {
    gauge: Arc<Gauge>,
    counted: AtomicU64,
    is_kept: AtomicBool,
}

impl Tentative {
    /// Counts `n` more.
    pub fn add(&self, n: u64) {
        if !self.is_kept.load(Ordering::Relaxed) {
            self.counted.fetch_add(n, Ordering::Relaxed);
            self.gauge.done.fetch_add(n, Ordering::Relaxed);
        }
    }

    /// Keeps what was counted, as `n` altogether. Nothing is counted any more.
    pub fn keep(&self, n: u64) {
        self.is_kept.store(true, Ordering::Relaxed);
        self.gauge.done.fetch_add(n, Ordering::Relaxed);
        self.take_back();
    }

    fn take_back(&self) {
        self.gauge.done.fetch_sub(self.counted.swap(0, Ordering::Relaxed), Ordering::Relaxed);
    }
}

impl Drop for Tentative {
    fn drop(&mut self) {
        self.take_back();
    }
}

/// Entity and phase of a label such as `sales: filling`; the entity is empty if the label has none.
pub fn entity_and_phase(label: &str) -> (&str, &str) {
    label.split_once(": ").unwrap_or(("", label))
}

/// All phases of this process that are in progress, of whatever meter.
static RUNNING: Mutex<Vec<Weak<Gauge>>> = Mutex::new(Vec::new());

/// The phases of this process that are in progress, in the order in which they began.
pub fn running() -> Vec<Arc<Gauge>> {
    RUNNING.lock().iter().filter_map(Weak::upgrade).collect()
}

fn add(gauge: &Arc<Gauge>, to: &Mutex<Vec<Weak<Gauge>>>) {
    let mut phases = to.lock();
    phases.retain(|phase| phase.strong_count() > 0);
    phases.push(Arc::downgrade(gauge));
}

/// The phases of a job that are in progress. Clones are the same meter.
#[derive(Debug, Clone, Default)]
pub struct Meter(Arc<Mutex<Vec<Weak<Gauge>>>>);

impl Meter {
    /// Begins a phase of `total` units; 0 when the number is unknown.
    pub fn phase(&self, label: impl Into<String>, total: u64, unit: Unit) -> Phase {
        let (total, done) = (AtomicU64::new(total), AtomicU64::new(0));
        let label = label.into();
        let (entity, name) = entity_and_phase(&label);
        let span = WorkSpan::begin(name, entity);
        let gauge = Arc::new(Gauge { label, unit, total, done, began: Instant::now() });
        add(&gauge, &self.0);
        add(&gauge, &RUNNING);
        Phase(gauge, span)
    }

    /// The phases in progress, in the order in which they began.
    pub fn phases(&self) -> Vec<Arc<Gauge>> {
        let phases = self.0.lock();
        phases.iter().filter_map(Weak::upgrade).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_is_seen_while_it_lasts_and_says_how_much_is_left() {
        let meter = Meter::default();
        let fill = meter.phase("filling", 100, Unit::Things("parts"));
        let wait = meter.phase("waiting", 0, Unit::Nothing);
        assert_eq!(meter.phases()[0].left(), None, "nothing is done yet");
        fill.add(20);
        std::thread::sleep(Duration::from_millis(10));
        let seen = meter.phases();
        assert_eq!((seen[0].done(), seen[0].total(), seen[1].label.as_str()), (20, 100, "waiting"));
        assert!(seen[0].left().unwrap() >= Duration::from_millis(40), "four times as long as until now");
        assert_eq!(seen[1].left(), None);
        drop((fill, seen));
        assert_eq!(meter.phases().len(), 1);
        drop(wait);
        assert!(meter.phases().is_empty());
    }

    #[test]
    fn what_failed_work_has_counted_is_taken_back() {
        let meter = Meter::default();
        let phase = meter.phase("loading", 100, Unit::Bytes);
        let failed = phase.tentative();
        failed.add(30);
        assert_eq!(meter.phases()[0].done(), 30, "it counts while the work goes on");
        drop(failed);
        assert_eq!(meter.phases()[0].done(), 0);
        let kept = phase.tentative();
        kept.add(39);
        kept.keep(40);
        kept.add(1);
        drop(kept);
        assert_eq!(meter.phases()[0].done(), 40);
    }
}
