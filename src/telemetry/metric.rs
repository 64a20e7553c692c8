//! A metric as a value: name, unit and kind, and what was measured, independent of any format.

use std::time::Duration;

use crate::meter::Histogram;

/// How a metric's values are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instrument {
    /// Counts up from the start of the process.
    Counter,
    /// The value at this moment, which can be added up over processes.
    UpDownCounter,
    /// The value at this moment.
    Gauge,
    /// How durations are distributed, in seconds.
    Histogram,
}

impl Instrument {
    /// Its name in the documentation.
    pub fn name(self) -> &'static str {
        match self {
            Instrument::Counter => "counter",
            Instrument::UpDownCounter => "up-down counter",
            Instrument::Gauge => "gauge",
            Instrument::Histogram => "histogram",
        }
    }
}

/// A metric that evo reports, as it is documented.
#[derive(Debug)]
pub struct MetricName {
    /// Name in OpenTelemetry.
    pub name: &'static str,
    /// How its values are to be read.
    pub instrument: Instrument,
    /// Unit in UCUM: `s`, `By`, `1`, `{line}`.
    pub unit: &'static str,
    /// Names of its attributes.
    pub attributes: &'static [&'static str],
    /// Its meaning, in one line.
    pub doc: &'static str,
}

impl MetricName {
    /// The name in Prometheus, by the rules of OpenTelemetry: `evo.lake.io` in bytes is
    /// `evo_lake_io_bytes_total`.
    pub fn in_prometheus(&self) -> String {
        let mut name = self.name.replace('.', "_");
        let unit = match (self.unit, self.instrument) {
            ("s", _) => "_seconds",
            ("By", _) => "_bytes",
            ("1", Instrument::Gauge) => "_ratio",
            _ => "",
        };
        if !name.ends_with(unit) {
            name += unit;
        }
        match self.instrument {
            Instrument::Counter => name + "_total",
            _ => name,
        }
    }
}

/// Attributes of a value, in the order of the metric's declaration.
pub(super) type Attributes = Vec<(&'static str, String)>;

/// One measured value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Whole(u64),
    Real(f64),
    Times(Distribution),
}

/// A value and its attributes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Point {
    pub attributes: Attributes,
    pub value: Value,
}

/// A metric and its values.
#[derive(Debug)]
pub(super) struct Metric {
    pub name: &'static MetricName,
    pub points: Vec<Point>,
}

/// Upper bounds of the buckets of every histogram, in seconds. Those up to 10 s are the ones that the
/// semantic conventions give for operations of databases.
pub(super) const BOUNDS: [f64; 14] =
    [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0];

/// Durations in the buckets of [`BOUNDS`], and one more for those above.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Distribution {
    pub counts: [u64; BOUNDS.len() + 1],
    pub count: u64,
    /// Seconds.
    pub sum: f64,
    /// Seconds.
    pub max: f64,
}

impl Distribution {
    /// The same in fewer buckets. A duration may land in the bucket above its own if it is within a sixteenth
    /// of the bound.
    pub(super) fn of(histogram: &Histogram) -> Self {
        let mut found = Self { count: histogram.count(), ..Self::default() };
        found.sum = histogram.sum().as_secs_f64();
        found.max = histogram.max().as_secs_f64();
        for (below, count) in histogram.buckets() {
            found.counts[bucket(below)] += count;
        }
        found
    }
}

fn bucket(below: Duration) -> usize {
    let below = below.as_secs_f64();
    BOUNDS.iter().position(|bound| below <= *bound).unwrap_or(BOUNDS.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_prometheus_ends_in_its_unit_and_a_counter_in_total() {
        let name =
            |name, instrument, unit| MetricName { name, instrument, unit, attributes: &[], doc: "" }.in_prometheus();
        assert_eq!(name("evo.lake.io", Instrument::Counter, "By"), "evo_lake_io_bytes_total");
        assert_eq!(name("evo.batch.duration", Instrument::Histogram, "s"), "evo_batch_duration_seconds");
        assert_eq!(name("evo.lines", Instrument::Counter, "{line}"), "evo_lines_total");
        assert_eq!(name("evo.queue.fill", Instrument::Gauge, "1"), "evo_queue_fill_ratio");
        assert_eq!(
            name("db.client.connection.count", Instrument::UpDownCounter, "{connection}"),
            "db_client_connection_count"
        );
    }

    #[test]
    fn a_distribution_keeps_count_sum_and_maximum_and_every_duration_has_a_bucket() {
        let mut histogram = Histogram::default();
        for ms in [0, 3, 40, 700, 20_000, 10_000_000] {
            histogram.record(Duration::from_millis(ms));
        }
        let found = Distribution::of(&histogram);
        assert_eq!((found.count, found.counts.iter().sum::<u64>(), found.max), (6, 6, 10_000.0));
        assert!((found.sum - 10_020.743).abs() < 1e-9, "{}", found.sum);
        assert_eq!(found.counts, [1, 1, 0, 1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1]);
    }
}
