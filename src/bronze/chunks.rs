//! From the download task to the decode thread: a channel of chunks as a blocking reader.

use std::io::{self, BufRead, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use bytes::{Buf, Bytes};
use tokio::sync::mpsc;

use crate::error::{Error, Kind, Result};

/// A blocking reader over the chunks of one object, which a download task sends through a channel.
#[derive(Debug)]
pub struct ChunkReader {
    path: String,
    chunks: mpsc::Receiver<Result<Bytes>>,
    current: Bytes,
    ended: bool,
    taken: Arc<AtomicU64>,
    waited: Arc<AtomicU64>,
}

impl ChunkReader {
    /// A reader of `chunks` for the object at `path`. A chunk of length 0 marks the end of the body: a channel that closes
    /// without it was cut off, which must not pass for the end of the object.
    pub fn new(path: &str, chunks: mpsc::Receiver<Result<Bytes>>) -> Self {
        Self {
            path: path.to_owned(),
            chunks,
            current: Bytes::new(),
            ended: false,
            taken: Arc::default(),
            waited: Arc::default(),
        }
    }

    /// Path of the object.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The nanoseconds that this reader has waited for chunks; counts on after the reader has moved into a decompressor.
    pub fn waited(&self) -> Arc<AtomicU64> {
        self.waited.clone()
    }

    /// The bytes taken from this reader; counts on after the reader has moved into a decompressor.
    pub(super) fn taken(&self) -> Arc<AtomicU64> {
        self.taken.clone()
    }
}

impl BufRead for ChunkReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.current.is_empty() && !self.ended {
            let started = Instant::now();
            let received = self.chunks.blocking_recv();
            self.waited.fetch_add(started.elapsed().as_nanos() as u64, Ordering::Relaxed);
            match received {
                Some(Ok(chunk)) if chunk.is_empty() => self.ended = true,
                Some(Ok(chunk)) => self.current = chunk,
                Some(Err(error)) => return Err(io::Error::other(error)),
                None => {
                    return Err(io::Error::other(Error::new(Kind::SourceUnavailable, "the download ended early")));
                }
            }
        }
        Ok(&self.current)
    }

    fn consume(&mut self, n: usize) {
        self.current.advance(n);
        self.taken.fetch_add(n as u64, Ordering::Relaxed);
    }
}

impl Read for ChunkReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let n = buf.len().min(available.len());
        buf[..n].copy_from_slice(&available[..n]);
        self.consume(n);
        Ok(n)
    }
}
