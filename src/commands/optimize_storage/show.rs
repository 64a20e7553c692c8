//! The storage that was found and the work that was done, as text and JSON.

use std::time::Duration;

use serde_json::{Value, json};

use super::advice::Advice;
use super::owners::Owners;
use crate::ids::ExecutionId;
use crate::report::table::table;
use crate::report::units;
use crate::storage::{
    Bloat, IndexStorage, MaintenanceAction, MaintenanceStep, StepOutcome, StorageReport, TableStorage,
};

/// The name of an action in summaries and logs.
pub(super) fn verb(action: MaintenanceAction) -> &'static str {
    match action {
        MaintenanceAction::Drop => "drop",
        MaintenanceAction::Reindex => "reindex",
        MaintenanceAction::Vacuum => "vacuum",
        MaintenanceAction::Analyze => "analyze",
    }
}

/// The storage as it was found.
pub(super) struct Inspection<'a> {
    pub(super) report: &'a StorageReport,
    pub(super) owners: &'a Owners<'a>,
    pub(super) partitions: bool,
}

impl Inspection<'_> {
    pub(super) fn text(&self) -> String {
        let rows = sums(self.report, self.partitions).into_iter().map(|t| {
            let index_bloat = match t.name == t.parent {
                true => self.report.index_bloat(&t.parent),
                false => {
                    Bloat::sum(self.report.indexes.iter().filter(|i| i.table == t.name && i.is_valid).map(|i| i.bloat))
                }
            };
            vec![
                t.name.clone(),
                units::bytes(t.heap_bytes),
                units::bytes(t.toast_bytes),
                units::bytes(t.index_bytes),
                units::count(t.live_tuples),
                units::count(t.dead_tuples),
                bloat(t.bloat, t.heap_bytes + t.toast_bytes),
                bloat(index_bloat, t.index_bytes),
                t.last_vacuum.clone().unwrap_or_else(|| "never".to_owned()),
                t.last_analyze.clone().unwrap_or_else(|| "never".to_owned()),
            ]
        });
        let headers = [
            "table",
            ">heap",
            ">toast",
            ">indexes",
            ">~live",
            ">~dead",
            ">bloat",
            ">index bloat",
            "vacuumed (UTC)",
            "analyzed (UTC)",
        ];
        let mut text = table(&headers, rows) + "\n~ is an estimate from statistics that a failover resets\n";
        text += &self.indexes();
        text + &self.recommended() + "\nnothing was changed"
    }

    fn indexes(&self) -> String {
        let mut text = String::new();
        for index in self.report.invalid() {
            let size = units::bytes(index.bytes);
            text += &format!("\nINVALID index {} ({size}): useless, and slows down every write", index.name);
        }
        for index in self.report.indexes.iter().filter(|i| i.is_building) {
            text += &format!("\n{} is being built at this moment", index.name);
        }
        let unused = self.report.unused();
        if !unused.is_empty() {
            let since = self.report.statistics_since.as_deref().unwrap_or("the server was created");
            text += &format!("\nnot scanned since {since} on this server (readers of a standby do not count here):");
            for index in unused {
                text += &format!("\n  {} ({})", index.name, units::bytes(index.bytes));
            }
        }
        if text.is_empty() { text } else { text + "\n" }
    }

    fn recommended(&self) -> String {
        // One command for all tables with the same recommendation.
        let mut commands: Vec<(String, Vec<String>)> = Vec::new();
        for t in self.report.by_parent() {
            let (advice, command) = self.advice(&t);
            let Some(command) = command else { continue };
            let line = format!("{}: {}", t.name, advice.reasons.join(", "));
            match commands.iter_mut().find(|(known, _)| *known == command) {
                Some((_, lines)) => lines.push(line),
                None => commands.push((command, vec![line])),
            }
        }
        if commands.is_empty() {
            return "\nnothing to do\n".to_owned();
        }
        let list: Vec<String> =
            commands.iter().map(|(command, lines)| format!("  {command}\n    {}", lines.join("\n    "))).collect();
        format!("\nrecommended:\n{}\n", list.join("\n"))
    }

    fn advice(&self, t: &TableStorage) -> (Advice, Option<String>) {
        let (owner, is_core) = self.owners.owner(&t.name);
        let advice = Advice::about(t, self.report, is_core);
        let command = advice.command(owner);
        (advice, command)
    }

    pub(super) fn json(&self) -> Value {
        let tables: Vec<Value> = self
            .report
            .by_parent()
            .iter()
            .map(|t| {
                let (advice, command) = self.advice(t);
                let mut value = table_json(t);
                value["index_bloat"] = bloat_json(self.report.index_bloat(&t.parent));
                value["recommendation"] = json!(command);
                value["reasons"] = json!(advice.reasons);
                let leaves = self.report.tables.iter().filter(|leaf| leaf.parent == t.parent && leaf.name != t.name);
                value["partitions"] = leaves.map(table_json).collect();
                value
            })
            .collect();
        let indexes: Vec<Value> = self.report.indexes.iter().map(index_json).collect();
        let names = |list: Vec<&IndexStorage>| list.iter().map(|i| i.name.clone()).collect::<Vec<_>>();
        json!({
            "tables": tables, "indexes": indexes, "invalid_indexes": names(self.report.invalid()),
            "unused_indexes": names(self.report.unused()), "statistics_since": self.report.statistics_since,
        })
    }
}

