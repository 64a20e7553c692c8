//! A container on Azure Blob, with retries.
//!
//! Every request goes through [`Container::ask`]. It alone decides whether and when a request is repeated,
//! and how many run concurrently. The client below repeats nothing by itself.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;

use super::azure::{self, Endpoint, SignIn};
use super::created::Created;
use super::listing::Blobs;
use super::page::PAGE_OBJECTS;
use super::requests::{self, BlobBody, RequestError, UnexpectedResponse};
use super::store_error::{classify, find};
use super::throttle::{Gate, Slot};
use super::transport::HttpRefusal;
use crate::config::Azure;
use crate::error::{Error, Kind, Result};
use crate::retry::Policy;
use crate::shutdown::Shutdown;

/// A container. Clones share its throttle and its tokens.
#[derive(Debug, Clone)]
pub(super) struct Container {
    shared: Arc<Shared>,
    shutdown: Shutdown,
}

#[derive(Debug)]
struct Shared {
    account: Option<String>,
    name: String,
    settings: Azure,
    sign_in: SignIn,
    /// Its endpoint, and how often that was opened again.
    endpoint: Mutex<(Endpoint, u32)>,
    gate: Gate,
    /// Whether it has ever answered: a name that never resolved is a typo, one that did is an outage.
    answered: AtomicBool,
}

/// The attempts at one operation. Progress resets them.
pub(super) struct Attempts {
    policy: Policy,
    pauses: Box<dyn Iterator<Item = Duration> + Send + Sync>,
    failed: u32,
    renewed: bool,
}

impl Attempts {
    fn new(policy: Policy) -> Self {
        Self { policy, pauses: Box::new(policy.pauses()), failed: 0, renewed: false }
    }

    /// One attempt, which is never repeated.
    fn once(policy: Policy) -> Self {
        Self { pauses: Box::new(std::iter::empty()), ..Self::new(policy) }
    }

    /// Resets the attempts, because something got through: what fails from here on is a new failure.
    pub(super) fn progress(&mut self) {
        if self.failed > 0 || self.renewed {
            *self = Self::new(self.policy);
        }
    }
}

impl std::fmt::Debug for Attempts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attempts").field("failed", &self.failed).finish_non_exhaustive()
    }
}

impl Container {
    pub(super) fn open(account: Option<&str>, name: &str, settings: &Azure) -> Result<Self> {
        let (endpoint, sign_in) = azure::open(account, name, settings)?;
        let shared = Shared {
            account: account.map(str::to_owned),
            name: name.to_owned(),
            settings: settings.clone(),
            sign_in,
            endpoint: Mutex::new((endpoint, 0)),
            gate: Gate::default(),
            answered: AtomicBool::new(false),
        };
        Ok(Self { shared: Arc::new(shared), shutdown: Shutdown::never() })
    }

    pub(super) fn until(self, shutdown: Shutdown) -> Self {
        Self { shutdown, ..self }
    }

    /// The address by account and container, however the settings name them.
    pub(super) fn address(&self) -> String {
        format!("az://{}/{}", self.shared.sign_in.account, self.shared.name)
    }

    pub(super) fn attempts(&self) -> Attempts {
        Attempts::new(self.shared.settings.requests.retry)
    }

    /// Requests one page of a listing; `marker` is that of the page before.
    pub(super) async fn list(&self, prefix: &str, marker: Option<String>) -> Result<Blobs> {
        let account = self.shared.sign_in.account.as_str();
        let marker = marker.as_deref();
        let request =
            |endpoint: Endpoint| async move { requests::list(&endpoint, account, prefix, marker, PAGE_OBJECTS).await };
        self.ask("the listing", &mut self.attempts(), request).await
    }

    /// An object from `offset` to its end.
    ///
    /// A range is requested even from the beginning, because only then does the answer name the size of the
    /// whole object, and a shorter body cannot pass for it.
    pub(super) async fn get(
        &self,
        blob: &str,
        etag: Option<&str>,
        offset: u64,
        attempts: &mut Attempts,
    ) -> Result<BlobBody> {
        let account = self.shared.sign_in.account.as_str();
        let request = |endpoint: Endpoint| async move {
            let error = match requests::get(&endpoint, account, blob, etag, Some(offset)).await {
                Ok(got) => return Ok(got),
                Err(e) => e,
            };
            // An empty object has no first byte: the service answers 416, the emulator names an impossible
            // range.
            let is_out_of_range = find::<HttpRefusal>(error.as_ref()).is_some_and(|r| r.status == 416);
            let may_be_empty = offset == 0 && (is_out_of_range || find::<UnexpectedResponse>(error.as_ref()).is_some());
            match may_be_empty {
                true => requests::get(&endpoint, account, blob, etag, None)
                    .await
                    .ok()
                    .filter(|got| got.size_bytes == 0)
                    .ok_or(error),
                false => Err(error),
            }
        };
        self.ask(&format!("object {blob}"), attempts, request).await
    }

