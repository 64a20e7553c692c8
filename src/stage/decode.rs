//! One object: lines → verdict, key, hash → frames. Runs on a decode thread, never on an async worker.

use std::collections::HashMap;

use xxhash_rust::xxh3::xxh3_128;

use super::frame::{FrameWriter, Position};
use super::json::{Refusal, scan};
use super::key::{Key, KeyReader};
use super::{LineSet, Seal};
use crate::bronze::Lines;
use crate::error::{Error, Kind, Result};
use crate::ids::ObjectNo;

/// What was read of an object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Lines that were not blank.
    pub lines: i64,
    /// Decompressed bytes.
    pub bytes: i64,
}

/// What is to be known of an object besides its lines.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// Index of the object in the batch.
    pub object_no: ObjectNo,
    /// How the key is read.
    pub reader: &'a KeyReader,
    /// Corrected texts by line number, which stand in the place of the lines.
    pub fixes: &'a HashMap<i64, Vec<u8>>,
}

impl Source<'_> {
    fn fix(&self, number: i64) -> Option<&[u8]> {
        self.fixes.get(&number).map(Vec::as_slice)
    }
}

/// Frames every line of an object, the good ones as documents and the others as refused.
///
/// # Errors
/// The object's own (`SourceCorrupt`, `SourceChanged`, …); `Internal` when the COPY has ended already.
pub fn decode(lines: &mut Lines, source: Source<'_>, frames: &mut FrameWriter) -> Result<Tally> {
    let mut tally = Tally::default();
    while let Some(line) = lines.next_line()? {
        tally.lines += 1;
        let at = Position { object_no: source.object_no, line_no: line.number, byte_offset: line.offset };
        if let Some(fix) = source.fix(line.number) {
            let raw = line.raw.to_vec();
            let text = lines.corrected(fix).map_err(Refusal::new);
            frame(
                frames,
                at,
                text.as_deref().map_err(Refusal::clone).and_then(|text| judge(text, source.reader)),
                &raw,
            )?;
            continue;
        }
        let verdict = match line.refused {
            Some(reason) => Err(Refusal::new(reason)),
            None => judge(line.bytes, source.reader),
        };
        frame(frames, at, verdict, line.raw)?;
    }
    tally.bytes = lines.bytes_read();
    Ok(tally)
}

/// Frames the documents of the wanted lines of an object that was decoded before, and reads no further than the last.
///
/// # Errors
/// As [`decode`]; `SourceChanged` when a line has another text than when it was read first: the object was written to in
/// place, and a row must not end with the document of another.
pub fn decode_wanted(lines: &mut Lines, source: Source<'_>, wanted: &LineSet, frames: &mut FrameWriter) -> Result<i64> {
    let (mut framed, mut found) = (0, Seal::default());
    while let Some(line) = lines.next_line()? {
        let number = line.number;
        if wanted.contains(number) {
            match source.fix(number) {
                None => document(frames, &mut found, (source.object_no, number), line.bytes)?,
                Some(fix) => {
                    let text = lines.corrected(fix).map_err(|reason| Error::new(Kind::Internal, reason))?;
                    document(frames, &mut found, (source.object_no, number), &text)?;
                }
            }
            framed += 1;
            failpoint!("load.after_document");
        }
        if number >= wanted.last() {
            break;
        }
    }
    if found != wanted.seal() {
        return Err(Error::new(Kind::SourceChanged, "it was written to between two readings"));
    }
    Ok(framed)
}

fn document(frames: &mut FrameWriter, found: &mut Seal, at: (ObjectNo, i64), text: &[u8]) -> Result<()> {
    let text = text.trim_ascii();
    found.add(at.1, text);
    frames.document_alone(at.0, at.1, text)
}

fn frame(frames: &mut FrameWriter, at: Position, verdict: Result<(Key, &str), Refusal>, raw: &[u8]) -> Result<()> {
    match verdict {
        Ok((key, text)) => frames.document(at, key, xxh3_128(text.as_bytes()), text),
        Err(refusal) => frames.refused(at, raw, &refusal),
    }
}

fn judge<'a>(line: &'a [u8], reader: &KeyReader) -> Result<(Key, &'a str), Refusal> {
    let mut found = Vec::new();
    let text = scan(line, &reader.fields(), &mut found)?;
    let key = reader.key(&found)?;
    Ok((key, text.trim_matches([' ', '\t', '\r', '\n'])))
}
