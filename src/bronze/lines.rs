//! From compressed chunks to lines, synchronously, for the decode threads.
//!
//! The memory of a reader is one chunk, the inflate window, and one line of at most `max_line_bytes`.

use std::io::{self, BufRead, BufReader, Read};

use bytes::{Buf, Bytes};
use flate2::read::MultiGzDecoder;
use tokio::sync::mpsc;

use crate::error::{Error, Kind, Result};

const INFLATED_BUFFER: usize = 128 * 1024;

/// Turns a channel of chunks, filled by a download task, into a blocking [`Read`].
#[derive(Debug)]
pub struct ChunkReader {
    chunks: mpsc::Receiver<Result<Bytes>>,
    current: Bytes,
    failure: Option<Error>,
    ended: bool,
}

impl ChunkReader {
    /// Reads what arrives in `chunks` until a chunk of length 0, which marks the end of the body: a channel that
    /// closes without it was cut, and must not pass for the end of the object.
    pub fn new(chunks: mpsc::Receiver<Result<Bytes>>) -> Self {
        Self { chunks, current: Bytes::new(), failure: None, ended: false }
    }
}

impl Read for ChunkReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() && !self.ended {
            match self.chunks.blocking_recv() {
                Some(Ok(chunk)) if chunk.is_empty() => self.ended = true,
                Some(Ok(chunk)) => self.current = chunk,
                Some(Err(error)) => {
                    self.failure = Some(error);
                    return Err(io::Error::other("download failed"));
                }
                None => {
                    self.failure = Some(Error::new(Kind::SourceUnavailable, "the download ended early"));
                    return Err(io::Error::other("download ended early"));
                }
            }
        }
        let n = buf.len().min(self.current.len());
        buf[..n].copy_from_slice(&self.current[..n]);
        self.current.advance(n);
        Ok(n)
    }
}

/// The lines of one gzip object; several members in one object are fine.
#[derive(Debug)]
pub struct Lines {
    inflated: BufReader<MultiGzDecoder<ChunkReader>>,
    line: Vec<u8>,
    max_line_bytes: usize,
    number: i64,
    offset: i64,
    next_offset: i64,
}

/// One line without its line feed.
#[derive(Debug)]
pub struct Line<'a> {
    /// From 1, blank lines counted.
    pub number: i64,
    /// Where it begins in the decompressed object.
    pub offset: i64,
    /// Its bytes as they are, without the line feed.
    pub bytes: &'a [u8],
}

impl Lines {
    /// Reads the object whose compressed bytes come from `reader`.
    pub fn new(reader: ChunkReader, max_line_bytes: usize) -> Self {
        Self {
            inflated: BufReader::with_capacity(INFLATED_BUFFER, MultiGzDecoder::new(reader)),
            line: Vec::new(),
            max_line_bytes,
            number: 0,
            offset: 0,
            next_offset: 0,
        }
    }

    /// Bytes decompressed so far.
    pub fn bytes_read(&self) -> i64 {
        self.next_offset
    }

