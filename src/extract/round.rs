//! How old the oldest read of an entity is, and when everything will have been read again.

use super::budget::{Need, full_round_days};
use super::plan::{DayRange, need};
use super::window::{Days, windows};
use crate::entity::Entity;
use crate::error::{Kind, Result};
use crate::ledger::extractions::{self, PlannedWindow, Stale, Standing};
use crate::pg::Pool;

/// Where the extractions of an entity stand.
#[derive(Debug, Clone, PartialEq)]
pub struct Round {
    /// How far they have come.
    pub standing: Standing,
    /// The window that was read longest ago.
    pub oldest: Option<Stale>,
    /// Requests for reading all old windows once; `None` where nothing is known.
    pub requests: Option<f64>,
    /// The budget of the latest extraction that had one.
    pub budget: Option<u64>,
    /// Days until everything was read again, with that budget every day; `None` where it does not suffice.
    pub days: Option<f64>,
}

/// Where the extractions of an entity stand; `None` before the first. `declared` are all entities, among
/// which a budget is divided.
///
/// # Errors
/// See [`crate::pg`].
pub async fn round(pool: &Pool, entity: &Entity, declared: &[&Entity]) -> Result<Option<Round>> {
    let Some(query) = entity.queries.first() else { return Ok(None) };
    let Some(standing) = extractions::standing(pool, &entity.name).await? else { return Ok(None) };
    let known = standing.first_day.zip(standing.mark).filter(|(from, until)| from < until);
    let (mut oldest, mut requests) = (None, None);
    if let Some((from, until)) = known {
        let planned =
            |days: Days| PlannedWindow { query: query.name.clone(), from_day: days.from, until_day: days.until };
        let all: Vec<PlannedWindow> = windows(query, Days { from, until }).into_iter().map(planned).collect();
        oldest = extractions::stalest(pool, &entity.name, standing.lake, &all).await?.into_iter().next();
        let own = need(pool, entity, standing.lake, DayRange::SinceLast).await?;
        requests = (own.round > 0.0).then_some(own.round);
    }
    let budget = extractions::latest_budget(pool, &entity.name).await?;
    let mut days = None;
    if let Some((names, budget)) = &budget {
        let mut needs: Vec<Need> = Vec::new();
        for other in declared.iter().filter(|other| names.contains(&other.name)) {
            match need(pool, other, standing.lake, DayRange::SinceLast).await {
                Ok(need) => needs.push(need),
                // One that was never extracted needs nothing that is known.
                Err(error) if error.kind() == Kind::Usage => {}
                Err(error) => return Err(error),
            }
        }
        days = full_round_days(budget.unsigned_abs(), &needs);
    }
    Ok(Some(Round { standing, oldest, requests, budget: budget.map(|(_, budget)| budget.unsigned_abs()), days }))
}
