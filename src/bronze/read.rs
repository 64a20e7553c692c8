//! The bytes of one version of an object, complete or not at all.
//!
//! A body that is cut, stalls or ends early is requested again from where it stopped, for the same etag. The
//! stream ends without an error only when every byte of the size that the lake names has been delivered.

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt, stream};
use object_store::client::HttpError;

use super::container::{Attempts, Container};
use crate::error::{Error, Kind, Result};

/// Size and bytes of an object, in the version that `etag` identifies, or else in the current one.
///
/// # Errors
/// `SourceChanged` when that version was replaced or deleted; `SourceUnreadable`; `SourceUnavailable` when
/// the attempts are used up; `AccessDenied`.
pub(super) async fn read(
    container: Container,
    blob: String,
    etag: Option<String>,
) -> Result<(u64, impl Stream<Item = Result<Bytes>> + Send + use<>)> {
    let mut reader =
        Reader { attempts: container.attempts(), container, blob, etag, size: None, offset: 0, body: None };
    reader.open().await?;
    let size = reader.size.unwrap_or_default();
    Ok((size, stream::try_unfold(reader, |mut reader| async move { Ok(reader.next().await?.map(|b| (b, reader))) })))
}

struct Reader {
    container: Container,
    blob: String,
    /// The version; the one of the first answer if the caller named none.
    etag: Option<String>,
    size: Option<u64>,
    offset: u64,
    attempts: Attempts,
    /// The rest of the object, from the current answer.
    body: Option<BoxStream<'static, Result<Bytes, HttpError>>>,
}

impl Reader {
    async fn open(&mut self) -> Result<()> {
        let got = self.container.get(&self.blob, self.etag.as_deref(), self.offset, &mut self.attempts).await?;
        let etag = self.etag.get_or_insert_with(|| got.etag.clone().unwrap_or_default());
        let size = *self.size.get_or_insert(got.size_bytes);
        // A proxy that ignores If-Match must not splice two versions.
        let is_same = got.etag.as_deref().is_none_or(|found| bare(found) == bare(etag));
        if !is_same || size != got.size_bytes {
            return Err(Error::new(Kind::SourceChanged, "it was replaced while it was read"));
        }
        self.body = Some(got.body);
        Ok(())
    }

    async fn next(&mut self) -> Result<Option<Bytes>> {
        let size = self.size.unwrap_or_default();
        loop {
            if self.offset == size {
                self.body = None;
                return Ok(None);
            }
            let Some(body) = &mut self.body else {
                self.open().await?;
                continue;
            };
            let slot = self.container.reading().await;
            let next = body.next().await;
            drop(slot);
            let stopped = match next {
                Some(Ok(bytes)) if bytes.is_empty() => continue,
                Some(Ok(bytes)) => {
                    self.offset += bytes.len() as u64;
                    if self.offset > size {
                        return Err(Error::new(Kind::SourceChanged, format!("more than its {size} bytes arrived")));
                    }
                    self.attempts.progress();
                    return Ok(Some(bytes));
                }
                Some(Err(e)) => self.container.classify(e.into()),
                None => Error::new(Kind::SourceUnavailable, "the answer ended early"),
            };
            self.body = None;
            let error = stopped.context(format!("after {} of {size} bytes", self.offset));
            self.container.again(&format!("object {}", self.blob), error, &mut self.attempts, None).await?;
        }
    }
}

/// The etag without the quotes that a header has and a listing lacks.
fn bare(etag: &str) -> &str {
    etag.trim_start_matches("W/").trim_matches('"')
}
