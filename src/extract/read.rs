//! One window: its pages read in order into objects, from where it stopped.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value;

use super::fetch::{FetchedPage, NoPage};
use super::job::ExtractJob;
use super::part::GzipPart;
use super::position::{NextPage, PagePosition, Said};
use super::window::Days;
use crate::bronze::Created;
use crate::entity::extract::Query;
use crate::error::{Error, Kind, Result};
use crate::ledger::windows::{self, Advance, ClaimedWindow};

/// How often a window whose set moves is read again before it is cut in two.
const DRIFTS: i32 = 3;

/// What became of a window.
#[derive(Debug)]
pub(super) enum WindowEnd {
    /// All of its records are in the lake.
    Complete,
    /// It was cut in two or begins again, and is still claimed.
    Again,
    /// It failed for this reason; the others go on.
    Failed(Error),
}

/// Why reading stopped.
#[derive(Debug)]
enum Stop {
    /// The set moved.
    Drift,
    /// The vendor does not go so deep.
    TooDeep,
    /// This window fails.
    Failed(Error),
    /// The job stops.
    Job(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Job(error)
    }
}

impl From<NoPage> for Stop {
    fn from(no_page: NoPage) -> Self {
        match no_page {
            NoPage::TooDeep => Self::TooDeep,
            NoPage::Failed(error) => Self::Failed(error),
            NoPage::Stop(error) => Self::Job(error),
        }
    }
}

/// A window on its way: what is in the lake, and what is not yet.
struct Reading {
    query: Arc<Query>,
    position: PagePosition,
    part: GzipPart,
    tokens: HashSet<String>,
    objects: Vec<Value>,
    pages: i64,
    records: i64,
}

impl ExtractJob {
    /// Reads a window to its end.
    ///
    /// # Errors
    /// What stops the job; the window stays as it is in the ledger.
    pub(super) async fn read(&self, window: &mut ClaimedWindow) -> Result<WindowEnd> {
        let Some(query) = self.entity.queries.iter().find(|query| query.name == window.query) else {
            let message = format!("{} has no query named {:?} any more", self.entity.name, window.query);
            let error = Error::new(Kind::Config, message)
                .hint("declare it again, or finish the extraction with the old declaration");
            return self.failed(window, error).await;
        };
        let days = Days { from: window.from_day, until: window.until_day };
        match self.pages(window, Arc::new(query.clone()), days).await {
            Ok(()) => {
                self.remove_left_over(window, query, days).await?;
                windows::finish(&self.pool, window, None).await?;
                Ok(WindowEnd::Complete)
            }
            Err(Stop::Drift) => self.drifted(window, query, days).await,
            Err(Stop::TooDeep) => match self.split(window, days).await? {
                true => Ok(WindowEnd::Again),
                false => {
                    let message = format!("{} holds more records than the vendor hands out", said(days));
                    self.failed(window, Error::new(Kind::SourceInvalid, message)).await
                }
            },
            Err(Stop::Failed(error)) => {
                self.remove_left_over(window, query, days).await?;
                self.failed(window, error).await
            }
            Err(Stop::Job(error)) => Err(error),
        }
    }

    async fn failed(&self, window: &ClaimedWindow, error: Error) -> Result<WindowEnd> {
        windows::finish(&self.pool, window, Some(&reason(&error))).await?;
        Ok(WindowEnd::Failed(error))
    }

    async fn drifted(&self, window: &mut ClaimedWindow, query: &Query, days: Days) -> Result<WindowEnd> {
        let drifts = windows::restart(&self.pool, window, 0).await?;
        tracing::warn!(
            entity = self.entity.name,
            query = query.name,
            from = %days.from,
            until = %days.until,
            drifts,
            "records came or went while the pages of a window were read; it is read again"
        );
        (window.objects, window.progress, window.pages, window.records) = (Value::Array(Vec::new()), None, 0, 0);
        if drifts < DRIFTS || self.split(window, days).await? {
            return Ok(WindowEnd::Again);
        }
        self.remove_left_over(window, query, days).await?;
        let message = format!("the records of {} move while their pages are read", said(days));
        let error = Error::new(Kind::SourceChanged, message).hint("extract it at an hour at which nobody changes them");
        self.failed(window, error).await
    }

    /// Cuts a window in two, and keeps the first half.
    async fn split(&self, window: &mut ClaimedWindow, days: Days) -> Result<bool> {
        let Some(middle) = days.middle() else { return Ok(false) };
        windows::split(&self.pool, window, middle).await?;
        (window.until_day, window.objects, window.progress) = (middle, Value::Array(Vec::new()), None);
        (window.pages, window.records) = (0, 0);
        Ok(true)
    }

