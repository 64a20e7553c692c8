//! The list of executions, for a person.

use super::Args;
use crate::commands::measured::{moment, phase_line, seconds, short};
use crate::ledger::history::{PastExecution, RunningPhase};
use crate::report::table::table;
use crate::report::units;
use crate::visible;

const HEADERS: [&str; 11] = [
    "id",
    "command",
    "entities",
    "state",
    "started (UTC)",
    ">took",
    "~>rows",
    "~>rows/s",
    "~>written",
    "~>retries",
    ">exit",
];

pub(super) fn text(rows: &[PastExecution], progress: &[RunningPhase], args: &Args) -> String {
    if rows.is_empty() {
        return match (args.failed, args.since.is_some()) {
            (true, _) => "no execution failed".to_owned(),
            (false, true) => "nothing was executed since then".to_owned(),
            (false, false) => "nothing was executed yet\n\nnext: evo load all".to_owned(),
        };
    }
    let mut text = table(&HEADERS, rows.iter().map(row));
    for phase in progress {
        text += &format!("\n{}: {}", short(&phase.execution_id), phase_line(phase));
    }
    for row in rows {
        text += &reason(row);
    }
    if args.watch && !rows.iter().any(PastExecution::is_running) {
        text += "\n\nnothing is running";
    } else if rows.len() as i64 == args.limit && !args.watch {
        text += &format!("\n\nthe newest {}; more with --limit", units::count(rows.len() as u64));
    }
    text
}

fn row(r: &PastExecution) -> Vec<String> {
    let n = |count: i64| units::count(count.unsigned_abs());
    vec![
        short(&r.execution_id),
        r.command.clone(),
        several(&r.entities),
        r.state.clone(),
        moment(&r.started_at),
        r.elapsed_s.map_or(String::new(), seconds),
        n(r.rows_count),
        r.rows_per_s.map_or(String::new(), |rate| units::count(rate as u64)),
        n(r.written_count),
        n(r.retries_count),
        r.exit_code.map_or(String::new(), |code| code.to_string()),
    ]
}

/// Up to two names, or the first one and how many more there are: `evo runs ID` has them all.
fn several(names: &[String]) -> String {
    match names {
        [first, _, _, ..] => format!("{first} +{}", names.len() - 1),
        few => few.join(" "),
    }
}

/// A line for what did not end well.
fn reason(r: &PastExecution) -> String {
    let id = short(&r.execution_id);
    match (r.state.as_str(), &r.reason, &r.seen_at) {
        ("silent", _, Some(at)) => format!("\n{id}: no sign of life since {}", moment(at)),
        ("silent", _, None) => format!("\n{id}: its end is not recorded"),
        (_, Some(reason), _) => format!("\n{id}: {}", visible::line(reason)),
        _ => String::new(),
    }
}
