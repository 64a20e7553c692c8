//! The elements of one top-level JSON array, byte for byte, one at a time.
//!
//! What is judged here is the syntax between the elements. Inside of an element only strings and the balance of brackets
//! are followed: an element that ends where it should is handed on whatever it holds, and is refused as a line if it is
//! not JSON. What is broken between elements breaks the object: nobody knows where the next one begins.

use memchr::memchr2;

use super::records::{Record, Records, Splitter, Step};
use crate::error::{Error, Kind, Result};

/// Where in the array the reader is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Array {
    /// In front of the opening bracket.
    #[default]
    Before,
    /// Behind the opening bracket.
    Opened,
    /// Behind an element.
    BehindElement,
    /// Behind the closing bracket.
    Closed,
}

impl Array {
    /// The next element; `None` where the object ends as it should. An object of nothing but blanks has none.
    ///
    /// # Errors
    /// `SourceCorrupt` when the array is no array, cut, or broken between its elements; of the window.
    pub(super) fn next(&mut self, records: &mut Records) -> Result<Option<Record>> {
        loop {
            let next = next_token(records)?;
            let expected = match (*self, next) {
                (Self::Before | Self::Closed, None) => return Ok(None),
                (Self::Before, Some(b'[')) => {
                    *self = Self::Opened;
                    records.window.consume(1);
                    continue;
                }
                (Self::Opened | Self::BehindElement, Some(b']')) => {
                    *self = Self::Closed;
                    records.window.consume(1);
                    continue;
                }
                (Self::BehindElement, Some(b',')) => {
                    records.window.consume(1);
                    match next_token(records)? {
                        Some(byte) if begins_element(byte) => return self.element(records),
                        _ => "an element",
                    }
                }
                (Self::Opened, Some(byte)) if begins_element(byte) => return self.element(records),
                (Self::Before, Some(_)) => "[",
                (Self::Opened, _) => "an element or ]",
                (Self::BehindElement, _) => ", or ]",
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

    fn element(&mut self, records: &mut Records) -> Result<Option<Record>> {
        *self = Self::BehindElement;
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

/// Skips blanks and looks at the next byte.
fn next_token(records: &mut Records) -> Result<Option<u8>> {
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

/// JSON's own blanks; others are a part of an element, which is refused then.
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
    fn step(&mut self, bytes: &[u8]) -> Step {
        let end = |content| Step { content, end: Some(0) };
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
        Step { content: bytes.len(), end: None }
    }
}
