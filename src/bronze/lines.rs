//! The records of an object as lines, synchronously, for the decode threads: whatever the object is compressed with and
//! however its records stand in it, each one is a JSON text with a number and an offset.
//!
//! The memory of a reader is one chunk, the decompressor's window, a window of 128 KiB, and
//! what does not fit in there of one line of at most `max_line_bytes`: see `room.rs` for the sum of all readers.

use memchr::memchr;

use super::array::Array;
use super::chunks::ChunkReader;
use super::csv::Csv;
use super::inflate::{WINDOW_BYTES, Window};
use super::layout;
use super::records::{Record, Records, Splitter, Step};
use crate::entity::{Format, Input};
use crate::error::{Error, Kind, Result};

/// What an object may ask of its reader.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Longest line taken, bytes; a longer one is refused.
    pub line_bytes: usize,
    /// Decompressed bytes to one compressed byte, beyond which an object is taken for a bomb.
    pub ratio: u64,
}

/// The lines of one object.
pub struct Lines {
    source: Source,
    input: Input,
    limits: Limits,
    number: i64,
}

enum Source {
    /// Nothing is read yet: the first byte decides.
    Unopened(ChunkReader),
    Open(Box<Records>, Reader),
    Failed,
}

enum Reader {
    Ndjson,
    Array(Array),
    Csv(Box<Csv>),
}

/// One record.
#[derive(Debug)]
pub struct Line<'a> {
    /// From 1: lines of NDJSON with blank ones counted, elements of an array, rows of CSV behind the header.
    pub number: i64,
    /// Where it begins in the decompressed object.
    pub offset: i64,
    /// The document: for JSON what stands in the object, for CSV what the row became.
    pub bytes: &'a [u8],
    /// What stands in the object, without the line feed: what a reject keeps.
    pub raw: &'a [u8],
    /// Why there is no document in it, where that is known already.
    pub refused: Option<String>,
}

impl Lines {
    /// Reads the object whose compressed bytes come from `reader`.
    pub fn new(reader: ChunkReader, input: &Input, limits: Limits) -> Self {
        Self { source: Source::Unopened(reader), input: input.clone(), limits, number: 0 }
    }

    /// Bytes decompressed so far.
    pub fn bytes_read(&self) -> i64 {
        match &self.source {
            Source::Open(records, _) => records.window.offset().cast_signed(),
            Source::Unopened(_) | Source::Failed => 0,
        }
    }

    /// The next line that is not blank, or `None` at the end. A byte order mark in front of the first is dropped.
    ///
    /// # Errors
    /// `SourceCorrupt` when the object is broken or cut, is not what was declared, or is a bomb; the download's own.
    pub fn next_line(&mut self) -> Result<Option<Line<'_>>> {
        if matches!(self.source, Source::Unopened(_))
            && let Source::Unopened(reader) = std::mem::replace(&mut self.source, Source::Failed)
        {
            self.source = self.open(reader)?;
        }
        let Source::Open(records, reader) = &mut self.source else {
            return Err(Error::new(Kind::Internal, "an object was read on behind its error"));
        };
        match reader {
            Reader::Ndjson => loop {
                let Some(record) = records.next(&mut LineFeed)? else { return Ok(None) };
                self.number += 1;
                if !records.bytes(&record).iter().all(u8::is_ascii_whitespace) {
                    return Ok(Some(json(self.number, &record, records.bytes(&record), self.limits)));
                }
            },
            Reader::Array(array) => {
                let Some(record) = array.next(records)? else { return Ok(None) };
                self.number += 1;
                Ok(Some(json(self.number, &record, records.bytes(&record), self.limits)))
            }
            Reader::Csv(csv) => csv.next(records),
        }
    }

    /// The document of a text that stands in the place of a line that was read: itself, or, in CSV, what it becomes as
    /// a row under the header, unless it is an object already.
    ///
    /// # Errors
    /// Why it is no row.
    pub fn corrected(&self, text: &[u8]) -> Result<Vec<u8>, String> {
        match &self.source {
            Source::Open(_, Reader::Csv(csv)) if !text.trim_ascii_start().starts_with(b"{") => csv.corrected(text),
            _ => Ok(text.to_vec()),
        }
    }

    fn open(&mut self, reader: ChunkReader) -> Result<Source> {
        let is_csv = layout::is_csv(reader.path());
        let mut window = Window::open(reader, self.input.compression, self.limits.ratio)?;
        if let Some(what) = window.foreign()? {
            return Err(Error::new(Kind::SourceCorrupt, what));
        }
        if window.bytes().starts_with(b"\xef\xbb\xbf") {
            window.consume(3);
        }
        let format = match self.input.format {
            Some(format) => format,
            None if is_csv => Format::Csv,
            None => self.format_by_content(&mut window)?,
        };
        let mut records = Box::new(Records::new(window, self.limits.line_bytes));
        let reader = match format {
            Format::Ndjson => Reader::Ndjson,
            Format::Array => Reader::Array(Array::default()),
            Format::Csv => Reader::Csv(Box::new(Csv::open(&mut records, &self.input)?)),
        };
        Ok(Source::Open(records, reader))
    }

    /// An array if the first byte that is not blank opens one; lines otherwise, be they right or wrong. Blank lines on
    /// the way there are counted.
    fn format_by_content(&mut self, window: &mut Window) -> Result<Format> {
        loop {
            window.fill_at_least(WINDOW_BYTES)?;
            let bytes = window.bytes();
            let first = bytes.iter().position(|b| !b.is_ascii_whitespace());
            if first.is_some_and(|at| bytes[at] == b'[') {
                // The elements of an array are counted, not its lines.
                self.number = 0;
                return Ok(Format::Array);
            }
            let blanks = &bytes[..first.unwrap_or(bytes.len())];
            let whole_lines = memchr::memrchr(b'\n', blanks).map_or(0, |at| at + 1);
            self.number += memchr::memchr_iter(b'\n', blanks).count() as i64;
            let is_decided = first.is_some() || bytes.is_empty();
            // A whole window of blanks is not worth keeping for the line that it may begin.
            let skipped = if is_decided || whole_lines > 0 { whole_lines } else { blanks.len() };
            window.consume(skipped);
            if is_decided {
                return Ok(Format::Ndjson);
            }
        }
    }
}

fn json<'a>(number: i64, record: &Record, bytes: &'a [u8], limits: Limits) -> Line<'a> {
    let refused = record.is_cut.then(|| {
        format!(
            "the line has {} bytes, load.max_line_bytes allows {}; the first {} are kept",
            record.length,
            limits.line_bytes,
            bytes.len()
        )
    });
    Line { number, offset: record.offset.cast_signed(), bytes, raw: bytes, refused }
}

struct LineFeed;

impl Splitter for LineFeed {
    fn step(&mut self, bytes: &[u8]) -> Step {
        match memchr(b'\n', bytes) {
            Some(at) => Step { content: at, end: Some(1) },
            None => Step { content: bytes.len(), end: None },
        }
    }
}

const _: () = assert!(WINDOW_BYTES >= 3, "a byte order mark must fit");

#[cfg(test)]
mod tests;
