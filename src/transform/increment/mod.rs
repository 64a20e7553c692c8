//! The incremental mode: the staged rows of the batches that core has not taken in.
//!
//! Pending batches are cut into chunks of `chunk_rows` parents: several small batches, or a piece of a large one. A chunk
//! is a transaction over all tables of the entity; several run side by side, because no two chunks share a key. A batch
//! enters the watermark with its last chunk. Interrupted, the next run repeats the pieces of unfinished batches, and
//! what they had written does not differ any more.

mod chunk;
mod one_by_one;
mod plan;

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use chunk::{Chunk, Taken};
pub(super) use plan::{Plan, Unit, plan, whole};

use super::catalog::{Shape, shape};
use super::model::Source;
use super::refusal::{Refusal, add_all};
use super::{InDoubt, Job, Mode, Summary, TableSummary};
use crate::error::{Error, Kind, Result};
use crate::ids::BatchId;
use crate::ledger::models;
use crate::meter;

/// Work that is left, shared by the workers.
struct Work<'a> {
    plan: &'a Plan,
    shapes: &'a [Shape],
    queue: Mutex<VecDeque<(usize, usize)>>,
    /// Chunks of each unit that are not committed.
    open: Vec<AtomicUsize>,
    /// Units with documents that were refused: they stay pending.
    refused: Vec<AtomicBool>,
    /// Set by the first worker that failed: the others finish their chunk and stop.
    failed: AtomicBool,
}

impl Job {
    /// Works a plan off.
    ///
    /// # Errors
    /// Of the server; `BadRow` for a value that does not fit when `strict`. What other chunks did stays.
    pub(super) async fn increment(&self, plan: &Plan) -> Result<Summary> {
        let started = Instant::now();
        let shapes = self.step("preparing", || self.prepare(plan)).await?;
        let chunks = plan.units.iter().enumerate().flat_map(|(u, unit)| (0..unit.size()).map(move |c| (u, c)));
        let work = Work {
            plan,
            shapes: &shapes,
            queue: Mutex::new(chunks.collect()),
            open: plan.units.iter().map(|unit| AtomicUsize::new(unit.size())).collect(),
            refused: plan.units.iter().map(|_| AtomicBool::new(false)).collect(),
            failed: AtomicBool::new(false),
        };
        let chunks = plan.units.iter().map(Unit::size).sum();
        let phase = self.phase("taking in", chunks, meter::Unit::Things("chunks"));
        let workers = (0..self.workers.max(1)).map(|_| self.work_off(&work, &phase));
        let done: Vec<Result<(Vec<TableSummary>, Vec<Refusal>)>> = futures_util::future::join_all(workers).await;
        drop(phase);
        let (mut tables, mut refused) = (self.tables(), Vec::new());
        for part in done {
            let (summaries, refusals) = part?;
            tables.iter_mut().zip(&summaries).for_each(|(total, part)| total.add(part));
            add_all(&mut refused, refusals);
        }
        let still_pending = plan.units.iter().zip(&work.refused).filter(|(_, refused)| refused.load(Ordering::Relaxed));
        let still_pending: usize = still_pending.map(|(unit, _)| unit.ids.len()).sum();
        if plan.batches() > 0 || plan.whole {
            self.step("recording", || self.record(&tables, plan.whole)).await?;
        }
        let drift = async || match plan.whole {
            true => self.drift_of_all(plan.staged).await,
            false => self.drift_of_batches(&plan.ids(), plan.changed).await,
        };
        Ok(Summary {
            entity: self.entity.name.clone(),
            mode: if plan.whole { Mode::InPlace } else { Mode::Incremental },
            batches: plan.batches() - still_pending as u64,
            staged: Some(plan.staged),
            tables,
            refused,
            drift: self.step("looking for new fields", drift).await?,
            elapsed: started.elapsed(),
            ..Summary::default()
        })
    }

    /// Partitions, the columns of the tables, and the watermark past batches that own no rows any more.
    async fn prepare(&self, plan: &Plan) -> Result<Vec<Shape>> {
        let mut connection = self.pool.get().await?;
        self.mirror_partitions(&connection).await?;
        let mut shapes = Vec::new();
        for model in &self.entity.models {
            let shape = shape(&connection, &self.entity, model).await?;
            if !shape.has_key {
                return Err(no_key(&model.table, &model.key));
            }
            shapes.push(shape);
        }
        if !plan.empty.is_empty() {
            let tx = connection.begin().await?;
            models::take(&tx, &self.entity.name, &plan.empty).await?;
            tx.commit().await?;
        }
        Ok(shapes)
    }

    async fn work_off(&self, work: &Work<'_>, phase: &meter::Phase) -> Result<(Vec<TableSummary>, Vec<Refusal>)> {
        let (mut tables, mut refused) = (self.tables(), Vec::new());
        while let Some((unit, chunk)) = work.queue.lock().ok().and_then(|mut q| q.pop_front()) {
            if self.shutdown.is_requested() {
                return Err(self.shutdown.error());
            }
            if work.failed.load(Ordering::Relaxed) {
                break;
            }
            match self.work_on(work, unit, chunk).await {
                Ok(done) => {
                    tables.iter_mut().zip(&done.tables).for_each(|(total, part)| total.add(part));
                    add_all(&mut refused, one_by_one::summed(&done.refused));
                    phase.add(1);
                }
                Err(error) => {
                    work.failed.store(true, Ordering::Relaxed);
                    return Err(error);
                }
            }
        }
        Ok((tables, refused))
    }

    async fn work_on(&self, work: &Work<'_>, unit: usize, chunk: usize) -> Result<Taken> {
        let whole = &work.plan.units[unit];
        let range = &whole.chunks[chunk];
        let (source, core) = match work.plan.whole {
            true => (Source::keys(&self.entity, range), Some(range)),
            false => (whole.source(&self.entity, chunk), None),
        };
        let completes: &[BatchId] = if whole.size() == 1 { &whole.ids } else { &[] };
        let chunk = Chunk { source: &source, shapes: work.shapes, completes, core };
        let in_doubt = InDoubt::new();
        let done = self.step("taking documents in", || self.take_in(chunk, &in_doubt)).await?;
        if !done.refused.is_empty() {
            work.refused[unit].store(true, Ordering::Release);
        }
        let is_last = work.open[unit].fetch_sub(1, Ordering::AcqRel) == 1;
        if is_last && completes.is_empty() && !work.refused[unit].load(Ordering::Acquire) {
            self.step("recording", || self.take(&whole.ids)).await?;
        }
        Ok(done)
    }

    async fn take(&self, batches: &[BatchId]) -> Result<()> {
        let mut connection = self.pool.get().await?;
        let tx = connection.begin().await?;
        models::take(&tx, &self.entity.name, batches).await?;
        tx.commit().await
    }
}

/// Without it no upsert finds the row that is there.
fn no_key(table: &str, key: &[String]) -> Error {
    let columns = crate::sql::columns(key);
    Error::new(Kind::Config, format!("{table} has no unique index on its key ({columns})"))
        .hint(format!("alter table {} add primary key ({columns})", crate::sql::qualified(table)))
}
