//! Decompresses chunks into a window of bytes.
//!
//! The declaration says which compression it is, or else the first bytes do. A name that ends in `.gz` or
//! `.zst` is a promise: such an object may hold the other compression, or JSON that something on the way has
//! decompressed. Anything else in it (no bytes, a damaged header) is broken data and not text.

use std::io::{self, Cursor, ErrorKind, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::chunks::ChunkReader;
use super::gzip::Members;
use super::{content, layout};
use crate::entity::Compression;
use crate::error::{Error, Kind, Result};

/// Size of the window, decompressed bytes.
pub(super) const WINDOW_BYTES: usize = 128 * 1024;
/// The ratio is checked from this many decompressed bytes on: small objects may be as repetitive as they
/// like.
const RATIO_COUNTS_FROM: u64 = 64 << 20;
/// Largest window of a Zstandard frame, 2^23 = 8 MiB: what every decoder should support (RFC 8878, 3.1.1.1.2)
/// and `zstd -19` uses. A window is memory, one for each decode thread.
const ZSTD_WINDOW_LOG: u32 = 23;

type Compressed = io::Chain<Cursor<Vec<u8>>, ChunkReader>;

enum Decompressor {
    Plain(Compressed),
    Gzip(Members<Compressed>),
    Zstd(zstd::stream::read::Decoder<'static, Compressed>),
}

/// The decompressed bytes of an object, a window at a time.
pub(super) struct InflatedWindow {
    source: Decompressor,
    compression: Compression,
    taken: Arc<AtomicU64>,
    max_ratio: u64,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    offset: u64,
}

impl InflatedWindow {
    /// Detects how the object is compressed.
    ///
    /// # Errors
    /// `SourceCorrupt` when it is not what is declared or what its name promises; those of the download.
    pub(super) fn open(mut reader: ChunkReader, declared: Option<Compression>, max_ratio: u64) -> Result<Self> {
        let mut head = Vec::with_capacity(8);
        reader.by_ref().take(8).read_to_end(&mut head).map_err(|e| broken(e, Compression::Plain, 0))?;
        let compression = compression(declared, layout::compression(reader.path()), &head)?;
        let taken = reader.taken();
        let compressed = Cursor::new(head).chain(reader);
        let source = match compression {
            Compression::Plain => Decompressor::Plain(compressed),
            Compression::Gzip => Decompressor::Gzip(Members::new(compressed)),
            Compression::Zstd => Decompressor::Zstd(zstd_decoder(compressed).map_err(|e| broken(e, compression, 0))?),
        };
        let buffer = vec![0; WINDOW_BYTES].into_boxed_slice();
        Ok(Self { source, compression, taken, max_ratio, buffer, start: 0, end: 0, offset: 0 })
    }

    /// Why the object does not consist of records, judging by its beginning; `None` if it may.
    ///
    /// # Errors
    /// Those of [`InflatedWindow::fill`].
    pub(super) fn foreign(&mut self) -> Result<Option<String>> {
        self.fill_at_least(content::SAMPLE_BYTES)?;
        let sample = self.bytes();
        let sample = &sample[..sample.len().min(content::SAMPLE_BYTES)];
        Ok(content::foreign(sample, self.compression != Compression::Plain))
    }

    /// The part of the window that is not consumed yet.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// A range of the window, by positions as [`InflatedWindow::position`] returns them. Valid until the next
    /// fill.
    pub(super) fn at(&self, range: std::ops::Range<usize>) -> &[u8] {
        &self.buffer[range]
    }

    /// Where the unconsumed bytes begin in the window.
    pub(super) fn position(&self) -> usize {
        self.start
    }

    /// Where the unconsumed bytes begin in the decompressed object.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    pub(super) fn consume(&mut self, n: usize) {
        self.start += n;
        self.offset += n as u64;
    }

    /// Reads on if everything is consumed. Returns `false` at the end of the object, when its checksums were
    /// right.
    ///
    /// # Errors
    /// `SourceCorrupt` when the data is broken, cut or a decompression bomb; those of the download.
    pub(super) fn fill(&mut self) -> Result<bool> {
        if self.start < self.end {
            return Ok(true);
        }
        (self.start, self.end) = (0, 0);
        self.read_more()
    }

    /// Reads until `n` bytes, at most a window, are unconsumed or the object ends.
    ///
    /// # Errors
    /// Those of [`InflatedWindow::fill`].
    pub(super) fn fill_at_least(&mut self, n: usize) -> Result<()> {
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        while self.end < n.min(self.buffer.len()) && self.read_more()? {}
        Ok(())
    }

    fn read_more(&mut self) -> Result<bool> {
        let room = &mut self.buffer[self.end..];
        let read = loop {
            let read = match &mut self.source {
                Decompressor::Plain(reader) => reader.read(room),
                Decompressor::Gzip(reader) => reader.read(room),
                Decompressor::Zstd(reader) => reader.read(room),
            };
            match read {
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        let offset = self.offset + (self.end - self.start) as u64;
        let n = read.map_err(|e| broken(e, self.compression, offset))?;
        self.end += n;
        self.check_ratio(offset + n as u64)?;
        Ok(n > 0)
    }

    /// A bomb costs no memory beyond a window and a line, but nobody wants its terabytes parsed.
    fn check_ratio(&self, inflated: u64) -> Result<()> {
        let taken = self.taken.load(Ordering::Relaxed);
        if inflated <= RATIO_COUNTS_FROM || inflated / self.max_ratio <= taken {
            return Ok(());
        }
        let message = format!(
            "{inflated} bytes came out of {taken}, more than load.max_ratio ({}) allows: taken for a \
             decompression bomb",
            self.max_ratio
        );
        Err(Error::new(Kind::SourceCorrupt, message))
    }
}

fn zstd_decoder(compressed: Compressed) -> io::Result<zstd::stream::read::Decoder<'static, Compressed>> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(compressed)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG)?;
    Ok(decoder)
}

fn compression(declared: Option<Compression>, promised: Option<Compression>, head: &[u8]) -> Result<Compression> {
    let found = magic(head);
    let refuse = |who: &str, wanted: Compression| {
        let is = match found {
            Some(found) => format!("it is {}", found.name()),
            None if head.is_empty() => "it is empty".to_owned(),
            None => content::foreign(head, false).unwrap_or_else(|| "its content is something else".to_owned()),
        };
        Err(Error::new(Kind::SourceCorrupt, format!("{who} {}, but {is}", wanted.name())))
    };
    match (declared, promised) {
        (Some(declared), _) if declared != found.unwrap_or(Compression::Plain) => {
            refuse("the entity declares compression", declared)
        }
        (None, Some(promised)) if found.is_none() && !begins_like_json(head) => {
            refuse("the object's name promises compression", promised)
        }
        _ => Ok(found.unwrap_or(Compression::Plain)),
    }
}

fn magic(head: &[u8]) -> Option<Compression> {
    match head {
        [0x1f, 0x8b, ..] => Some(Compression::Gzip),
        // A frame, or a skippable frame before it.
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Compression::Zstd),
        _ => None,
    }
}

fn begins_like_json(head: &[u8]) -> bool {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    matches!(text.trim_ascii_start().first(), Some(b'{' | b'['))
}

/// Classifies an error of a decompressor. `at` decompressed bytes were right.
fn broken(e: io::Error, compression: Compression, at: u64) -> Error {
    // An error of the download passes through the decompressors unchanged.
    let e = match e.downcast::<Error>() {
        Ok(error) => return error,
        Err(e) => e,
    };
    let name = compression.name();
    let message = match e.kind() {
        ErrorKind::UnexpectedEof => format!("the {name} data ends early (after byte {at} of its content)"),
        _ if e.to_string().contains("too much memory") => {
            "a zstd frame needs a window of more than 8 MiB: compress without --long and --ultra".to_owned()
        }
        _ => format!("the {name} data is broken (after byte {at} of its content): {e}"),
    };
    Error::new(Kind::SourceCorrupt, message).caused_by(e)
}
