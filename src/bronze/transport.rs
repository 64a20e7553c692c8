//! The HTTP transport, which keeps the details of every refusal.
//!
//! The client reduces a refusal to a status, but what decides about it (the service's own code,
//! `Retry-After`) is in the headers. So its transport is wrapped, and a refusal becomes an error that holds
//! them.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use chrono::{DateTime, Utc};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService, ReqwestConnector,
};

/// Larger answers do not explain an error.
const LONGEST_EXPLANATION: u64 = 64 * 1024;

/// An answer with a status of 400 or more.
#[derive(Debug, Clone, Default)]
pub(super) struct HttpRefusal {
    /// HTTP status, 400 or more.
    pub status: u16,
    /// The service's own code, such as `AuthenticationFailed`.
    pub code: Option<String>,
    /// The pause that the service asked for.
    pub retry_after: Option<Duration>,
    /// The id by which the platform's support finds the request.
    pub request_id: Option<String>,
    /// The host that answered: the lake's or a sign-in service's.
    pub host: String,
    /// Whether that is the lake. Otherwise it is a sign-in service.
    pub by_lake: bool,
    /// First line of a sign-in service's explanation. The lake's is never kept: it may repeat a signature.
    pub explanation: Option<String>,
}

impl fmt::Display for HttpRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} answered {}", self.host, self.status)?;
        self.code.iter().try_for_each(|code| write!(f, " {code}"))?;
        self.request_id.iter().try_for_each(|id| write!(f, " (request {id})"))
    }
}

impl std::error::Error for HttpRefusal {}

/// A request that got no answer.
#[derive(Debug)]
pub(super) struct NoResponse {
    /// The host that did not answer.
    pub host: String,
    /// Whether that is the lake. Otherwise it is a sign-in service.
    pub by_lake: bool,
    source: HttpError,
}

impl fmt::Display for NoResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} did not answer", self.host)
    }
}

impl std::error::Error for NoResponse {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// Creates the transport of a store.
#[derive(Debug, Default)]
pub(super) struct Transport(ReqwestConnector);

impl HttpConnector for Transport {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(Service(self.0.connect(options)?)))
    }
}

#[derive(Debug)]
struct Service(HttpClient);

impl HttpService for Service {
    fn call<'a, 'f>(
        &'a self,
        request: HttpRequest,
    ) -> Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'f>>
    where
        'a: 'f,
        Self: 'f,
    {
        let host = request.uri().authority().map(|a| a.to_string()).unwrap_or_default();
        // Every request to the lake names a protocol version, and no request to a sign-in service does.
        let by_lake = request.headers().contains_key("x-ms-version");
        Box::pin(async move {
            let response = self.0.execute(request).await.map_err(|source| {
                let kind = source.kind();
                HttpError::new(kind, NoResponse { host: host.clone(), by_lake, source })
            })?;
            if response.status().as_u16() < 400 {
                return Ok(response);
            }
            // `Unknown` is not one of the kinds that the client repeats by itself.
            let refused = HttpRefusal { host, by_lake, ..refused(response).await };
            Err(HttpError::new(HttpErrorKind::Unknown, refused))
        })
    }
}

async fn refused(response: HttpResponse) -> HttpRefusal {
    let header = |name: &str| Some(response.headers().get(name)?.to_str().ok()?.trim().to_owned());
    let mut refused = HttpRefusal {
        status: response.status().as_u16(),
        code: header("x-ms-error-code"),
        retry_after: header("retry-after").and_then(|text| retry_after(&text, Utc::now())),
        request_id: header("x-ms-request-id"),
        ..HttpRefusal::default()
    };
    let length = header("content-length").and_then(|n| n.parse::<u64>().ok());
    if length.is_none_or(|n| n <= LONGEST_EXPLANATION)
        && let Ok(body) = response.into_body().bytes().await
    {
        let (code, explanation) = explain(&String::from_utf8_lossy(&body));
        refused.code = refused.code.or(code);
        refused.explanation = explanation;
    }
    refused
}

/// Code and explanation in the body of a refusal: XML from the lake, JSON from a sign-in service.
fn explain(body: &str) -> (Option<String>, Option<String>) {
    let in_xml = body.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")).map(|(code, _)| code);
    let json: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    let code = in_xml.or(json["error"].as_str()).filter(|c| c.len() < 100 && c.bytes().all(|b| b.is_ascii_graphic()));
    let explanation = json["error_description"].as_str().and_then(|text| text.lines().next());
    (code.map(str::to_owned), explanation.map(|line| line.chars().take(300).collect()))
}

/// `Retry-After`: seconds, or the date until which to wait.
fn retry_after(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = DateTime::parse_from_rfc2822(text).ok()?;
    Some((until.with_timezone(&Utc) - now).to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = "2026-01-10T08:49:30Z".parse().unwrap();
        assert_eq!(retry_after("7", now), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("Sat, 10 Jan 2026 08:49:37 GMT", now), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("Sat, 10 Jan 2026 08:00:00 GMT", now), Some(Duration::ZERO), "a date in the past");
        for text in ["", "soon", "-1", "1.5"] {
            assert_eq!(retry_after(text, now), None, "{text}");
        }
    }

    #[test]
    fn a_refusal_is_explained_by_its_body_but_the_lakes_text_is_not_kept() {
        let xml = "\u{feff}<?xml \
                   version=\"1.0\"?><Error><Code>AuthenticationFailed</Code><Message>sig=hunter2</Message></Error>";
        assert_eq!(explain(xml), (Some("AuthenticationFailed".to_owned()), None));
        let json =
            r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret.\r\nTrace ID: x"}"#;
        let (code, explanation) = explain(json);
        assert_eq!(code.as_deref(), Some("invalid_client"));
        assert_eq!(explanation.as_deref(), Some("AADSTS7000215: Invalid client secret."));
        assert_eq!(explain("<html>502 Bad Gateway</html>"), (None, None));
    }
}
