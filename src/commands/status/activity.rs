//! The work of the warehouse: what waits and how long it takes, the last hour, and what runs at the moment.

use chrono::Utc;
use serde_json::{Value, json};

use super::new_objects::NewObjects;
use crate::commands::measured::{millis, moment, phase_line, seconds, short};
use crate::error::Result;
use crate::ledger::activity::{self, EntityActivity};
use crate::ledger::history::{self, HistoryFilter, PastExecution, RunningPhase};
use crate::pg::Connection;
use crate::report::table::table;
use crate::report::units;

/// The most executions of an hour that are read.
const MOST: i64 = 10_000;

/// The work of the warehouse: waiting, recent and running.
#[derive(Debug)]
pub(super) struct Work {
    entities: Vec<EntityActivity>,
    /// Executions that ran within the last hour, the newest first.
    recent: Vec<PastExecution>,
    progress: Vec<RunningPhase>,
}

impl Work {
    /// Reads it, of these entities.
    pub(super) async fn read(connection: &Connection, entities: &[&str]) -> Result<Self> {
        let mut all = activity::all(connection).await?;
        all.retain(|activity| entities.contains(&activity.entity.as_str()));
        let since = Some(Utc::now() - chrono::Duration::hours(1));
        let filter = HistoryFilter { since, limit: MOST, ..HistoryFilter::default() };
        Ok(Self {
            entities: all,
            recent: history::list(connection, &filter).await?,
            progress: history::progress(connection, None).await?,
        })
    }

    fn running(&self) -> impl Iterator<Item = &PastExecution> {
        self.recent.iter().filter(|execution| execution.is_running())
    }

    /// Whether anything runs.
    pub(super) fn goes_on(&self) -> bool {
        self.running().next().is_some()
    }

    /// Adds what the lake holds and the ledger does not know yet.
    pub(super) fn add_new(&mut self, entity: &str, new: Option<NewObjects>) {
        let (Some(new), Some(activity)) = (new, self.entities.iter_mut().find(|a| a.entity == entity)) else { return };
        activity.objects_pending += new.objects as i64;
        activity.bytes_pending += new.bytes as i64;
        let rate = activity.load_bytes_per_s.filter(|rate| *rate > 0.0);
        activity.load_left_s = rate.map(|rate| (activity.bytes_pending as f64 / rate * 10.0).round() / 10.0);
    }

    /// How long everything that is pending takes to load, and then to transform; `None` where that cannot be
    /// estimated.
    pub(super) fn left(&self) -> (Option<f64>, Option<f64>) {
        let sum = |left: fn(&EntityActivity) -> (i64, Option<f64>)| {
            let waiting: Vec<Option<f64>> =
                self.entities.iter().map(left).filter(|(waits, _)| *waits > 0).map(|(_, left)| left).collect();
            waiting.into_iter().sum::<Option<f64>>().filter(|sum| *sum > 0.0)
        };
        (sum(|a| (a.objects_pending, a.load_left_s)), sum(|a| (a.documents_to_transform, a.transform_left_s)))
    }

    pub(super) fn to_json(&self) -> Value {
        let (load, transform) = self.left();
        let sum = |of: fn(&PastExecution) -> f64| self.recent.iter().map(of).sum::<f64>();
        let failed = self.recent.iter().filter(|e| is_bad(e)).count();
        json!({
            "activity": self.entities, "load_left_s": load, "transform_left_s": transform,
            "running": self.running().collect::<Vec<_>>(), "progress": self.progress,
            "last_hour": {
                "executions": self.recent.len(), "failed": failed,
                "retries": sum(|e| e.retries_count as f64) as u64, "waited_s": sum(|e| e.waited_s),
                "commit_p95_ms": self.slowest_commit().and_then(|e| e.commit_p95_ms),
                "connection_p95_ms": self.recent.iter().filter_map(|e| e.connection_p95_ms).reduce(f64::max),
            },
        })
    }

