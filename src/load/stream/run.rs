//! Connects downloads, decode thread and COPY.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::decoder::Decoder;
use super::download::download_all;
use super::objects::{BatchObjects, Pass};
use crate::bronze::chunks;
use crate::error::{Error, Kind};
use crate::load::attempt_error::AttemptError;
use crate::load::job::LoadJob;
use crate::load::outcome::StreamTimes;
use crate::pg::CopyIn;
use crate::stage::decode::ObjectTally;
use crate::stage::frame::KeptReject;
use crate::stage::key::KeyReader;
use crate::stage::{Sieve, StageAs};

/// COPY frames in flight between decoder and server, 256 KiB each.
const FRAMES_IN_FLIGHT: usize = 4;

/// The results of a pass.
#[derive(Debug, Default)]
pub(in crate::load) struct Streamed {
    /// Lines and bytes read of each object, in order; empty in the second pass.
    pub tallies: Vec<ObjectTally>,
    /// Where the time went.
    pub times: StreamTimes,
    /// Rejected lines that were not copied; empty unless rows go straight into the staging table.
    pub kept: Vec<KeptReject>,
    /// The sieve, with what it held back.
    pub sieve: Sieve,
}

/// Streams the objects into the COPY, and ends it.
///
/// # Errors
/// Errors of the lake and of decoding, with the object that they concern; `BadRow` when the server refuses a
/// value; see [`crate::pg`].
pub(in crate::load) async fn stream(
    job: &LoadJob,
    batch: &BatchObjects<'_>,
    pass: Pass,
    mut copy: CopyIn,
) -> Result<Streamed, AttemptError> {
    let started = Instant::now();
    let channels = batch.objects.iter().map(|object| chunks::channel(&object.path));
    let (writers, readers): (Vec<_>, Vec<_>) = channels.unzip();
    let wanted = batch.objects.iter().cloned().zip(writers).enumerate().filter(|(i, _)| pass.reads(*i));
    let wanted: Vec<_> = wanted.map(|(_, download)| download).collect();
    let progress = pass.is_first().then(|| Arc::clone(&batch.progress));
    let downloads = tokio::spawn(download_all(job.lake.clone(), wanted, progress));
    let (frames_in, mut frames_out) = mpsc::channel::<Bytes>(FRAMES_IN_FLIGHT);
    let (decoded_in, decoded_out) = oneshot::channel();
    let is_direct = matches!(pass, Pass::Lines(StageAs::Direct, ..) | Pass::TextRows(_));
    let decoder = Decoder {
        batch_id: batch.batch_id,
        objects: batch.objects.to_vec(),
        key: KeyReader::new(&job.entity),
        input: job.entity.input.clone(),
        limits: job.limits,
        corrections: Arc::clone(&batch.corrections),
        pass,
    };
    job.decoders.spawn(move || {
        // Nobody waits for the result if the attempt has already ended.
        let _ = decoded_in.send(decoder.run(readers, frames_in));
    });
    let mut refused = None;
    while let Some(frame) = frames_out.recv().await {
        if let Err(error) = copy.send(frame).await {
            refused = Some(error);
            break;
        }
    }
    drop(frames_out);
    let decoded = decoded_out.await.unwrap_or_else(|_| Err(Error::new(Kind::Internal, "a decode thread died").into()));
    downloads.abort();
    if let Some(error) = refused {
        return Err(error.into());
    }
    let decoded = decoded?;
    let copied = copy.finish().await?;
    if i64::try_from(copied) != Ok(decoded.rows) {
        // A trigger of somebody's may leave rows out of the staging table. The merge finds out which one.
        let kind = if is_direct { Kind::TransactionConflict } else { Kind::Internal };
        let message = format!("the server took {copied} of {} rows", decoded.rows);
        return Err(Error::new(kind, message).into());
    }
    let decode = decoded.elapsed.saturating_sub(decoded.lake + decoded.copy);
    let copy = started.elapsed().saturating_sub(decoded.lake + decode);
    let times = StreamTimes { lake: decoded.lake, decode, copy };
    Ok(Streamed { tallies: decoded.tallies, times, kept: decoded.kept, sieve: decoded.sieve })
}
