//! The records of an object as lines, read synchronously on a decode thread. Whatever the compression and the
//! format of the object, each line is a JSON text with a number and an offset.
//!
//! A reader holds one chunk, the decompressor's own window, a window of 128 KiB, and the part of one line, of
//! at most `max_line_bytes`, that does not fit in it. `room.rs` limits the sum of all readers.

use memchr::memchr;

use super::array::Array;
use super::chunks::ChunkReader;
use super::csv::Csv;
use super::inflate::{InflatedWindow, WINDOW_BYTES};
use super::layout;
use super::records::{Line, RawRecord, RecordReader, Split, Splitter};
use crate::entity::{Format, Input};
use crate::error::{Error, Kind, Result};

/// Limits on what an object may cost its reader.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Longest line that is accepted, bytes; a longer one is rejected.
    pub line_bytes: usize,
    /// Decompressed bytes per compressed byte; beyond that an object is taken for a decompression bomb.
    pub ratio: u64,
}

/// Reads the lines of one object.
pub struct Lines {
    state: ReadState,
    input: Input,
    limits: Limits,
    number: i64,
}

enum ReadState {
    /// Nothing is read yet: the first bytes decide the format.
    Unopened(ChunkReader),
    Open(Box<RecordReader>, Reader),
    Failed,
}

enum Reader {
    Ndjson,
    Array(Array),
    Csv(Box<Csv>),
}

impl Lines {
    /// The lines of the object whose compressed bytes `reader` delivers.
    pub fn new(reader: ChunkReader, input: &Input, limits: Limits) -> Self {
        Self { state: ReadState::Unopened(reader), input: input.clone(), limits, number: 0 }
    }

    /// Bytes decompressed so far; 0 before the first line and after an error.
    pub fn bytes_read(&self) -> i64 {
        match &self.state {
            ReadState::Open(records, _) => records.window.offset().cast_signed(),
            ReadState::Unopened(_) | ReadState::Failed => 0,
        }
    }

    /// The next line that is not blank, or `None` at the end. A byte order mark before the first line is
    /// dropped.
    ///
    /// # Errors
    /// `SourceCorrupt` when the object is broken or cut, is not what is declared, or is a decompression bomb;
    /// those of the download.
    pub fn next_line(&mut self) -> Result<Option<Line<'_>>> {
        if matches!(self.state, ReadState::Unopened(_))
            && let ReadState::Unopened(reader) = std::mem::replace(&mut self.state, ReadState::Failed)
        {
            self.state = self.open(reader)?;
        }
        let ReadState::Open(records, reader) = &mut self.state else {
            return Err(Error::new(Kind::Internal, "an object was read on after its error"));
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

    /// The document of a corrected text that replaces a line: the text itself or, in CSV, the object that it
    /// becomes as a row under the header, unless it is a JSON object already.
    ///
    /// # Errors
    /// The reason why it is not a row, for a person.
    pub fn corrected(&self, text: &[u8]) -> Result<Vec<u8>, String> {
        match &self.state {
            ReadState::Open(_, Reader::Csv(csv)) if !text.trim_ascii_start().starts_with(b"{") => csv.corrected(text),
            _ => Ok(text.to_vec()),
        }
    }

    fn open(&mut self, reader: ChunkReader) -> Result<ReadState> {
        let is_csv = layout::is_csv(reader.path());
        let mut window = InflatedWindow::open(reader, self.input.compression, self.limits.ratio)?;
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
        let mut records = Box::new(RecordReader::new(window, self.limits.line_bytes));
        let reader = match format {
            Format::Ndjson => Reader::Ndjson,
            Format::Array => Reader::Array(Array::default()),
            Format::Csv => Reader::Csv(Box::new(Csv::open(&mut records, &self.input)?)),
        };
        Ok(ReadState::Open(records, reader))
    }

    /// An array if the first byte that is not blank opens one, or else lines, right or wrong. Blank lines
    /// before it are counted.
    fn format_by_content(&mut self, window: &mut InflatedWindow) -> Result<Format> {
        loop {
            window.fill_at_least(WINDOW_BYTES)?;
            let bytes = window.bytes();
            let first = bytes.iter().position(|b| !b.is_ascii_whitespace());
            if first.is_some_and(|at| bytes[at] == b'[') {
                // In an array elements are counted, not lines.
                self.number = 0;
                return Ok(Format::Array);
            }
            let blanks = &bytes[..first.unwrap_or(bytes.len())];
            let whole_lines = memchr::memrchr(b'\n', blanks).map_or(0, |at| at + 1);
            self.number += memchr::memchr_iter(b'\n', blanks).count() as i64;
            let is_decided = first.is_some() || bytes.is_empty();
            // A whole window of blanks is dropped, although it may begin a line.
            let skipped = if is_decided || whole_lines > 0 { whole_lines } else { blanks.len() };
            window.consume(skipped);
            if is_decided {
                return Ok(Format::Ndjson);
            }
        }
    }
}

fn json<'a>(number: i64, record: &RawRecord, bytes: &'a [u8], limits: Limits) -> Line<'a> {
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
    fn step(&mut self, bytes: &[u8]) -> Split {
        match memchr(b'\n', bytes) {
            Some(at) => Split { content: at, end: Some(1) },
            None => Split { content: bytes.len(), end: None },
        }
    }
}

const _: () = assert!(WINDOW_BYTES >= 3, "a byte order mark must fit");

#[cfg(test)]
mod tests;
