//! `ExportTraceServiceRequest`.

use super::message::{FieldValue, Message};
use super::values::{SCHEMA, attributes, resource, scope};
use crate::telemetry::resource::Resource;
use crate::telemetry::spans::{FinishedSpan, SpanEvent};
use crate::telemetry::trace_context::TraceContext;

/// `SPAN_KIND_INTERNAL`: evo serves nobody's requests.
const INTERNAL: u32 = 1;
/// `STATUS_CODE_ERROR`.
const ERROR: u32 = 2;

/// The request that sends these spans of one trace.
pub(in crate::telemetry) fn traces_request(of: &Resource, context: &TraceContext, spans: &[FinishedSpan]) -> Message {
    let spans = spans.iter().map(|one| span(one, context)).collect();
    let scoped = Message::default()
        .with(1, "scope", FieldValue::Message(scope()))
        .with(2, "spans", FieldValue::Messages(spans))
        .with(3, "schemaUrl", SCHEMA.into());
    let of_resource = Message::default()
        .with(1, "resource", FieldValue::Message(resource(of)))
        .with(2, "scopeSpans", FieldValue::Messages(vec![scoped]))
        .with(3, "schemaUrl", SCHEMA.into());
    Message::default().with(1, "resourceSpans", FieldValue::Messages(vec![of_resource]))
}

fn span(span: &FinishedSpan, context: &TraceContext) -> Message {
    // 1 is "sampled"; 0x100 says that 0x200 says whether the parent is of another process.
    let is_remote = span.parent.is_some() && span.parent == context.parent;
    let flags = 0x101 | if is_remote { 0x200 } else { 0 };
    let status = span.error.as_ref().map(|message| {
        let status = Message::default().with(2, "message", message.as_str().into());
        FieldValue::Message(status.with(3, "code", FieldValue::Uint32(ERROR)))
    });
    Message::default()
        .with(1, "traceId", FieldValue::Id(context.trace.0.to_vec()))
        .with(2, "spanId", FieldValue::Id(span.id.0.to_vec()))
        .with_some(3, "traceState", (!context.state.is_empty()).then(|| context.state.as_str().into()))
        .with_some(4, "parentSpanId", span.parent.map(|parent| FieldValue::Id(parent.0.to_vec())))
        .with(5, "name", span.name.as_str().into())
        .with(6, "kind", FieldValue::Uint32(INTERNAL))
        .with(7, "startTimeUnixNano", FieldValue::Fixed64(span.began))
        .with(8, "endTimeUnixNano", FieldValue::Fixed64(span.ended))
        .with(9, "attributes", attributes(&span.attributes))
        .with(11, "events", FieldValue::Messages(span.events.iter().map(event).collect()))
        .with_some(
            12,
            "droppedEventsCount",
            (span.dropped_events > 0).then_some(FieldValue::Uint32(span.dropped_events)),
        )
        .with_some(15, "status", status)
        .with(16, "flags", FieldValue::Fixed32(flags))
}

fn event(event: &SpanEvent) -> Message {
    Message::default()
        .with(1, "timeUnixNano", FieldValue::Fixed64(event.at))
        .with(2, "name", event.name.as_str().into())
        .with(3, "attributes", attributes(&event.attributes))
}
