//! `evo load`: bronze objects into the staging tables.

use chrono::NaiveDate;
use serde_json::{Value, json};

use super::warehouse::{self, Threshold, Warehouse};
use crate::bronze::{Lake, Limits};
use crate::config::Settings;
use crate::entity::Entity;
use crate::error::{Error, Kind, Result};
use crate::ledger::objects::Selection;
use crate::ledger::runs::Execution;
use crate::load::{self, EntitySummary, Job, Plan};
use crate::pg::{EntityLock, Purpose};
use crate::report::progress::Progress;
use crate::report::table::table;
use crate::report::{Outcome, units};
use crate::shutdown::Shutdown;

/// Loads what is not loaded yet; running it again is safe at any moment.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  evo load sales                                   everything of sales that is not loaded yet
  evo load members sales --workers 8 --batch-size 10
  evo load all --since 2026-01-01                  runs extracted on that day or later
  evo load entries --run-id 20260111T030000Z       one run, exactly
  evo load all --dry-run                           the plan: objects, bytes, batches

Exit codes: 0 all loaded · 4 lake · 5 database · 6 too many rejects, or an object set aside · 7 already running")]
pub struct Args {
    /// members, sales, entries, prospects, one of your own, or all
    #[arg(required = true, value_name = "ENTITY")]
    pub entities: Vec<String>,
    /// Batches loaded at once [default: one per CPU, at most 8]
    #[arg(long, value_name = "N")]
    pub workers: Option<usize>,
    /// Objects per batch; a batch is one transaction [default: 10]
    #[arg(long, value_name = "N")]
    pub batch_size: Option<usize>,
    /// Only this run, exactly
    #[arg(long, value_name = "RUN_ID")]
    pub run_id: Option<String>,
    /// Only runs extracted on this day or later
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub since: Option<NaiveDate>,
    /// Exit 6 when more lines than this are rejected: a number or a percentage of the lines read
    #[arg(long, value_name = "N|P%", default_value = "1%")]
    pub max_rejects: Threshold,
    /// Show the plan and load nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Runs the command.
///
/// # Errors
/// When nothing could be begun; a failure on the way is part of the outcome, which counts what is in.
pub async fn run(args: Args, settings: &Settings) -> Result<Outcome> {
    let workers = warehouse::at_least_one("--workers", args.workers.unwrap_or(settings.workers))?;
    let batch_size = warehouse::at_least_one("--batch-size", args.batch_size.unwrap_or(settings.batch_size))?;
    let shutdown = Shutdown::listen()?;
    let catalog = crate::entity::Catalog::load(settings.extend.as_deref())?;
    catalog.select(&args.entities)?;
    let lake = Lake::open(&settings.lake, &settings.azure)?;
    // A worker needs one for its batch and, at times, one for a partition.
    let warehouse = warehouse::open(settings, "load", workers * 2 + 1).await?;
    let entities = warehouse.catalog.select(&args.entities)?;
    let selection = Selection { run_id: args.run_id.clone(), since: args.since };
    if args.dry_run {
        return dry_run(&warehouse, &lake, &entities, &selection, batch_size).await;
    }
    let names: Vec<&str> = entities.iter().map(|e| e.name.as_str()).collect();
    let arguments = json!({ "workers": workers, "batch_size": batch_size, "run_id": args.run_id, "since": args.since });
    let execution = Execution::begin(&warehouse.pool, "load", &names, &arguments).await?;
    let decoders = load::decoders(workers)?;
    let mut summaries = Vec::new();
    let mut failures = Vec::new();
    for entity in &entities {
        if shutdown.is_requested() {
            failures.push((entity.name.clone(), shutdown.error()));
            break;
        }
        let job = Job {
            lake: lake.clone(),
            pool: warehouse.pool.clone(),
            entity: (*entity).clone(),
            execution_id: execution.id,
            workers,
            retry: warehouse::retry(settings),
            limits: Limits { line_bytes: settings.max_line_bytes, ratio: settings.max_ratio },
            decoders: decoders.clone(),
            shutdown: shutdown.clone(),
        };
        match load_one(&job, &warehouse, &selection, batch_size, settings.progress).await {
            Ok((listed, mut summary)) => {
                if let Some(failure) = summary.failure.take() {
                    failures.push((entity.name.clone(), failure));
                }
                summaries.push((listed, summary));
            }
            Err(error) => failures.push((entity.name.clone(), error)),
        }
    }
    let json = json!({ "execution_id": execution.id.to_string(), "entities": summaries.iter().map(to_json).collect::<Vec<_>>() });
    let failure = warehouse::first_failure(failures).or_else(|| judge(&summaries, args.max_rejects));
    execution.finish(&warehouse.pool, &json, failure.as_ref()).await;
    Ok(Outcome::new(text(&summaries), json).failed_with(failure))
}

async fn load_one(
    job: &Job,
    warehouse: &Warehouse,
    selection: &Selection,
    batch_size: usize,
    progress: bool,
) -> Result<(u64, EntitySummary)> {
    let lock = EntityLock::acquire(&warehouse.dsn, &job.entity.name, Purpose::Load).await?;
    let loaded = load_locked(job, selection, batch_size, progress).await;
    lock.release().await;
    loaded
}

async fn load_locked(
    job: &Job,
    selection: &Selection,
    batch_size: usize,
    progress: bool,
) -> Result<(u64, EntitySummary)> {
    let plan = load::discover(&job.lake, &job.pool, &job.entity, selection, batch_size).await?;
    let (listed, bytes) = (plan.listed, plan.bytes());
    tracing::info!(
        entity = job.entity.name,
        listed,
        new = plan.new,
        to_load = plan.objects(),
        bytes,
        batches = plan.batches().count() as u64,
        "planned"
    );
    let bar = Progress::bytes(&format!("load {}", job.entity.name), bytes, progress && bytes > 0);
    let summary = job
        .run(plan, &|done| {
            bar.inc(done.bytes);
            tracing::debug!(entity = job.entity.name, objects = done.objects, lines = done.counts.lines, "batch is in");
        })
        .await;
    bar.finish();
    Ok((listed, summary))
}

async fn dry_run(
    warehouse: &Warehouse,
    lake: &Lake,
    entities: &[&Entity],
    selection: &Selection,
    batch_size: usize,
) -> Result<Outcome> {
    let mut plans: Vec<(&str, Plan)> = Vec::new();
    for entity in entities {
        plans.push((&entity.name, load::discover(lake, &warehouse.pool, entity, selection, batch_size).await?));
    }
    let rows = plans.iter().flat_map(|(entity, plan)| {
        let known = plan.listed - plan.objects().min(plan.listed);
        let mut rows: Vec<Vec<String>> = plan
            .runs
            .iter()
            .map(|(run, batches)| {
                let objects: usize = batches.iter().map(|b| b.objects.len()).sum();
                let bytes: u64 = batches.iter().flat_map(|b| &b.objects).map(|o| o.size_bytes.unsigned_abs()).sum();
                let cells = [
                    run.clone(),
                    units::count(objects as u64),
                    units::bytes(bytes),
                    units::count(batches.len() as u64),
                ];
                [(*entity).to_owned()].into_iter().chain(cells).collect()
            })
            .collect();
        if known > 0 {
            rows.push(vec![
                (*entity).to_owned(),
                "not to be loaded".into(),
                units::count(known),
                String::new(),
                String::new(),
            ]);
        }
        rows
    });
    let text = format!(
        "{}\n\nnothing was loaded (--dry-run)",
        table(&["entity", "run", ">objects", ">bytes", ">batches"], rows)
    );
    let json = json!(plans
        .iter()
        .map(|(entity, plan)| json!({
            "entity": entity, "listed": plan.listed, "objects": plan.objects(), "bytes": plan.bytes(),
            "runs": plan.runs.iter().map(|(run, b)| json!({ "run_id": run, "batches": b.len() })).collect::<Vec<_>>(),
        }))
        .collect::<Vec<_>>());
    Ok(Outcome::new(text, json))
}

/// Whether what was refused or set aside must end in exit code 6.
fn judge(summaries: &[(u64, EntitySummary)], max_rejects: Threshold) -> Option<Error> {
    let aside: Vec<String> =
        summaries.iter().flat_map(|(_, s)| &s.quarantined).map(|q| format!("{}: {}", q.path, q.reason)).collect();
    if !aside.is_empty() {
        return Some(
            Error::new(Kind::SourceCorrupt, format!("{} object(s) could not be read and were set aside", aside.len()))
                .detail(aside.join("\n"))
                .hint(
                    "everything else is loaded; extract the objects again: a replaced object is loaded by the next run",
                ),
        );
    }
    let exceeded = summaries
        .iter()
        .find(|(_, s)| max_rejects.exceeded(s.counts.rejected.unsigned_abs(), s.counts.lines.unsigned_abs()))?;
    let s = &exceeded.1;
    Some(
        Error::new(Kind::CheckFailed, format!("{}: {} of {} lines were rejected, more than --max-rejects allows", s.entity, s.counts.rejected, s.counts.lines))
            .detail("the good lines are loaded; the others are kept verbatim in evo.rejects")
            .hint("select path, line_number, reason from evo.rejects where resolved_at is null order by reject_id desc limit 20"),
    )
}

fn text(summaries: &[(u64, EntitySummary)]) -> String {
    if summaries.is_empty() {
        return String::new();
    }
    let n = |v: i64| units::count(v.unsigned_abs());
    let rows = summaries.iter().map(|(_, s)| {
        let rate = (s.counts.lines as f64 / s.elapsed.as_secs_f64().max(0.001)) as u64;
        vec![
            s.entity.clone(),
            units::count(s.objects),
            n(s.counts.lines),
            n(s.counts.inserted),
            n(s.counts.updated),
            n(s.counts.unchanged),
            n(s.counts.superseded),
            n(s.counts.rejected),
            units::bytes(s.bytes),
            format!("{:.1}", s.elapsed.as_secs_f64()),
            units::count(rate),
        ]
    });
    let headers = [
        "entity",
        ">objects",
        ">lines",
        ">inserted",
        ">updated",
        ">unchanged",
        ">superseded",
        ">rejected",
        ">gz",
        ">seconds",
        ">rows/s",
    ];
    let mut text = table(&headers, rows);
    for (listed, s) in summaries {
        if s.objects == 0 && s.quarantined.is_empty() && s.failure.is_none() {
            text +=
                &format!("\n{}: nothing new; all {} objects in the lake are known", s.entity, units::count(*listed));
        }
        if s.counts.rejected > 0 {
            text +=
                &format!("\n{}: {} rejected lines are kept verbatim in evo.rejects", s.entity, n(s.counts.rejected));
        }
        let spent = s.stream + s.merge + s.commit;
        if s.batches > 0 && !spent.is_zero() {
            let share = |d: std::time::Duration| (d.as_secs_f64() / spent.as_secs_f64() * 100.0).round();
            text += &format!(
                "\n{}: worker time {} % read, decode and copy · {} % merge · {} % commit",
                s.entity,
                share(s.stream),
                share(s.merge),
                share(s.commit)
            );
        }
    }
    text
}

fn to_json((listed, s): &(u64, EntitySummary)) -> Value {
    json!({
        "entity": s.entity, "listed": listed, "objects": s.objects, "batches": s.batches, "lines": s.counts.lines,
        "inserted": s.counts.inserted, "updated": s.counts.updated, "unchanged": s.counts.unchanged,
        "superseded": s.counts.superseded, "rejected": s.counts.rejected, "bytes": s.bytes, "inflated_bytes": s.inflated_bytes,
        "elapsed_ms": s.elapsed.as_millis() as u64, "stream_ms": s.stream.as_millis() as u64,
        "merge_ms": s.merge.as_millis() as u64, "commit_ms": s.commit.as_millis() as u64,
        "quarantined": s.quarantined.iter().map(|q| json!({ "path": q.path, "reason": q.reason })).collect::<Vec<_>>(),
    })
}
