//! The requests to a container: List Blobs, Get Blob, Put Blob and Delete Blob.
//!
//! They are made here and not by the client library, because its paths cannot hold every name that a blob may
//! have: it encodes some characters and refuses others, and one such name would hide a whole page of a
//! listing.

use std::error::Error as StdError;
use std::fmt;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use object_store::azure::AzureAuthorizer;
use object_store::client::{HttpError, HttpRequest, HttpRequestBody, HttpResponse};

use super::azure::Endpoint;
use super::listing::{self, Blobs};
use super::names;

/// Why a request failed; [`super::store_error`] classifies it.
pub(super) type RequestError = Box<dyn StdError + Send + Sync>;

/// An answer that does not fit the request.
#[derive(Debug)]
pub(super) struct UnexpectedResponse(pub String);

impl fmt::Display for UnexpectedResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for UnexpectedResponse {}

/// The body of a blob, or the rest of it.
pub(super) struct BlobBody {
    pub etag: Option<String>,
    /// Size of the whole blob, also when the body is only a part of it.
    pub size_bytes: u64,
    pub body: BoxStream<'static, Result<Bytes, HttpError>>,
}

/// Requests a page of a listing, of at most `limit` blobs.
pub(super) async fn list(
    endpoint: &Endpoint,
    account: &str,
    prefix: &str,
    marker: Option<&str>,
    limit: usize,
) -> Result<Blobs, RequestError> {
    let mut address = format!("{}?restype=container&comp=list&maxresults={limit}", endpoint.address);
    for (name, value) in [("prefix", Some(prefix).filter(|p| !p.is_empty())), ("marker", marker)] {
        if let Some(value) = value {
            address.push_str(&format!("&{name}={}", names::encoded_value(value)));
        }
    }
    let response = send(endpoint, account, &address, &[]).await?;
    let body = response.into_body().bytes().await?;
    Ok(listing::parse(&body).map_err(UnexpectedResponse)?)
}

/// Requests a blob, from `offset` on if one is given.
pub(super) async fn get(
    endpoint: &Endpoint,
    account: &str,
    blob: &str,
    etag: Option<&str>,
    offset: Option<u64>,
) -> Result<BlobBody, RequestError> {
    let address = format!("{}/{}", endpoint.address, names::encoded(blob));
    let range = offset.map(|offset| format!("bytes={offset}-"));
    let headers = [("range", range.as_deref()), ("if-match", etag.filter(|etag| !etag.is_empty()))];
    let response = send(endpoint, account, &address, &headers).await?;
    let status = response.status().as_u16();
    let header = |name: &str| response.headers().get(name)?.to_str().ok().map(str::to_owned);
    let size_bytes = match offset {
        Some(offset) => {
            let range = header("content-range").filter(|_| status == 206);
            let range =
                range.ok_or_else(|| UnexpectedResponse(format!("{status} without the range that was asked for")))?;
            let (start, size) =
                content_range(&range).ok_or_else(|| UnexpectedResponse(format!("the range {range:?}")))?;
            if start != offset {
                return Err(UnexpectedResponse(format!("bytes from {start} instead of {offset}")).into());
            }
            size
        }
        None => {
            let length = header("content-length").and_then(|n| n.parse().ok());
            length.ok_or_else(|| UnexpectedResponse("an object without a length".to_owned()))?
        }
    };
    Ok(BlobBody { etag: header("etag"), size_bytes, body: response.into_body().bytes_stream() })
}

/// Writes a blob. If nothing may be replaced, one that is there is refused with 409 or 412.
pub(super) async fn put(
    endpoint: &Endpoint,
    account: &str,
    blob: &str,
    (bytes, only_new): (Bytes, bool),
) -> Result<(), RequestError> {
    let address = format!("{}/{}", endpoint.address, names::encoded(blob));
    let length = bytes.len().to_string();
    let headers = [
        ("x-ms-blob-type", Some("BlockBlob")),
        ("content-length", Some(length.as_str())),
        ("if-none-match", only_new.then_some("*")),
    ];
    let request = request("PUT", &address, HttpRequestBody::from(bytes), &headers)?;
    execute(endpoint, account, request).await.map(drop)
}

/// Deletes a blob.
pub(super) async fn delete(endpoint: &Endpoint, account: &str, blob: &str) -> Result<(), RequestError> {
    let address = format!("{}/{}", endpoint.address, names::encoded(blob));
    execute(endpoint, account, request("DELETE", &address, HttpRequestBody::empty(), &[])?).await.map(drop)
}

async fn send(
    endpoint: &Endpoint,
    account: &str,
    address: &str,
    headers: &[(&'static str, Option<&str>)],
) -> Result<HttpResponse, RequestError> {
    execute(endpoint, account, request("GET", address, HttpRequestBody::empty(), headers)?).await
}

fn request(
    method: &str,
    address: &str,
    body: HttpRequestBody,
    headers: &[(&'static str, Option<&str>)],
) -> Result<HttpRequest, RequestError> {
    let mut request = HttpRequest::new(body);
    *request.uri_mut() = address.parse()?;
    *request.method_mut() = method.parse()?;
    for (name, value) in headers {
        if let Some(value) = value {
            request.headers_mut().insert(*name, value.parse()?);
        }
    }
    Ok(request)
}

async fn execute(endpoint: &Endpoint, account: &str, mut request: HttpRequest) -> Result<HttpResponse, RequestError> {
    let credential = endpoint.credentials.get_credential().await?;
    AzureAuthorizer::new(&credential, account).try_authorize(&mut request)?;
    let response = endpoint.client.execute(request).await?;
    match response.status().is_success() {
        true => Ok(response),
        false => Err(UnexpectedResponse(format!("status {}", response.status().as_u16())).into()),
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
    fn a_range_is_parsed_or_refused() {
        assert_eq!(content_range("bytes 0-99/100"), Some((0, 100)));
        assert_eq!(content_range("bytes 100-199/1234"), Some((100, 1234)));
        for text in ["", "bytes */0", "bytes 0-18446744073709551615/0", "bytes 5-4/10", "0-9/10", "bytes 0-9/*"] {
            assert_eq!(content_range(text), None, "{text}");
        }
    }
}
