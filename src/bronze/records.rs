//! Records cut out of the window: one that lies in it whole is not copied, only one that crosses its end is.

use std::ops::Range;

use super::inflate::Window;
use super::room::{Buffer, Share};
use crate::error::Result;

/// What is kept of a record that is longer than allowed.
pub(super) const KEPT_BYTES: usize = 64 * 1024;

/// Finds where a record ends.
pub(super) trait Splitter {
    /// Looks at the next bytes, of which there is at least one.
    fn step(&mut self, bytes: &[u8]) -> Step;
}

/// What a [`Splitter`] says of some bytes.
pub(super) struct Step {
    /// So many of them belong to the record.
    pub content: usize,
    /// Whether the record ends behind them, and how many bytes of a terminator follow then, not to be kept.
    pub end: Option<usize>,
}

/// One record, kept by [`Records`] until the next.
#[derive(Debug, Clone)]
pub(super) struct Record {
    place: Place,
    /// Where it begins in the decompressed object.
    pub offset: u64,
    /// Its length, also when only a part of it is kept.
    pub length: u64,
    /// `false` when the object ended first.
    pub ended: bool,
    /// Whether it is longer than allowed, and cut.
    pub is_cut: bool,
}

#[derive(Debug, Clone)]
enum Place {
    Window(Range<usize>),
    Buffer,
}

/// The records of an object.
pub(super) struct Records {
    pub window: Window,
    buffer: Buffer,
    share: Share,
    max_bytes: usize,
}

impl Records {
    pub(super) fn new(window: Window, max_bytes: usize) -> Self {
        Self { window, buffer: Buffer::default(), share: Share::of_process(), max_bytes }
    }

    /// The bytes of the record that was cut out last.
    pub(super) fn bytes(&self, record: &Record) -> &[u8] {
        match &record.place {
            Place::Window(range) => self.window.at(range.clone()),
            Place::Buffer => self.buffer.bytes(),
        }
    }

    /// For a second buffer that goes with the record.
    pub(super) fn bytes_and_share(&mut self, record: &Record) -> (&[u8], &mut Share) {
        let bytes = match &record.place {
            Place::Window(range) => self.window.at(range.clone()),
            Place::Buffer => self.buffer.bytes(),
        };
        (bytes, &mut self.share)
    }

    /// Lets go of the last record, if it was a long one. [`Records::next`] does it as well.
    pub(super) fn let_go(&mut self) {
        self.buffer.clear();
        self.share.give_back();
    }

    /// The next record; `None` where the object ends.
    ///
    /// # Errors
    /// Of the window.
    pub(super) fn next(&mut self, splitter: &mut impl Splitter) -> Result<Option<Record>> {
        self.let_go();
        let offset = self.window.offset();
        let (mut length, mut is_cut) = (0, false);
        loop {
            if !self.window.fill()? {
                let record = Record { place: Place::Buffer, offset, length, ended: false, is_cut };
                return Ok(Some(record).filter(|_| length > 0));
            }
            let (bytes, from) = (self.window.bytes(), self.window.place());
            let step = splitter.step(bytes);
            let is_whole = length == 0 && step.end.is_some();
            length += step.content as u64;
            let is_too_long = length > self.max_bytes as u64;
            if is_whole {
                let kept = if is_too_long { step.content.min(KEPT_BYTES) } else { step.content };
                self.window.consume(step.content + step.end.unwrap_or(0));
                let place = Place::Window(from..from + kept);
                return Ok(Some(Record { place, offset, length, ended: true, is_cut: is_too_long }));
            }
            match is_too_long {
                false => self.buffer.push(&bytes[..step.content], &mut self.share),
                true => {
                    if !is_cut {
                        let missing = KEPT_BYTES.saturating_sub(self.buffer.len()).min(step.content);
                        self.buffer.push(&bytes[..missing], &mut self.share);
                        self.buffer.cut(KEPT_BYTES);
                        self.share.give_back();
                    }
                    is_cut = true;
                }
            }
            self.window.consume(step.content + step.end.unwrap_or(0));
            if step.end.is_some() {
                return Ok(Some(Record { place: Place::Buffer, offset, length, ended: true, is_cut }));
            }
        }
    }
}
