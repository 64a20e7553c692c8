//! From a download task to the decode thread: a bounded channel of chunks with a blocking reader at its end.
//!
//! The writer cuts what arrives into chunks of `CHUNK_BYTES`, so that a full channel is a bound in bytes.
//! An empty chunk marks the end of the body. A channel that closes without it was cut, and must not pass for
//! the end of the object.

use std::io::{self, BufRead, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use tokio::sync::mpsc;

use crate::error::{Error, Kind, Result};
use crate::meter::{Backlog, tally};

/// Bytes of a chunk; the last one of a body may be shorter.
const CHUNK_BYTES: usize = 128 * 1024;
/// Chunks in flight between a writer and its reader.
const CHUNKS_IN_FLIGHT: usize = 8;

/// A channel for the body of the object at `path`. It holds at most a megabyte.
pub fn channel(path: &str) -> (ChunkWriter, ChunkReader) {
    let (sender, receiver) = mpsc::channel(CHUNKS_IN_FLIGHT);
    (ChunkWriter { chunks: sender, buffer: BytesMut::new() }, ChunkReader::new(path, receiver))
}

/// The end of the channel into which a body is downloaded.
#[derive(Debug)]
pub struct ChunkWriter {
    chunks: mpsc::Sender<Result<Bytes>>,
    buffer: BytesMut,
}

impl ChunkWriter {
    /// Adds bytes to the body; waits while the reader is behind. Returns `false` once the reader was dropped.
    pub async fn write(&mut self, mut bytes: Bytes) -> bool {
        while !bytes.is_empty() {
            self.buffer.reserve(CHUNK_BYTES - self.buffer.len());
            let room = CHUNK_BYTES - self.buffer.len();
            self.buffer.extend_from_slice(&bytes.split_to(room.min(bytes.len())));
            if self.buffer.len() == CHUNK_BYTES && !self.flush().await {
                return false;
            }
        }
        true
    }

    /// Writes a body as it arrives, to its end or to its first error; stops once the reader was dropped.
    pub async fn write_all(mut self, body: impl Stream<Item = Result<Bytes>>) {
        let mut body = std::pin::pin!(body);
        while let Some(bytes) = body.next().await {
            match bytes {
                Err(error) => return self.fail(error).await,
                Ok(bytes) => {
                    if !self.write(bytes).await {
                        return;
                    }
                }
            }
        }
        self.finish().await;
    }

    /// Marks the end of a body that has arrived completely.
    pub async fn finish(mut self) {
        if self.buffer.is_empty() || self.flush().await {
            let _ = self.chunks.send(Ok(Bytes::new())).await;
        }
    }

    /// Breaks the body off: the reader reports `error`.
    pub async fn fail(self, error: Error) {
        let _ = self.chunks.send(Err(error)).await;
    }

    async fn flush(&mut self) -> bool {
        tally().filled(Backlog::Downloaded, self.chunks.capacity(), self.chunks.max_capacity());
        let full = std::mem::replace(&mut self.buffer, BytesMut::with_capacity(CHUNK_BYTES));
        self.chunks.send(Ok(full.freeze())).await.is_ok()
    }
}

/// The end of the channel from which the body is decoded: a blocking reader that knows its object's path.
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
    /// Reads what arrives in `chunks` until an empty chunk.
    pub(super) fn new(path: &str, chunks: mpsc::Receiver<Result<Bytes>>) -> Self {
        Self {
            path: path.to_owned(),
            chunks,
            current: Bytes::new(),
            ended: false,
            taken: Arc::default(),
            waited: Arc::default(),
        }
    }

    /// Path of the object, for errors.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Counts the nanoseconds that this reader has waited for chunks, also after it has moved into a
    /// decompressor.
    pub fn waited(&self) -> Arc<AtomicU64> {
        self.waited.clone()
    }

    /// Counts the bytes that were taken from this reader, also after it has moved into a decompressor.
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends the parts through a channel and reads everything at the other end.
    fn sent(parts: Vec<Vec<u8>>, is_whole: bool) -> io::Result<(Vec<u8>, usize)> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build()?;
        let (mut writer, mut reader) = channel("x");
        runtime.spawn(async move {
            for part in parts {
                writer.write(Bytes::from(part)).await;
            }
            if is_whole {
                writer.finish().await;
            }
        });
        let (mut whole, mut longest) = (Vec::new(), 0);
        loop {
            let chunk = reader.fill_buf()?;
            if chunk.is_empty() {
                return Ok((whole, longest));
            }
            (longest, _) = (longest.max(chunk.len()), whole.extend_from_slice(chunk));
            let n = chunk.len();
            reader.consume(n);
        }
    }

    #[test]
    fn a_body_arrives_as_it_was_sent_in_chunks_of_one_size() {
        let parts = vec![vec![1; 5], vec![], vec![2; 3 * CHUNK_BYTES], vec![3; CHUNK_BYTES - 5]];
        let expected = parts.concat();
        assert_eq!(sent(parts, true).unwrap(), (expected, CHUNK_BYTES));
        assert_eq!(sent(vec![], true).unwrap(), (vec![], 0));
    }

    #[test]
    fn a_body_that_was_broken_off_is_an_error() {
        assert!(sent(vec![vec![1; 2 * CHUNK_BYTES]], false).unwrap_err().to_string().contains("ended early"));
        let (writer, mut reader) = channel("x");
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(writer.fail(Error::new(Kind::SourceChanged, "it was replaced")));
        assert!(reader.fill_buf().unwrap_err().to_string().contains("it was replaced"));
    }
}
