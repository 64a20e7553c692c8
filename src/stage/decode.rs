//! Decodes one object: lines → validation, key, hash → COPY frames. Runs on a decode thread, never on an
//! async worker.

use std::collections::HashMap;

use xxhash_rust::xxh3::xxh3_128;

use super::frame::{FrameWriter, Position};
use super::json::{Rejection, scan};
use super::key::{DocumentKey, KeyReader};
use super::{LineSet, Seal, Sieve};
use crate::bronze::Lines;
use crate::error::{Error, Kind, Result};
use crate::ids::ObjectNo;

/// The amount that was read of an object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ObjectTally {
    /// Lines that were not blank.
    pub lines: i64,
    /// Decompressed bytes, blank lines included.
    pub bytes: i64,
}

/// An object's place in its batch, how its keys are read, and its corrected lines.
#[derive(Debug, Clone, Copy)]
pub struct ObjectContext<'a> {
    /// Index of the object in the batch.
    pub object_no: ObjectNo,
    /// How the key of a line is read.
    pub reader: &'a KeyReader,
    /// Corrected texts by line number, each of which replaces its line.
    pub corrections: &'a HashMap<i64, Vec<u8>>,
}

impl ObjectContext<'_> {
    fn correction(&self, number: i64) -> Option<&[u8]> {
        self.corrections.get(&number).map(Vec::as_slice)
    }
}

/// Frames the lines of an object: a valid one as a document, if the sieve lets it through, any other as a
/// reject.
///
/// # Errors
/// Errors of the object (`SourceCorrupt`, `SourceChanged`, …) and of [`Sieve::admit`]; `Internal` when the
/// COPY has already ended.
pub fn decode(
    lines: &mut Lines,
    object: ObjectContext<'_>,
    sieve: &mut Sieve,
    frames: &mut FrameWriter,
) -> Result<ObjectTally> {
    let mut tally = ObjectTally::default();
    while let Some(line) = lines.next_line()? {
        tally.lines += 1;
        let at = Position { object_no: object.object_no, line_no: line.number, byte_offset: line.offset };
        if let Some(correction) = object.correction(line.number) {
            let raw = line.raw.to_vec();
            let text = lines.corrected(correction).map_err(Rejection::new);
            let parsed = text.as_deref().map_err(Rejection::clone).and_then(|text| parse(text, object.reader));
            frame((sieve, frames), at, parsed, &raw)?;
            continue;
        }
        let parsed = match line.refused {
            Some(reason) => Err(Rejection::new(reason)),
            None => parse(line.bytes, object.reader),
        };
        frame((sieve, frames), at, parsed, line.raw)?;
    }
    tally.bytes = lines.bytes_read();
    Ok(tally)
}

/// Frames the documents of the wanted lines of an object that was decoded before, and stops after the last of
/// them.
///
/// # Errors
/// As [`decode`]. `SourceChanged` when a line reads differently than the first time: the object was
/// overwritten in place, and a row must not end up with another row's document.
pub fn decode_wanted(
    lines: &mut Lines,
    object: ObjectContext<'_>,
    wanted: &LineSet,
    frames: &mut FrameWriter,
) -> Result<()> {
    let mut found = Seal::default();
    while let Some(line) = lines.next_line()? {
        let number = line.number;
        if wanted.contains(number) {
            match object.correction(number) {
                None => document(frames, &mut found, (object.object_no, number), line.bytes)?,
                Some(correction) => {
                    let text = lines.corrected(correction).map_err(|reason| Error::new(Kind::Internal, reason))?;
                    document(frames, &mut found, (object.object_no, number), &text)?;
                }
            }
            failpoint!("load.after_document");
        }
        if number >= wanted.last() {
            break;
        }
    }
    if found != wanted.seal() {
        return Err(Error::new(Kind::SourceChanged, "it was overwritten between two readings"));
    }
    Ok(())
}

fn document(frames: &mut FrameWriter, found: &mut Seal, at: (ObjectNo, i64), text: &[u8]) -> Result<()> {
    let text = text.trim_ascii();
    found.add(at.1, text);
    frames.document_alone(at.0, at.1, text)
}

fn frame(
    (sieve, frames): (&mut Sieve, &mut FrameWriter),
    at: Position,
    parsed: Result<(DocumentKey, &str), Rejection>,
    raw: &[u8],
) -> Result<()> {
    match parsed {
        Ok((key, text)) => {
            let hash = xxh3_128(text.as_bytes());
            match sieve.admit(at, key, hash, text)? {
                Some(key) => frames.document(at, key, hash, text),
                None => Ok(()),
            }
        }
        Err(rejection) => frames.reject(at, raw, &rejection),
    }
}

/// The key of a line, and its text without the blanks around it: what is hashed and staged.
///
/// # Errors
/// Why the line is rejected.
pub fn parse<'a>(line: &'a [u8], reader: &KeyReader) -> Result<(DocumentKey, &'a str), Rejection> {
    let mut found = Vec::new();
    let text = scan(line, &reader.fields(), &mut found)?;
    let key = reader.key(&found)?;
    Ok((key, text.trim_matches([' ', '\t', '\r', '\n'])))
}
