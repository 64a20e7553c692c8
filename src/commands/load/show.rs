//! The summary of a load for a person: the table, what was not loaded and why, and what to do next.

use super::{Loaded, limit};
use crate::commands::contract;
use crate::load::{EntityLoad, EntitySummary, LoadPlan};
use crate::report::table::table;
use crate::report::units;
use crate::report::usage::usage;
use crate::visible;

const HEADERS: [&str; 11] = [
    "entity",
    ">objects",
    ">lines",
    ">inserted",
    ">updated",
    ">unchanged",
    ">superseded",
    ">rejected",
    "~>compressed",
    ">seconds",
    "~>rows/s",
];

/// The summary of all entities; empty when there is none.
pub(super) fn summary(loaded: &[Loaded]) -> String {
    if loaded.is_empty() {
        return String::new();
    }
    // A row of zeros says nothing about an entity that failed; the error does.
    let has_row =
        |l: &&Loaded| l.load.summary.objects > 0 || l.load.plan.listed == 0 || !l.load.aftermath.standing.is_empty();
    let rows: Vec<Vec<String>> = loaded.iter().filter(has_row).map(|l| row(&l.load.summary)).collect();
    let mut text = if rows.is_empty() { String::new() } else { table(&HEADERS, rows) };
    for Loaded { load, contract, .. } in loaded {
        let EntityLoad { plan, summary: s, aftermath, .. } = load;
        text += &not_loaded(load);
        if s.counts.rejected > 0 {
            text += &format!(
                "\n{entity}: {} kept verbatim in evo.rejects; see them: evo rejects list {entity}",
                units::counted(s.counts.rejected.unsigned_abs(), "rejected line is", "rejected lines are"),
                entity = s.entity,
            );
        }
        text += &warnings(&s.entity, plan);
        text += &contract::text(&s.entity, contract, |_| true);
        for d in &aftermath.differences {
            let records = units::counted(d.records.unsigned_abs(), "record", "records");
            let (entity, run, lines) = (&s.entity, &d.run_id, units::count(d.lines.unsigned_abs()));
            text += &format!("\n{entity}: run {run}: its manifest says {records}, its objects have {lines}");
        }
        text += &limit::phases(load);
    }
    text + &process(loaded)
}

/// The objects and lines that were not loaded, with the reasons.
fn not_loaded(load: &EntityLoad) -> String {
    let EntityLoad { plan, summary: s, aftermath: left, .. } = load;
    let n = units::count;
    // After a failure nothing of this was counted, and the error says what is the matter.
    if left.standing.is_empty() {
        return String::new();
    }
    let mut parts = Vec::new();
    let mut part = |count: u64, what: &str| {
        if count > 0 {
            parts.push(format!("{} {what}", n(count)));
        }
    };
    let left_alone = load.left_alone();
    part(left.count("pending", false), "not selected by --since or --run-id");
    part(load.beyond_limit, "beyond --limit: the next load goes on");
    part(left_alone, "in runs that were left alone");
    part(left.count("pending", true) - left_alone - load.beyond_limit, "waiting for the next run");
    part(left.count("quarantined", true) + left.count("quarantined", false), "set aside: evo objects list");
    part(left.count("ignored", true) + left.count("ignored", false), "set aside and acknowledged");
    let missing: u64 = left.missing.iter().map(|run| run.vanished.unsigned_abs()).sum();
    part(missing.max(left.vanished.len() as u64), "vanished before they were loaded");
    part(s.not_loaded.unreadable.count, "that could not be read, objects or folders");
    part(plan.others.count, "with endings that evo does not read");
    let loaded_before = plan.seen.loaded;
    // "Nothing new" is said only where nothing of the above is: every object in the lake is loaded.
    match (parts.is_empty(), s.objects) {
        (true, 0) if plan.listed == 0 => String::new(),
        (true, 0) if loaded_before == plan.listed => {
            let known = match loaded_before {
                1 => "the only object in the lake is known".to_owned(),
                n => format!("all {} objects in the lake are known", units::count(n)),
            };
            format!("\n{}: nothing new; {known}", s.entity)
        }
        (true, 0) => format!("\n{}: nothing was left to load: another execution did it", s.entity),
        (true, _) => String::new(),
        (false, 0) => {
            if loaded_before > 0 {
                parts.insert(0, format!("{} loaded before", n(loaded_before)));
            }
            format!("\n{}: nothing was loaded: {}", s.entity, parts.join(" · "))
        }
        (false, _) => format!("\n{}: not loaded: {}", s.entity, parts.join(" · ")),
    }
}

fn row(s: &EntitySummary) -> Vec<String> {
    let n = |v: i64| units::count(v.unsigned_abs());
    let rate = (s.counts.lines as f64 / s.elapsed.as_secs_f64().max(0.001)) as u64;
    let c = &s.counts;
    vec![
        s.entity.clone(),
        units::count(s.objects),
        n(c.lines),
        n(c.inserted),
        n(c.updated),
        n(c.unchanged),
        n(c.superseded),
        n(c.rejected),
        units::bytes(s.bytes),
        format!("{:.1}", s.elapsed.as_secs_f64()),
        units::count(rate),
    ]
}

/// The warnings about a plan's runs and objects, a line each.
pub(super) fn warnings(entity: &str, plan: &LoadPlan) -> String {
    let mut text = String::new();
    for run in &plan.left_alone {
        text += &format!(
            "\n{entity}: run {run} was left alone: {reason}; to load what is there: evo load {entity} --run-id {run}",
            run = visible::line(&run.run_id),
            reason = run.reason,
        );
    }
    for warning in &plan.warnings {
        text += &format!("\n{entity}: {}", visible::line(warning));
    }
    if !plan.others.is_empty() {
        let objects = units::counted(plan.others.count, "object has an ending", "objects have endings");
        let names: Vec<String> =
            plan.others.first.iter().take(3).map(|path| visible::line(path).into_owned()).collect();
        let dots = if plan.others.count > 3 { ", …" } else { "" };
        text += &format!("\n{entity}: {objects} that evo does not read: {}{dots}", names.join(", "));
    }
    text
}

/// The CPU time and memory of this process; empty if nothing was decompressed.
fn process(loaded: &[Loaded]) -> String {
    let inflated: u64 = loaded.iter().map(|l| l.load.summary.inflated_bytes).sum();
    if inflated == 0 {
        return String::new();
    }
    let used = usage();
    let (cpu, memory) = (units::duration(used.cpu), units::bytes(used.peak_resident));
    // For a few megabytes, most of it is the start of the process.
    let rate = match inflated {
        0..50_000_000 => String::new(),
        _ => format!(" ({:.1} s per GB)", used.cpu.as_secs_f64() / (inflated as f64 / 1e9)),
    };
    format!(
        "\nthis process: {cpu} of CPU for {} decompressed{rate}, at most {memory} of memory",
        units::bytes(inflated)
    )
}