    /// The next line that is not blank, or `None` at the end. A byte order mark in front of the first is dropped.
    ///
    /// # Errors
    /// `SourceCorrupt` when the gzip data is broken or cut, or a line is longer than allowed; the download's own error.
    pub fn next_line(&mut self) -> Result<Option<Line<'_>>> {
        loop {
            self.line.clear();
            let limit = self.max_line_bytes as u64 + 1;
            let read = (&mut self.inflated).take(limit).read_until(b'\n', &mut self.line);
            let n = read.map_err(|e| self.failure(e))?;
            if n == 0 {
                return Ok(None);
            }
            self.number += 1;
            self.offset = self.next_offset;
            self.next_offset += n as i64;
            if n as u64 == limit && self.line.last() != Some(&b'\n') {
                let message = format!("line {} is longer than {} bytes", self.number, self.max_line_bytes);
                return Err(
                    Error::new(Kind::SourceCorrupt, message).hint("raise max_line_bytes in evo.toml under [load]")
                );
            }
            if !self.line.iter().all(u8::is_ascii_whitespace) {
                break;
            }
        }
        let mut bytes = self.line.as_slice();
        bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        if self.number == 1 {
            bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        }
        Ok(Some(Line { number: self.number, offset: self.offset, bytes }))
    }

    fn failure(&mut self, e: io::Error) -> Error {
        if let Some(error) = self.inflated.get_mut().get_mut().failure.take() {
            return error;
        }
        let what = match e.kind() {
            io::ErrorKind::UnexpectedEof => "the gzip data ends early".to_owned(),
            _ => format!("the gzip data is broken: {e}"),
        };
        Error::new(Kind::SourceCorrupt, format!("{what} (after line {})", self.number)).caused_by(e)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gz(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn read(compressed: &[u8], chunk: usize, max: usize) -> Result<Vec<(i64, i64, String)>> {
        let (sender, receiver) = mpsc::channel(10_000);
        for part in compressed.chunks(chunk) {
            sender.try_send(Ok(Bytes::copy_from_slice(part))).unwrap();
        }
        sender.try_send(Ok(Bytes::new())).unwrap();
        let mut lines = Lines::new(ChunkReader::new(receiver), max);
        let mut all = Vec::new();
        while let Some(line) = lines.next_line()? {
            all.push((line.number, line.offset, String::from_utf8_lossy(line.bytes).into_owned()));
        }
        Ok(all)
    }

    #[test]
    fn lines_keep_number_and_offset_with_and_without_a_final_line_feed() {
        let expected = vec![(1, 0, "a".to_owned()), (3, 3, "bc".to_owned())];
        assert_eq!(read(&gz(b"a\n\nbc"), 1, 100).unwrap(), expected);
        assert_eq!(read(&gz(b"a\n\nbc\n"), 7, 100).unwrap(), expected);
        assert_eq!(read(&gz(b""), 7, 100).unwrap(), vec![]);
    }

    #[test]
    fn several_members_are_one_object_and_a_byte_order_mark_is_dropped() {
        let two = [gz(b"\xef\xbb\xbfa\nb"), gz(b"c\nd\r\n")].concat();
        let lines: Vec<String> = read(&two, 5, 100).unwrap().into_iter().map(|l| l.2).collect();
        assert_eq!(lines, ["a", "bc", "d\r"]);
    }

    #[test]
    fn broken_cut_or_foreign_bytes_and_endless_lines_are_corrupt() {
        let whole = gz(b"hello\nworld\n");
        let mut bad_crc = whole.clone();
        let crc = bad_crc.len() - 6;
        bad_crc[crc] ^= 1;
        let trailing = [whole.clone(), b"garbage".to_vec()].concat();
        for (name, bytes) in [
            ("cut", whole[..whole.len() - 5].to_vec()),
            ("crc", bad_crc),
            ("trailing", trailing),
            ("not gzip", b"{\"a\": 1}\n".to_vec()),
            ("empty", Vec::new()),
        ] {
            let error = read(&bytes, 3, 100).expect_err(name);
            assert_eq!(error.kind(), Kind::SourceCorrupt, "{name}");
        }
        assert!(read(&gz(&[b'x'; 50]), 9, 49).unwrap_err().message().contains("longer than 49 bytes"));
        assert_eq!(read(&gz(&[b'x'; 50]), 9, 50).unwrap().len(), 1);
    }

    #[test]
    fn a_body_that_stops_without_its_end_mark_is_not_the_end_of_the_object() {
        let (sender, receiver) = mpsc::channel(8);
        let whole = gz(b"hello\n");
        sender.try_send(Ok(Bytes::copy_from_slice(&whole))).unwrap();
        drop(sender);
        let mut lines = Lines::new(ChunkReader::new(receiver), 100);
        let error = loop {
            match lines.next_line() {
                Ok(Some(_)) => {}
                Ok(None) => panic!("took a cut body for a whole one"),
                Err(e) => break e,
            }
        };
        assert_eq!(error.kind(), Kind::SourceUnavailable);
    }
}
