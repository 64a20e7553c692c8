//! The summary of a generated lake, for a person.

use std::time::Duration;

use evo_generator::{Entity, RunSummary, Summary, Tally};

use crate::report::table::table;
use crate::report::units::{bytes, count, counted, duration};

/// A row for each run, a total, and where the objects are.
pub(super) fn text(summary: &Summary, lake: &str) -> String {
    let headers = [
        "entity",
        ">run",
        ">objects",
        ">records",
        ">new",
        ">changed",
        ">duplicates",
        ">broken",
        ">misfits",
        ">ndjson",
        ">gz",
        ">time",
    ];
    let mut rows: Vec<Vec<String>> = summary.runs.iter().map(row).collect();
    let mut total = RunSummary {
        entity: Entity::Members,
        run: 0,
        run_id: String::new(),
        objects: 0,
        kept: 0,
        tally: Tally::default(),
        gzip_bytes: 0,
        elapsed_ms: 0,
    };
    for run in &summary.runs {
        total.objects += run.objects;
        total.kept += run.kept;
        total.tally.add(&run.tally);
        total.gzip_bytes += run.gzip_bytes;
        total.elapsed_ms += run.elapsed_ms;
    }
    if summary.runs.len() > 1 {
        let mut last = row(&total);
        (last[0], last[1]) = ("total".into(), String::new());
        rows.push(last);
    }
    let end = match total.kept {
        0 => format!("written to {lake}"),
        kept if kept == total.objects => format!("already there, identical: nothing was written to {lake}"),
        kept => format!("written to {lake}; already there, identical: {}", counted(kept, "object", "objects")),
    };
    format!("{}\n\n{end}", table(&headers, rows))
}

fn row(run: &RunSummary) -> Vec<String> {
    let tally = &run.tally;
    let mut row = vec![run.entity.to_string(), run.run.to_string()];
    let counts = [run.objects, tally.records, tally.new, tally.changed, tally.duplicates, tally.broken, tally.misfits];
    row.extend(counts.map(count));
    row.extend([bytes(tally.bytes), bytes(run.gzip_bytes)]);
    row.push(duration(Duration::from_millis(run.elapsed_ms)));
    row
}
