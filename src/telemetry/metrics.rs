//! Every metric that evo reports, declared once, and its values from what the process has counted.
//!
//! Names and units follow the semantic conventions of OpenTelemetry where they have one. The table in
//! `docs/telemetry.md` comes from [`METRICS`].

use std::collections::BTreeMap;

use super::metric::Instrument::{Counter, Gauge, Histogram, UpDownCounter};
use super::metric::{Attributes, Distribution, Instrument, Metric, MetricName, Point, Value};
use crate::meter::{self, Backlog, Counted, Measures, Timed, entity_and_phase};
use crate::report::usage::Usage;

const fn metric(
    name: &'static str,
    instrument: Instrument,
    unit: &'static str,
    attributes: &'static [&'static str],
    doc: &'static str,
) -> MetricName {
    MetricName { name, instrument, unit, attributes, doc }
}

/// The attributes of what is counted by entity.
const BY_ENTITY: &[&str] = &["evo.entity"];

/// Every metric.
#[rustfmt::skip]
pub static METRICS: &[MetricName] = &[
    metric("evo.execution.duration", Gauge, "s", &[], "how long the execution has run"),
    metric("evo.execution.running", UpDownCounter, "{execution}", &[],
        "1 while the execution runs, 0 when it has ended"),
    metric("evo.execution.exit_code", Gauge, "{code}", &[], "its exit code, when it has ended"),
    metric("evo.execution.start.timestamp", Gauge, "s", &[], "when it began, seconds since 1970"),
    metric("evo.execution.end.timestamp", Gauge, "s", &[], "when it ended, seconds since 1970"),
    metric("evo.lines", Counter, "{line}", BY_ENTITY, "lines read by committed batches"),
    metric("evo.rows", Counter, "{row}", &["evo.entity", "evo.outcome"],
        "what became of rows: in a load of the lines (inserted, updated, unchanged, superseded, rejected), \
         in a transform of the rows of core (inserted, updated, deleted)"),
    metric("evo.lake.io", Counter, "By", BY_ENTITY, "compressed bytes of the objects loaded"),
    metric("evo.lake.inflated", Counter, "By", BY_ENTITY, "the same bytes, decompressed"),
    metric("evo.objects", Counter, "{object}", BY_ENTITY, "objects loaded, or written by an extraction"),
    metric("evo.objects.set_aside", Counter, "{object}", BY_ENTITY, "objects set aside"),
    metric("evo.batches", Counter, "{batch}", BY_ENTITY, "batches committed"),
    metric("evo.documents", Counter, "{document}", BY_ENTITY, "documents transformed"),
    metric("evo.documents.refused", Counter, "{document}", BY_ENTITY, "documents that core refused"),
    metric("evo.issues", Counter, "{issue}", BY_ENTITY, "values filed in evo.issues"),
    metric("evo.windows", Counter, "{window}", BY_ENTITY, "windows of an extraction that were fetched"),
    metric("evo.batch.duration", Histogram, "s", BY_ENTITY,
        "a batch of a load, from its claim to its commit, with all its attempts"),
    metric("evo.batch.phase.duration", Histogram, "s", &["evo.entity", "evo.phase"],
        "of a batch: waiting for the lake (lake), decompressing and checking (decode), waiting for the \
         server to take the rows (copy), merging (merge), waiting for the entity's turn (turn), ledger and \
         COMMIT (commit)"),
    metric("evo.chunk.duration", Histogram, "s", BY_ENTITY, "a chunk of an increment, with all its attempts"),
    metric("evo.part.duration", Histogram, "s", BY_ENTITY, "a part of a full refresh"),
    metric("evo.phase.duration", Histogram, "s", &["evo.entity", "evo.phase"],
        "phases of a job that have ended, such as loading or filling"),
    metric("evo.phase.progress", Gauge, "1", &["evo.entity", "evo.phase"],
        "how much of a phase in progress is done, from 0 to 1"),
    metric("evo.retries", Counter, "{retry}", &["error.type"],
        "attempts that were repeated, by the kind of the error"),
    metric("evo.retries.wait", Counter, "s", &["error.type"], "pauses before them"),
    metric("evo.database.outage.duration", Histogram, "s", &[], "times without a database that takes writes"),
    metric("evo.queue.fill", Gauge, "1", &["evo.queue"],
        "how full a channel of a load is on average: what is downloaded (downloaded) or decoded (decoded) \
         and waits; an empty one waits for its sender, a full one for its receiver"),
    metric("db.client.operation.duration", Histogram, "s", &["db.system.name", "db.operation.name"],
        "from COMMIT to its reply"),
    metric("db.client.connection.count", UpDownCounter, "{connection}",
        &["db.client.connection.pool.name", "db.client.connection.state"],
        "connections to the database, idle or used"),
    metric("db.client.connection.max", UpDownCounter, "{connection}", &["db.client.connection.pool.name"],
        "how many there may be"),
    metric("db.client.connection.wait_time", Histogram, "s", &["db.client.connection.pool.name"],
        "how long work waited for a connection"),
    metric("process.cpu.time", Counter, "s", &["cpu.mode"], "CPU time of this process: user, system"),
    metric("evo.process.memory.peak", UpDownCounter, "By", &[],
        "the largest resident memory of this process at any moment"),
];

