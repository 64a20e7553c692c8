//! One page: asked for, checked, and its records found.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use url::Url;

use super::answer::{self, NotData};
use super::client::{Answer, Client};
use super::limiter::Limiter;
use super::position::PagePosition;
use super::refusal;
use super::window::Days;
use crate::entity::extract::Query;
use crate::error::{Error, Kind, Result};
use crate::retry::{Policy, retry};
use crate::shutdown::Shutdown;

/// What every page of a source needs.
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

/// What an attempt brings that time would not change.
#[derive(Debug)]
enum Reply {
    Page(FetchedPage),
    /// This status, and what it means.
    Refused(u16, Error),
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
        let text = |range: &Range<usize>| std::str::from_utf8(&self.answer.body[range.clone()]);
        let texts: std::result::Result<Vec<&str>, _> = self.records.iter().map(text).collect();
        texts.map_err(|e| Error::new(Kind::Internal, "a record is no text").caused_by(e))
    }
}

impl Fetcher {
    /// The page of a window at a position; repeated while time can heal what fails. Each request counts in
    /// `asked`.
    pub(super) async fn page(
        &self,
        (query, days): (&Query, Days),
        position: &PagePosition,
        asked: &AtomicI64,
    ) -> Result<FetchedPage, NoPage> {
        let Some(ask) = position.ask(&query.paging) else { return Err(NoPage::TooDeep) };
        let attempt = async |_| {
            let url = self.client.address(query, &days.parameters(query), &ask)?;
            self.limiter.turn(&self.shutdown).await?;
            asked.fetch_add(1, Ordering::Relaxed);
            self.attempt(query, &url, position.is_first()).await
        };
        let what = format!("a page of {}", self.client.shown());
        let error = match retry(self.retry, &self.shutdown, &what, attempt).await {
            Ok(Reply::Page(page)) => return Ok(page),
            Ok(Reply::Refused(status, error)) if refusal::is_for_all(status) => return Err(NoPage::Stop(error)),
            Ok(Reply::Refused(_, error)) => return Err(NoPage::Failed(error)),
            Err(error) => error,
        };
        Err(match error.kind() {
            Kind::SourceUnavailable => NoPage::Failed(error),
            _ => NoPage::Stop(error),
        })
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
            Some(error) => return Ok(Reply::Refused(status, error)),
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
            Err(shape) => Err(Error::new(Kind::SourceUnavailable, format!("{shown}: {shape}"))
                .detail(format!("status {status}, {}", Client::content_type(&answer)))),
        }
    }
}

fn find(body: &Bytes, pointers: &[String]) -> Result<Vec<Range<usize>>, NotData> {
    let start = body.as_ptr() as usize;
    let range = |text: &str| {
        let from = text.as_ptr() as usize - start;
        from..from + text.len()
    };
    Ok(answer::records(body, pointers)?.iter().map(|record| range(record.get())).collect())
}
