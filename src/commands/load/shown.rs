//! What a load prints: the table, where the time went, what to know and what to do next.

use std::time::Duration;

use serde_json::{Value, json};

use super::Loaded;
use crate::bronze::{Sample, Unreadable};
use crate::ids::ExecutionId;
use crate::load::{EntitySummary, Plan};
use crate::report::table::table;
use crate::report::usage::usage;
use crate::report::{Outcome, units};
use crate::visible;

/// The plan: what would be loaded, what would not, and why.
pub(super) fn dry_run(plans: &[(&str, Plan)], again: bool) -> Outcome {
    let mut rows = Vec::new();
    for (entity, plan) in plans {
        let mut row = |run: &str, objects, bytes, batches: Option<u64>, what: &str| {
            let batches = batches.map_or(String::new(), units::count);
            let cells = [entity, run].map(str::to_owned).into_iter();
            rows.push(
                cells.chain([units::count(objects), units::bytes(bytes), batches, what.to_owned()]).collect::<Vec<_>>(),
            );
        };
        for run in &plan.runs {
            row(&run.run_id, run.objects, run.bytes, Some(run.batches), "to load");
        }
        for run in &plan.left_alone {
            row(&run.run_id, run.objects, 0, None, &format!("skipped: {}", run.reason));
        }
        for s in &plan.standing {
            let why = match (s.state.as_str(), s.is_selected) {
                ("loaded" | "quarantined", true) if again => continue,
                ("loaded", _) => "skipped: loaded",
                ("quarantined", _) => "skipped: set aside",
                ("ignored", _) => "skipped: set aside and acknowledged",
                ("pending", false) => "skipped: not selected",
                _ => continue,
            };
            row("", s.objects.unsigned_abs(), s.bytes.unsigned_abs(), None, why);
        }
    }
    let headers = ["entity", "run", ">objects", ">bytes", ">batches", "what"];
    let mut text = table(&headers, rows);
    for (entity, plan) in plans {
        text += &warnings(entity, plan);
    }
    text += "\n\nnothing was loaded (--dry-run)";
    let json = json!(plans.iter().map(|(entity, plan)| json!({
        "entity": entity, "listed": plan.listed, "new": plan.seen.new, "objects": plan.objects(), "bytes": plan.bytes(),
        "batches": plan.batches(),
        "runs": plan.runs.iter().map(|run| json!({
            "run_id": run.run_id, "objects": run.objects, "bytes": run.bytes, "batches": run.batches,
        })).collect::<Vec<_>>(),
        "left_alone": left_alone(plan), "warnings": plan.warnings,
        "other_endings": others(plan), "unreadable": unreadable(&plan.unreadable),
        "known": plan.standing.iter().map(|s| json!({
            "state": s.state, "selected": s.is_selected, "objects": s.objects, "bytes": s.bytes,
        })).collect::<Vec<_>>(),
    })).collect::<Vec<_>>());
    Outcome::new(text, json)
}

/// The summary for a person.
pub(super) fn text(loaded: &[Loaded]) -> String {
    if loaded.is_empty() {
        return String::new();
    }
    let headers = [
        "entity",
        ">objects",
        ">lines",
        ">inserted",
        ">updated",
        ">unchanged",
        ">superseded",
        ">rejected",
        ">compressed",
        ">seconds",
        ">rows/s",
    ];
    let mut text = table(&headers, loaded.iter().map(|l| row(&l.summary)));
    for l in loaded {
        let Loaded { plan, summary: s, differences, .. } = l;
        text += &not_loaded(l);
        if s.counts.rejected > 0 {
            text += &format!(
                "\n{entity}: {} rejected lines are kept verbatim in evo.rejects; see them: evo rejects list {entity}",
                units::count(s.counts.rejected.unsigned_abs()),
                entity = s.entity,
            );
        }
        text += &warnings(&s.entity, plan);
        for d in differences {
            let (entity, run, records, lines) = (&s.entity, &d.run_id, d.records, d.lines);
            text += &format!("\n{entity}: run {run}: its manifest says {records} records, its objects have {lines}");
        }
        text += &phases(l);
    }
    text + &process(loaded)
}