/// The declaration of a metric; its values when there are any.
struct Readings(Vec<Metric>);

impl Readings {
    fn add(&mut self, name: &str, values: &[&str], value: Value) {
        let at = self.0.iter().position(|metric| metric.name.name == name).or_else(|| {
            let name = METRICS.iter().find(|metric| metric.name == name)?;
            self.0.push(Metric { name, points: Vec::new() });
            Some(self.0.len() - 1)
        });
        if let Some(metric) = at.and_then(|at| self.0.get_mut(at)) {
            let values = values.iter().map(|value| (*value).to_owned());
            let attributes: Attributes = metric.name.attributes.iter().copied().zip(values).collect();
            metric.points.push(Point { attributes, value });
        }
    }
}

/// How an execution is doing, or how it ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct State {
    /// Seconds since 1970.
    pub began_at: f64,
    /// Seconds.
    pub elapsed: f64,
    /// Exit code and time, seconds since 1970, once it has ended.
    pub ended: Option<(u8, f64)>,
}

/// The values at this moment, in the order of [`METRICS`]. A metric without values is left out.
pub(super) fn read(measures: &Measures, state: State, usage: Usage) -> Vec<Metric> {
    let mut readings = Readings(Vec::new());
    execution(&mut readings, state);
    counts(&mut readings, measures);
    times(&mut readings, measures);
    phases(&mut readings, measures);
    for (kind, repeats) in &measures.repeats {
        readings.add("evo.retries", &[kind], Value::Whole(repeats.count));
        readings.add("evo.retries.wait", &[kind], Value::Real(repeats.waited.as_secs_f64()));
    }
    for (backlog, fill) in &measures.backlogs {
        let queue = match backlog {
            Backlog::Downloaded => "downloaded",
            Backlog::Decoded => "decoded",
        };
        readings.add("evo.queue.fill", &[queue], Value::Real(fill.mean()));
    }
    let pool = &measures.pool;
    if pool.limit > 0 {
        let idle = pool.open.saturating_sub(pool.in_use);
        readings.add("db.client.connection.count", &["evo", "idle"], Value::Whole(idle.into()));
        readings.add("db.client.connection.count", &["evo", "used"], Value::Whole(pool.in_use.into()));
        readings.add("db.client.connection.max", &["evo"], Value::Whole(pool.limit.into()));
    }
    readings.add("process.cpu.time", &["user"], Value::Real(usage.cpu.saturating_sub(usage.system).as_secs_f64()));
    readings.add("process.cpu.time", &["system"], Value::Real(usage.system.as_secs_f64()));
    readings.add("evo.process.memory.peak", &[], Value::Whole(usage.peak_resident));
    let place = |metric: &Metric| METRICS.iter().position(|name| name.name == metric.name.name);
    readings.0.sort_by_key(place);
    readings.0
}

fn execution(readings: &mut Readings, state: State) {
    readings.add("evo.execution.duration", &[], Value::Real(state.elapsed));
    readings.add("evo.execution.running", &[], Value::Whole(u64::from(state.ended.is_none())));
    readings.add("evo.execution.start.timestamp", &[], Value::Real(state.began_at));
    if let Some((code, at)) = state.ended {
        readings.add("evo.execution.exit_code", &[], Value::Whole(code.into()));
        readings.add("evo.execution.end.timestamp", &[], Value::Real(at));
    }
}

fn counts(readings: &mut Readings, measures: &Measures) {
    for ((entity, counted), n) in &measures.counts {
        let (name, outcome) = match counted {
            Counted::Batches => ("evo.batches", None),
            Counted::Objects => ("evo.objects", None),
            Counted::Bytes => ("evo.lake.io", None),
            Counted::InflatedBytes => ("evo.lake.inflated", None),
            Counted::Lines => ("evo.lines", None),
            Counted::SetAside => ("evo.objects.set_aside", None),
            Counted::Documents => ("evo.documents", None),
            Counted::Issues => ("evo.issues", None),
            Counted::Refused => ("evo.documents.refused", None),
            Counted::Windows => ("evo.windows", None),
            Counted::Inserted
            | Counted::Updated
            | Counted::Unchanged
            | Counted::Superseded
            | Counted::Rejected
            | Counted::Deleted => ("evo.rows", Some(counted.name())),
        };
        let values: Vec<&str> = [Some(entity.as_str()), outcome].into_iter().flatten().collect();
        readings.add(name, &values, Value::Whole(*n));
    }
}