    /// The execution of the last hour whose commits took longest.
    fn slowest_commit(&self) -> Option<&PastExecution> {
        let timed = self.recent.iter().filter(|e| e.commit_p95_ms.is_some());
        timed.max_by(|a, b| a.commit_p95_ms.partial_cmp(&b.commit_p95_ms).unwrap_or(std::cmp::Ordering::Equal))
    }

    pub(super) fn text(&self) -> String {
        let mut parts = Vec::new();
        let busy: Vec<&EntityActivity> =
            self.entities.iter().filter(|a| a.objects_pending + a.batches_to_transform + a.hour_batches > 0).collect();
        if !busy.is_empty() {
            let headers =
                ["entity", ">to load", ">about", ">to transform", ">about", ">lines last hour", ">lines/s", ">bytes"];
            parts.push(table(&headers, busy.iter().map(|activity| row(activity))));
        }
        parts.extend(self.last_hour());
        parts.extend(self.running().map(|execution| self.one_running(execution)));
        parts.join("\n\n")
    }

    fn last_hour(&self) -> Option<String> {
        if self.recent.is_empty() {
            return None;
        }
        let failed = self.recent.iter().filter(|e| is_bad(e)).count() as u64;
        let retries: i64 = self.recent.iter().map(|e| e.retries_count).sum();
        let waited: f64 = self.recent.iter().map(|e| e.waited_s).sum();
        let mut line = format!("last hour: {}", units::counted(self.recent.len() as u64, "execution", "executions"));
        if failed > 0 {
            line += &format!(", {failed} failed (evo runs --failed)");
        }
        line += &format!(", {}", units::counted(retries.unsigned_abs(), "retry", "retries"));
        if waited > 0.0 {
            line += &format!(" (waited {})", seconds(waited));
        }
        if let Some((e, p95)) = self.slowest_commit().and_then(|e| Some((e, e.commit_p95_ms?))) {
            line += &format!(", 95 % of commits within {} ({} {})", millis(p95), e.command, short(&e.execution_id));
        }
        Some(line)
    }

    fn one_running(&self, e: &PastExecution) -> String {
        let place = e.container_execution.as_deref().or(e.machine.as_deref()).unwrap_or("an unknown host");
        let mut text = format!("running: {} {} on {place}", e.command, e.entities.join(" "));
        text += &format!(" since {} ({})", moment(&e.started_at), short(&e.execution_id));
        for phase in self.progress.iter().filter(|phase| phase.execution_id == e.execution_id) {
            text += &format!("\n  {}", phase_line(phase));
        }
        let mut facts = Vec::new();
        facts.extend(e.rows_per_s.map(|rate| format!("{} rows/s", units::count(rate as u64))));
        facts.push(units::counted(e.retries_count.unsigned_abs(), "retry", "retries"));
        facts.extend(e.connections_in_use.zip(e.connections_limit).map(|(n, of)| format!("{n} of {of} connections")));
        let fills = e.downloaded_fill.zip(e.decoded_fill);
        facts.extend(fills.map(|(a, b)| format!("channels {} and {} full", units::share(a), units::share(b))));
        facts.extend(e.commit_p95_ms.map(|ms| format!("95 % of commits within {}", millis(ms))));
        format!("{text}\n  {}", facts.join(" · "))
    }
}

fn is_bad(e: &PastExecution) -> bool {
    matches!(e.state.as_str(), "failed" | "interrupted" | "silent")
}

fn row(a: &EntityActivity) -> Vec<String> {
    let left = |waits: i64, left: Option<f64>| left.filter(|_| waits > 0).map_or(String::new(), seconds);
    vec![
        a.entity.clone(),
        if a.bytes_pending > 0 { units::bytes(a.bytes_pending.unsigned_abs()) } else { String::new() },
        left(a.objects_pending, a.load_left_s),
        units::count(a.documents_to_transform.unsigned_abs()),
        left(a.documents_to_transform, a.transform_left_s),
        units::count(a.hour_lines.unsigned_abs()),
        a.hour_lines_per_s.map_or(String::new(), |rate| units::count(rate as u64)),
        if a.hour_bytes > 0 { units::bytes(a.hour_bytes.unsigned_abs()) } else { String::new() },
    ]
}
