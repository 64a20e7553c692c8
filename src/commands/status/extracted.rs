//! How far extractions have come, how old the oldest read is, and when everything will have been read again.

use std::collections::HashMap;

use chrono::NaiveDate;
use serde_json::{Value, json};

use crate::entity::Entity;
use crate::error::Result;
use crate::extract::{self, Round};
use crate::pg::Pool;
use crate::report::table::table;
use crate::report::units::count;

/// The extractions of the entities that have any.
#[derive(Default)]
pub(super) struct Rounds(Vec<(String, Round)>);

impl Rounds {
    /// Asks the ledger. `declared` are all entities, among which a budget is divided.
    ///
    /// # Errors
    /// See [`crate::pg`].
    pub(super) async fn read(pool: &Pool, entities: &[&Entity], declared: &[&Entity]) -> Result<Self> {
        let mut rounds = Vec::new();
        for entity in entities {
            rounds.extend(extract::round(pool, entity, declared).await?.map(|round| (entity.name.clone(), round)));
        }
        Ok(Self(rounds))
    }

    /// The table, with a line about what comes next; empty without extractions.
    pub(super) fn text(&self) -> String {
        if self.0.is_empty() {
            return String::new();
        }
        let headers =
            ["extracted", "up to", ">to fetch", ">failed", ">days missing", "oldest read", ">days ago", ">full round"];
        let rows = self.0.iter().map(|(name, round)| {
            let standing = &round.standing;
            let oldest = round.oldest.as_ref();
            let window = oldest.map(|oldest| format!("{} to {}", oldest.from_day, last(oldest.until_day)));
            vec![
                name.clone(),
                standing.mark.map_or("never".to_owned(), |mark| last(mark).to_string()),
                count(standing.open.unsigned_abs()),
                count(standing.failed.unsigned_abs()),
                count(standing.missing_days.unsigned_abs()),
                window.unwrap_or_default(),
                oldest.map_or(String::new(), |oldest| format!("{:.0}", oldest.days.max(0.0))),
                full_round(round),
            ]
        });
        let mut text = format!("\n\n{}", table(&headers, rows));
        for (budget, names) in self.budgets() {
            text += &format!("\n\nfull round: with --budget {budget} once a day, as last for {}", names.join(", "));
        }
        let waits = |(_, round): &&(String, Round)| round.standing.open > 0 || round.standing.failed > 0;
        if let Some((name, _)) = self.0.iter().find(waits) {
            text += &format!("\n\nnext: evo extract {name}");
        }
        text
    }

    /// Budgets with the entities for which they were given last, in the order of the entities.
    fn budgets(&self) -> Vec<(u64, Vec<&str>)> {
        let (mut order, mut names): (Vec<u64>, HashMap<u64, Vec<&str>>) = (Vec::new(), HashMap::new());
        for (name, round) in &self.0 {
            let Some(budget) = round.budget else { continue };
            names.entry(budget).or_insert_with(|| {
                order.push(budget);
                Vec::new()
            });
            names.entry(budget).and_modify(|names| names.push(name));
        }
        order.into_iter().filter_map(|budget| Some((budget, names.remove(&budget)?))).collect()
    }

    /// The part of the summary about an entity.
    pub(super) fn json(&self, entity: &str) -> Value {
        let Some((_, round)) = self.0.iter().find(|(name, _)| name == entity) else { return Value::Null };
        let standing = &round.standing;
        let oldest = round.oldest.as_ref().map(
            |oldest| json!({ "from": oldest.from_day, "to": last(oldest.until_day), "days_ago": tenths(oldest.days) }),
        );
        json!({
            "from": standing.first_day, "to": standing.mark.map(last), "windows_open": standing.open,
            "windows_failed": standing.failed, "days_missing": standing.missing_days, "oldest": oldest,
            "full_round_requests": round.requests.map(|requests| requests.ceil() as u64), "budget": round.budget,
            "full_round_days": round.days.map(tenths),
        })
    }
}

/// `12 days`, or how many requests it takes where no budget was given.
fn full_round(round: &Round) -> String {
    match (round.budget, round.days, round.requests) {
        (Some(_), Some(days), _) => format!("{} days", count(days.ceil() as u64)),
        (Some(_), None, Some(_)) => "never: the budget is too small".to_owned(),
        (_, _, Some(requests)) => format!("{} requests", count(requests.ceil() as u64)),
        _ => "unknown".to_owned(),
    }
}

fn last(until: NaiveDate) -> NaiveDate {
    until.pred_opt().unwrap_or(until)
}

fn tenths(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}
