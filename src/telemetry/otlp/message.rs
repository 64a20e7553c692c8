//! A message of OTLP as a value. Numbers and names of fields are those of `opentelemetry-proto` 1.x, whose
//! messages do not change any more.

/// One field's value.
#[derive(Debug)]
pub(super) enum FieldValue {
    Text(String),
    /// An id: bytes, hexadecimal in JSON.
    Id(Vec<u8>),
    Double(f64),
    /// `fixed64`: times and counts.
    Fixed64(u64),
    /// `sfixed64`.
    SignedFixed64(i64),
    /// `fixed32`.
    Fixed32(u32),
    /// `int64`.
    Int64(i64),
    /// `uint32`, or a value of an enum.
    Uint32(u32),
    Bool(bool),
    /// Packed `fixed64`.
    Fixed64s(Vec<u64>),
    /// Packed `double`.
    Doubles(Vec<f64>),
    Message(Message),
    Messages(Vec<Message>),
}

/// The fields of a message that are set: number, name in JSON, value.
#[derive(Debug, Default)]
pub(in crate::telemetry) struct Message(pub(super) Vec<(u32, &'static str, FieldValue)>);

impl Message {
    /// The same with one more field.
    pub(super) fn with(mut self, number: u32, name: &'static str, field: FieldValue) -> Self {
        self.0.push((number, name, field));
        self
    }

    /// The same with one more field, where there is a value for it.
    pub(super) fn with_some(self, number: u32, name: &'static str, field: Option<FieldValue>) -> Self {
        match field {
            Some(field) => self.with(number, name, field),
            None => self,
        }
    }
}

impl From<String> for FieldValue {
    fn from(text: String) -> Self {
        FieldValue::Text(text)
    }
}

impl From<&str> for FieldValue {
    fn from(text: &str) -> Self {
        FieldValue::Text(text.to_owned())
    }
}
