//! Requests to a source: signed for its origin only, redirects not followed, bodies read whole or refused.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client as Http, RequestBuilder, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Url;

use super::position::PageRequest;
use super::refusal;
use super::token::TokenCache;
use crate::config::{ApiSource, Auth};
use crate::entity::extract::Query;
use crate::error::{Error, Kind, Result};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest answer that is taken.
pub(super) const MAX_BYTES: usize = 64 << 20;
/// Bytes that an answer may hold in memory without taking one of the places for large ones.
const FREE_BYTES: usize = 4 << 20;
/// Answers over [`FREE_BYTES`], and the objects that they are written to, in memory together.
const LARGE_AT_ONCE: usize = 3;

/// A source, and what is needed to ask it.
#[derive(Debug)]
pub struct Client {
    http: Http,
    source: ApiSource,
    tokens: Option<TokenCache>,
    large: Arc<Semaphore>,
}

/// An answer with its body.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    /// Empty where there is more of it than [`MAX_BYTES`].
    pub body: Bytes,
    pub is_too_large: bool,
    /// When it was asked for, by the source's clock, where the answer says.
    pub asked_at: Option<DateTime<Utc>>,
    /// Taken while a large body, or what becomes of it, is in memory.
    pub place: Option<OwnedSemaphorePermit>,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name)?.to_str().ok().map(str::to_owned)
    }

    pub(super) fn retry_after(&self) -> Option<Duration> {
        // A date is one of the source's clock.
        let now = self.header(DATE.as_str()).and_then(|date| DateTime::parse_from_rfc2822(&date).ok());
        refusal::retry_after(&self.header(RETRY_AFTER.as_str())?, now.map_or_else(Utc::now, |now| now.to_utc()))
    }
}

impl Client {
    /// A client of the source.
    ///
    /// # Errors
    /// `Config` when a secret is not set; `Internal` when TLS cannot be set up.
    pub fn open(source: &ApiSource) -> Result<Self> {
        let http = Http::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(source.timeout)
            .connect_timeout(CONNECT_TIMEOUT)
            .user_agent(concat!("evo/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|e| Error::new(Kind::Internal, "cannot set up TLS").caused_by(e))?;
        let tokens = match &source.auth {
            Auth::OAuth2(oauth2) => Some(TokenCache::new(http.clone(), oauth2)?),
            _ => None,
        };
        let client = Self { http, source: source.clone(), tokens, large: Arc::new(Semaphore::new(LARGE_AT_ONCE)) };
        // A secret that is missing is said now, not with the first request.
        client.sign_with_secrets(client.http.get(source.url.clone())).map(drop)?;
        Ok(client)
    }

    /// How the source is named in messages.
    pub fn shown(&self) -> String {
        format!("source {} ({})", self.source.name, self.source.url.host_str().unwrap_or_default())
    }

    /// The address of a page.
    ///
    /// # Errors
    /// `SourceInvalid` when the source gave an address of another origin.
    pub(super) fn address(&self, query: &Query, parameters: &[(String, String)], ask: &PageRequest) -> Result<Url> {
        let further = match ask {
            PageRequest::Parameters(further) => further,
            PageRequest::Address(address) => {
                let url = self.source.url.join(address).ok().filter(|url| url.origin() == self.source.url.origin());
                return url.ok_or_else(|| {
                    let message = format!("{} gave an address of another origin for the next page", self.shown());
                    Error::new(Kind::SourceInvalid, message).hint("credentials go to the declared origin only")
                });
            }
        };
        let mut url = self.source.url.clone();
        url.set_path(&format!("{}{}", self.source.url.path().trim_end_matches('/'), query.path));
        let mut pairs = url.query_pairs_mut();
        for (name, value) in query.parameters.iter().chain(parameters).chain(further) {
            pairs.append_pair(name, value);
        }
        drop(pairs);
        if url.query() == Some("") {
            url.set_query(None);
        }
        Ok(url)
    }

    /// Asks once; a token that is refused is fetched again, once.
    ///
    /// # Errors
    /// `SourceUnavailable` (retryable) when there is no whole answer; `SourceInvalid` for a certificate;
    /// `Config`.
    pub(super) async fn get(&self, url: &Url) -> Result<Answer> {
        let answer = self.send(url).await?;
        match (&self.tokens, answer.status) {
            (Some(tokens), 401) => {
                tokens.forget().await;
                self.send(url).await
            }
            _ => Ok(answer),
        }
    }

    async fn send(&self, url: &Url) -> Result<Answer> {
        let request = self.sign_with_secrets(self.http.get(url.clone()))?;
        let request = match &self.tokens {
            Some(tokens) => request.bearer_auth(tokens.valid().await?),
            None => request,
        };
        let asked = Instant::now();
        let sent = request.header("accept", "application/json").send().await;
        let response = sent.map_err(|e| refusal::of_transport(e, &self.shown()))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let date = headers.get(DATE).and_then(|date| DateTime::parse_from_rfc2822(date.to_str().ok()?).ok());
        let asked_at = date.map(|date| date.to_utc() - asked.elapsed());
        let whole = self.body(response).await?;
        let is_too_large = whole.is_none();
        let (body, place) = whole.unwrap_or_default();
        Ok(Answer { status, headers, body, is_too_large, asked_at, place })
    }

    /// The whole body; `None` when there is too much of it. A large one waits for its place before it is read
    /// on.
    async fn body(&self, mut response: Response) -> Result<Option<(Bytes, Option<OwnedSemaphorePermit>)>> {
        let announced = response.content_length().and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
        let (mut body, mut place) = (BytesMut::with_capacity(announced.min(FREE_BYTES)), None);
        let mut expected = announced;
        loop {
            if expected > MAX_BYTES {
                return Ok(None);
            }
            if expected > FREE_BYTES && place.is_none() {
                place = Arc::clone(&self.large).acquire_owned().await.ok();
                // In one piece: a buffer that grows takes up to twice the memory.
                body.reserve(announced.saturating_sub(body.len()));
            }
            let Some(chunk) = response.chunk().await.map_err(|e| refusal::of_transport(e, &self.shown()))? else {
                return Ok(Some((body.freeze(), place)));
            };
            body.extend_from_slice(&chunk);
            expected = announced.max(body.len());
        }
    }

    fn sign_with_secrets(&self, request: RequestBuilder) -> Result<RequestBuilder> {
        Ok(match &self.source.auth {
            Auth::None | Auth::OAuth2(_) => request,
            Auth::Basic { user, password } => request.basic_auth(user.expose()?, Some(password.expose()?)),
            Auth::Bearer(token) => request.bearer_auth(token.expose()?),
            Auth::Header { name, value } => {
                let wrong =
                    |what| Error::new(Kind::Config, format!("{what} of source {} cannot be sent", self.source.name));
                let name: HeaderName = name.parse().map_err(|_| wrong("the header"))?;
                let mut value: HeaderValue = value.expose()?.parse().map_err(|_| wrong("the value of the header"))?;
                value.set_sensitive(true);
                request.header(name, value)
            }
        })
    }

    /// The content type, for messages.
    pub(super) fn content_type(answer: &Answer) -> String {
        answer.header(CONTENT_TYPE.as_str()).unwrap_or_else(|| "no content type".to_owned())
    }
}
