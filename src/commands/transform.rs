//! `evo transform`: staging into the typed core tables.

mod forecast;

use serde_json::{Value, json};

use super::warehouse::{self, Warehouse};
use crate::config::Settings;
use crate::entity::Entity;
use crate::error::{Context, Result};
use crate::ledger::runs::Execution;
use crate::pg::{EntityLock, Purpose};
use crate::report::table::table;
use crate::report::{Outcome, units};
use crate::shutdown::Shutdown;
use crate::transform::{Drift, Job, Mode, Refresh, Request, Summary};

/// Brings the core tables up to date with staging; readers always see a complete generation.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  evo transform all                      what changed since the last transform
  evo transform members --full-refresh   build a new generation beside the old one and swap it in
  evo transform entries --full-refresh --year 2025
  evo transform sales --dry-run          what it would do, and how much disk it would need
  evo transform sales --in-place         compare everything and write what differs: no second generation on the disk
  evo transform sales --strict           stop at a value that does not fit its column

Without --full-refresh, --incremental or --in-place: what changed since the last transform, or a new generation where at
least half of 100,000 or more documents are new or changed.

A value that does not fit its column becomes null and a row in evo.issues; the rest of the record lives.")]
pub struct Args {
    /// members, sales, entries, prospects, one of your own, or all
    #[arg(required = true, value_name = "ENTITY")]
    pub entities: Vec<String>,
    /// Rebuild everything from staging; the old generation serves until the swap
    #[arg(long)]
    pub full_refresh: bool,
    /// Only what changed, however much that is
    #[arg(long, conflicts_with_all = ["full_refresh", "in_place"])]
    pub incremental: bool,
    /// Compare all of core with staging and write what differs, on a disk too tight for a second generation
    #[arg(long, conflicts_with = "full_refresh")]
    pub in_place: bool,
    /// With --full-refresh: only the partition of this year
    #[arg(long, value_name = "YEAR", requires = "full_refresh")]
    pub year: Option<i32>,
    /// The share of its rows that a full refresh may take from a table; more is an error and no swap
    #[arg(long, value_name = "PERCENT", default_value = "20%", value_parser = percent)]
    pub max_shrink: f64,
    /// Say what would be done, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Parallel chunks [default: one per CPU, at most 8]
    #[arg(long, value_name = "N")]
    pub workers: Option<usize>,
    /// Fail on a value that does not fit its column
    #[arg(long)]
    pub strict: bool,
}

/// Runs the command.
///
/// # Errors
/// When nothing could be begun; an entity that fails is part of the outcome, the others go on.
pub async fn run(args: Args, settings: &Settings) -> Result<Outcome> {
    let workers = warehouse::at_least_one("--workers", args.workers.unwrap_or(settings.workers))?;
    let shutdown = Shutdown::listen()?;
    crate::entity::Catalog::load(settings.extend.as_deref())?.select(&args.entities)?;
    let warehouse = warehouse::open(settings, "transform", workers + 2).await?;
    let entities = warehouse.catalog.select(&args.entities)?;
    let names: Vec<&str> = entities.iter().map(|e| e.name.as_str()).collect();
    let job = |entity: &Entity, execution_id| Job {
        pool: warehouse.pool.clone(),
        entity: entity.clone(),
        execution_id,
        workers,
        chunk_rows: settings.chunk_rows,
        strict: args.strict,
        retry: warehouse::retry(settings),
        shutdown: shutdown.clone(),
    };
    let request = args.request();
    if args.dry_run {
        let mut forecasts = Vec::new();
        for entity in &entities {
            forecasts.push(job(entity, uuid::Uuid::nil()).forecast(&request).await.context(&entity.name)?);
        }
        return Ok(forecast::outcome(&forecasts));
    }
    let arguments = json!({
        "mode": request.mode.map(word), "year": args.year, "max_shrink": args.max_shrink, "workers": workers, "strict": args.strict,
    });
    let execution = Execution::begin(&warehouse.pool, "transform", &names, &arguments).await?;
    let mut summaries = Vec::new();
    let mut failures = Vec::new();
    for entity in &entities {
        match transform_one(&job(entity, execution.id), &warehouse, &request).await {
            Ok(summary) => summaries.push(summary),
            Err(error) => failures.push((entity.name.clone(), error)),
        }
        if shutdown.is_requested() {
            break;
        }
    }
    let json = json!({ "execution_id": execution.id.to_string(), "entities": summaries.iter().map(to_json).collect::<Vec<_>>() });
    let failure = warehouse::first_failure(failures);
    execution.finish(&warehouse.pool, &json, failure.as_ref()).await;
    Ok(Outcome::new(text(&summaries), json).failed_with(failure))
}

