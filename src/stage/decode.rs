//! One object: lines → verdict, key, hash → frames. Runs on a decode thread, never on an async worker.

use xxhash_rust::xxh3::xxh3_128;

use super::frame::{FrameWriter, Position};
use super::json::{Refusal, scan};
use super::key::{Key, KeyReader};
use crate::bronze::Lines;
use crate::error::Result;

/// What was read of an object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Lines that were not blank.
    pub lines: i64,
    /// Decompressed bytes.
    pub bytes: i64,
}

/// Frames every line of an object, the good ones as documents and the others as refused.
///
/// # Errors
/// The object's own (`SourceCorrupt`, `SourceChanged`, …); `Internal` when the COPY has ended already.
pub fn decode(lines: &mut Lines, object_no: i32, reader: &KeyReader, frames: &mut FrameWriter) -> Result<Tally> {
    let mut tally = Tally::default();
    while let Some(line) = lines.next_line()? {
        tally.lines += 1;
        let at = Position { object_no, line_no: line.number, byte_offset: line.offset };
        let verdict = match line.refused {
            Some(reason) => Err(Refusal::new(reason)),
            None => judge(line.bytes, reader),
        };
        match verdict {
            Ok((key, text)) => frames.document(at, key, xxh3_128(text.as_bytes()), text)?,
            Err(refusal) => frames.refused(at, line.raw, &refusal)?,
        }
    }
    tally.bytes = lines.bytes_read();
    Ok(tally)
}

fn judge<'a>(line: &'a [u8], reader: &KeyReader) -> Result<(Key, &'a str), Refusal> {
    let mut found = Vec::new();
    let text = scan(line, &reader.fields(), &mut found)?;
    let key = reader.key(&found)?;
    Ok((key, text.trim_matches([' ', '\t', '\r', '\n'])))
}
