//! The plan of an extraction: the range, its windows, and old windows that are read again.

use chrono::{Days as Step, NaiveDate};

use super::budget::Need;
use super::window::{Days, windows};
use crate::entity::Entity;
use crate::entity::extract::Query;
use crate::error::{Error, Kind, Result};
use crate::ids::LakeId;
use crate::ledger::extractions::{self, PlannedWindow, Reached};
use crate::pg::Pool;

/// Which days are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayRange {
    /// From where the last extraction ended, less the lookback, to today; also what changed since.
    SinceLast,
    /// The last days up to today.
    Last(u64),
    /// From a day on, up to another one or today.
    From(NaiveDate, Option<NaiveDate>),
}

/// The windows that are to be fetched.
#[derive(Debug, Clone, PartialEq)]
pub struct ExtractPlan {
    /// All days.
    pub days: Days,
    /// The windows in the order in which they are fetched.
    pub wanted: Vec<PlannedWindow>,
    /// Requests that they will take, as far as earlier extractions tell.
    pub requests: Option<f64>,
    /// Windows among them that are read again because they were read longest ago.
    pub refreshed: usize,
}

/// The windows of a range, and the requests that they need.
struct AskedFor {
    days: Days,
    windows: Vec<PlannedWindow>,
    /// Requests, as far as all of its queries are known.
    requests: Option<f64>,
    /// Requests, where what is unknown counts as little as it can be.
    at_least: f64,
}

/// Plans an extraction; with an allowance of requests also what is read again.
///
/// # Errors
/// `Usage` when nothing was extracted yet and no range is given; as the server says.
pub async fn plan(
    pool: &Pool,
    entity: &Entity,
    lake: LakeId,
    range: DayRange,
    allowance: Option<f64>,
) -> Result<ExtractPlan> {
    let AskedFor { days, windows: mut wanted, requests, at_least } = asked_for(pool, entity, lake, range).await?;
    let mut refreshed = 0;
    if let (Some(allowance), DayRange::SinceLast) = (allowance, range)
        && let Some(old) = old_windows(pool, entity, lake, days.from).await?
    {
        let mut left = allowance - at_least;
        for stale in extractions::stalest(pool, &entity.name, lake, &old.windows).await? {
            let days = Days { from: stale.from_day, until: stale.until_day };
            left -= old.requests_per_day * days.count() as f64;
            if left < 0.0 {
                break;
            }
            refreshed += 1;
            wanted.push(of(old.query, days));
        }
    }
    Ok(ExtractPlan { days, wanted, requests, refreshed })
}

/// The requests that an entity needs of a budget.
///
/// # Errors
/// As [`plan`].
pub async fn need(pool: &Pool, entity: &Entity, lake: LakeId, range: DayRange) -> Result<Need> {
    let asked = asked_for(pool, entity, lake, range).await?;
    let old = match range {
        DayRange::SinceLast => old_windows(pool, entity, lake, asked.days.from).await?,
        _ => None,
    };
    let days = |old: &OldWindows<'_>| {
        old.windows.iter().map(|w| Days { from: w.from_day, until: w.until_day }.count()).sum::<i64>()
    };
    let round = old.map_or(0.0, |old| old.requests_per_day * days(&old) as f64);
    Ok(Need { asked: asked.at_least, round })
}

async fn asked_for(pool: &Pool, entity: &Entity, lake: LakeId, range: DayRange) -> Result<AskedFor> {
    let reached = pool.retry("looking where extractions have come to", async || {
        extractions::reached(pool, &entity.name, lake, &entity.zone).await
    });
    let days = days_of(entity, range, reached.await?)?;
    let mut asked = AskedFor { days, windows: Vec::new(), requests: Some(0.0), at_least: 0.0 };
    for query in queries(entity, range) {
        let per_day = extractions::requests_per_day(pool, &entity.name, lake, &query.name).await?;
        let expected = per_day.map(|per_day| per_day * days.count() as f64);
        asked.requests = asked.requests.zip(expected).map(|(sum, more)| sum + more);
        let windows = windows(query, days);
        // A window that nobody has read takes a page and the one that shows its end.
        asked.at_least += expected.unwrap_or(2.0 * windows.len() as f64);
        asked.windows.extend(windows.into_iter().map(|days| of(query, days)));
    }
    Ok(asked)
}

/// The windows of an entity's first query that earlier extractions have read.
struct OldWindows<'a> {
    query: &'a Query,
    windows: Vec<PlannedWindow>,
    requests_per_day: f64,
}

/// The windows before `day`; `None` while nothing is known of them.
async fn old_windows<'a>(
    pool: &Pool,
    entity: &'a Entity,
    lake: LakeId,
    day: NaiveDate,
) -> Result<Option<OldWindows<'a>>> {
    let Some(query) = entity.queries.first() else { return Ok(None) };
    let per_day = extractions::requests_per_day(pool, &entity.name, lake, &query.name).await?;
    let first_day = extractions::first_day(pool, &entity.name, lake).await?;
    let (Some(requests_per_day), Some(from)) = (per_day, first_day.filter(|first| *first < day)) else {
        return Ok(None);
    };
    let windows = windows(query, Days { from, until: day }).into_iter().map(|days| of(query, days)).collect();
    Ok(Some(OldWindows { query, windows, requests_per_day }))
}

/// The queries of a range: what changed is asked for only where not everything is read again.
fn queries(entity: &Entity, range: DayRange) -> impl Iterator<Item = &Query> {
    let count = if range == DayRange::SinceLast { entity.queries.len() } else { 1 };
    entity.queries.iter().take(count)
}

fn of(query: &Query, days: Days) -> PlannedWindow {
    PlannedWindow { query: query.name.clone(), from_day: days.from, until_day: days.until }
}

/// The days of a range.
///
/// # Errors
/// `Usage` when nothing was extracted yet and no range is given, or when its last day lies before its first.
pub fn days_of(entity: &Entity, range: DayRange, reached: Reached) -> Result<Days> {
    let today = reached.today;
    match range {
        DayRange::From(first, last) => Days::since(first, last, today),
        DayRange::Last(count) => Days::inclusive(today - Step::new(count.saturating_sub(1)), today),
        DayRange::SinceLast => {
            let Some(mark) = reached.mark else {
                let message = format!("{} was never extracted to this lake", entity.name);
                return Err(Error::new(Kind::Usage, message)
                    .hint("say from which day on: --from 2020-01-01, --year 2025 or --last 30d"));
            };
            let lookback = entity.queries.iter().map(|query| query.lookback_days).max().unwrap_or_default();
            Days::inclusive((mark - Step::new(lookback)).min(today), today)
        }
    }
}
