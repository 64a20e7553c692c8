//! Gzip members in sequence, and the zero bytes that some tools append to the last one: tapes, blocks of a
//! fixed size, files that were preallocated. Every reader of gzip skips those; anything else after a member
//! is an error.

use std::io::{self, BufRead, Read};
use std::mem;

use flate2::bufread::GzDecoder;

/// The decompressed bytes of all members.
pub(super) enum Members<R> {
    /// Within a member.
    Within(Box<GzDecoder<R>>),
    /// After a member, whose checksum was right.
    After(R),
    /// At the end of the object, after the last member.
    Ended,
}

impl<R: BufRead> Members<R> {
    pub(super) fn new(reader: R) -> Self {
        Self::Within(Box::new(GzDecoder::new(reader)))
    }
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            match self {
                Self::Ended => return Ok(0),
                Self::Within(decoder) => {
                    let n = decoder.read(buf)?;
                    if n > 0 || buf.is_empty() {
                        return Ok(n);
                    }
                }
                Self::After(reader) => {
                    let is_another = skip_zeros(reader)?;
                    let Self::After(reader) = mem::replace(self, Self::Ended) else { return Ok(0) };
                    if is_another {
                        *self = Self::new(reader);
                    }
                    continue;
                }
            }
            if let Self::Within(decoder) = mem::replace(self, Self::Ended) {
                *self = Self::After(decoder.into_inner());
            }
        }
    }
}

/// Skips zero bytes; returns whether anything follows them.
fn skip_zeros(reader: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let bytes = reader.fill_buf()?;
        let (zeros, is_all) = match bytes.iter().position(|b| *b != 0) {
            Some(at) => (at, false),
            None => (bytes.len(), true),
        };
        if bytes.is_empty() {
            return Ok(false);
        }
        reader.consume(zeros);
        if !is_all {
            return Ok(true);
        }
    }
}
