//! The entities of an extraction, one after the other.

use std::sync::Arc;

use super::allowance::{self, allowances};
use super::args::Args;
use super::sources::source;
use crate::bronze::Lake;
use crate::commands::warehouse::Warehouse;
use crate::config::Settings;
use crate::entity::Entity;
use crate::error::{Error, Result};
use crate::extract::{
    self, Beat, Client, DayRange, ExtractJob, ExtractSummary, ExtractWatch, Limiter, Means, WindowClaims,
};
use crate::ids::{ExecutionId, LakeId};
use crate::ledger::extractions::{self, Begin, Extraction};
use crate::ledger::windows;
use crate::meter::Unit;
use crate::report::progress;
use crate::retry::retry;
use crate::shutdown::Shutdown;

/// The outcome of an extraction of one entity.
#[derive(Debug)]
pub(super) struct Extracted {
    pub(super) entity: String,
    pub(super) extraction: Extraction,
    pub(super) summary: ExtractSummary,
    pub(super) requests: u64,
    pub(super) refreshed: usize,
}

/// An execution under way.
pub(super) struct Run<'a> {
    pub(super) args: &'a Args,
    pub(super) settings: &'a Settings,
    pub(super) warehouse: &'a Warehouse,
    pub(super) lake: Lake,
    pub(super) lake_id: LakeId,
    pub(super) shutdown: Shutdown,
    pub(super) execution_id: ExecutionId,
}

impl Run<'_> {
    /// Extracts the entities one after the other. A failure of one does not stop the others.
    pub(super) async fn all(
        &self,
        entities: &[Entity],
        range: DayRange,
    ) -> Result<(Vec<Extracted>, Vec<(String, Error)>)> {
        let pool = &self.warehouse.pool;
        let claims = WindowClaims::new(self.execution_id, self.settings.lease);
        let beat = retry(self.settings.retry, &self.shutdown, "showing that this execution is alive", async |_| {
            Beat::start(pool.clone(), Arc::clone(&claims)).await
        })
        .await?;
        let (mut extracted, mut failures) = (Vec::new(), Vec::new());
        let mut left = self.args.budget;
        let allowances = allowances(pool, (entities, self.lake_id), range, left).await;
        for (at, entity) in entities.iter().enumerate() {
            let limit = left.map(|left| allowance::limit(left, &allowances[at + 1..]));
            let done = self.one(entity, range, (limit, allowances[at]), &claims).await;
            let failure = match done {
                Ok(mut done) => {
                    let failure = done.iter_mut().find_map(|one| one.summary.failure.take());
                    let sent: u64 = done.iter().map(|one| one.requests).sum();
                    left = left.map(|left| left.saturating_sub(sent));
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
        (limit, allowance): (Option<u64>, Option<f64>),
        claims: &Arc<WindowClaims>,
    ) -> Result<Vec<Extracted>> {
        let pool = &self.warehouse.pool;
        let (source, client) = source(self.settings, entity)?;
        if range != DayRange::SinceLast {
            // Days that make no sense are refused before the open extraction is worked on.
            let reached = extractions::reached(pool, &entity.name, self.lake_id, &entity.zone).await?;
            extract::days_of(entity, range, reached)?;
        }
        let rates = self.args.rate.map(|rate| vec![rate]);
        let limiter = Arc::new(Limiter::new(pool, source, rates.as_deref(), limit));
        let mut done = Vec::new();
        let open = async || extractions::open(pool, &entity.name, self.lake_id).await;
        if let Some(open) = pool.retry("looking for an open extraction", open).await? {
            tracing::info!(entity = entity.name, run_id = open.run_id, "continuing the open extraction");
            let is_it = self.is_the_same(entity, range, &open).await?;
            done.push(self.work(entity, open, (&client, &limiter, claims), 0).await?);
            let last = done.last().map(|one| &one.summary);
            if is_it || last.is_none_or(|last| last.failure.is_some() || last.is_spent) {
                return Ok(done);
            }
        }
        let plan = extract::plan(pool, entity, self.lake_id, range, allowance).await?;
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
        let requests = watched.meter.phase(format!("{}: asking", entity.name), 0, Unit::Requests);
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
            watch: ExtractWatch {
                on_window: Box::new(move || phase.add(1)),
                on_requests: Box::new(move |count| requests.add(count)),
            },
        };
        let summary = ExtractJob::new(entity, extraction.clone(), means).run().await;
        drop(watched);
        let requests = limiter.sent() - sent;
        Ok(Extracted { entity: entity.name.clone(), extraction, summary, requests, refreshed })
    }
}
