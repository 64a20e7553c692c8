//! OTLP: OpenTelemetry's protocol, over HTTP.
//!
//! ```text
//! message   a message as a value, with the numbers and the JSON names of its fields
//! wire      the value as protobuf or as JSON
//! values    resource, scope, attributes: what metrics and spans share
//! metrics · traces   the two requests
//! client    a POST, and what its answer means
//! ```

mod client;
mod message;
mod metrics;
mod traces;
mod values;
mod wire;

pub(super) use client::{Delivery, OtlpClient, reason};
pub(super) use message::Message;
pub(super) use metrics::metrics_request;
pub(super) use traces::traces_request;
