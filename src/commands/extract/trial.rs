//! `evo extract --try`: single pages.

use std::sync::Arc;

use chrono::{Datelike, Utc};

use super::shown::{self, Tried};
use super::sources::source;
use crate::config::Settings;
use crate::entity::Entity;
use crate::error::{Context, Result};
use crate::extract::{self, DayRange, Days, Limiter};
use crate::report::Outcome;

/// Fetches one page of each query, and shows what is in it.
pub(super) async fn run(entities: &[Entity], range: DayRange, settings: &Settings) -> Result<Outcome> {
    let today = Utc::now().date_naive();
    let days = match range {
        DayRange::From(first, last) => Days::since(first, last, today)?,
        DayRange::Last(days) => Days::inclusive(today - chrono::Days::new(days.saturating_sub(1)), today)?,
        DayRange::SinceLast => {
            let first = today.with_day(1).unwrap_or(today);
            Days::inclusive(first, today)?
        }
    };
    let mut tried = Vec::new();
    for entity in entities {
        let (source, client) = source(settings, entity)?;
        let limiter = Arc::new(Limiter::unpaced(source));
        for query in &entity.queries {
            let trial = extract::attempt(Arc::clone(&client), Arc::clone(&limiter), query, days).await;
            match trial.context(shown::title(&entity.name, &query.name)) {
                Ok(trial) => tried.push(Tried { entity: &entity.name, query: &query.name, auth: &source.auth, trial }),
                // What the others have shown is worth its requests.
                Err(error) if tried.is_empty() => return Err(error),
                Err(error) => return Ok(shown::trials(&tried).failed_with(Some(error))),
            }
        }
    }
    Ok(shown::trials(&tried))
}
