//! The parts that both requests have: resource, scope and attributes.

use super::message::{FieldValue, Message};
use crate::telemetry::resource::{Attribute, Resource};

/// The version of the semantic conventions that names follow.
pub(super) const SCHEMA: &str = "https://opentelemetry.io/schemas/1.37.0";

/// `Resource`.
pub(super) fn resource(resource: &Resource) -> Message {
    Message::default().with(1, "attributes", attributes(&resource.attributes))
}

/// `InstrumentationScope`: evo itself.
pub(super) fn scope() -> Message {
    Message::default().with(1, "name", "evo".into()).with(2, "version", env!("CARGO_PKG_VERSION").into())
}

/// A list of `KeyValue`.
pub(super) fn attributes<'a>(pairs: impl IntoIterator<Item = &'a (String, Attribute)>) -> FieldValue {
    FieldValue::Messages(pairs.into_iter().map(|(key, value)| pair(key, value)).collect())
}

/// `KeyValue`.
pub(super) fn pair(key: &str, value: &Attribute) -> Message {
    let value = match value {
        Attribute::Text(text) => Message::default().with(1, "stringValue", text.as_str().into()),
        Attribute::Bool(b) => Message::default().with(2, "boolValue", FieldValue::Bool(*b)),
        Attribute::Whole(n) => Message::default().with(3, "intValue", FieldValue::Int64(*n)),
        Attribute::Real(n) => Message::default().with(4, "doubleValue", FieldValue::Double(*n)),
    };
    Message::default().with(1, "key", key.into()).with(2, "value", FieldValue::Message(value))
}
