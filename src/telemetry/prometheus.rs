//! Metrics in Prometheus' text format, version 0.0.4.

use std::fmt::Write;

use super::metric::{BOUNDS, Distribution, Instrument, Metric, Value};

/// The metrics as text, with `common` labels on every series.
pub(super) fn text(metrics: &[Metric], common: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for metric in metrics {
        let name = metric.name.in_prometheus();
        let kind = match metric.name.instrument {
            Instrument::Counter => "counter",
            Instrument::UpDownCounter | Instrument::Gauge => "gauge",
            Instrument::Histogram => "histogram",
        };
        let _ = write!(text, "# HELP {name} {}\n# TYPE {name} {kind}\n", help(metric.name.doc));
        for point in &metric.points {
            let own = point.attributes.iter().map(|(key, value)| (*key, value.as_str()));
            let labels: String = common.iter().copied().chain(own).map(|(key, value)| label(key, value)).collect();
            match &point.value {
                Value::Whole(n) => sample(&mut text, &name, &labels, *n),
                Value::Real(n) => sample(&mut text, &name, &labels, *n),
                Value::Times(distribution) => histogram(&mut text, &name, &labels, distribution),
            }
        }
    }
    text
}

/// One series without attributes of its own.
pub(super) fn series(name: &str, common: &[(&str, &str)], value: f64) -> String {
    let labels: String = common.iter().map(|(key, value)| label(key, value)).collect();
    let mut text = String::new();
    sample(&mut text, name, &labels, value);
    text
}

/// One line; `labels` ends with a comma, which the format allows, or is empty.
fn sample(text: &mut String, name: &str, labels: &str, value: impl std::fmt::Display) {
    let labels = labels.trim_end_matches(',');
    let _ = match labels {
        "" => writeln!(text, "{name} {value}"),
        labels => writeln!(text, "{name}{{{labels}}} {value}"),
    };
}

fn histogram(text: &mut String, name: &str, labels: &str, distribution: &Distribution) {
    let (bucket, mut below) = (format!("{name}_bucket"), 0);
    for (bound, count) in BOUNDS.iter().zip(&distribution.counts) {
        below += count;
        sample(text, &bucket, &format!("{labels}le=\"{bound}\","), below);
    }
    sample(text, &bucket, &format!("{labels}le=\"+Inf\","), distribution.count);
    sample(text, &format!("{name}_sum"), labels, distribution.sum);
    sample(text, &format!("{name}_count"), labels, distribution.count);
}

/// `key="value",`, with the dots of the key as underscores.
fn label(key: &str, value: &str) -> String {
    let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("{}=\"{value}\",", key.replace('.', "_"))
}

fn help(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::super::metric::{MetricName, Point};
    use super::*;

    static ROWS: MetricName = MetricName {
        name: "evo.rows",
        instrument: Instrument::Counter,
        unit: "{row}",
        attributes: &["evo.entity"],
        doc: "rows \\ lines",
    };
    static TIME: MetricName = MetricName {
        name: "evo.batch.duration",
        instrument: Instrument::Histogram,
        unit: "s",
        attributes: &[],
        doc: "a batch",
    };

    #[test]
    fn a_series_is_a_line_and_hostile_values_stay_inside_their_quotes() {
        let attributes = vec![("evo.entity", "a\"b\\c\nd".to_owned())];
        let rows = Metric { name: &ROWS, points: vec![Point { attributes, value: Value::Whole(7) }] };
        assert_eq!(
            text(&[rows], &[("evo.command", "load")]),
            "# HELP evo_rows_total rows \\\\ lines\n# TYPE evo_rows_total counter\n\
             evo_rows_total{evo_command=\"load\",evo_entity=\"a\\\"b\\\\c\\nd\"} 7\n"
        );
    }

    #[test]
    fn buckets_add_up_to_the_count() {
        let mut distribution = Distribution { count: 3, sum: 1_000.5, max: 1_000.0, ..Distribution::default() };
        distribution.counts[5] = 2;
        distribution.counts[BOUNDS.len()] = 1;
        let point = Point { attributes: Vec::new(), value: Value::Times(distribution) };
        let text = text(&[Metric { name: &TIME, points: vec![point] }], &[]);
        for line in [
            "evo_batch_duration_seconds_bucket{le=\"0.1\"} 0",
            "evo_batch_duration_seconds_bucket{le=\"0.5\"} 2",
            "evo_batch_duration_seconds_bucket{le=\"900\"} 2",
            "evo_batch_duration_seconds_bucket{le=\"+Inf\"} 3",
            "evo_batch_duration_seconds_sum 1000.5",
            "evo_batch_duration_seconds_count 3",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
