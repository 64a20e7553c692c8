//! A container on Azure Blob, asked with patience.
//!
//! Every request goes through [`Container::ask`]: the one place that decides whether it is made again, when, and how many
//! are made at once. The client below repeats nothing by itself.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::azure::{self, Opened, SignIn};
use super::lake::PAGE_OBJECTS;
use super::listing::Blobs;
use super::refusal::{find, judge};
use super::requests::{self, Failed, Got, NotUnderstood};
use super::throttle::{Gate, Pass};
use super::wire::Refused;
use crate::config::Azure;
use crate::error::{Error, Kind, Result};
use crate::retry::Policy;
use crate::shutdown::Shutdown;

/// A container. Clones share its gate and its tokens.
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
    /// How it is asked, and how often that was found out anew.
    opened: Mutex<(Opened, u32)>,
    gate: Gate,
    /// Whether it has ever answered: a name that never resolved is a typing error, one that did is a fault.
    answered: AtomicBool,
}

/// Attempts at one thing. Progress begins them anew.
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

    /// One attempt and no other.
    fn once(policy: Policy) -> Self {
        Self { pauses: Box::new(std::iter::empty()), ..Self::new(policy) }
    }

    /// Something came through: whatever fails from here on is a new failure.
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
        let (opened, sign_in) = azure::open(account, name, settings)?;
        let shared = Shared {
            account: account.map(str::to_owned),
            name: name.to_owned(),
            settings: settings.clone(),
            sign_in,
            opened: Mutex::new((opened, 0)),
            gate: Gate::default(),
            answered: AtomicBool::new(false),
        };
        Ok(Self { shared: Arc::new(shared), shutdown: Shutdown::never() })
    }

    pub(super) fn until(self, shutdown: Shutdown) -> Self {
        Self { shutdown, ..self }
    }

    /// Account and container, however the settings name them.
    pub(super) fn address(&self) -> String {
        format!("az://{}/{}", self.shared.sign_in.account, self.shared.name)
    }

    pub(super) fn attempts(&self) -> Attempts {
        Attempts::new(self.shared.settings.requests.retry)
    }

    /// One page of a listing.
    pub(super) async fn list(&self, prefix: &str, marker: Option<String>) -> Result<Blobs> {
        let account = self.shared.sign_in.account.as_str();
        let marker = marker.as_deref();
        let request =
            |opened: Opened| async move { requests::list(&opened, account, prefix, marker, PAGE_OBJECTS).await };
        self.ask("the listing", &mut self.attempts(), request).await
    }

    /// An object from `offset` to its end.
    ///
    /// A range is asked for even from the beginning, because only then the answer names the size of the whole object: a
    /// shorter body cannot pass for it.
    pub(super) async fn get(
        &self,
        blob: &str,
        etag: Option<&str>,
        offset: u64,
        attempts: &mut Attempts,
    ) -> Result<Got> {
        let account = self.shared.sign_in.account.as_str();
        let request = |opened: Opened| async move {
            let error = match requests::get(&opened, account, blob, etag, Some(offset)).await {
                Ok(got) => return Ok(got),
                Err(e) => e,
            };
            // An empty object has no first byte: the service answers 416, the emulator with an impossible range.
            let is_out_of_range = find::<Refused>(error.as_ref()).is_some_and(|r| r.status == 416);
            let may_be_empty = offset == 0 && (is_out_of_range || find::<NotUnderstood>(error.as_ref()).is_some());
            match may_be_empty {
                true => requests::get(&opened, account, blob, etag, None)
                    .await
                    .ok()
                    .filter(|got| got.size_bytes == 0)
                    .ok_or(error),
                false => Err(error),
            }
        };
        self.ask(&format!("object {blob}"), attempts, request).await
    }

    /// Whether an object can be read now: asked for once.
    pub(super) async fn probe(&self, blob: &str, etag: Option<&str>) -> Result<()> {
        let mut once = Attempts::once(self.shared.settings.requests.retry);
        self.get(blob, etag, 0, &mut once).await.map(|_| ())
    }

    async fn ask<T, F, Fut>(&self, what: &str, attempts: &mut Attempts, request: F) -> Result<T>
    where
        F: Fn(Opened) -> Fut,
        Fut: Future<Output = Result<T, Failed>>,
    {
        loop {
            let pass = tokio::select! {
                pass = self.shared.gate.request() => pass,
                () = self.shutdown.requested() => return Err(self.shutdown.error()),
            };
            let (opened, number) = self.opened();
            match request(opened).await {
                Ok(answer) => {
                    self.shared.answered.store(true, Ordering::Relaxed);
                    self.shared.gate.answered();
                    return Ok(answer);
                }
                Err(e) => {
                    let status = find::<Refused>(e.as_ref()).map(|r| r.status);
                    let error = judge(e, &self.shared.sign_in, !self.shared.answered.load(Ordering::Relaxed));
                    if status == Some(401) && self.shared.sign_in.is_by_token() && !attempts.renewed {
                        attempts.renewed = true;
                        self.renew(number)?;
                        continue;
                    }
                    let throttled = matches!(status, Some(429 | 503));
                    self.again(what, error, attempts, Some(pass).filter(|_| throttled)).await?;
                }
            }
        }
    }

    /// Waits before the next attempt; `place` is that of a request that was throttled.
    ///
    /// # Errors
    /// The error itself, when time cannot heal it or the attempts are used up; `Interrupted`.
    pub(super) async fn again(
        &self,
        what: &str,
        error: Error,
        attempts: &mut Attempts,
        place: Option<Pass>,
    ) -> Result<()> {
        if error.kind() != Kind::SourceUnavailable {
            return Err(error);
        }
        attempts.failed += 1;
        let (asked, longest) = (error.retry_after().unwrap_or_default(), attempts.policy.max);
        let pause = attempts.pauses.next();
        let wait = pause.unwrap_or_default().max(asked).min(longest);
        let at_once = place.is_some().then(|| self.shared.gate.throttled(wait));
        drop(place);
        if asked > longest {
            let detail = format!("it asked to be left alone for {asked:?}, longer than retry.max ({longest:?})");
            return Err(error.with_retry_after(longest).detail(detail));
        }
        if pause.is_none() {
            return Err(error.context(format!("gave up after {} attempts", attempts.failed)));
        }
        tracing::warn!(
            attempt = attempts.failed,
            error = error.message(),
            wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
            requests_at_once = at_once,
            "{what}: the lake failed; nothing is lost; going on where it stopped"
        );
        self.shutdown.pause(wait).await
    }

    /// A place for reading more of a body; see [`Gate::reading`].
    pub(super) async fn reading(&self) -> Pass {
        self.shared.gate.reading().await
    }

    /// What an error in the middle of a body means.
    pub(super) fn understand(&self, e: Failed) -> Error {
        judge(e, &self.shared.sign_in, false)
    }

    fn opened(&self) -> (Opened, u32) {
        self.shared.opened.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A token was refused before it expired: opens the container anew, which fetches another. Whoever asked with the same
    /// token meanwhile finds it done.
    fn renew(&self, number: u32) -> Result<()> {
        let shared = &self.shared;
        let mut current = shared.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if current.1 == number {
            tracing::info!("the lake no longer accepts the token; fetching another");
            let (opened, _) = azure::open(shared.account.as_deref(), &shared.name, &shared.settings)?;
            *current = (opened, number + 1);
        }
        Ok(())
    }
}