/// What was not loaded and why: "nothing new" only where every object that the lake shows is in.
fn not_loaded(l: &Loaded) -> String {
    let (s, seen, left) = (&l.summary, &l.plan.seen, &l.aftermath);
    let n = units::count;
    // After a failure nothing of this is counted; the error says what is the matter.
    if left.standing.is_empty() {
        return String::new();
    }
    if s.objects == 0 && seen.loaded == l.plan.listed && l.plan.listed > 0 {
        return format!("\n{}: nothing new; all {} objects in the lake are known", s.entity, n(seen.loaded));
    }
    let mut parts = Vec::new();
    let mut part = |count: u64, what: &str| {
        if count > 0 {
            parts.push(format!("{} {what}", n(count)));
        }
    };
    if s.objects == 0 {
        part(seen.loaded, "loaded before");
    }
    part(left.count("pending", false), "not selected by --since or --run-id");
    let waiting =
        if l.plan.left_alone.is_empty() { "waiting for the next run" } else { "in runs that were left alone" };
    part(left.count("pending", true), waiting);
    part(left.count("quarantined", true) + left.count("quarantined", false), "set aside: evo objects list");
    part(left.count("ignored", true) + left.count("ignored", false), "set aside and acknowledged");
    part(left.vanished.len() as u64, "vanished before they were loaded");
    match (parts.is_empty(), s.objects) {
        (true, 0) if l.plan.listed == 0 => String::new(),
        (true, 0) => format!("\n{}: nothing was left to load: another execution did it", s.entity),
        (true, _) => String::new(),
        (false, 0) => format!("\n{}: nothing was loaded: {}", s.entity, parts.join(" · ")),
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

fn warnings(entity: &str, plan: &Plan) -> String {
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
        let objects = if plan.others.count == 1 { "1 object has an ending" } else { "objects have endings" };
        let count =
            if plan.others.count == 1 { String::new() } else { format!("{} ", units::count(plan.others.count)) };
        let names: Vec<String> =
            plan.others.first.iter().take(3).map(|path| visible::line(path).into_owned()).collect();
        let dots = if plan.others.count > 3 { ", …" } else { "" };
        text += &format!("\n{entity}: {count}{objects} that evo does not read: {}{dots}", names.join(", "));
    }
    text
}

fn unreadable(sample: &Sample<Unreadable>) -> Value {
    json!({
        "count": sample.count,
        "first": sample.first.iter().map(|u| json!({ "path": u.path, "reason": u.reason })).collect::<Vec<_>>(),
    })
}

fn others(plan: &Plan) -> Value {
    json!({ "count": plan.others.count, "first": plan.others.first })
}

/// Where the workers' time went, and so who is the limit.
fn phases(l: &Loaded) -> String {
    let s = &l.summary;
    let p = &s.phases;
    let parts = [
        ("lake", p.stream.lake),
        ("decode", p.stream.decode),
        ("copy", p.stream.copy),
        ("merge", p.merge),
        ("turn", p.turn),
        ("commit", p.commit),
    ];
    let spent: Duration = parts.iter().map(|(_, time)| *time).sum();
    if s.batches == 0 || spent.is_zero() {
        return String::new();
    }
    let share = |time: Duration| time.as_secs_f64() / spent.as_secs_f64();
    let shown: Vec<String> =
        parts.iter().map(|(name, time)| format!("{name} {}", units::share(share(*time)))).collect();
    let server = share(p.stream.copy + p.merge + p.commit);
    let limit = limit(share(p.stream.lake), share(p.stream.decode), server, l);
    format!("\n{}: workers' time: {}{limit}", s.entity, shown.join(" · "))
}

/// What to do about the larger part of the time. More workers are no advice where there is nothing to share out, or no CPU.
fn limit(lake: f64, decode: f64, server: f64, l: &Loaded) -> &'static str {
    let has_batches = l.summary.batches >= 2 * l.workers as u64;
    let has_cpus = std::thread::available_parallelism().is_ok_and(|cpus| l.workers < cpus.get());
    match (lake, decode, server) {
        (lake, decode, _) if lake >= 0.5 && lake > decode && has_batches => {
            "; the lake is the limit: more --workers may help"
        }
        (lake, decode, _) if lake >= 0.5 && lake > decode => "; the lake is the limit",
        (_, decode, _) if decode >= 0.5 && has_cpus && has_batches => {
            "; this process is the limit: more --workers may help"
        }
        (_, decode, _) if decode >= 0.5 => "; this process is the limit: more CPUs may help",
        (_, _, server) if server >= 0.5 => "; the server is the limit",
        _ => "",
    }
}

