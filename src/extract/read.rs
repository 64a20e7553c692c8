//! One window: its pages read in order into objects, from where it stopped.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use serde_json::Value;

use super::fetch::{FetchedPage, NoPage};
use super::job::ExtractJob;
use super::newest::Newest;
use super::part::GzipPart;
use super::position::{NextPage, PagePosition, Said};
use super::window::Days;
use crate::bronze::Created;
use crate::entity::extract::Query;
use crate::error::{Error, Kind, Result};
use crate::ledger::extractions;
use crate::ledger::windows::{self, Advance, ClaimedWindow, Finish};

/// How often a window whose set moves is read again before it is cut in two.
const DRIFTS: i32 = 3;

/// The outcome of a window.
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

/// A claimed window with what asks for it.
struct Work<'a> {
    window: &'a mut ClaimedWindow,
    query: Arc<Query>,
    /// Requests that the ledger does not know yet.
    asked: AtomicI64,
}

impl Work<'_> {
    fn days(&self) -> Days {
        Days { from: self.window.from_day, until: self.window.until_day }
    }

    /// The window begins again.
    fn begin_again(&mut self) {
        (self.window.objects, self.window.progress) = (Value::Array(Vec::new()), None);
        (self.window.pages, self.window.records) = (0, 0);
    }

    fn reading(&mut self) -> Result<Reading> {
        let position = match self.window.progress.take() {
            Some(kept) => serde_json::from_value(kept)
                .map_err(|e| Error::new(Kind::Internal, "a window's progress is not understood").caused_by(e))?,
            None => PagePosition::default(),
        };
        Ok(Reading {
            query: Arc::clone(&self.query),
            position,
            part: GzipPart::default(),
            tokens: HashSet::new(),
            objects: self.window.objects.as_array().cloned().unwrap_or_default(),
            pages: self.window.pages,
            records: self.window.records,
        })
    }
}

impl ExtractJob {
    /// Reads a window to its end.
    ///
    /// # Errors
    /// Errors that stop the job; the window stays as it is in the ledger.
    pub(super) async fn read(&self, window: &mut ClaimedWindow) -> Result<WindowEnd> {
        let Some(query) = self.entity.queries.iter().find(|query| query.name == window.query) else {
            let message = format!("{} has no query named {:?} any more", self.entity.name, window.query);
            let error = Error::new(Kind::Config, message)
                .hint("declare it again, or finish the extraction with the old declaration");
            windows::finish(&self.pool, window, &self.finish(Some(&error), 0, Newest::default())).await?;
            return Ok(WindowEnd::Failed(error));
        };
        let mut work = Work { window, query: Arc::new(query.clone()), asked: AtomicI64::new(0) };
        let ended = match self.pages(&mut work).await {
            Ok(newest) => {
                self.remove_left_over(&work).await?;
                let finish = self.finish(None, work.asked.swap(0, Ordering::Relaxed), newest);
                windows::finish(&self.pool, work.window, &finish).await?;
                return Ok(WindowEnd::Complete);
            }
            Err(Stop::Drift) => self.drifted(&mut work).await?,
            Err(Stop::TooDeep) => match self.split(&mut work).await? {
                true => None,
                false => {
                    let message = format!("{} holds more records than the vendor hands out", said(work.days()));
                    Some(Error::new(Kind::SourceInvalid, message))
                }
            },
            Err(Stop::Failed(error)) => Some(error),
            Err(Stop::Job(error)) => return Err(error),
        };
        let Some(error) = ended else { return Ok(WindowEnd::Again) };
        self.remove_left_over(&work).await?;
        let finish = self.finish(Some(&error), work.asked.swap(0, Ordering::Relaxed), Newest::default());
        windows::finish(&self.pool, work.window, &finish).await?;
        Ok(WindowEnd::Failed(error))
    }

