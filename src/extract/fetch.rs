//! One page: asked for, checked, and its records found.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use reqwest::header::LOCATION;
use url::Url;

use super::answer::{self, NotData};
use super::client::{Answer, Client, MAX_BYTES};
use super::limiter::Limiter;
use super::position::PagePosition;
use super::refusal;
use super::window::Days;
use crate::entity::extract::Query;
use crate::error::{Error, Kind, Result};
use crate::retry::{Policy, retry};
use crate::shutdown::Shutdown;

/// Everything that every page of a source needs.
#[derive(Debug, Clone)]
pub(super) struct Fetcher {
    pub client: Arc<Client>,
    pub limiter: Arc<Limiter>,
    pub retry: Policy,
    pub shutdown: Shutdown,
}

/// A page whose records were found.
#[derive(Debug)]
pub(super) struct FetchedPage {
    pub answer: Answer,
    /// Where the records are in the body.
    pub records: Vec<Range<usize>>,
}

/// The result of an attempt that a retry would not change.
#[derive(Debug)]
enum Reply {
    Page(FetchedPage),
    /// The window fails.
    Refused(Error),
    /// Every other window would fail as well.
    RefusedForAll(Error),
}

/// Why there is no page.
#[derive(Debug)]
pub(super) enum NoPage {
    /// The vendor does not go so deep into a window.
    TooDeep,
    /// This window fails; others may not.
    Failed(Error),
    /// Every window would fail, or nobody may go on.
    Stop(Error),
}

impl FetchedPage {
    /// The records as texts.
    pub(super) fn texts(&self) -> Result<Vec<&str>> {
        // An answer without records may be anything.
        let Some((first, last)) = self.records.first().zip(self.records.last()) else { return Ok(Vec::new()) };
        let text = simdutf8::basic::from_utf8(&self.answer.body[first.start..last.end]);
        let text = text.map_err(|e| Error::new(Kind::Internal, "a record is not text").caused_by(e))?;
        Ok(self.records.iter().map(|range| &text[range.start - first.start..range.end - first.start]).collect())
    }
}

impl Fetcher {
    /// A page, asked for once.
    pub(super) async fn once(&self, of: (&Query, Days), position: &PagePosition) -> Result<FetchedPage> {
        match self.ask(of, position, &AtomicI64::new(0)).await? {
            Some(Reply::Page(page)) => Ok(page),
            Some(Reply::Refused(error) | Reply::RefusedForAll(error)) => Err(error),
            None => Err(Error::new(Kind::Internal, "the vendor does not go so deep")),
        }
    }

    /// The page of a window at a position; repeated while time can heal what fails. Each request counts in
    /// `asked`. A source that could not be connected to for all that time would fail every window in turn.
    pub(super) async fn page(
        &self,
        of: (&Query, Days),
        position: &PagePosition,
        asked: &AtomicI64,
    ) -> Result<FetchedPage, NoPage> {
        let attempt = async |_| self.ask(of, position, asked).await;
        let error = match retry(self.retry, &self.shutdown, "a page", attempt).await {
            Ok(Some(Reply::Page(page))) => return Ok(page),
            Ok(Some(Reply::Refused(error))) => return Err(NoPage::Failed(error)),
            Ok(Some(Reply::RefusedForAll(error))) => return Err(NoPage::Stop(error)),
            Ok(None) => return Err(NoPage::TooDeep),
            Err(error) => error,
        };
        Err(match error.kind() {
            Kind::SourceUnavailable if !refusal::is_unreachable(&error) => NoPage::Failed(error),
            _ => NoPage::Stop(error),
        })
    }