/// What the process itself needed.
fn process(loaded: &[Loaded]) -> String {
    let inflated: u64 = loaded.iter().map(|l| l.summary.inflated_bytes).sum();
    if inflated == 0 {
        return String::new();
    }
    let used = usage();
    let (cpu, memory) = (units::duration(used.cpu), units::bytes(used.peak_resident));
    // Of a few megabytes the start of the process is the larger part.
    let rate = match inflated {
        0..50_000_000 => String::new(),
        _ => format!(" ({:.1} s per GB)", used.cpu.as_secs_f64() / (inflated as f64 / 1e9)),
    };
    format!(
        "\nthis process: {cpu} of CPU for {} decompressed{rate}, at most {memory} of memory",
        units::bytes(inflated)
    )
}

fn left_alone(plan: &Plan) -> Value {
    json!(
        plan.left_alone
            .iter()
            .map(|run| json!({ "run_id": run.run_id, "objects": run.objects, "reason": run.reason }))
            .collect::<Vec<_>>()
    )
}

/// The summary for a machine.
pub(super) fn to_json(execution_id: ExecutionId, loaded: &[Loaded]) -> Value {
    let used = usage();
    json!({
        "execution_id": execution_id.to_string(),
        "cpu_ms": used.cpu.as_millis() as u64, "peak_resident_bytes": used.peak_resident,
        "entities": loaded.iter().map(entity_json).collect::<Vec<_>>(),
    })
}

fn entity_json(l: &Loaded) -> Value {
    let Loaded { plan, summary: s, differences, aftermath, .. } = l;
    let mut json = json!({
        "entity": s.entity, "listed": plan.listed, "objects": s.objects, "batches": s.batches, "lines": s.counts.lines,
        "inserted": s.counts.inserted, "updated": s.counts.updated, "unchanged": s.counts.unchanged,
        "superseded": s.counts.superseded, "rejected": s.counts.rejected, "bytes": s.bytes, "inflated_bytes": s.inflated_bytes,
        "elapsed_ms": s.elapsed.as_millis() as u64, "phases": s.phases.to_json(), "replaced": s.aside.gone,
        "left_alone": left_alone(plan), "warnings": plan.warnings, "other_endings": others(plan),
        "unreadable": unreadable(&s.aside.unreadable),
    });
    json["quarantined"] =
        s.aside.quarantined.iter().map(|(path, reason)| json!({ "path": path, "reason": reason })).collect();
    let seen = &plan.seen;
    json["known"] = json!({
        "new": seen.new, "pending": seen.pending, "loaded": seen.loaded, "quarantined": seen.quarantined,
        "ignored": seen.ignored,
    });
    json["set_aside"] = json!(aftermath.set_aside.objects);
    json["vanished"] = json!(aftermath.vanished);
    json["missing"] = aftermath
        .missing
        .iter()
        .map(|m| json!({ "run_id": m.run_id, "objects": m.parts, "present": m.present, "vanished": m.vanished }))
        .collect();
    json["manifest_differences"] =
        differences.iter().map(|d| json!({ "run_id": d.run_id, "records": d.records, "lines": d.lines })).collect();
    json
}