async fn transform_one(job: &Job, warehouse: &Warehouse, request: &Request) -> Result<Summary> {
    let lock = EntityLock::acquire(&warehouse.dsn, &job.entity.name, Purpose::Transform).await?;
    tracing::info!(entity = job.entity.name, mode = request.mode.map(word), "transforming");
    let done = job.run(request).await;
    lock.release().await;
    done
}

impl Args {
    fn request(&self) -> Request {
        let modes = [
            (self.full_refresh, Mode::FullRefresh),
            (self.incremental, Mode::Incremental),
            (self.in_place, Mode::InPlace),
        ];
        Request {
            mode: modes.into_iter().find_map(|(is_given, mode)| is_given.then_some(mode)),
            refresh: Refresh { year: self.year, max_shrink: self.max_shrink },
        }
    }
}

/// `20%` → 0.2.
fn percent(text: &str) -> std::result::Result<f64, String> {
    let number = text.strip_suffix('%').and_then(|p| p.trim().parse::<f64>().ok());
    number
        .filter(|p| (0.0..=100.0).contains(p))
        .map(|p| p / 100.0)
        .ok_or_else(|| format!("expected a percentage from 0% to 100%, found {text:?}"))
}

fn word(mode: Mode) -> &'static str {
    match mode {
        Mode::Incremental => "incremental",
        Mode::FullRefresh => "full refresh",
        Mode::InPlace => "in place",
    }
}

fn text(summaries: &[Summary]) -> String {
    if summaries.is_empty() {
        return String::new();
    }
    let rows = summaries.iter().flat_map(|s| {
        s.tables.iter().enumerate().map(|(i, t)| {
            vec![
                t.table.clone(),
                units::count(t.rows),
                units::count(t.inserted),
                units::count(t.updated),
                units::count(t.deleted),
                units::count(t.issues),
                if i == 0 { format!("{:.1}", s.elapsed.as_secs_f64()) } else { String::new() },
            ]
        })
    });
    let mut text = table(&["table", ">rows", ">inserted", ">updated", ">deleted", ">issues", ">seconds"], rows);
    for s in summaries {
        match s.swap {
            Some(swap) => {
                text += &format!(
                    "\n{}: new generation swapped in; readers waited {} at most",
                    s.entity,
                    units::duration(swap)
                );
            }
            None if s.batches == 0 && s.mode == Mode::Incremental => {
                text += &format!("\n{}: nothing changed in staging since the last transform", s.entity)
            }
            None => {}
        }
        let issues: u64 = s.tables.iter().map(|t| t.issues).sum();
        if issues > 0 {
            text +=
                &format!("\n{}: {} values did not fit and became null; see evo.issues", s.entity, units::count(issues));
        }
        text += &drift(s);
    }
    text
}

/// Up to ten lines; evo.fields has them all.
fn drift(s: &Summary) -> String {
    let line = |d: &Drift| {
        let was = if d.known_types.is_empty() { "new".to_owned() } else { format!("was {}", d.known_types.join(", ")) };
        format!(
            "\n{}: drift: {} is {} ({was}), first in {} line {}",
            s.entity, d.path, d.json_type, d.source_file, d.source_line
        )
    };
    let more = s.drift.len().saturating_sub(10);
    let lines: String = s.drift.iter().take(10).map(line).collect();
    if more == 0 { lines } else { format!("{lines}\n{}: drift: {more} more in evo.fields", s.entity) }
}

fn to_json(s: &Summary) -> Value {
    json!({
        "entity": s.entity, "mode": word(s.mode), "batches": s.batches, "elapsed_ms": s.elapsed.as_millis() as u64,
        "swap_ms": s.swap.map(|d| d.as_millis() as u64),
        "tables": s.tables.iter().map(|t| json!({
            "table": t.table, "rows": t.rows, "inserted": t.inserted, "updated": t.updated, "deleted": t.deleted, "issues": t.issues,
        })).collect::<Vec<_>>(),
        "drift": s.drift.iter().map(|d| json!({
            "path": d.path, "type": d.json_type, "known_types": d.known_types, "source_file": d.source_file, "source_line": d.source_line,
        })).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_percentage() {
        assert_eq!(percent("20%"), Ok(0.2));
        assert_eq!(percent("100%"), Ok(1.0));
        for wrong in ["20", "101%", "-1%", "x%", ""] {
            assert!(percent(wrong).is_err(), "{wrong}");
        }
    }
}
