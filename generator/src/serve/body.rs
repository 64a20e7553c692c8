//! Bodies and statuses of answers.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use serde_json::json;

use super::fault::Fault;

/// The body of an answer, which may break on the way.
pub(super) type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// The answer that a fault puts in the place of a page.
pub(super) fn instead(fault: Fault) -> Option<Response<Body>> {
    match fault {
        Fault::Status(status) => {
            let status = StatusCode::from_u16(status).ok()?;
            let mut response = message(status, "An error has occurred.");
            if matches!(status.as_u16(), 429 | 503) {
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            Some(response)
        }
        Fault::Html => {
            let page = "<!DOCTYPE html><html><body><h1>Maintenance</h1></body></html>";
            let mut response = body(StatusCode::OK, Bytes::from_static(page.as_bytes()));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
            Some(response)
        }
        Fault::Shape => Some(json_body(StatusCode::OK, br#"{"message": "no records here"}"#.to_vec())),
        Fault::Cut | Fault::Slow(_) | Fault::Remove | Fault::Insert => None,
    }
}

/// Half of a body that was announced whole.
pub(super) fn cut(page: Vec<u8>) -> Response<Body> {
    let whole = page.len();
    let half = Bytes::from(page).slice(..whole / 2);
    let broken = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    // The connection breaks when the half has been sent.
    let rest = stream::once(async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Err(broken)
    });
    let frames = stream::iter([Ok(Frame::data(half))]).chain(rest);
    let mut response = Response::new(BodyExt::boxed_unsync(StreamBody::new(frames.boxed())));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(whole as u64));
    response
}

fn body(status: StatusCode, bytes: Bytes) -> Response<Body> {
    let mut response = Response::new(Full::new(bytes).map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    response
}

pub(super) fn json_body(status: StatusCode, bytes: Vec<u8>) -> Response<Body> {
    let mut response = body(status, bytes.into());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    response
}

pub(super) fn message(status: StatusCode, text: &str) -> Response<Body> {
    json_body(status, json!({ "message": text }).to_string().into_bytes())
}
