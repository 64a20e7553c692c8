//! Requests to a collector.

use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, StatusCode};

use super::message::Message;
use super::wire;
use crate::config::{OtlpEncoding, OtlpTarget};

/// How long a connection to a collector may take.
const CONNECT: Duration = Duration::from_secs(2);

/// The outcome of a request.
#[derive(Debug, PartialEq)]
pub(in crate::telemetry) enum Delivery {
    /// The collector has it.
    Taken,
    /// Not now: the same request may be sent again, after this pause if the collector asked for one.
    Later(String, Option<Duration>),
    /// The collector does not take this request, now or later.
    Refused(String),
}

/// Sends one signal to a collector.
#[derive(Debug)]
pub(in crate::telemetry) struct OtlpClient {
    http: Client,
    target: OtlpTarget,
}

impl OtlpClient {
    /// A client; connects nothing yet. `None` when TLS cannot be set up.
    pub(in crate::telemetry) fn new(target: &OtlpTarget) -> Option<Self> {
        let http = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT.min(target.timeout))
            .timeout(target.timeout)
            .pool_max_idle_per_host(1)
            .user_agent(concat!("OTel-OTLP-Exporter-evo/", env!("CARGO_PKG_VERSION")))
            .build()
            .ok()?;
        Some(Self { http, target: target.clone() })
    }

    /// The collector, for messages.
    pub(in crate::telemetry) fn host(&self) -> String {
        self.target.host()
    }

    /// Sends a request once. Ends within the collector's time to answer.
    pub(in crate::telemetry) async fn send(&self, message: &Message) -> Delivery {
        let (kind, body) = match self.target.encoding {
            OtlpEncoding::Protobuf => ("application/x-protobuf", wire::protobuf(message)),
            OtlpEncoding::Json => ("application/json", wire::json(message).to_string().into_bytes()),
        };
        let request = self.http.post(self.target.url.clone()).headers(self.target.headers.clone());
        let request = request.header(CONTENT_TYPE, kind);
        let request = match self.target.gzip.then(|| compressed(&body)).flatten() {
            Some(body) => request.header(CONTENT_ENCODING, "gzip").body(body),
            None => request.body(body),
        };
        match request.send().await {
            Ok(response) => {
                let asked = response.headers().get(RETRY_AFTER).and_then(|v| v.to_str().ok()?.parse().ok());
                verdict(response.status(), asked.map(Duration::from_secs))
            }
            // Without the address, which may hold a credential.
            Err(error) => Delivery::Later(reason(&error).to_owned(), None),
        }
    }
}

fn compressed(body: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).ok()?;
    encoder.finish().ok()
}

/// The outcome that a status stands for, as OTLP defines it.
fn verdict(status: StatusCode, asked: Option<Duration>) -> Delivery {
    match status.as_u16() {
        200..=299 => Delivery::Taken,
        429 | 502 | 503 | 504 => Delivery::Later(format!("it answers {status}"), asked),
        _ => Delivery::Refused(format!("it answers {status}")),
    }
}

/// Why there is no answer, in a few words.
pub(in crate::telemetry) fn reason(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        "it does not answer in time"
    } else if error.is_connect() {
        "it cannot be reached"
    } else if error.is_builder() {
        "its address or a header cannot be used"
    } else {
        "the connection broke"
    }
}
