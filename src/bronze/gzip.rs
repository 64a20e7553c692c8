//! Gzip members in sequence, and the zero bytes that some tools append to the last one: tapes, blocks of a
//! fixed size, files that were preallocated. Every reader of gzip skips those; anything else after a member
//! is an error.
//!
//! A header is skipped here and not by the decoder, which keeps its fields and so limits them: a comment may
//! be as long as its writer likes (RFC 1952, 2.3.1).

use std::io::{self, BufRead, Chain, Cursor, ErrorKind, Read};
use std::mem;

use flate2::Crc;
use flate2::bufread::GzDecoder;

/// A header without any fields. It takes the place of a member's own.
static PLAIN: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

// Flags of a header.
const HAS_CRC: u8 = 1 << 1;
const HAS_EXTRA: u8 = 1 << 2;
const HAS_NAME: u8 = 1 << 3;
const HAS_COMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0xe0;

type Decoder<R> = GzDecoder<Chain<Cursor<&'static [u8]>, R>>;

/// The decompressed bytes of all members.
pub(super) enum Members<R> {
    /// Before the header of a member.
    Before(R),
    /// Within a member.
    Within(Box<Decoder<R>>),
    /// After a member, whose checksum was right.
    After(R),
    /// At the end of the object, after the last member.
    Ended,
}

impl<R: BufRead> Members<R> {
    pub(super) fn new(reader: R) -> Self {
        Self::Before(reader)
    }
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        loop {
            // After an error the state is as it was: "ended" would pass for the end of the object.
            match self {
                Self::Ended => return Ok(0),
                Self::Before(reader) => {
                    skip_header(reader)?;
                    if let Self::Before(reader) = mem::replace(self, Self::Ended) {
                        let decoder = GzDecoder::new(Cursor::new(&PLAIN[..]).chain(reader));
                        *self = Self::Within(Box::new(decoder));
                    }
                }
                Self::Within(decoder) => {
                    let n = decoder.read(buf)?;
                    if n > 0 {
                        return Ok(n);
                    }
                    if let Self::Within(decoder) = mem::replace(self, Self::Ended) {
                        *self = Self::After(decoder.into_inner().into_inner().1);
                    }
                }
                Self::After(reader) => {
                    let is_another = skip_zeros(reader)?;
                    if let Self::After(reader) = mem::replace(self, Self::Ended)
                        && is_another
                    {
                        *self = Self::Before(reader);
                    }
                }
            }
        }
    }
}

/// Decompresses a small object, up to `max_bytes` of its content.
///
/// # Errors
/// `UnexpectedEof` when it is cut, `InvalidInput` or `InvalidData` when it is broken.
pub fn gunzip(bytes: &[u8], max_bytes: u64) -> io::Result<Vec<u8>> {
    let mut whole = Vec::new();
    Members::new(bytes).take(max_bytes).read_to_end(&mut whole)?;
    Ok(whole)
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

/// Skips the header of a member, and verifies its checksum if it has one.
fn skip_header(reader: &mut impl BufRead) -> io::Result<()> {
    let mut crc = Crc::new();
    let fixed: [u8; 10] = take(reader, &mut crc)?;
    let flags = fixed[3];
    if !fixed.starts_with(&PLAIN[..3]) || flags & RESERVED != 0 {
        return Err(io::Error::new(ErrorKind::InvalidInput, "invalid gzip header"));
    }
    if flags & HAS_EXTRA != 0 {
        let length: [u8; 2] = take(reader, &mut crc)?;
        skip(reader, &mut crc, usize::from(u16::from_le_bytes(length)))?;
    }
    for field in [HAS_NAME, HAS_COMMENT] {
        if flags & field != 0 {
            skip_text(reader, &mut crc)?;
        }
    }
    if flags & HAS_CRC != 0 {
        let found = crc.sum().to_le_bytes();
        let stored: [u8; 2] = take(reader, &mut crc)?;
        if found[..2] != stored {
            return Err(io::Error::new(ErrorKind::InvalidInput, "the checksum of a gzip header does not match"));
        }
    }
    Ok(())
}

fn take<const N: usize>(reader: &mut impl BufRead, crc: &mut Crc) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    reader.read_exact(&mut bytes)?;
    crc.update(&bytes);
    Ok(bytes)
}