    /// Asks once, when it is time to; nothing where the vendor does not go so deep.
    async fn ask(
        &self,
        (query, days): (&Query, Days),
        position: &PagePosition,
        asked: &AtomicI64,
    ) -> Result<Option<Reply>> {
        let Some(ask) = position.ask(&query.paging) else { return Ok(None) };
        let url = match self.client.address(query, &days.parameters(query), &ask) {
            Ok(url) => url,
            Err(error) => return Ok(Some(Reply::Refused(error))),
        };
        self.limiter.turn(&self.shutdown).await?;
        asked.fetch_add(1, Ordering::Relaxed);
        self.attempt(query, &url, position.is_first()).await.map(Some)
    }

    async fn attempt(&self, query: &Query, url: &Url, is_first: bool) -> Result<Reply> {
        let shown = format!("{} at {}", self.client.shown(), query.path);
        let answer = self.client.get(url).await?;
        let status = answer.status;
        if is_first && query.empty_statuses.contains(&status) {
            return Ok(Reply::Page(FetchedPage { answer, records: Vec::new() }));
        }
        if matches!(status, 429 | 503) {
            self.limiter.refused(answer.retry_after()).await?;
        }
        match refusal::of_status(status, &shown, None) {
            // Everybody waits for the vendor already: see above.
            Some(error) if error.kind() == Kind::SourceUnavailable => return Err(error),
            Some(error) if refusal::is_for_all(status) => {
                return Ok(Reply::RefusedForAll(pointing(error, &answer, url)));
            }
            Some(error) => return Ok(Reply::Refused(error)),
            None if answer.is_too_large => {
                let message = format!("an answer of {shown} is larger than {} MiB", MAX_BYTES >> 20);
                let error = Error::new(Kind::SourceInvalid, message);
                return Ok(Reply::Refused(error.hint("declare a smaller page size")));
            }
            None => {}
        }
        let pointers = query.records.clone();
        let body = answer.body.clone();
        let found = tokio::task::spawn_blocking(move || find(&body, &pointers)).await;
        let found = found.map_err(|e| Error::new(Kind::Internal, "a reader stopped").caused_by(e))?;
        match found {
            Ok(records) => Ok(Reply::Page(FetchedPage { answer, records })),
            Err(NotData::Missing(_) | NotData::NotRecords(_)) if is_first && query.empty_when_missing => {
                Ok(Reply::Page(FetchedPage { answer, records: Vec::new() }))
            }
            // A proxy or a vendor under repair answers with a page of its own: that passes, or the window
            // fails.
            Err(shape) => Err(wrong_shape(&answer, &shown, &shape)),
        }
    }
}

/// With where a redirect leads: without its parameters, which may hold secrets.
fn pointing(error: Error, answer: &Answer, url: &Url) -> Error {
    let Some(mut to) = answer.header(LOCATION.as_str()).and_then(|to| url.join(&to).ok()) else { return error };
    to.set_query(None);
    to.set_fragment(None);
    let is_plain = to.username().is_empty() && to.password().is_none();
    if is_plain { error.detail(format!("it points to {to}")) } else { error }
}

fn wrong_shape(answer: &Answer, shown: &str, shape: &NotData) -> Error {
    let (status, content_type) = (answer.status, Client::content_type(answer));
    let error = Error::new(Kind::SourceUnavailable, format!("{shown}: {shape}"))
        .detail(format!("status {status}, {content_type}"));
    let elsewhere = answer::candidates(&answer.body);
    if elsewhere.is_empty() || matches!(shape, NotData::NotJson(_)) {
        return error;
    }
    let elsewhere: Vec<String> = elsewhere.iter().map(|pointer| format!("records = {pointer:?}")).collect();
    error.hint(format!("it holds records elsewhere: declare {}", elsewhere.join(" or ")))
}

fn find(body: &Bytes, pointers: &[String]) -> Result<Vec<Range<usize>>, NotData> {
    let start = body.as_ptr() as usize;
    let range = |text: &str| {
        let from = text.as_ptr() as usize - start;
        from..from + text.len()
    };
    Ok(answer::records(body, pointers)?.iter().map(|record| range(record.get())).collect())
}
