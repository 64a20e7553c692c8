//! Downloads the objects of a batch into the channels of the decode thread.

use std::sync::Arc;

use futures_util::StreamExt;

use super::verified::Verified;
use crate::bronze::{ChunkWriter, Lake};
use crate::error::{Error, Kind, Result};
use crate::ledger::objects::Pending;
use crate::meter::Tentative;

/// Objects of a batch that are downloaded in parallel: the next ones are on their way while one is decoded.
const DOWNLOADS: usize = 4;

/// Downloads each object into its writer, counting compressed bytes in `progress`.
///
/// The decoder reads the objects in their order, so that the oldest download in flight always moves, and
/// after it the others, however full their channels are.
pub(super) async fn download_all(lake: Lake, objects: Vec<(Pending, ChunkWriter)>, progress: Option<Arc<Tentative>>) {
    futures_util::stream::iter(objects)
        .map(|(object, mut chunks)| {
            let (lake, progress) = (&lake, progress.as_deref());
            async move {
                match download(lake, &object, &mut chunks, progress).await {
                    Ok(true) => chunks.finish().await,
                    Ok(false) => {}
                    Err(error) => chunks.fail(error).await,
                }
            }
        })
        .buffered(DOWNLOADS)
        .for_each(|()| std::future::ready(()))
        .await;
}

/// Downloads one object. Returns `false` when the decoder wants no more of it.
async fn download(
    lake: &Lake,
    object: &Pending,
    chunks: &mut ChunkWriter,
    progress: Option<&Tentative>,
) -> Result<bool> {
    let mut verified = Verified::begin(object)?;
    let mut body = Box::pin(lake.read(&object.path, &object.etag).await?);
    let mut received = 0;
    while let Some(bytes) = body.next().await {
        let bytes = bytes?;
        verified.add(&bytes);
        let length = bytes.len() as u64;
        if !chunks.write(bytes).await {
            return Ok(false);
        }
        received += length;
        if let Some(progress) = progress {
            progress.add(length);
        }
    }
    if received != object.size_bytes.unsigned_abs() {
        let message =
            format!("object {}: the body has {received} bytes, the listing said {}", object.path, object.size_bytes);
        return Err(Error::new(Kind::SourceUnavailable, message));
    }
    verified.end()?;
    Ok(true)
}