fn skip(reader: &mut impl BufRead, crc: &mut Crc, mut length: usize) -> io::Result<()> {
    while length > 0 {
        let bytes = filled(reader)?;
        let n = length.min(bytes.len());
        crc.update(&bytes[..n]);
        reader.consume(n);
        length -= n;
    }
    Ok(())
}

/// Skips a text and the zero byte that ends it.
fn skip_text(reader: &mut impl BufRead, crc: &mut Crc) -> io::Result<()> {
    loop {
        let bytes = filled(reader)?;
        let end = memchr::memchr(0, bytes);
        let n = end.map_or(bytes.len(), |at| at + 1);
        crc.update(&bytes[..n]);
        reader.consume(n);
        if end.is_some() {
            return Ok(());
        }
    }
}

fn filled(reader: &mut impl BufRead) -> io::Result<&[u8]> {
    match reader.fill_buf()? {
        [] => Err(ErrorKind::UnexpectedEof.into()),
        bytes => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Write};

    use flate2::{Compression, GzBuilder};

    use super::*;

    /// A reader of small pieces, so that every field crosses the end of one.
    fn read(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut whole = Vec::new();
        Members::new(BufReader::with_capacity(7, bytes)).read_to_end(&mut whole)?;
        assert_eq!(gunzip(bytes, u64::MAX).unwrap(), whole);
        Ok(whole)
    }

    fn member(builder: GzBuilder, text: &[u8]) -> Vec<u8> {
        let mut encoder = builder.write(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    /// A member whose header has a checksum of its own.
    fn checked(text: &[u8]) -> Vec<u8> {
        let plain = member(GzBuilder::new().filename("a.jsonl"), text);
        let header = 10 + "a.jsonl\0".len();
        let mut checked = plain[..header].to_vec();
        checked[3] |= HAS_CRC;
        let mut crc = Crc::new();
        crc.update(&checked);
        checked.extend(&crc.sum().to_le_bytes()[..2]);
        [&checked, &plain[header..]].concat()
    }

    #[test]
    fn fields_of_a_header_may_be_as_long_as_they_like() {
        let long = || "x".repeat(70_000);
        for builder in [
            GzBuilder::new(),
            GzBuilder::new().comment(long()),
            GzBuilder::new().filename(long()),
            GzBuilder::new().extra(vec![0_u8; 65_535]),
            GzBuilder::new().extra(Vec::<u8>::new()).filename("").comment(""),
            GzBuilder::new().extra(vec![7_u8; 65_535]).filename(long()).comment(long()),
        ] {
            let one = member(builder, b"{\"idSale\": 1}\n");
            let padded = [&one[..], &one, &[0; 600]].concat();
            assert_eq!(read(&padded).unwrap(), b"{\"idSale\": 1}\n{\"idSale\": 1}\n");
        }
        assert_eq!(read(&checked(b"a")).unwrap(), b"a");
    }

    #[test]
    fn a_broken_header_is_an_error_again_and_again() {
        let good = checked(b"a");
        let with = |at: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            bytes
        };
        let endless = [&PLAIN[..3], &[HAS_COMMENT, 0, 0, 0, 0, 0, 0], &[b'x'; 1000]].concat();
        for (bytes, kind) in [
            (with(2, 9), ErrorKind::InvalidInput),
            (with(3, 0xff), ErrorKind::InvalidInput),
            (with(4, 1), ErrorKind::InvalidInput),
            (with(12, b'_'), ErrorKind::InvalidInput),
            (good[..5].to_vec(), ErrorKind::UnexpectedEof),
            (endless, ErrorKind::UnexpectedEof),
            ([&good[..], b"garbage after the end"].concat(), ErrorKind::InvalidInput),
            ([&good[..], &good[..9]].concat(), ErrorKind::UnexpectedEof),
        ] {
            let mut members = Members::new(&bytes[..]);
            let mut room = [0; 100];
            let error = loop {
                match members.read(&mut room) {
                    Ok(n) => assert!(n > 0, "the end of the object was reached"),
                    Err(error) => break error,
                }
            };
            assert_eq!(error.kind(), kind, "{bytes:?}");
            assert!(members.read(&mut room).is_err());
        }
    }
}
