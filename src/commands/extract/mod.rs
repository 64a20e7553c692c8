//! `evo extract`: from an API to bronze.

mod shown;

use std::sync::Arc;

use chrono::{Datelike, NaiveDate, Utc};
use serde_json::json;

use super::warehouse::{self, Access, Warehouse};
use super::{failures, which_lake};
use crate::bronze::Lake;
use crate::config::{self, ApiSource, LakeAddress, Rate, Settings};
use crate::counted::counted;
use crate::entity::{Catalog, Entity};
use crate::error::{Context, Error, Kind, Result};
use crate::extract::{self, Beat, Client, DayRange, Days, ExtractJob, ExtractSummary, Limiter, Means, WindowClaims};
use crate::ids::{ExecutionId, LakeId};
use crate::ledger::extractions::{self, Begin, Extraction};
use crate::ledger::runs::Execution;
use crate::ledger::windows;
use crate::meter::Unit;
use crate::report::{Outcome, progress};
use crate::retry::retry;
use crate::shutdown::Shutdown;

/// Extracts what is new and what changed; running it again is safe at any moment, and so is running it
/// several times.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  evo extract sales --year 2025                    a first extraction, in windows of a month
  evo extract all --from 2020-01-01                everything from that day on
  evo extract all                                  from where the last extraction ended: new and changed records
  evo extract all --budget 5000                    the same; what is left of 5,000 requests reads old windows again
  evo extract sales --dry-run                      windows, expected requests and hours
  evo extract --try sales                          one page, to write or check a declaration

The credential comes from the environment: EVO_USERNAME and EVO_PASSWORD, or what [source.NAME] in evo.toml names. \
Several processes share an extraction and its rate limit. One that was interrupted goes on where it stopped.

Exit codes: 0 everything is in the lake · 3 a declaration or a secret · 4 the source refused, or a \
window failed; the next extraction fetches it first · 5 database")]
pub struct Args {
    /// members, sales, entries, prospects, one of your own, or all
    #[arg(required = true, value_name = "ENTITY")]
    entities: Vec<String>,
    /// Windows fetched at once, 1 to 64 [env: EVO_WORKERS] [default: one per CPU, at most 8]
    #[arg(long, value_name = "N")]
    pub workers: Option<String>,
    /// First day
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = config::day, help_heading = "Which days")]
    from: Option<NaiveDate>,
    /// Last day [default: today, in the entity's zone]
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = config::day, requires = "from", help_heading = "Which days")]
    to: Option<NaiveDate>,
    /// A calendar year
    #[arg(long, value_name = "YYYY", value_parser = config::whole::<i32>(1990, 2200),
        conflicts_with_all = ["from", "to"], help_heading = "Which days")]
    year: Option<i32>,
    /// The last days, today included: 7d
    #[arg(long, value_name = "DAYS", value_parser = last, conflicts_with_all = ["from", "to", "year"],
        help_heading = "Which days")]
    last: Option<u64>,
    /// Another rate than the source's: N/s, N/min or N/h
    #[arg(long, value_name = "RATE", value_parser = config::rate, help_heading = "How fast")]
    rate: Option<Rate>,
    /// Stop after this number of requests; what new and changed records leave of it reads old windows again
    #[arg(long, value_name = "N", value_parser = config::whole::<u64>(1, 100_000_000), help_heading = "How fast")]
    budget: Option<u64>,
    /// Show the plan and fetch nothing
    #[arg(long)]
    dry_run: bool,
    /// Fetch one page and show what is in it
    #[arg(long = "try", conflicts_with_all = ["dry_run", "budget"])]
    is_trial: bool,
}

fn last(text: &str) -> std::result::Result<u64, String> {
    let days = text.strip_suffix('d').and_then(|days| days.parse().ok()).filter(|days| (1..=36_500).contains(days));
    days.ok_or_else(|| format!("expected a number of days such as 7d, found {text:?}"))
}

impl Args {
    /// Whether it extracts, rather than only showing something.
    pub(crate) fn is_job(&self) -> bool {
        !self.dry_run && !self.is_trial
    }