fn times(readings: &mut Readings, measures: &Measures) {
    for ((entity, timed), histogram) in &measures.times {
        let value = Value::Times(Distribution::of(histogram));
        let entity = entity.as_str();
        match timed {
            Timed::Batch => readings.add("evo.batch.duration", &[entity], value),
            Timed::Lake | Timed::Decode | Timed::Copy | Timed::Merge | Timed::Turn | Timed::Commit => {
                readings.add("evo.batch.phase.duration", &[entity, timed.name()], value);
            }
            Timed::Chunk => readings.add("evo.chunk.duration", &[entity], value),
            Timed::Part => readings.add("evo.part.duration", &[entity], value),
            Timed::Connection => readings.add("db.client.connection.wait_time", &["evo"], value),
            Timed::CommitReply => readings.add("db.client.operation.duration", &["postgresql", "COMMIT"], value),
            Timed::Outage => readings.add("evo.database.outage.duration", &[], value),
        }
    }
}

fn phases(readings: &mut Readings, measures: &Measures) {
    for (label, histogram) in &measures.phases {
        let (entity, phase) = entity_and_phase(label);
        readings.add("evo.phase.duration", &[entity, phase], Value::Times(Distribution::of(histogram)));
    }
    // Two phases of one label are one series.
    let mut running: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for gauge in meter::running().iter().filter(|gauge| gauge.total() > 0) {
        let (done, total) = running.entry(gauge.label.clone()).or_default();
        *done += gauge.done();
        *total += gauge.total();
    }
    for (label, (done, total)) in &running {
        let (entity, phase) = entity_and_phase(label);
        let share = *done as f64 / *total as f64;
        readings.add("evo.phase.progress", &[entity, phase], Value::Real(share.min(1.0)));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use super::*;
    use crate::meter::{Fill, PoolUse, Repeats};

    /// Something of everything.
    fn everything() -> Measures {
        let mut measures = Measures::default();
        let mut times = meter::Histogram::default();
        times.record(Duration::from_millis(20));
        for counted in Counted::ALL {
            measures.counts.insert(("sales".to_owned(), *counted), 7);
        }
        for timed in Timed::ALL {
            measures.times.insert(("sales".to_owned(), *timed), times.clone());
        }
        measures.phases.insert("sales: loading".to_owned(), times);
        measures.repeats.insert("DatabaseBusy".to_owned(), Repeats { count: 2, waited: Duration::from_secs(3) });
        for backlog in Backlog::ALL {
            measures.backlogs.insert(*backlog, Fill { count: 4, sum: 1.0 });
        }
        measures.pool = PoolUse { open: 3, in_use: 2, peak: 3, limit: 5 };
        measures
    }

    #[test]
    fn everything_that_is_counted_has_a_metric_and_every_metric_all_its_attributes() {
        let state = State { began_at: 1.0, elapsed: 2.0, ended: Some((6, 3.0)) };
        let read = read(&everything(), state, Usage::default());
        let found: BTreeSet<&str> = read.iter().map(|metric| metric.name.name).collect();
        let missing: Vec<_> = METRICS.iter().map(|m| m.name).filter(|name| !found.contains(name)).collect();
        assert_eq!(missing, ["evo.phase.progress"], "no phase is in progress");
        for metric in &read {
            let distinct: BTreeSet<_> = metric.points.iter().map(|p| &p.attributes).collect();
            assert_eq!(distinct.len(), metric.points.len(), "{}: each series once", metric.name.name);
            for point in &metric.points {
                let names: Vec<&str> = point.attributes.iter().map(|(name, _)| *name).collect();
                assert_eq!(names, metric.name.attributes, "{}", metric.name.name);
                let is_histogram = metric.name.instrument == Instrument::Histogram;
                assert_eq!(matches!(point.value, Value::Times(_)), is_histogram, "{}", metric.name.name);
            }
        }
        let rows = read.iter().find(|metric| metric.name.name == "evo.rows").unwrap();
        assert_eq!(rows.points.len(), 6);
    }

    #[test]
    fn names_are_used_once_in_both_languages_and_are_lowercase_with_dots() {
        let mut seen = BTreeSet::new();
        for metric in METRICS {
            assert!(metric.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'.' || b == b'_'), "{}", metric.name);
            assert!(seen.insert(metric.name.to_owned()) && seen.insert(metric.in_prometheus()), "{}", metric.name);
        }
    }
}
