//! The two requests that a container is asked with: List Blobs and Get Blob.
//!
//! They are made here, and not by the client library, because its paths cannot carry every name that a blob may have: it
//! encodes some characters and refuses others, and one such name would hide a whole page of a listing.

use std::error::Error as StdError;
use std::fmt;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use object_store::azure::AzureAuthorizer;
use object_store::client::{HttpError, HttpRequest, HttpRequestBody, HttpResponse};

use super::azure::Opened;
use super::listing::{self, Blobs};
use super::names;

/// Why there is no answer, as found out by whoever asked.
pub(super) type Failed = Box<dyn StdError + Send + Sync>;

/// An answer that is not one to the question.
#[derive(Debug)]
pub(super) struct NotUnderstood(pub String);

impl fmt::Display for NotUnderstood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for NotUnderstood {}

/// An object, or the rest of one.
pub(super) struct Got {
    pub etag: Option<String>,
    /// Of the whole object.
    pub size_bytes: u64,
    pub body: BoxStream<'static, Result<Bytes, HttpError>>,
}

/// A page of a listing.
pub(super) async fn list(
    opened: &Opened,
    account: &str,
    prefix: &str,
    marker: Option<&str>,
    at_most: usize,
) -> Result<Blobs, Failed> {
    let mut address = format!("{}?restype=container&comp=list&maxresults={at_most}", opened.address);
    for (name, value) in [("prefix", Some(prefix).filter(|p| !p.is_empty())), ("marker", marker)] {
        if let Some(value) = value {
            address.push_str(&format!("&{name}={}", names::encoded_value(value)));
        }
    }
    let response = send(opened, account, &address, &[]).await?;
    let body = response.into_body().bytes().await?;
    Ok(listing::parse(&body).map_err(NotUnderstood)?)
}

/// An object; from an offset where one is given.
pub(super) async fn get(
    opened: &Opened,
    account: &str,
    blob: &str,
    etag: Option<&str>,
    offset: Option<u64>,
) -> Result<Got, Failed> {
    let address = format!("{}/{}", opened.address, names::encoded(blob));
    let range = offset.map(|offset| format!("bytes={offset}-"));
    let headers = [("range", range.as_deref()), ("if-match", etag.filter(|etag| !etag.is_empty()))];
    let response = send(opened, account, &address, &headers).await?;
    let status = response.status().as_u16();
    let header = |name: &str| response.headers().get(name)?.to_str().ok().map(str::to_owned);
    let size_bytes = match offset {
        Some(offset) => {
            let range = header("content-range").filter(|_| status == 206);
            let range = range.ok_or_else(|| NotUnderstood(format!("{status} without the range that was asked for")))?;
            let (start, size) = content_range(&range).ok_or_else(|| NotUnderstood(format!("the range {range:?}")))?;
            if start != offset {
                return Err(NotUnderstood(format!("bytes from {start} instead of {offset}")).into());
            }
            size
        }
        None => {
            let length = header("content-length").and_then(|n| n.parse().ok());
            length.ok_or_else(|| NotUnderstood("an object without a length".to_owned()))?
        }
    };
    Ok(Got { etag: header("etag"), size_bytes, body: response.into_body().bytes_stream() })
}

async fn send(
    opened: &Opened,
    account: &str,
    address: &str,
    headers: &[(&'static str, Option<&str>)],
) -> Result<HttpResponse, Failed> {
    let credential = opened.credentials.get_credential().await?;
    let mut request = HttpRequest::new(HttpRequestBody::empty());
    *request.uri_mut() = address.parse()?;
    for (name, value) in headers {
        if let Some(value) = value {
            request.headers_mut().insert(*name, value.parse()?);
        }
    }
    AzureAuthorizer::new(&credential, account).try_authorize(&mut request)?;
    let response = opened.client.execute(request).await?;
    match response.status().is_success() {
        true => Ok(response),
        false => Err(NotUnderstood(format!("status {}", response.status().as_u16())).into()),
    }
}

/// First byte and size of the whole in `bytes 100-199/1234`.
fn content_range(text: &str) -> Option<(u64, u64)> {
    let (range, size) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (start, end) = range.split_once('-')?;
    let (start, end, size): (u64, u64, u64) = (start.parse().ok()?, end.parse().ok()?, size.parse().ok()?);
    (start <= end && end < size).then_some((start, size))
}

#[cfg(test)]
mod tests {
    use super::content_range;

    #[test]
    fn a_range_is_understood_or_not_taken() {
        assert_eq!(content_range("bytes 0-99/100"), Some((0, 100)));
        assert_eq!(content_range("bytes 100-199/1234"), Some((100, 1234)));
        for text in ["", "bytes */0", "bytes 0-18446744073709551615/0", "bytes 5-4/10", "0-9/10", "bytes 0-9/*"] {
            assert_eq!(content_range(text), None, "{text}");
        }
    }
}