    fn range(&self) -> Result<DayRange> {
        Ok(match (self.from, self.year, self.last) {
            (Some(from), _, _) => DayRange::From(from, self.to),
            (None, Some(year), _) => {
                let day = |month, day| NaiveDate::from_ymd_opt(year, month, day);
                let (first, last) = day(1, 1)
                    .zip(day(12, 31))
                    .ok_or_else(|| Error::new(Kind::Usage, format!("--year {year} is not in the calendar")))?;
                DayRange::From(first, Some(last))
            }
            (None, None, Some(days)) => DayRange::Last(days),
            (None, None, None) => DayRange::SinceLast,
        })
    }
}

/// What an extraction of one entity came to.
#[derive(Debug)]
struct Extracted {
    entity: String,
    extraction: Extraction,
    summary: ExtractSummary,
    requests: u64,
    refreshed: usize,
}

/// Runs the command.
///
/// # Errors
/// When nothing could be begun; a failure on the way is part of the outcome, which counts what is in the
/// lake.
pub async fn run(args: Args, settings: &Settings) -> Result<Outcome> {
    let catalog = Catalog::load(settings.extend.as_deref())?;
    let entities: Vec<Entity> = declared(&catalog, &args.entities)?.into_iter().cloned().collect();
    let range = args.range()?;
    if args.is_trial {
        return attempt(&entities, range, settings).await;
    }
    let access = Access::of(!args.dry_run)?;
    let shutdown = access.shutdown();
    let lake = open_lake(settings, args.dry_run)?.until(shutdown.clone());
    let connections = settings.workers + 4;
    let warehouse = warehouse::open(settings, catalog, ("extract", connections), access).await?;
    let refs: Vec<&Entity> = entities.iter().collect();
    let lake_id = which_lake::find(&warehouse.pool, &lake, &refs, args.dry_run).await?;
    if args.dry_run {
        return dry_run(&args, settings, (&warehouse, lake_id), (&entities, range)).await;
    }
    let names: Vec<&str> = entities.iter().map(|entity| entity.name.as_str()).collect();
    let arguments = json!({
        "workers": settings.workers, "from": args.from, "to": args.to, "year": args.year, "last_days": args.last,
        "budget": args.budget,
    });
    let execution = Execution::begin(&warehouse.pool, "extract", &names, &arguments, &settings.machine).await?;
    let run = Run { args: &args, settings, warehouse: &warehouse, lake, lake_id, shutdown, execution_id: execution.id };
    let (extracted, failures) = run.all(&entities, range).await?;
    let json = shown::to_json(execution.id, &extracted);
    let failure = failures::combined(failures).or_else(|| failed_windows(&extracted));
    execution.finish(&warehouse.pool, &json, failure.as_ref()).await;
    Ok(Outcome::new(shown::text(&extracted), json).failed_with(failure))
}

/// An execution under way.
struct Run<'a> {
    args: &'a Args,
    settings: &'a Settings,
    warehouse: &'a Warehouse,
    lake: Lake,
    lake_id: LakeId,
    shutdown: Shutdown,
    execution_id: ExecutionId,
}