    fn finish(&self, error: Option<&Error>, requests: i64, newest: Newest) -> Finish<'_> {
        let newest_local = newest.local.map(|local| local.date());
        Finish { reason: error.map(reason), requests, newest_at: newest.at, newest_local, zone: &self.entity.zone }
    }

    /// The set moved: `None` when the window is read again, whole or in halves.
    async fn drifted(&self, work: &mut Work<'_>) -> Result<Option<Error>> {
        let drifts = windows::restart(&self.pool, work.window, work.asked.swap(0, Ordering::Relaxed)).await?;
        let days = work.days();
        tracing::warn!(
            entity = self.entity.name,
            query = work.query.name,
            from = %days.from,
            until = %days.until,
            drifts,
            "records came or went while the pages of a window were read; it is read again"
        );
        work.begin_again();
        if drifts < DRIFTS || self.split(work).await? {
            return Ok(None);
        }
        let message = format!("the records of {} move while their pages are read", said(days));
        let error = Error::new(Kind::SourceChanged, message);
        Ok(Some(error.hint("extract it at an hour at which nobody changes them")))
    }

    /// Cuts a window in two, and keeps the first half.
    async fn split(&self, work: &mut Work<'_>) -> Result<bool> {
        let Some(middle) = work.days().middle() else { return Ok(false) };
        windows::split(&self.pool, work.window, middle, work.asked.swap(0, Ordering::Relaxed)).await?;
        work.window.until_day = middle;
        work.begin_again();
        Ok(true)
    }

    /// The pages of a window, from where it stopped. Returns the newest change among its records.
    async fn pages(&self, work: &mut Work<'_>) -> Result<Newest, Stop> {
        let mut reading = work.reading()?;
        loop {
            let before = work.asked.load(Ordering::Relaxed);
            let page = self.fetcher.page((&work.query, work.days()), &reading.position, &work.asked).await;
            (self.watch.on_requests)((work.asked.load(Ordering::Relaxed) - before).unsigned_abs());
            let mut page = page?;
            self.note_clock(&page).await?;
            // Until what became of a large page is in the lake.
            let _place = page.answer.place.take();
            let turn;
            (reading, turn) = tokio::task::spawn_blocking(move || take(reading, page))
                .await
                .map_err(|e| Error::new(Kind::Internal, "a reader stopped").caused_by(e))??;
            failpoint!("extract.after_page");
            match turn {
                NextPage::Drift => return Err(Stop::Drift),
                NextPage::Loop => return Err(self.refused("gave the same next page twice")),
                NextPage::NoTotal => return Err(self.refused("does not give the total that is declared for its pages")),
                NextPage::More(_) if reading.part.is_full(work.query.part_records) => {
                    self.put(work, &mut reading).await?;
                }
                NextPage::More(_) => {}
                NextPage::Last(_) => {
                    if !reading.part.is_empty() {
                        self.put(work, &mut reading).await?;
                    }
                    return Ok(reading.position.newest);
                }
            }
        }
    }

    fn refused(&self, what: &str) -> Stop {
        let message = format!("{} {what}", self.fetcher.client.shown());
        Stop::Failed(Error::new(Kind::SourceInvalid, message).hint("`evo extract --try` shows one page of a query"))
    }

    /// Notes the source's clock, once: changes are found again by what the source took for now.
    async fn note_clock(&self, page: &FetchedPage) -> Result<()> {
        let Some(at) = page.answer.asked_at else { return Ok(()) };
        if self.is_clock_noted.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        let (id, zone) = (self.extraction.extraction_id, &self.entity.zone);
        self.retried("noting the source's clock", async || extractions::note_clock(&self.pool, id, at, zone).await)
            .await
    }

    /// Brings the part to the lake as the next object of the window.
    async fn put(&self, work: &mut Work<'_>, reading: &mut Reading) -> Result<(), Stop> {
        let part = std::mem::take(&mut reading.part);
        let whole = tokio::task::spawn_blocking(move || part.finish())
            .await
            .map_err(|e| Error::new(Kind::Internal, "a writer stopped").caused_by(e))??;
        let number = i32::try_from(reading.objects.len() + 1).unwrap_or(i32::MAX);
        let path = self.path(work, number);
        let window = &mut *work.window;
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
        let advance = Advance {
            pages: reading.pages,
            records: reading.records,
            objects: &objects,
            progress: &progress,
            requests: work.asked.swap(0, Ordering::Relaxed),
        };
        self.retried("noting an object", async || windows::advance(&self.pool, window, &advance).await).await?;
        (window.objects, window.pages, window.records) = (objects, reading.pages, reading.records);
        self.own.add(whole.records);
        Ok(())
    }

    async fn retried<T>(&self, what: &str, attempt: impl AsyncFn() -> Result<T>) -> Result<T> {
        crate::retry::retry(self.fetcher.retry, &self.fetcher.shutdown, what, async |_| attempt().await).await
    }

    /// Removes objects of the window's name beyond its last: of attempts that had more of them.
    async fn remove_left_over(&self, work: &Work<'_>) -> Result<()> {
        let last = work.window.objects.as_array().map_or(0, Vec::len);
        for number in i32::try_from(last + 1).unwrap_or(i32::MAX)..=work.window.parts {
            let path = self.path(work, number);
            self.retried("removing an object", async || self.lake.remove(&path).await).await?;
        }
        Ok(())
    }

    /// Path of an object below the lake's root.
    fn path(&self, work: &Work<'_>, number: i32) -> String {
        format!("{}/{}_part-{number:05}.jsonl.gz", self.folder(), work.days().prefix(&work.query))
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
