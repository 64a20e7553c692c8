//! Messages as protobuf and as JSON.

use serde_json::{Map, Value, json};

use super::message::{FieldValue, Message};

/// Wire types of protobuf.
const VARINT: u64 = 0;
const BITS_64: u64 = 1;
const LENGTH: u64 = 2;
const BITS_32: u64 = 5;

/// The message as protobuf.
pub(super) fn protobuf(message: &Message) -> Vec<u8> {
    let mut out = Vec::new();
    for (number, _, field) in &message.0 {
        write(&mut out, u64::from(*number), field);
    }
    out
}

fn write(out: &mut Vec<u8>, number: u64, field: &FieldValue) {
    match field {
        FieldValue::Text(text) => delimited(out, number, text.as_bytes()),
        FieldValue::Id(bytes) => delimited(out, number, bytes),
        FieldValue::Double(n) => fixed(out, number, BITS_64, &n.to_le_bytes()),
        FieldValue::Fixed64(n) => fixed(out, number, BITS_64, &n.to_le_bytes()),
        FieldValue::SignedFixed64(n) => fixed(out, number, BITS_64, &n.to_le_bytes()),
        FieldValue::Fixed32(n) => fixed(out, number, BITS_32, &n.to_le_bytes()),
        FieldValue::Int64(n) => whole(out, number, n.cast_unsigned()),
        FieldValue::Uint32(n) => whole(out, number, u64::from(*n)),
        FieldValue::Bool(b) => whole(out, number, u64::from(*b)),
        FieldValue::Fixed64s(all) => {
            delimited(out, number, &all.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<_>>())
        }
        FieldValue::Doubles(all) => {
            delimited(out, number, &all.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<_>>())
        }
        FieldValue::Message(message) => delimited(out, number, &protobuf(message)),
        FieldValue::Messages(all) => all.iter().for_each(|message| delimited(out, number, &protobuf(message))),
    }
}

fn tag(out: &mut Vec<u8>, number: u64, wire: u64) {
    varint(out, number << 3 | wire);
}

fn whole(out: &mut Vec<u8>, number: u64, n: u64) {
    tag(out, number, VARINT);
    varint(out, n);
}

fn fixed(out: &mut Vec<u8>, number: u64, wire: u64, bytes: &[u8]) {
    tag(out, number, wire);
    out.extend_from_slice(bytes);
}

fn delimited(out: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    tag(out, number, LENGTH);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn varint(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push((n & 0x7f) as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

/// The message as JSON, as OTLP maps it: 64-bit numbers as text, ids in hexadecimal, enums as numbers.
pub(super) fn json(message: &Message) -> Value {
    let fields = message.0.iter().map(|(_, name, field)| ((*name).to_owned(), value(field)));
    Value::Object(fields.collect::<Map<_, _>>())
}

fn value(field: &FieldValue) -> Value {
    match field {
        FieldValue::Text(text) => json!(text),
        FieldValue::Id(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into(),
        FieldValue::Double(n) => json!(n),
        FieldValue::Fixed64(n) => json!(n.to_string()),
        FieldValue::SignedFixed64(n) | FieldValue::Int64(n) => json!(n.to_string()),
        FieldValue::Fixed32(n) | FieldValue::Uint32(n) => json!(n),
        FieldValue::Bool(b) => json!(b),
        FieldValue::Fixed64s(all) => all.iter().map(u64::to_string).collect(),
        FieldValue::Doubles(all) => json!(all),
        FieldValue::Message(message) => json(message),
        FieldValue::Messages(all) => all.iter().map(json).collect(),
    }
}
