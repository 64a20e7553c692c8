//! Since when a row is missing: the time of the first whole run that did not have it any more.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};

use super::sought::SoughtKeys;
use crate::error::Result;
use crate::ids::RowKey;
use crate::ledger::followed::{RunPlace, WholeRun};
use crate::ledger::seen;
use crate::pg::Transaction;

/// A row that was found missing.
#[derive(Debug)]
pub(super) struct MissingRow {
    pub key: RowKey,
    pub time: Option<DateTime<Utc>>,
    pub batch: Option<i64>,
    pub ingestion_date: Option<NaiveDate>,
    pub run_id: Option<String>,
    pub seen_key: i64,
}

/// The whole runs in order.
#[derive(Debug)]
pub(super) struct Timeline<'a> {
    runs: &'a [WholeRun],
    /// The answers so far: rows of one run are many.
    known: HashMap<(Option<NaiveDate>, Option<String>), usize>,
    now: DateTime<Utc>,
}

impl<'a> Timeline<'a> {
    /// `now` is the time of what no run gives a time for.
    pub(super) fn new(runs: &'a [WholeRun], now: DateTime<Utc>) -> Self {
        Self { runs, known: HashMap::new(), now }
    }

    /// The first whole run after a place.
    pub(super) fn after(&mut self, ingestion_date: Option<NaiveDate>, run_id: Option<String>) -> usize {
        let runs = self.runs;
        *self.known.entry((ingestion_date, run_id)).or_insert_with_key(|(ingestion_date, run_id)| {
            let place = RunPlace { ingestion_date: *ingestion_date, run_id: run_id.clone().unwrap_or_default() };
            runs.partition_point(|run| run.place.compare(&place).is_le())
        })
    }

    fn made_at(&self, run: usize) -> DateTime<Utc> {
        self.runs.get(run).and_then(|run| run.made_at).unwrap_or(self.now)
    }

    /// Since when each of these rows is missing. Up to the run `known`, if there is one, they were compared
    /// before, and there.
    ///
    /// # Errors
    /// See [`crate::pg`].
    pub(super) async fn missing_since(
        &mut self,
        tx: &Transaction<'_>,
        entity: &str,
        rows: &[MissingRow],
        known: Option<&RunPlace>,
    ) -> Result<Vec<DateTime<Utc>>> {
        let first = match known {
            Some(known) => self.after(known.ingestion_date, Some(known.run_id.clone())),
            None => 0,
        };
        let mut since: Vec<usize> = Vec::new();
        for row in rows {
            since.push(self.after(row.ingestion_date, row.run_id.clone()).max(first));
        }
        if let Some(run) = since.iter().min().and_then(|first| self.runs.get(*first)).map(|run| run.place.clone()) {
            let mut sought = SoughtKeys::new(rows.iter().map(|row| row.seen_key).collect());
            let mut last_seen = vec![0; sought.len()];
            if self.runs.last().is_some_and(|last| last.place != run) {
                let mut sets = seen::since(tx, entity, &run).await?;
                while let Some(row) = sets.next().await? {
                    let after = self.after(row.get(0), row.get(1));
                    sought.find_in(row.get(2), |at| last_seen[at] = after.max(last_seen[at]));
                }
            }
            for (since, row) in since.iter_mut().zip(rows) {
                *since = sought.position(row.seen_key).map_or(0, |at| last_seen[at]).max(*since);
            }
        }
        Ok(since.into_iter().map(|run| self.made_at(run)).collect())
    }
}