    /// The pages of a window, from where it stopped.
    async fn pages(&self, window: &mut ClaimedWindow, query: Arc<Query>, days: Days) -> Result<(), Stop> {
        let position = match window.progress.take() {
            Some(kept) => serde_json::from_value(kept)
                .map_err(|e| Error::new(Kind::Internal, "a window's progress is not understood").caused_by(e))?,
            None => PagePosition::default(),
        };
        let mut reading = Reading {
            query: Arc::clone(&query),
            position,
            part: GzipPart::default(),
            tokens: HashSet::new(),
            objects: window.objects.as_array().cloned().unwrap_or_default(),
            pages: window.pages,
            records: window.records,
        };
        loop {
            let page = self.fetcher.page(&query, days, &reading.position).await?;
            let turn;
            (reading, turn) = tokio::task::spawn_blocking(move || take(reading, page))
                .await
                .map_err(|e| Error::new(Kind::Internal, "a reader stopped").caused_by(e))??;
            failpoint!("extract.after_page");
            match turn {
                NextPage::Drift => return Err(Stop::Drift),
                NextPage::Loop => {
                    let message = format!("{} gave the same next page twice", self.fetcher.client.shown());
                    return Err(Stop::Failed(Error::new(Kind::SourceInvalid, message)));
                }
                NextPage::More(_) if reading.part.records() >= query.part_records => {
                    self.put(window, &mut reading, days).await?;
                }
                NextPage::More(_) => {}
                NextPage::Last(_) => {
                    if reading.part.records() > 0 {
                        self.put(window, &mut reading, days).await?;
                    }
                    return Ok(());
                }
            }
        }
    }

    /// Brings the part to the lake as the next object of the window.
    async fn put(&self, window: &mut ClaimedWindow, reading: &mut Reading, days: Days) -> Result<(), Stop> {
        let part = std::mem::take(&mut reading.part);
        let whole = tokio::task::spawn_blocking(move || part.finish())
            .await
            .map_err(|e| Error::new(Kind::Internal, "a writer stopped").caused_by(e))??;
        let number = i32::try_from(reading.objects.len() + 1).unwrap_or(i32::MAX);
        let path = self.path(&reading.query, days, number);
        // An object is created under a claim that holds. If one of that name is there, it is of an attempt
        // that ended before it could note it, or of a process that lost the claim: the claim decides again,
        // and replaces it. One that wakes up later creates nothing, because the name is taken.
        self.retried("noting an object", async || windows::begin_part(&self.pool, window, number).await).await?;
        failpoint!("extract.before_object");
        if self.retried("writing an object", async || self.lake.create(&path, whole.bytes.clone()).await).await?
            == Created::Exists
        {
            self.retried("noting an object", async || windows::begin_part(&self.pool, window, number).await).await?;
            self.retried("writing an object", async || self.lake.replace(&path, whole.bytes.clone()).await).await?;
        }
        failpoint!("extract.after_object");
        window.parts = window.parts.max(number);
        reading.objects.push(whole.described(&path));
        reading.records += i64::try_from(whole.records).unwrap_or(i64::MAX);
        let objects = Value::Array(reading.objects.clone());
        let progress = serde_json::to_value(&reading.position).unwrap_or_default();
        let requests = (reading.pages - window.pages).max(1);
        let advance = Advance {
            pages: reading.pages,
            records: reading.records,
            objects: &objects,
            progress: &progress,
            requests,
        };
        self.retried("noting an object", async || windows::advance(&self.pool, window, &advance).await).await?;
        (window.objects, window.pages, window.records) = (objects, reading.pages, reading.records);
        Ok(())
    }

    async fn retried<T>(&self, what: &str, attempt: impl AsyncFn() -> Result<T>) -> Result<T> {
        crate::retry::retry(self.fetcher.retry, &self.fetcher.shutdown, what, async |_| attempt().await).await
    }

    /// Removes objects of the window's name beyond its last: of attempts that had more of them.
    async fn remove_left_over(&self, window: &ClaimedWindow, query: &Query, days: Days) -> Result<()> {
        let last = window.objects.as_array().map_or(0, Vec::len);
        for number in i32::try_from(last + 1).unwrap_or(i32::MAX)..=window.parts {
            let path = self.path(query, days, number);
            self.retried("removing an object", async || self.lake.remove(&path).await).await?;
        }
        Ok(())
    }

    /// Path of an object below the lake's root.
    fn path(&self, query: &Query, days: Days, number: i32) -> String {
        format!("{}/{}_part-{number:05}.jsonl.gz", self.folder(), days.prefix(query))
    }

    /// The folder of the run.
    pub(super) fn folder(&self) -> String {
        let (prefix, extraction) = (&self.entity.bronze_prefix, &self.extraction);
        format!("{prefix}/ingestion_date={}/run_id={}", extraction.ingestion_date, extraction.run_id)
    }
}

/// Why a window failed, in one line.
pub(super) fn reason(error: &Error) -> String {
    match error.detail_text() {
        Some(detail) => format!("{} ({detail})", error.message()),
        None => error.message().to_owned(),
    }
}

/// The days as a message names them, the last one in it.
pub(super) fn said(days: Days) -> String {
    let last = days.until.pred_opt().unwrap_or(days.until);
    if last == days.from { format!("the window {last}") } else { format!("the window {} to {last}", days.from) }
}

/// Takes a page into the window.
fn take(mut reading: Reading, page: FetchedPage) -> Result<(Reading, NextPage)> {
    let turn = {
        let texts = page.texts()?;
        let header = |name: &str| page.answer.header(name);
        let said = Said { body: &page.answer.body, header: &header };
        let tokens = &mut reading.tokens;
        let turn = reading.position.take(&reading.query, &texts, said, &mut |token| !tokens.insert(token.to_owned()));
        if let NextPage::More(first) | NextPage::Last(first) = turn {
            for record in texts.iter().skip(first) {
                reading.part.push(record)?;
            }
        }
        turn
    };
    reading.pages += 1;
    Ok((reading, turn))
}