impl Run<'_> {
    async fn all(&self, entities: &[Entity], range: DayRange) -> Result<(Vec<Extracted>, Vec<(String, Error)>)> {
        let pool = &self.warehouse.pool;
        let claims = WindowClaims::new(self.execution_id, self.settings.lease);
        let beat = retry(self.settings.retry, &self.shutdown, "showing that this execution is alive", async |_| {
            Beat::start(pool.clone(), Arc::clone(&claims)).await
        })
        .await?;
        let (mut extracted, mut failures) = (Vec::new(), Vec::new());
        let mut budget = self.args.budget;
        for entity in entities {
            let done = self.one(entity, range, budget, &claims).await;
            let failure = match done {
                Ok(mut done) => {
                    let failure = done.iter_mut().find_map(|one| one.summary.failure.take());
                    let sent: u64 = done.iter().map(|one| one.requests).sum();
                    budget = budget.map(|budget| budget.saturating_sub(sent).max(1));
                    extracted.append(&mut done);
                    failure
                }
                Err(error) => Some(error),
            };
            failures.extend(failure.map(|failure| (entity.name.clone(), failure)));
            if self.shutdown.is_requested() {
                break;
            }
        }
        claims.release_all(pool).await;
        drop(beat);
        Ok((extracted, failures))
    }

    /// Finishes the entity's open extraction, if there is one, then begins what is asked for.
    async fn one(
        &self,
        entity: &Entity,
        range: DayRange,
        budget: Option<u64>,
        claims: &Arc<WindowClaims>,
    ) -> Result<Vec<Extracted>> {
        let pool = &self.warehouse.pool;
        let (source, client) = source(self.settings, entity)?;
        let rates = self.args.rate.map(|rate| vec![rate]);
        let limiter = Arc::new(Limiter::new(pool, source, rates.as_deref(), budget));
        let mut done = Vec::new();
        let open = async || extractions::open(pool, &entity.name, self.lake_id).await;
        if let Some(open) = pool.retry("looking for an open extraction", open).await? {
            tracing::info!(entity = entity.name, run_id = open.run_id, "going on with the extraction that is open");
            let is_it = self.is_the_same(entity, range, &open).await?;
            done.push(self.work(entity, open, (&client, &limiter, claims), 0).await?);
            let last = done.last().map(|one| &one.summary);
            if is_it || last.is_none_or(|last| last.failure.is_some() || last.is_spent) {
                return Ok(done);
            }
        }
        let plan = extract::plan(pool, entity, self.lake_id, range, budget).await?;
        let begin = Begin {
            entity: &entity.name,
            lake: self.lake_id,
            source: &source.name,
            zone: &entity.zone,
            days: (plan.days.from, plan.days.until),
        };
        let begun =
            pool.retry("beginning an extraction", async || extractions::begin(pool, &begin, &plan.wanted).await);
        if let Some(extraction) = begun.await? {
            done.push(self.work(entity, extraction, (&client, &limiter, claims), plan.refreshed).await?);
        }
        Ok(done)
    }

    /// Whether the open extraction is what was asked for.
    async fn is_the_same(&self, entity: &Entity, range: DayRange, open: &Extraction) -> Result<bool> {
        let pool = &self.warehouse.pool;
        let reached = extractions::reached(pool, &entity.name, self.lake_id, &entity.zone).await?;
        let reaches_today = open.until_day > reached.today;
        Ok(match range {
            DayRange::SinceLast => reaches_today,
            other => extract::days_of(entity, other, reached)
                .is_ok_and(|days| days.from == open.from_day && days.until == open.until_day),
        })
    }

    async fn work(
        &self,
        entity: &Entity,
        extraction: Extraction,
        (client, limiter, claims): (&Arc<Client>, &Arc<Limiter>, &Arc<WindowClaims>),
        refreshed: usize,
    ) -> Result<Extracted> {
        let pool = &self.warehouse.pool;
        let open = async || windows::progress(pool, extraction.extraction_id).await;
        let open = pool.retry("counting the windows", open).await?.open.unsigned_abs();
        let watched = progress::watch(self.settings);
        let phase = watched.meter.phase(format!("{}: extracting", entity.name), open, Unit::Things("windows"));
        let sent = limiter.sent();
        let source = self.settings.sources.iter().find(|s| entity.queries.iter().any(|q| q.source == s.name));
        let most = source.and_then(|source| source.concurrency).unwrap_or(usize::MAX);
        let means = Means {
            lake: self.lake.clone(),
            pool: pool.clone(),
            client: Arc::clone(client),
            limiter: Arc::clone(limiter),
            claims: Arc::clone(claims),
            workers: self.settings.workers.min(most),
            retry: self.settings.retry,
            shutdown: self.shutdown.clone(),
            on_window: Box::new(move || phase.add(1)),
        };
        let summary = ExtractJob::new(entity, extraction.clone(), means).run().await;
        drop(watched);
        let requests = limiter.sent() - sent;
        Ok(Extracted { entity: entity.name.clone(), extraction, summary, requests, refreshed })
    }
}

/// The entities that can be extracted: of `all` those that declare a query.
fn declared<'a>(catalog: &'a Catalog, names: &[String]) -> Result<Vec<&'a Entity>> {
    let is_all = names.iter().any(|name| name == "all");
    let chosen = catalog.select(names)?;
    let (known, unknown): (Vec<&Entity>, Vec<&Entity>) = chosen.into_iter().partition(|e| !e.queries.is_empty());
    match unknown.first() {
        Some(entity) if !is_all => {
            Err(Error::new(Kind::Config, format!("{} does not say how it is extracted", entity.name))
                .hint("declare an [[extract]] in its entity.toml: see docs/extract.md"))
        }
        _ => Ok(known),
    }
}

