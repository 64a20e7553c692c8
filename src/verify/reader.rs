//! Reads an object again: download → decompression → lines → chunks, on a decode thread.

use tokio::sync::{mpsc, oneshot};
use xxhash_rust::xxh3::xxh3_128;

use super::chunk::LineChunk;
use super::job::VerifyJob;
use super::loaded::LoadedObject;
use crate::bronze::{ChunkReader, Limits, Lines, chunks};
use crate::entity::Input;
use crate::error::{Error, Kind, Result};
use crate::ledger::rejects::Fixes;
use crate::stage::LineSet;
use crate::stage::decode::parse;
use crate::stage::key::KeyReader;

/// Chunks between the decode thread and the statements.
const CHUNKS_IN_FLIGHT: usize = 1;

/// Facts of the ledger about the lines of an object.
#[derive(Debug, Clone, Default)]
pub(super) struct RecordedLines {
    /// Corrected texts, each of which stands in the place of its line.
    pub fixes: Fixes,
    /// Lines that are rejected: staging has nothing of them.
    pub refused: LineSet,
}

/// An object that is being read.
pub(super) struct ObjectReader {
    chunks: mpsc::Receiver<LineChunk>,
    end: oneshot::Receiver<Result<i64>>,
    download: tokio::task::JoinHandle<()>,
}

impl Drop for ObjectReader {
    fn drop(&mut self) {
        self.download.abort();
    }
}

impl ObjectReader {
    /// Begins to read.
    ///
    /// # Errors
    /// As [`Lake::read`](crate::bronze::Lake::read).
    pub(super) async fn open(job: &VerifyJob, object: &LoadedObject, known: RecordedLines) -> Result<Self> {
        let body = job.lake.read(&object.object.path, &object.object.etag).await?;
        let (writer, reader) = chunks::channel(&object.object.path);
        let download = tokio::spawn(writer.write_all(body));
        let (chunks_in, chunks) = mpsc::channel(CHUNKS_IN_FLIGHT);
        let (end_in, end) = oneshot::channel();
        let decoder = Decoder {
            key: KeyReader::new(&job.entity),
            input: job.entity.input.clone(),
            limits: job.limits,
            known,
            chunks: chunks_in,
        };
        job.decoders.spawn(move || {
            // Nobody waits for the end once the comparison has failed.
            let _ = end_in.send(decoder.run(reader));
        });
        Ok(Self { chunks, end, download })
    }

    /// The next chunk; `None` behind the last one.
    pub(super) async fn next(&mut self) -> Option<LineChunk> {
        self.chunks.recv().await
    }

    /// How many lines the object has, after its last chunk.
    ///
    /// # Errors
    /// `SourceCorrupt` and those of [`Lake::read`](crate::bronze::Lake::read).
    pub(super) async fn end(mut self) -> Result<i64> {
        let died = || Err(Error::new(Kind::Internal, "a decode thread died"));
        (&mut self.end).await.unwrap_or_else(|_| died())
    }
}

/// The work of the decode thread.
struct Decoder {
    key: KeyReader,
    input: Input,
    limits: Limits,
    known: RecordedLines,
    chunks: mpsc::Sender<LineChunk>,
}

impl Decoder {
    /// Sends every line that can be staged. Returns how many lines there are.
    fn run(self, reader: ChunkReader) -> Result<i64> {
        let mut lines = Lines::new(reader, &self.input, self.limits);
        let (mut count, mut chunk) = (0, LineChunk::default());
        while let Some(line) = lines.next_line()? {
            count += 1;
            let number = line.number;
            let corrected = match self.known.fixes.get(&number) {
                None => {
                    let is_accepted = line.refused.is_none() && !self.known.refused.contains(number);
                    if is_accepted {
                        self.add(&mut chunk, number, line.bytes)?;
                    }
                    continue;
                }
                Some(correction) => lines.corrected(correction),
            };
            if let (Ok(text), false) = (corrected, self.known.refused.contains(number)) {
                self.add(&mut chunk, number, &text)?;
            }
        }
        if !chunk.lines.is_empty() {
            self.send(chunk)?;
        }
        Ok(count)
    }

    /// Adds a line to the chunk, if it is valid.
    fn add(&self, chunk: &mut LineChunk, number: i64, line: &[u8]) -> Result<()> {
        let Ok((key, text)) = parse(line, &self.key) else { return Ok(()) };
        if chunk.is_full_for(text.len()) {
            self.send(std::mem::take(chunk))?;
        }
        chunk.push(number, key, xxh3_128(text.as_bytes()), text);
        Ok(())
    }

    fn send(&self, chunk: LineChunk) -> Result<()> {
        let stopped = |_| Error::new(Kind::Internal, "the comparison has ended");
        self.chunks.blocking_send(chunk).map_err(stopped)
    }
}
