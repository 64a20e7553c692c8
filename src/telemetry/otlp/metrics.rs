//! `ExportMetricsServiceRequest`.

use super::message::{FieldValue, Message};
use super::values::{SCHEMA, pair, resource, scope};
use crate::telemetry::metric::{BOUNDS, Distribution, Instrument, Metric, Point, Value};
use crate::telemetry::resource::{Attribute, Resource};

/// Values count from the start of the process.
const CUMULATIVE: u32 = 2;

/// The request that sends these metrics. Times are nanoseconds since 1970.
pub(in crate::telemetry) fn metrics_request(of: &Resource, metrics: &[Metric], began: u64, now: u64) -> Message {
    let metrics = metrics.iter().map(|one| metric(one, began, now)).collect();
    let scoped = Message::default()
        .with(1, "scope", FieldValue::Message(scope()))
        .with(2, "metrics", FieldValue::Messages(metrics))
        .with(3, "schemaUrl", SCHEMA.into());
    let of_resource = Message::default()
        .with(1, "resource", FieldValue::Message(resource(of)))
        .with(2, "scopeMetrics", FieldValue::Messages(vec![scoped]))
        .with(3, "schemaUrl", SCHEMA.into());
    Message::default().with(1, "resourceMetrics", FieldValue::Messages(vec![of_resource]))
}

fn metric(metric: &Metric, began: u64, now: u64) -> Message {
    let points = FieldValue::Messages(metric.points.iter().map(|one| point(one, began, now)).collect());
    let data = Message::default().with(1, "dataPoints", points);
    let (number, name, data) = match metric.name.instrument {
        Instrument::Gauge => (5, "gauge", data),
        Instrument::Counter => (7, "sum", sum(data).with(3, "isMonotonic", FieldValue::Bool(true))),
        Instrument::UpDownCounter => (7, "sum", sum(data)),
        Instrument::Histogram => (9, "histogram", sum(data)),
    };
    Message::default()
        .with(1, "name", metric.name.name.into())
        .with(2, "description", metric.name.doc.into())
        .with(3, "unit", metric.name.unit.into())
        .with(number, name, FieldValue::Message(data))
}

fn sum(data: Message) -> Message {
    data.with(2, "aggregationTemporality", FieldValue::Uint32(CUMULATIVE))
}

fn point(point: &Point, began: u64, now: u64) -> Message {
    let timed = Message::default().with(2, "startTimeUnixNano", FieldValue::Fixed64(began)).with(
        3,
        "timeUnixNano",
        FieldValue::Fixed64(now),
    );
    // An attribute that does not apply is left out.
    let given = point.attributes.iter().filter(|(_, value)| !value.is_empty());
    let attributes =
        FieldValue::Messages(given.map(|(key, value)| pair(key, &Attribute::Text(value.clone()))).collect());
    match &point.value {
        Value::Whole(n) => timed
            .with(6, "asInt", FieldValue::SignedFixed64(i64::try_from(*n).unwrap_or(i64::MAX)))
            .with(7, "attributes", attributes),
        Value::Real(n) => timed.with(4, "asDouble", FieldValue::Double(*n)).with(7, "attributes", attributes),
        Value::Times(distribution) => histogram(timed, distribution).with(9, "attributes", attributes),
    }
}

fn histogram(timed: Message, distribution: &Distribution) -> Message {
    timed
        .with(4, "count", FieldValue::Fixed64(distribution.count))
        .with(5, "sum", FieldValue::Double(distribution.sum))
        .with(6, "bucketCounts", FieldValue::Fixed64s(distribution.counts.to_vec()))
        .with(7, "explicitBounds", FieldValue::Doubles(BOUNDS.to_vec()))
        .with(12, "max", FieldValue::Double(distribution.max))
}