/// The source of an entity, and a client of it.
fn source<'a>(settings: &'a Settings, entity: &Entity) -> Result<(&'a ApiSource, Arc<Client>)> {
    let name = entity.queries.first().map(|query| query.source.as_str()).unwrap_or_default();
    if let Some(other) = entity.queries.iter().find(|query| query.source != name) {
        let message = format!("{} is extracted from two sources: {name} and {}", entity.name, other.source);
        return Err(Error::new(Kind::Config, message).hint("an entity has one source"));
    }
    let source = settings.sources.iter().find(|source| source.name == name).ok_or_else(|| {
        Error::new(Kind::Config, format!("{} comes from the source {name:?}, which is not declared", entity.name))
            .hint(format!("declare [source.{name}] in evo.toml: see docs/extract.md"))
    })?;
    if let Some(fault) = &source.fault {
        return Err(Error::new(Kind::Config, fault.clone()));
    }
    let client = Client::open(source).context(format!("source {name}"))?;
    Ok((source, Arc::new(client)))
}

/// The lake; a directory that is not there yet is made.
fn open_lake(settings: &Settings, is_trial: bool) -> Result<Lake> {
    if let (LakeAddress::Directory(dir), false) = (&settings.lake, is_trial) {
        std::fs::create_dir_all(dir).map_err(|e| {
            Error::new(Kind::SourceInvalid, format!("the lake {} cannot be made: {e}", dir.display())).caused_by(e)
        })?;
    }
    Lake::open(&settings.lake, &settings.azure)
}

fn failed_windows(extracted: &[Extracted]) -> Option<Error> {
    let failed: Vec<String> = extracted
        .iter()
        .flat_map(|one| one.summary.failed.iter().map(|reason| format!("{}: {reason}", one.entity)))
        .collect();
    (!failed.is_empty()).then(|| {
        Error::new(
            Kind::SourceUnavailable,
            counted(failed.len() as u64, "window could not be extracted", "windows could not be extracted"),
        )
        .detail(failed.join("\n"))
        .hint("everything else is in the lake; the next extraction fetches them first")
    })
}

async fn dry_run(
    args: &Args,
    settings: &Settings,
    (warehouse, lake): (&Warehouse, LakeId),
    (entities, range): (&[Entity], DayRange),
) -> Result<Outcome> {
    let mut plans = Vec::new();
    for entity in entities {
        let name = entity.queries.first().map(|query| query.source.as_str()).unwrap_or_default();
        let source = settings.sources.iter().find(|source| source.name == name);
        let rates = args.rate.map(|rate| vec![rate]).or_else(|| Some(source?.rates.clone())).unwrap_or_default();
        let plan = extract::plan(&warehouse.pool, entity, lake, range, args.budget).await?;
        plans.push((entity.name.as_str(), plan, rates));
    }
    Ok(shown::dry_run(&plans))
}

async fn attempt(entities: &[Entity], range: DayRange, settings: &Settings) -> Result<Outcome> {
    let today = Utc::now().date_naive();
    let days = match range {
        DayRange::From(first, last) => Days::inclusive(first, last.unwrap_or(today))?,
        DayRange::Last(days) => Days::inclusive(today - chrono::Days::new(days.saturating_sub(1)), today)?,
        DayRange::SinceLast => {
            let first = today.with_day(1).unwrap_or(today);
            Days::inclusive(first, today)?
        }
    };
    let mut tried = Vec::new();
    for entity in entities {
        let (source, client) = source(settings, entity)?;
        let limiter = Arc::new(Limiter::unpaced(source));
        for query in &entity.queries {
            let trial = extract::attempt(Arc::clone(&client), Arc::clone(&limiter), query, days).await;
            tried.push((
                entity.name.as_str(),
                query.name.as_str(),
                trial.context(format!("{} {}", entity.name, query.name))?,
            ));
        }
    }
    Ok(shown::trials(&tried))
}
