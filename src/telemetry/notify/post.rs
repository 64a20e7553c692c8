//! The request of a notification.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, Response};

use super::ending::Ending;
use super::template;
use crate::config::{Notify, NotifyOn};
use crate::error::{Error, Kind, Result};
use crate::retry::{Policy, retry};
use crate::shutdown::Shutdown;
use crate::telemetry::otlp::reason;

/// How long all attempts together may delay the end of the process.
const LIMIT: Duration = Duration::from_secs(15);
/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(5);

/// Posts the notification, if this end is one to notify of. Repeats what may pass, as `policy` says but for
/// no longer than 15 s. A failure is a warning.
pub(in crate::telemetry) async fn send(notify: &Notify, policy: Policy, ending: &Ending<'_>) {
    if notify.on == NotifyOn::Failure && ending.failure.is_none() {
        return;
    }
    let host = notify.host();
    let Ok(http) = client() else {
        tracing::warn!(host, "TLS cannot be set up: nobody is notified");
        return;
    };
    let body = template::body(&notify.format, ending).to_string();
    let policy = Policy {
        max_retries: policy.max_retries.min(3),
        base: policy.base.min(Duration::from_secs(1)),
        max: policy.max.min(Duration::from_secs(4)),
        budget: LIMIT,
    };
    let shutdown = Shutdown::never();
    let what = format!("notifying {host}");
    let posting = retry(policy, &shutdown, &what, async |_| post(&http, notify, &body).await);
    match tokio::time::timeout(LIMIT, posting).await {
        Ok(Ok(())) => tracing::debug!(host, "notified"),
        Ok(Err(error)) => tracing::warn!(error = error.message(), "the notification was not delivered"),
        Err(_) => tracing::warn!(host, limit_s = LIMIT.as_secs(), "the notification was not delivered in time"),
    }
}

fn client() -> reqwest::Result<Client> {
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(ANSWER)
        .timeout(ANSWER)
        .user_agent(concat!("evo/", env!("CARGO_PKG_VERSION")))
        .build()
}

async fn post(http: &Client, notify: &Notify, body: &str) -> Result<()> {
    let request = http.post(notify.url.clone()).header(CONTENT_TYPE, "application/json").body(body.to_owned());
    // The library's own message holds the address, which is a credential.
    let response = request.send().await.map_err(|e| Error::new(Kind::SourceUnavailable, reason(&e)))?;
    match response.status().as_u16() {
        200..=299 => Ok(()),
        status @ (408 | 429 | 500..=599) => {
            let error = Error::new(Kind::SourceUnavailable, format!("it answers {status}"));
            Err(error.with_retry_after(retry_after(&response)))
        }
        status => Err(Error::new(Kind::Config, format!("{} answers {status}", notify.host()))),
    }
}

/// The pause that was asked for; zero where none was, or one that is too long to wait for.
fn retry_after(response: &Response) -> Duration {
    let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    seconds.map(Duration::from_secs).filter(|pause| *pause < LIMIT).unwrap_or_default()
}
