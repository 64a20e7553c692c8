//! How a job ended, in words, in numbers and as a document.

use std::time::{Duration, Instant};

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use crate::error::{Error, Kind};
use crate::report::units;

/// Counts that are worth a word, in this order.
const COUNTS: [&str; 16] = [
    "objects",
    "lines",
    "records",
    "rows",
    "inserted",
    "updated",
    "deleted",
    "unchanged",
    "superseded",
    "rejected",
    "issues",
    "resolved",
    "still_refused",
    "set_aside",
    "failed",
    "warned",
];
/// A summary of more bytes is left out of a document.
const LARGEST_SUMMARY: usize = 256 * 1024;
/// Characters of a report in a message.
const LONGEST_REPORT: usize = 2_500;
/// Entities that a message names.
const NAMED: usize = 12;

/// How a job ended.
#[derive(Debug)]
pub(in crate::telemetry) struct Ending<'a> {
    pub command: &'static str,
    /// Nanoseconds since 1970, and the same on the clock that is never set.
    pub began: (u64, Instant),
    pub host: Option<&'a str>,
    pub trace: Option<String>,
    /// The summary that the command printed; `None` if it failed before.
    pub summary: Option<&'a Value>,
    pub failure: Option<&'a Error>,
}

impl Ending<'_> {
    /// The state as in `evo.runs`: `succeeded`, `failed` or `interrupted`.
    pub(super) fn status(&self) -> &'static str {
        match self.failure.map(Error::kind) {
            None => "succeeded",
            Some(Kind::Stopped) => "interrupted",
            Some(_) => "failed",
        }
    }

    fn exit_code(&self) -> u8 {
        self.failure.map_or(0, Error::exit_code)
    }

    fn times(&self) -> (String, String, Duration) {
        let elapsed = self.began.1.elapsed();
        let ended = self.began.0.saturating_add(u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX));
        let shown = |ns: u64| {
            let at = DateTime::<Utc>::from_timestamp_nanos(i64::try_from(ns).unwrap_or(i64::MAX));
            at.to_rfc3339_opts(SecondsFormat::Secs, true)
        };
        (shown(self.began.0), shown(ended), elapsed)
    }

    /// `evo load sales: failed after 2m 03s, exit code 6`.
    fn headline(&self) -> String {
        let entities: Vec<&str> = self.entities().filter_map(|entity| entity["entity"].as_str()).collect();
        let entities = match entities.len() {
            0 => String::new(),
            1..=NAMED => format!(" {}", entities.join(" ")),
            more => format!(" ({more} entities)"),
        };
        let elapsed = units::duration(self.began.1.elapsed());
        let end = match self.status() {
            "succeeded" => format!("succeeded after {elapsed}"),
            status => format!("{status} after {elapsed}, exit code {}", self.exit_code()),
        };
        format!("evo {}{entities}: {end}", self.command)
    }

    fn entities(&self) -> impl Iterator<Item = &Value> {
        self.summary.and_then(|summary| summary["entities"].as_array()).into_iter().flatten()
    }

    /// A line for each entity with its counts that are not 0; or one line of a summary without entities.
    fn digest(&self) -> String {
        let mut lines: Vec<String> = self
            .entities()
            .filter_map(|entity| {
                let tables = entity["tables"].as_array().into_iter().flatten();
                let counts = counts(&[&[entity], tables.collect::<Vec<_>>().as_slice()].concat());
                Some(format!("{}: {}", entity["entity"].as_str()?, counts.unwrap_or_else(|| "nothing new".to_owned())))
            })
            .collect();
        if lines.len() > NAMED {
            let more = lines.len() - NAMED;
            lines.truncate(NAMED);
            lines.push(format!("and {more} more"));
        }
        match (lines.is_empty(), self.summary) {
            (true, Some(summary)) => counts(&[summary]).unwrap_or_default(),
            _ => lines.join("\n"),
        }
    }

    /// The error with its detail and hint, as on stderr; empty after a success.
    fn problem(&self) -> String {
        self.failure.map(Error::render).unwrap_or_default()
    }

    fn report(&self) -> String {
        let parts = [self.problem(), self.digest()];
        let report = parts.iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join("\n");
        match report.char_indices().nth(LONGEST_REPORT) {
            Some((at, _)) => format!("{}…", &report[..at]),
            None => report,
        }
    }

    /// The text of a placeholder.
    pub(super) fn text(&self, placeholder: &str) -> String {
        let (started_at, ended_at, elapsed) = self.times();
        let execution = || self.summary.and_then(|summary| summary["execution_id"].as_str()).unwrap_or("-");
        match placeholder {
            "command" => self.command.to_owned(),
            "detail" => self.failure.and_then(Error::detail_text).unwrap_or_default().to_owned(),
            "digest" => self.digest(),
            "duration" => units::duration(elapsed),
            "ended_at" => ended_at,
            "error" => self.failure.map(|error| error.message().to_owned()).unwrap_or_default(),
            "execution_id" => execution().to_owned(),
            "exit_code" => self.exit_code().to_string(),
            "headline" => self.headline(),
            "hint" => self.failure.and_then(Error::hint_text).unwrap_or_default().to_owned(),
            "host" => self.host.unwrap_or("-").to_owned(),
            "mark" => if self.failure.is_none() { "✅" } else { "❌" }.to_owned(),
            "report" => self.report(),
            "started_at" => started_at,
            "status" => self.status().to_owned(),
            "trace_id" => self.trace.clone().unwrap_or_default(),
            "version" => env!("CARGO_PKG_VERSION").to_owned(),
            _ => String::new(),
        }
    }

    /// Everything, for a machine.
    pub(super) fn document(&self) -> Value {
        let (started_at, ended_at, elapsed) = self.times();
        let error = self.failure.map(|error| {
            json!({
                "kind": format!("{:?}", error.kind()), "message": error.message(), "detail": error.detail_text(),
                "hint": error.hint_text(), "sqlstate": error.sqlstate(),
            })
        });
        let summary = self.summary.filter(|summary| summary.to_string().len() <= LARGEST_SUMMARY);
        json!({
            "version": 1, "command": self.command, "status": self.status(), "exit_code": self.exit_code(),
            "started_at": started_at, "ended_at": ended_at, "duration_ms": elapsed.as_millis() as u64,
            "host": self.host, "evo_version": env!("CARGO_PKG_VERSION"), "trace_id": self.trace, "error": error,
            "summary": summary, "summary_left_out": self.summary.is_some() && summary.is_none(),
        })
    }
}

