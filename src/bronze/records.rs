//! Cuts records out of the window. A record that lies in the window whole is not copied; only one that
//! crosses its end is.

use std::ops::Range;

use super::inflate::InflatedWindow;
use super::room::{Buffer, Reservation};
use crate::error::Result;

/// Bytes that are kept of a record that is longer than allowed.
pub(super) const KEPT_BYTES: usize = 64 * 1024;

/// One record of an object, with its position.
#[derive(Debug)]
pub struct Line<'a> {
    /// From 1: lines of NDJSON, blank ones included; elements of an array; rows of CSV after the header.
    pub number: i64,
    /// Where it begins in the decompressed object.
    pub offset: i64,
    /// The document: for JSON the text in the object, for CSV the JSON object that the row became.
    pub bytes: &'a [u8],
    /// The text in the object, without its line feed. A reject stores this one.
    pub raw: &'a [u8],
    /// Why the record is no document, if that is known already.
    pub refused: Option<String>,
}

/// Finds the end of a record, in bytes that arrive piece by piece.
pub(super) trait Splitter {
    /// Scans the next bytes of the record, of which there is at least one.
    fn step(&mut self, bytes: &[u8]) -> Split;
}

/// Where the record ends in some bytes.
pub(super) struct Split {
    /// The bytes in front that belong to the record.
    pub content: usize,
    /// Set if the record ends there: the length of the terminator that follows and is dropped.
    pub end: Option<usize>,
}

/// A record whose bytes [`RecordReader`] holds until the next one is read.
#[derive(Debug, Clone)]
pub(super) struct RawRecord {
    kept: Kept,
    /// Where it begins in the decompressed object.
    pub offset: u64,
    /// Its length, also when only a part of it is kept.
    pub length: u64,
    /// `false` when the object ended before the record did.
    pub ended: bool,
    /// Whether it is longer than allowed, and cut.
    pub is_cut: bool,
}

#[derive(Debug, Clone)]
enum Kept {
    InWindow(Range<usize>),
    InBuffer,
}

/// Reads an object record by record.
pub(super) struct RecordReader {
    pub window: InflatedWindow,
    buffer: Buffer,
    reservation: Reservation,
    max_bytes: usize,
}

impl RecordReader {
    pub(super) fn new(window: InflatedWindow, max_bytes: usize) -> Self {
        Self { window, buffer: Buffer::default(), reservation: Reservation::of_process(), max_bytes }
    }

    /// The bytes of the record that was read last.
    pub(super) fn bytes(&self, record: &RawRecord) -> &[u8] {
        match &record.kept {
            Kept::InWindow(range) => self.window.at(range.clone()),
            Kept::InBuffer => self.buffer.bytes(),
        }
    }

    /// The bytes, and the reservation for a second buffer that lives as long as the record.
    pub(super) fn bytes_and_reservation(&mut self, record: &RawRecord) -> (&[u8], &mut Reservation) {
        let bytes = match &record.kept {
            Kept::InWindow(range) => self.window.at(range.clone()),
            Kept::InBuffer => self.buffer.bytes(),
        };
        (bytes, &mut self.reservation)
    }

    /// Frees the memory of the last record, if it was a long one. [`RecordReader::next`] does it as well.
    pub(super) fn release(&mut self) {
        self.buffer.clear();
        self.reservation.release();
    }

    /// The next record, or `None` at the end of the object.
    ///
    /// # Errors
    /// Those of [`InflatedWindow::fill`].
    pub(super) fn next(&mut self, splitter: &mut impl Splitter) -> Result<Option<RawRecord>> {
        self.release();
        let offset = self.window.offset();
        let (mut length, mut is_cut) = (0, false);
        loop {
            if !self.window.fill()? {
                let record = RawRecord { kept: Kept::InBuffer, offset, length, ended: false, is_cut };
                return Ok(Some(record).filter(|_| length > 0));
            }
            let (bytes, from) = (self.window.bytes(), self.window.position());
            let split = splitter.step(bytes);
            let is_whole = length == 0 && split.end.is_some();
            length += split.content as u64;
            let is_too_long = length > self.max_bytes as u64;
            if is_whole {
                let kept = if is_too_long { split.content.min(KEPT_BYTES) } else { split.content };
                self.window.consume(split.content + split.end.unwrap_or(0));
                let kept = Kept::InWindow(from..from + kept);
                return Ok(Some(RawRecord { kept, offset, length, ended: true, is_cut: is_too_long }));
            }
            match is_too_long {
                false => self.buffer.push(&bytes[..split.content], &mut self.reservation),
                true => {
                    if !is_cut {
                        let missing = KEPT_BYTES.saturating_sub(self.buffer.len()).min(split.content);
                        self.buffer.push(&bytes[..missing], &mut self.reservation);
                        self.buffer.cut(KEPT_BYTES);
                        self.reservation.release();
                    }
                    is_cut = true;
                }
            }
            self.window.consume(split.content + split.end.unwrap_or(0));
            if split.end.is_some() {
                return Ok(Some(RawRecord { kept: Kept::InBuffer, offset, length, ended: true, is_cut }));
            }
        }
    }
}
