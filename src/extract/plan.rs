//! What an extraction is to fetch: the range, its windows, and what is read again.

use chrono::{Days as Step, NaiveDate};

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

/// What is to be fetched.
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

/// Plans an extraction; with a budget of requests also what is read again.
///
/// # Errors
/// `Usage` when nothing was extracted yet and no range is given; as the server says.
pub async fn plan(
    pool: &Pool,
    entity: &Entity,
    lake: LakeId,
    range: DayRange,
    budget: Option<u64>,
) -> Result<ExtractPlan> {
    let reached = pool.retry("looking where extractions have come to", async || {
        extractions::reached(pool, &entity.name, lake, &entity.zone).await
    });
    let days = days_of(entity, range, reached.await?)?;
    let mut wanted = Vec::new();
    let (mut requests, mut known) = (Some(0.0), 0.0);
    for query in queries(entity, range) {
        let per_day = extractions::requests_per_day(pool, &entity.name, lake, &query.name).await?;
        let expected = per_day.map(|per_day| per_day * days.count() as f64);
        requests = requests.zip(expected).map(|(sum, more)| sum + more);
        let windows = windows(query, days);
        // A window that nobody has read takes a page and the one that shows its end.
        known += expected.unwrap_or(2.0 * windows.len() as f64);
        wanted.extend(windows.into_iter().map(|days| of(query, days)));
    }
    let mut refreshed = 0;
    if let (Some(budget), DayRange::SinceLast, Some(first)) = (budget, range, entity.queries.first()) {
        let left = budget as f64 - known;
        let again = refresh(pool, (entity, first), lake, days.from, left).await?;
        refreshed = again.len();
        wanted.extend(again);
    }
    Ok(ExtractPlan { days, wanted, requests, refreshed })
}

/// The windows before `day` that were read longest ago, as many as `left` requests will read again.
async fn refresh(
    pool: &Pool,
    (entity, query): (&Entity, &Query),
    lake: LakeId,
    day: NaiveDate,
    mut left: f64,
) -> Result<Vec<PlannedWindow>> {
    let per_day = extractions::requests_per_day(pool, &entity.name, lake, &query.name).await?;
    let first_day = extractions::first_day(pool, &entity.name, lake).await?;
    let (Some(per_day), Some(first_day)) = (per_day, first_day.filter(|first| *first < day)) else {
        return Ok(Vec::new());
    };
    let all: Vec<PlannedWindow> =
        windows(query, Days { from: first_day, until: day }).into_iter().map(|days| of(query, days)).collect();
    let mut again = Vec::new();
    for stale in extractions::stalest(pool, &entity.name, lake, &all).await? {
        let days = Days { from: stale.from_day, until: stale.until_day };
        left -= per_day * days.count() as f64;
        if left < 0.0 {
            break;
        }
        again.push(of(query, days));
    }
    Ok(again)
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
        DayRange::From(first, last) => Days::inclusive(first, last.unwrap_or(today)),
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