/// `1,200 lines, 1,100 inserted`: the counts that are not 0, added up; `None` when all are.
fn counts(of: &[&Value]) -> Option<String> {
    let sum = |name: &str| of.iter().filter_map(|value| value[name].as_u64()).sum::<u64>();
    let words = COUNTS.iter().map(|name| (sum(name), name.replace('_', " "))).filter(|(n, _)| *n > 0);
    let words: Vec<String> = words.map(|(n, name)| format!("{} {name}", units::count(n))).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::PLACEHOLDERS;

    fn ending<'a>(summary: Option<&'a Value>, failure: Option<&'a Error>) -> Ending<'a> {
        let began = (1_767_225_600_000_000_000, Instant::now());
        Ending { command: "load", began, host: Some("h"), trace: Some("t".to_owned()), summary, failure }
    }

    #[test]
    fn a_message_says_what_ran_how_it_ended_and_what_to_do() {
        let summary = json!({ "execution_id": "e", "entities": [
            { "entity": "sales", "lines": 1_200, "inserted": 1_199, "rejected": 1, "updated": 0 },
            { "entity": "members", "lines": 0 },
            { "entity": "core", "tables": [{ "inserted": 2 }, { "inserted": 3 }] },
        ] });
        let error = Error::new(Kind::CheckFailed, "too many rejects").hint("evo rejects list sales");
        let failed = ending(Some(&summary), Some(&error));
        assert!(failed.text("headline").starts_with("evo load sales members core: failed after "));
        assert!(failed.text("headline").ends_with(", exit code 6"));
        assert_eq!(
            failed.text("report"),
            "error: too many rejects\n  hint: evo rejects list sales\n\
             sales: 1,200 lines, 1,199 inserted, 1 rejected\nmembers: nothing new\ncore: 5 inserted"
        );
        let done = ending(None, None);
        assert!(done.text("headline").starts_with("evo load: succeeded after "), "{}", done.text("headline"));
        assert_eq!(
            (done.text("report"), done.document()["started_at"].clone()),
            (String::new(), json!("2026-01-01T00:00:00Z"))
        );
    }

    #[test]
    fn every_placeholder_has_a_text() {
        let summary = json!({ "execution_id": "e", "rows": 3 });
        let error = Error::new(Kind::CheckFailed, "no").hint("do").detail("because");
        let ending = ending(Some(&summary), Some(&error));
        for placeholder in PLACEHOLDERS {
            assert!(*placeholder == "summary" || !ending.text(placeholder).is_empty(), "{placeholder}");
        }
    }

    #[test]
    fn a_summary_without_end_is_left_out_and_a_long_report_is_cut() {
        let paths: Vec<Value> = (0..30_000).map(|i| json!({ "path": format!("object-{i}") })).collect();
        let summary = json!({ "execution_id": "e", "quarantined": paths });
        let error = Error::new(Kind::SourceCorrupt, "é".repeat(9_000));
        let ending = ending(Some(&summary), Some(&error));
        let document = ending.document();
        assert_eq!((&document["summary"], &document["summary_left_out"]), (&Value::Null, &json!(true)));
        assert_eq!(ending.text("report").chars().count(), LONGEST_REPORT + 1);
    }
}
