//! The stream of one batch: download → decode thread → COPY, bounded at every joint.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use tokio::sync::{mpsc, oneshot};

use super::Job;
use crate::bronze::{ChunkReader, Lake, Limits, Lines};
use crate::entity::Input;
use crate::error::{Error, Kind, Result};
use crate::ids::{BatchId, ObjectNo};
use crate::ledger::objects::Pending;
use crate::ledger::rejects::Fixes;
use crate::pg::CopyIn;
use crate::stage::decode::{Source, Tally, decode, decode_wanted};
use crate::stage::frame::{Aside, FrameWriter, Lineage, Written};
use crate::stage::key::KeyReader;
use crate::stage::{LineSet, StageAs};

/// Compressed bytes of a chunk on its way to the decoder.
const CHUNK_BYTES: usize = 128 * 1024;
/// Chunks of an object in flight between download and decoder.
const CHUNKS_IN_FLIGHT: usize = 8;
/// Objects of a batch that are downloaded at once: the next ones are under way while one is decoded.
const DOWNLOADS: usize = 4;
/// COPY frames in flight between decoder and server, 256 KiB each.
const FRAMES_IN_FLIGHT: usize = 4;

/// An error of the stream, with the index of the object that it concerns, if it concerns one.
#[derive(Debug)]
pub(super) struct Failure {
    pub error: Error,
    pub object: Option<usize>,
    /// Years whose partitions the batch needs before it can be tried again.
    pub years: Vec<i32>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, object: None, years: Vec::new() }
    }
}

/// What goes over the wire.
#[derive(Debug, Clone)]
pub(super) enum Pass {
    /// Every line, into a stage table.
    Lines(StageAs),
    /// Every line that is not refused, into the staging table, as rows of the batch.
    Direct(BatchId),
    /// The documents of some lines of each object.
    Documents(Vec<LineSet>),
}

/// The objects of a batch, with the corrected texts that stand in the place of lines.
#[derive(Debug, Clone)]
pub(super) struct Sources<'a> {
    pub objects: &'a [Pending],
    pub fixes: Arc<Vec<Fixes>>,
}

/// What a pass came to.
#[derive(Debug, Default)]
pub(super) struct Streamed {
    /// What was read of each object.
    pub tallies: Vec<Tally>,
    /// Where the time went.
    pub spent: Spent,
    /// Refused lines that were not copied.
    pub aside: Vec<Aside>,
}

/// Where the time of a pass went, seen from the decode thread.
#[derive(Debug, Clone, Copy, Default)]
pub struct Spent {
    /// Waiting for bytes of the lake.
    pub lake: Duration,
    /// Decompressing, judging, hashing and framing.
    pub decode: Duration,
    /// Waiting for the server to take the rows.
    pub copy: Duration,
}

impl Spent {
    pub(super) fn add(&mut self, other: Spent) {
        self.lake += other.lake;
        self.decode += other.decode;
        self.copy += other.copy;
    }
}

/// Streams the objects into the COPY.
pub(super) async fn stream(job: &Job, source: &Sources<'_>, pass: Pass, mut copy: CopyIn) -> Result<Streamed, Failure> {
    let objects = source.objects;
    let started = Instant::now();
    let (readers, senders): (Vec<_>, Vec<_>) = objects
        .iter()
        .enumerate()
        .map(|(i, object)| {
            let (sender, receiver) = mpsc::channel(CHUNKS_IN_FLIGHT);
            (ChunkReader::new(&object.path, receiver), Some(sender).filter(|_| is_read(&pass, i)))
        })
        .unzip();
    let (frames_in, mut frames_out) = mpsc::channel::<Bytes>(FRAMES_IN_FLIGHT);
    let (done_in, done_out) = oneshot::channel();
    let decoder = Decoder {
        objects: objects.to_vec(),
        key: KeyReader::new(&job.entity),
        input: job.entity.input.clone(),
        limits: job.limits,
        fixes: Arc::clone(&source.fixes),
        pass,
    };
    job.decoders.spawn(move || {
        // Nobody waits for the answer when the attempt was given up already.
        let _ = done_in.send(decoder.run(readers, frames_in));
    });
    let downloads = tokio::spawn(download_all(job.lake.clone(), objects.to_vec(), senders));
    let mut refused = None;
    while let Some(frame) = frames_out.recv().await {
        if let Err(error) = copy.send(frame).await {
            refused = Some(error);
            break;
        }
    }
    drop(frames_out);
    let decoded = done_out.await.unwrap_or_else(|_| Err(Error::new(Kind::Internal, "a decode thread died").into()));
    downloads.abort();
    if let Some(error) = refused {
        return Err(error.into());
    }
    let decoded = decoded?;
    let copied = copy.finish().await?;
    if i64::try_from(copied) != Ok(decoded.rows) {
        let message = format!("framed {} rows but the server took {copied}", decoded.rows);
        return Err(Error::new(Kind::Internal, message).into());
    }
    let decode = decoded.elapsed.saturating_sub(decoded.lake + decoded.copy);
    let copy = started.elapsed().saturating_sub(decoded.lake + decode);
    let spent = Spent { lake: decoded.lake, decode, copy };
    Ok(Streamed { tallies: decoded.tallies, spent, aside: decoded.aside })
}