/// The maintenance that was done, with the storage before and after it.
pub(super) struct MaintenanceReport<'a> {
    pub(super) before: &'a StorageReport,
    /// `None` when the server could no longer be asked.
    pub(super) after: Option<&'a StorageReport>,
    pub(super) steps: &'a [MaintenanceStep],
    pub(super) partitions: bool,
}

impl MaintenanceReport<'_> {
    pub(super) fn text(&self) -> String {
        let after = self.after.map(|report| sums(report, self.partitions)).unwrap_or_default();
        let rows = sums(self.before, self.partitions).into_iter().map(|was| {
            let is = after.iter().find(|is| is.name == was.name);
            let of_table =
                |s: &&MaintenanceStep| s.parent == was.parent && (was.name == was.parent || s.name == was.name);
            let elapsed: Duration = self.steps.iter().filter(of_table).map(|s| s.elapsed).sum();
            let or_unknown = |shown: Option<String>| shown.unwrap_or_else(|| "?".to_owned());
            vec![
                was.name.clone(),
                units::bytes(was.total_bytes()),
                or_unknown(is.map(|is| units::bytes(is.total_bytes()))),
                units::bytes(was.index_bytes),
                or_unknown(is.map(|is| units::bytes(is.index_bytes))),
                units::count(was.dead_tuples),
                or_unknown(is.map(|is| units::count(is.dead_tuples))),
                format!("{:.1}", elapsed.as_secs_f64()),
            ]
        });
        let headers =
            ["table", ">before", ">after", ">indexes before", ">after", ">~dead before", ">after", ">seconds"];
        let mut text = table(&headers, rows);
        for step in self.done(MaintenanceAction::Drop) {
            text += &format!("\ndropped the INVALID leftover {}", step.name);
        }
        for (action, what) in [
            (MaintenanceAction::Reindex, "indexes rebuilt"),
            (MaintenanceAction::Vacuum, "tables vacuumed and analyzed"),
        ] {
            let all: Vec<&MaintenanceStep> = self.steps.iter().filter(|s| s.action == action).collect();
            if !all.is_empty() {
                let elapsed = units::duration(all.iter().map(|s| s.elapsed).sum());
                text += &format!("\n{} {what} in {elapsed}", self.done(action).count());
            }
        }
        for step in self.steps.iter().filter(|s| matches!(s.outcome, StepOutcome::Gone)) {
            text += &format!("\n{} was dropped in the meantime", step.name);
        }
        text
    }

    fn done(&self, action: MaintenanceAction) -> impl Iterator<Item = &MaintenanceStep> {
        self.steps.iter().filter(move |s| s.action == action && matches!(s.outcome, StepOutcome::Done))
    }

    pub(super) fn json(&self, execution: ExecutionId) -> Value {
        let steps = |action: MaintenanceAction, what: &str| -> Vec<Value> {
            let steps = self.steps.iter().filter(|s| s.action == action);
            steps.map(|s| step_json(s, what)).collect()
        };
        let dropped: Vec<&str> = self.done(MaintenanceAction::Drop).map(|s| s.name.as_str()).collect();
        let tables = |report: &StorageReport| report.by_parent().iter().map(table_json).collect::<Vec<_>>();
        json!({
            "execution_id": execution.to_string(), "dropped": dropped,
            "reindexed": steps(MaintenanceAction::Reindex, "index"),
            "vacuumed": steps(MaintenanceAction::Vacuum, "table"),
            "before": tables(self.before), "after": self.after.map(tables),
        })
    }
}

/// One line per table, or per partition.
fn sums(report: &StorageReport, partitions: bool) -> Vec<TableStorage> {
    if partitions { report.tables.clone() } else { report.by_parent() }
}

/// `12 %` measured, `~12 %` estimated, `?` unknown.
fn bloat(bloat: Option<Bloat>, of: u64) -> String {
    let Some(bloat) = bloat else { return "?".to_owned() };
    let share = units::share(bloat.bytes as f64 / of.max(1) as f64);
    if bloat.is_measured { share } else { format!("~{share}") }
}

fn bloat_json(bloat: Option<Bloat>) -> Value {
    bloat.map_or(Value::Null, |b| json!({ "bytes": b.bytes, "is_measured": b.is_measured }))
}

fn table_json(t: &TableStorage) -> Value {
    json!({
        "table": t.name, "heap_bytes": t.heap_bytes, "toast_bytes": t.toast_bytes, "index_bytes": t.index_bytes,
        "live_tuples": t.live_tuples, "dead_tuples": t.dead_tuples, "last_vacuum": t.last_vacuum,
        "last_analyze": t.last_analyze, "bloat": bloat_json(t.bloat),
    })
}

fn index_json(i: &IndexStorage) -> Value {
    json!({
        "index": i.name, "table": i.table, "bytes": i.bytes, "scans": i.scans, "is_valid": i.is_valid,
        "is_building": i.is_building, "bloat": bloat_json(i.bloat),
    })
}

fn step_json(s: &MaintenanceStep, what: &str) -> Value {
    let failure = match &s.outcome {
        StepOutcome::Failed(error) => Some(error.to_string()),
        StepOutcome::Done | StepOutcome::Gone => None,
    };
    json!({
        what: s.name, "before_bytes": s.before_bytes, "after_bytes": s.after_bytes,
        "is_gone": matches!(s.outcome, StepOutcome::Gone),
        "elapsed_ms": s.elapsed.as_millis() as u64, "failure": failure,
    })
}
