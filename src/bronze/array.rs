//! The elements of one top-level JSON array, byte for byte, one at a time.
//!
//! Only the syntax between the elements is checked here. Inside an element only strings and the balance of
//! brackets are tracked: an element whose end is found is passed on whatever it holds, and is rejected as a
//! line if it is not JSON. A syntax error between elements breaks the object, because nobody knows where the
//! next element begins.

use memchr::memchr2;

use super::records::{RawRecord, RecordReader, Split, Splitter};
use crate::error::{Error, Kind, Result};

/// Reads an array; the state is the reader's position in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Array {
    /// Before the opening bracket.
    #[default]
    Before,
    /// Between the opening bracket and the first element.
    Opened,
    /// After an element, before the comma or bracket that follows.
    AfterElement,
    /// After the closing bracket.
    Closed,
}

impl Array {
    /// The next element, or `None` at the proper end of the object. An object of white space only has none.
    ///
    /// # Errors
    /// `SourceCorrupt` when the content is not an array, is cut, or is broken between elements; those of
    /// [`InflatedWindow::fill`](super::inflate::InflatedWindow::fill).
    pub(super) fn next(&mut self, records: &mut RecordReader) -> Result<Option<RawRecord>> {
        loop {
            let next = next_token(records)?;
            let expected = match (*self, next) {
                (Self::Before | Self::Closed, None) => return Ok(None),
                (Self::Before, Some(b'[')) => {
                    *self = Self::Opened;
                    records.window.consume(1);
                    continue;
                }
                (Self::Opened | Self::AfterElement, Some(b']')) => {
                    *self = Self::Closed;
                    records.window.consume(1);
                    continue;
                }
                (Self::AfterElement, Some(b',')) => {
                    records.window.consume(1);
                    match next_token(records)? {
                        Some(byte) if begins_element(byte) => return self.element(records),
                        _ => "an element",
                    }
                }
                (Self::Opened, Some(byte)) if begins_element(byte) => return self.element(records),
                (Self::Before, Some(_)) => "[",
                (Self::Opened, _) => "an element or ]",
                (Self::AfterElement, _) => ", or ]",
                (Self::Closed, Some(_)) => "nothing more",
            };
            let found = match next_token(records)? {
                None => "the object ends: it was cut",
                Some(_) => "there is something else",
            };
            let at = records.window.offset();
            let message = format!("the JSON array is broken at byte {at}: {expected} should be there, but {found}");
            return Err(Error::new(Kind::SourceCorrupt, message));
        }
    }

    fn element(&mut self, records: &mut RecordReader) -> Result<Option<RawRecord>> {
        *self = Self::AfterElement;
        let record = records.next(&mut Element::default())?;
        match record {
            Some(record) if !record.ended => {
                let message = format!("the JSON array ends within the element that begins at byte {}", record.offset);
                Err(Error::new(Kind::SourceCorrupt, message))
            }
            other => Ok(other),
        }
    }
}

/// Skips white space and peeks at the next byte.
fn next_token(records: &mut RecordReader) -> Result<Option<u8>> {
    while records.window.fill()? {
        let bytes = records.window.bytes();
        let blanks = bytes.iter().position(|b| !is_blank(*b));
        let next = blanks.map(|at| bytes[at]);
        let blanks = blanks.unwrap_or(bytes.len());
        records.window.consume(blanks);
        if next.is_some() {
            return Ok(next);
        }
    }
    Ok(None)
}

/// JSON's own white space. Any other is part of an element, which is rejected then.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

fn begins_element(byte: u8) -> bool {
    !matches!(byte, b',' | b']' | b'}' | b':')
}

/// Finds the end of an element.
#[derive(Debug, Default)]
struct Element {
    depth: u64,
    in_string: bool,
    is_escaped: bool,
    is_scalar: bool,
}

impl Splitter for Element {
    fn step(&mut self, bytes: &[u8]) -> Split {
        let end = |content| Split { content, end: Some(0) };
        let mut at = 0;
        while at < bytes.len() {
            if self.in_string {
                if std::mem::take(&mut self.is_escaped) {
                    at += 1;
                    continue;
                }
                let Some(found) = memchr2(b'"', b'\\', &bytes[at..]) else { break };
                at += found + 1;
                match bytes[at - 1] {
                    b'\\' => self.is_escaped = true,
                    _ if self.depth == 0 => return end(at),
                    _ => self.in_string = false,
                }
                continue;
            }
            let byte = bytes[at];
            if self.is_scalar {
                if is_blank(byte) || matches!(byte, b',' | b']' | b'}' | b'[' | b'{' | b'"' | b':') {
                    return end(at);
                }
                at += 1;
                continue;
            }
            at += 1;
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return end(at);
                    }
                }
                _ if self.depth == 0 => self.is_scalar = true,
                _ => {}
            }
        }
        Split { content: bytes.len(), end: None }
    }
}