    /// Writes an object whole; with `only_new` nothing is replaced.
    pub(super) async fn put(&self, blob: &str, bytes: Bytes, only_new: bool) -> Result<Created> {
        let account = self.shared.sign_in.account.as_str();
        let bytes = &bytes;
        let request = |endpoint: Endpoint| async move {
            let is_there = |e: &RequestError| {
                only_new && find::<HttpRefusal>(e.as_ref()).is_some_and(|r| matches!(r.status, 409 | 412))
            };
            match requests::put(&endpoint, account, blob, (bytes.clone(), only_new)).await {
                Ok(()) => Ok(Created::New),
                Err(e) if is_there(&e) => Ok(Created::Exists),
                Err(e) => Err(e),
            }
        };
        self.ask(&format!("object {blob}"), &mut self.attempts(), request).await
    }

    /// Removes an object, if it is there.
    pub(super) async fn delete(&self, blob: &str) -> Result<()> {
        let account = self.shared.sign_in.account.as_str();
        let request = |endpoint: Endpoint| async move {
            match requests::delete(&endpoint, account, blob).await {
                Err(e) if find::<HttpRefusal>(e.as_ref()).is_some_and(|r| r.status == 404) => Ok(()),
                deleted => deleted,
            }
        };
        self.ask(&format!("object {blob}"), &mut self.attempts(), request).await
    }

    /// Checks whether an object can be read now, with one request.
    pub(super) async fn probe(&self, blob: &str, etag: Option<&str>) -> Result<()> {
        let mut once = Attempts::once(self.shared.settings.requests.retry);
        self.get(blob, etag, 0, &mut once).await.map(|_| ())
    }

    async fn ask<T, F, Fut>(&self, what: &str, attempts: &mut Attempts, request: F) -> Result<T>
    where
        F: Fn(Endpoint) -> Fut,
        Fut: Future<Output = Result<T, RequestError>>,
    {
        loop {
            let slot = tokio::select! {
                slot = self.shared.gate.request() => slot,
                () = self.shutdown.requested() => return Err(self.shutdown.error()),
            };
            let (endpoint, number) = self.endpoint();
            match request(endpoint).await {
                Ok(answer) => {
                    self.shared.answered.store(true, Ordering::Relaxed);
                    self.shared.gate.answered();
                    return Ok(answer);
                }
                Err(e) => {
                    let status = find::<HttpRefusal>(e.as_ref()).map(|r| r.status);
                    let error = classify(e, &self.shared.sign_in, !self.shared.answered.load(Ordering::Relaxed));
                    if status == Some(401) && self.shared.sign_in.is_by_token() && !attempts.renewed {
                        attempts.renewed = true;
                        self.renew(number)?;
                        continue;
                    }
                    let throttled = matches!(status, Some(429 | 503));
                    self.again(what, error, attempts, Some(slot).filter(|_| throttled)).await?;
                }
            }
        }
    }

    /// Waits before the next attempt. `slot` is that of a request that was throttled.
    ///
    /// # Errors
    /// `error` itself, when a retry cannot help or the attempts are used up; `Stopped`.
    pub(super) async fn again(
        &self,
        what: &str,
        error: Error,
        attempts: &mut Attempts,
        slot: Option<Slot>,
    ) -> Result<()> {
        if error.kind() != Kind::SourceUnavailable {
            return Err(error);
        }
        attempts.failed += 1;
        let (asked, longest) = (error.retry_after().unwrap_or_default(), attempts.policy.max);
        let pause = attempts.pauses.next();
        let wait = pause.unwrap_or_default().max(asked).min(longest);
        let limit = slot.is_some().then(|| self.shared.gate.throttled(wait));
        drop(slot);
        if asked > longest {
            let detail = format!("it asked for a pause of {asked:?}, longer than retry.max ({longest:?})");
            return Err(error.with_retry_after(longest).detail(detail));
        }
        if pause.is_none() {
            return Err(error.context(format!("gave up after {} attempts", attempts.failed)));
        }
        tracing::warn!(
            attempt = attempts.failed,
            error = error.message(),
            wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
            concurrent_requests = limit,
            "{what}: the lake failed; nothing is lost; resuming where it stopped"
        );
        self.shutdown.pause(wait).await
    }

    /// A slot for reading more of a body; see [`Gate::reading`].
    pub(super) async fn reading(&self) -> Slot {
        self.shared.gate.reading().await
    }

    /// Classifies an error in the middle of a body.
    pub(super) fn classify(&self, e: RequestError) -> Error {
        classify(e, &self.shared.sign_in, false)
    }

    fn endpoint(&self) -> (Endpoint, u32) {
        self.shared.endpoint.lock().clone()
    }

    /// Opens the endpoint again after a token was refused before it expired, which fetches another token.
    /// Concurrent requests with the same token do it once.
    fn renew(&self, number: u32) -> Result<()> {
        let shared = &self.shared;
        let mut current = shared.endpoint.lock();
        if current.1 == number {
            tracing::info!("the lake no longer accepts the token; fetching another one");
            let (endpoint, _) = azure::open(shared.account.as_deref(), &shared.name, &shared.settings)?;
            *current = (endpoint, number + 1);
        }
        Ok(())
    }
}