fn is_read(pass: &Pass, object: usize) -> bool {
    match pass {
        Pass::Lines(_) | Pass::Direct(_) => true,
        Pass::Documents(wanted) => wanted.get(object).is_some_and(|lines| !lines.is_empty()),
    }
}

fn lineage(object: &Pending, batch_id: BatchId) -> Lineage {
    Lineage {
        path: object.path.clone(),
        run_id: object.run_id.clone(),
        ingestion_date: object.ingestion_date,
        batch_id,
    }
}

/// The work of the decode thread.
struct Decoder {
    objects: Vec<Pending>,
    key: KeyReader,
    input: Input,
    limits: Limits,
    fixes: Arc<Vec<Fixes>>,
    pass: Pass,
}

struct Decoded {
    tallies: Vec<Tally>,
    rows: i64,
    aside: Vec<Aside>,
    elapsed: Duration,
    /// Waiting for chunks of the lake.
    lake: Duration,
    /// Waiting for room in the channel to the server.
    copy: Duration,
}

impl Decoder {
    fn run(self, readers: Vec<ChunkReader>, frames_in: mpsc::Sender<Bytes>) -> Result<Decoded, Failure> {
        let started = Instant::now();
        let stage_as = match self.pass {
            Pass::Lines(stage_as) => stage_as,
            Pass::Direct(_) => StageAs::Direct,
            Pass::Documents(_) => StageAs::Jsonb,
        };
        let mut frames = FrameWriter::new(frames_in, stage_as);
        let (mut tallies, mut rows) = (Vec::with_capacity(readers.len()), 0);
        let mut lake = Duration::ZERO;
        for (i, reader) in readers.into_iter().enumerate() {
            let object_no = ObjectNo::at(i);
            let source = Source { object_no, reader: &self.key, fixes: &self.fixes[i] };
            let failed = |error| Failure { object: Some(i), ..Failure::from(error) };
            let waited = reader.waited();
            match &self.pass {
                Pass::Lines(_) | Pass::Direct(_) => {
                    if let Pass::Direct(batch_id) = self.pass {
                        frames.begin_object(&lineage(&self.objects[i], batch_id)).map_err(failed)?;
                    }
                    let mut lines = Lines::new(reader, &self.input, self.limits);
                    let tally = decode(&mut lines, source, &mut frames).map_err(failed)?;
                    rows += tally.lines;
                    tallies.push(tally);
                }
                Pass::Documents(wanted) if is_read(&self.pass, i) => {
                    let mut lines = Lines::new(reader, &self.input, self.limits);
                    rows += decode_wanted(&mut lines, source, &wanted[i], &mut frames).map_err(failed)?;
                }
                Pass::Documents(_) => {}
            }
            lake += Duration::from_nanos(waited.load(Ordering::Relaxed));
        }
        let Written { waited: copy, aside } = frames.finish()?;
        rows -= aside.len() as i64;
        Ok(Decoded { tallies, rows, aside, elapsed: started.elapsed(), lake, copy })
    }
}

/// Downloads the objects, a few at once. The decoder reads them in order, so the oldest one under way always moves on, and
/// with it the others, however full their channels are.
async fn download_all(lake: Lake, objects: Vec<Pending>, senders: Vec<Option<mpsc::Sender<Result<Bytes>>>>) {
    let wanted = objects.into_iter().zip(senders).filter_map(|(object, sender)| Some((object, sender?)));
    futures_util::stream::iter(wanted)
        .map(|(object, chunks)| {
            let lake = lake.clone();
            async move {
                if let Err(error) = download(&lake, &object, &chunks).await {
                    let _ = chunks.send(Err(error)).await;
                }
            }
        })
        .buffered(DOWNLOADS)
        .for_each(|()| std::future::ready(()))
        .await;
}

async fn download(lake: &Lake, object: &Pending, chunks: &mpsc::Sender<Result<Bytes>>) -> Result<()> {
    let mut body = Box::pin(lake.read(&object.path, &object.etag).await?);
    let mut received = 0;
    // Chunks of one size, so that a channel of chunks is a bound in bytes.
    let mut buffer = BytesMut::with_capacity(CHUNK_BYTES);
    while let Some(chunk) = body.next().await {
        let mut chunk = chunk?;
        received += chunk.len() as i64;
        while !chunk.is_empty() {
            let room = CHUNK_BYTES - buffer.len();
            buffer.extend_from_slice(&chunk.split_to(room.min(chunk.len())));
            if buffer.len() == CHUNK_BYTES {
                let full = std::mem::replace(&mut buffer, BytesMut::with_capacity(CHUNK_BYTES));
                if chunks.send(Ok(full.freeze())).await.is_err() {
                    return Ok(());
                }
            }
        }
    }
    if received != object.size_bytes {
        let message =
            format!("object {}: the body has {received} bytes, the listing said {}", object.path, object.size_bytes);
        return Err(Error::new(Kind::SourceUnavailable, message));
    }
    if !buffer.is_empty() && chunks.send(Ok(buffer.freeze())).await.is_err() {
        return Ok(());
    }
    // The end mark: see ChunkReader.
    let _ = chunks.send(Ok(Bytes::new())).await;
    Ok(())
}
