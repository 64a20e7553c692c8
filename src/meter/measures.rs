//! The counts and timings of a process, as one value.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::histogram::Histogram;
use super::names::{Backlog, Counted, Timed};

/// The counts and timings of a process from its start to one moment.
#[derive(Debug, Clone, Default)]
pub struct Measures {
    /// By entity.
    pub counts: BTreeMap<(String, Counted), u64>,
    /// By entity; the empty name stands for the process as a whole.
    pub times: BTreeMap<(String, Timed), Histogram>,
    /// Phases that have ended, by label: `sales: filling`.
    pub phases: BTreeMap<String, Histogram>,
    /// Retries, by the kind of the error.
    pub repeats: BTreeMap<String, Repeats>,
    /// How full the channels of a load were.
    pub backlogs: BTreeMap<Backlog, Fill>,
    /// The connections to the database.
    pub pool: PoolUse,
}

/// How often work was repeated, and how long that waited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Repeats {
    /// Retries.
    pub count: u64,
    /// Pauses before them.
    pub waited: Duration,
}

/// How full a bounded channel was when something was put into it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Fill {
    /// How often something was put into it.
    pub count: u64,
    /// Sum of the shares, 0 to 1, that were taken.
    pub sum: f64,
}

impl Fill {
    /// The average share that was taken, 0 to 1.
    pub fn mean(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum / self.count as f64 }
    }
}

/// Connections of a pool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PoolUse {
    /// Open ones.
    pub open: u32,
    /// Those of them that somebody uses.
    pub in_use: u32,
    /// The most that were in use.
    pub peak: u32,
    /// The most that may be open.
    pub limit: u32,
}

impl Measures {
    /// The same for a machine: lists of objects, times in milliseconds.
    pub fn to_json(&self) -> Value {
        json!({
            "counts": self.counts_json(),
            "timings": self.times.iter().map(|((entity, timed), histogram)| {
                let mut value = timing(histogram);
                value["entity"] = json!(entity);
                value["timing"] = json!(timed.name());
                value
            }).collect::<Vec<_>>(),
            "phases": self.phases.iter().map(|(label, histogram)| json!({
                "phase": label, "count": histogram.count(), "elapsed_ms": ms(histogram.sum()),
            })).collect::<Vec<_>>(),
            "retries": self.repeats.iter().map(|(kind, repeats)| json!({
                "kind": kind, "count": repeats.count, "waited_ms": ms(repeats.waited),
            })).collect::<Vec<_>>(),
            "backlogs": self.backlogs.iter().map(|(backlog, fill)| json!({
                "backlog": backlog.name(), "mean_fill": (fill.mean() * 1000.0).round() / 1000.0,
            })).collect::<Vec<_>>(),
            "pool": {
                "open": self.pool.open, "in_use": self.pool.in_use, "peak": self.pool.peak, "limit": self.pool.limit,
            },
        })
    }

    /// An object for each entity, with what was counted of it.
    fn counts_json(&self) -> Value {
        let mut entities: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
        for ((entity, counted), count) in &self.counts {
            let counts =
                entities.entry(entity).or_insert_with(|| Map::from_iter([("entity".to_owned(), json!(entity))]));
            counts.insert(counted.name().to_owned(), json!(count));
        }
        entities.into_values().map(Value::Object).collect()
    }
}

fn timing(histogram: &Histogram) -> Value {
    json!({
        "count": histogram.count(), "sum_ms": ms(histogram.sum()), "p50_ms": ms(histogram.quantile(0.5)),
        "p95_ms": ms(histogram.quantile(0.95)), "p99_ms": ms(histogram.quantile(0.99)), "max_ms": ms(histogram.max()),
    })
}

/// Milliseconds with three places: a commit may take less than one.
fn ms(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}
