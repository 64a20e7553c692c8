//! One object as it grows: records, a line each, compressed.

use std::io::{BufWriter, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::answer;
use crate::error::{Error, Kind, Result};

/// Fast enough for a gigabit line on one core; a higher level saves a tenth of the bytes.
const LEVEL: u32 = 5;

/// An object of this size is large enough, however few its records are: it is memory of its worker.
const ENOUGH_BYTES: usize = 4 << 20;

/// Lines compressed together.
const COLLECTED_BYTES: usize = 64 << 10;

/// An object that is not in the lake yet.
#[derive(Debug)]
pub(super) struct GzipPart {
    /// Lines are collected before they are compressed: each call of the compressor has its price.
    encoder: BufWriter<GzEncoder<Vec<u8>>>,
    records: u64,
}

/// A whole object.
#[derive(Debug, Clone)]
pub(super) struct FinishedPart {
    pub bytes: Bytes,
    pub records: u64,
    sha256: String,
}

impl Default for GzipPart {
    fn default() -> Self {
        let encoder = GzEncoder::new(Vec::new(), Compression::new(LEVEL));
        Self { encoder: BufWriter::with_capacity(COLLECTED_BYTES, encoder), records: 0 }
    }
}

impl GzipPart {
    /// Whether there is nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// Whether it holds as many records as an object is to have, or as many bytes.
    pub(super) fn is_full(&self, records: u64) -> bool {
        self.records >= records || self.encoder.get_ref().get_ref().len() >= ENOUGH_BYTES
    }

    /// Adds a record.
    pub(super) fn push(&mut self, record: &str) -> Result<()> {
        let line = answer::line(record);
        let written = match self.records {
            0 => Ok(()),
            _ => self.encoder.write_all(b"\n"),
        };
        written.and_then(|()| self.encoder.write_all(&line)).map_err(failed)?;
        self.records += 1;
        Ok(())
    }

    /// The whole of it.
    pub(super) fn finish(self) -> Result<FinishedPart> {
        let encoder = self.encoder.into_inner().map_err(|e| failed(e.into_error()))?;
        let bytes = encoder.finish().map_err(failed)?;
        let sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(FinishedPart { bytes: bytes.into(), records: self.records, sha256 })
    }
}

impl FinishedPart {
    /// Its entry in the manifest.
    pub(super) fn described(&self, path: &str) -> Value {
        json!({ "path": path, "records": self.records, "bytes": self.bytes.len(), "sha256": self.sha256 })
    }
}

fn failed(e: std::io::Error) -> Error {
    Error::new(Kind::Internal, "cannot compress").caused_by(e)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn the_same_records_give_the_same_bytes_a_line_each() {
        let whole = || {
            let mut part = GzipPart::default();
            part.push("{\"a\": 1.10}").unwrap();
            part.push("{\n  \"a\": \"x y\"\n}").unwrap();
            part.finish().unwrap()
        };
        let mut text = String::new();
        flate2::read::GzDecoder::new(&*whole().bytes).read_to_string(&mut text).unwrap();
        assert_eq!(text, "{\"a\": 1.10}\n{\"a\":\"x y\"}");
        assert_eq!(whole().described("p"), whole().described("p"));
        assert_eq!(whole().records, 2);
    }

    #[test]
    fn an_object_is_full_by_its_records_or_by_its_bytes() {
        let mut part = GzipPart::default();
        assert!(part.is_empty());
        let mut noise = 1_u64;
        while !part.is_full(1_000_000) {
            let mut digits = String::new();
            for _ in 0..50_000 {
                noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                digits += &noise.to_string();
            }
            part.push(&format!("{{\"digits\": {digits}}}")).unwrap();
        }
        assert!(part.is_full(1) && !part.is_empty());
        assert!((ENOUGH_BYTES..ENOUGH_BYTES + (1 << 20)).contains(&part.finish().unwrap().bytes.len()));
    }
}
