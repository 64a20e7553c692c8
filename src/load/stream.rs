//! The stream of one batch: download → decode thread → COPY, bounded at every joint.

use bytes::Bytes;
use futures_util::StreamExt;
use tokio::sync::{mpsc, oneshot};

use super::Job;
use crate::bronze::{ChunkReader, Lake, Limits, Lines};
use crate::entity::Input;
use crate::error::{Error, Kind, Result};
use crate::ledger::objects::Pending;
use crate::pg::CopyIn;
use crate::stage::StageAs;
use crate::stage::decode::{Tally, decode};
use crate::stage::frame::FrameWriter;
use crate::stage::key::KeyReader;

/// Compressed chunks in flight between download and decoder.
const CHUNKS_IN_FLIGHT: usize = 16;
/// COPY frames in flight between decoder and server, 256 KiB each.
const FRAMES_IN_FLIGHT: usize = 4;

/// An error of the stream, with the index of the object that it concerns, if it concerns one.
#[derive(Debug)]
pub(super) struct Failure {
    pub error: Error,
    pub object: Option<usize>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, object: None }
    }
}

/// Streams the objects into the COPY and returns what was read of each.
pub(super) async fn stream(
    job: &Job,
    objects: &[Pending],
    stage_as: StageAs,
    mut copy: CopyIn,
) -> Result<Vec<Tally>, Failure> {
    let (readers, senders): (Vec<_>, Vec<_>) = objects
        .iter()
        .map(|object| {
            let (sender, receiver) = mpsc::channel(CHUNKS_IN_FLIGHT);
            (ChunkReader::new(&object.path, receiver), sender)
        })
        .unzip();
    let (frames_in, mut frames_out) = mpsc::channel::<Bytes>(FRAMES_IN_FLIGHT);
    let (done_in, done_out) = oneshot::channel();
    let key_reader = KeyReader::new(&job.entity);
    let (input, limits) = (job.entity.input.clone(), job.limits);
    job.decoders.spawn(move || {
        let frames = FrameWriter::new(frames_in, stage_as);
        // Nobody waits for the answer when the attempt was given up already.
        let _ = done_in.send(decode_all(readers, frames, &key_reader, (&input, limits)));
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
    let tallies = decoded?;
    let copied = copy.finish().await?;
    let read: i64 = tallies.iter().map(|t| t.lines).sum();
    if i64::try_from(copied) != Ok(read) {
        return Err(Error::new(Kind::Internal, format!("read {read} lines but the server took {copied} rows")).into());
    }
    Ok(tallies)
}

fn decode_all(
    readers: Vec<ChunkReader>,
    mut frames: FrameWriter,
    key: &KeyReader,
    (input, limits): (&Input, Limits),
) -> Result<Vec<Tally>, Failure> {
    let mut tallies = Vec::with_capacity(readers.len());
    for (i, reader) in readers.into_iter().enumerate() {
        let object_no = i32::try_from(i).unwrap_or(i32::MAX);
        let tally = decode(&mut Lines::new(reader, input, limits), object_no, key, &mut frames)
            .map_err(|error| Failure { error, object: Some(i) })?;
        tallies.push(tally);
    }
    frames.finish()?;
    Ok(tallies)
}

/// One object after the other: the decoder reads them in this order.
async fn download_all(lake: Lake, objects: Vec<Pending>, senders: Vec<mpsc::Sender<Result<Bytes>>>) {
    for (object, chunks) in objects.into_iter().zip(senders) {
        if let Err(error) = download(&lake, &object, &chunks).await {
            let _ = chunks.send(Err(error)).await;
            return;
        }
    }
}

async fn download(lake: &Lake, object: &Pending, chunks: &mpsc::Sender<Result<Bytes>>) -> Result<()> {
    let mut body = Box::pin(lake.read(&object.path, &object.etag).await?);
    let mut received = 0;
    while let Some(chunk) = body.next().await {
        let chunk = chunk?;
        received += chunk.len() as i64;
        if !chunk.is_empty() && chunks.send(Ok(chunk)).await.is_err() {
            return Ok(());
        }
    }
    if received != object.size_bytes {
        let message =
            format!("object {}: the body has {received} bytes, the listing said {}", object.path, object.size_bytes);
        return Err(Error::new(Kind::SourceUnavailable, message));
    }
    // The end mark: see ChunkReader.
    let _ = chunks.send(Ok(Bytes::new())).await;
    Ok(())
}
