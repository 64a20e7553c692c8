//! The incremental mode: the staged rows of the batches that core has not taken in.
//!
//! Pending batches are cut into chunks of `chunk_rows` parents: several small batches, or a piece of a large one. A chunk
//! is a transaction over all tables of the entity; several run side by side, because no two chunks share a key. A batch
//! enters the watermark with its last chunk. Interrupted, the next run repeats the pieces of unfinished batches, and
//! what they had written does not differ any more.

mod chunk;
mod plan;

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use chunk::Chunk;
pub(super) use plan::{Plan, Unit, plan, whole};

use super::catalog::{Shape, shape};
use super::model::Source;
use super::{InDoubt, Job, Mode, Summary, TableSummary};
use crate::error::Result;
use crate::ledger::models;
use crate::meter;

/// Work that is left, shared by the workers.
struct Work<'a> {
    plan: &'a Plan,
    shapes: &'a [Shape],
    queue: Mutex<VecDeque<(usize, usize)>>,
    /// Chunks of each unit that are not committed.
    open: Vec<AtomicUsize>,
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
            failed: AtomicBool::new(false),
        };
        let chunks = plan.units.iter().map(Unit::size).sum();
        let phase = self.phase("taking in", chunks, meter::Unit::Things("chunks"));
        let workers = (0..self.workers.max(1)).map(|_| self.work_off(&work, &phase));
        let done: Vec<Result<Vec<TableSummary>>> = futures_util::future::join_all(workers).await;
        drop(phase);
        let mut tables = self.tables();
        for part in done {
            for (total, part) in tables.iter_mut().zip(part?) {
                total.add(&part);
            }
        }
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
            batches: plan.batches(),
            tables,
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
            shapes.push(shape(&connection, model).await?);
        }
        if !plan.empty.is_empty() {
            let tx = connection.begin().await?;
            models::take(&tx, &self.entity.name, &plan.empty).await?;
            tx.commit().await?;
        }
        Ok(shapes)
    }

    async fn work_off(&self, work: &Work<'_>, phase: &meter::Phase) -> Result<Vec<TableSummary>> {
        let mut tables = self.tables();
        while let Some((unit, chunk)) = work.queue.lock().ok().and_then(|mut q| q.pop_front()) {
            if self.shutdown.is_requested() {
                return Err(self.shutdown.error());
            }
            if work.failed.load(Ordering::Relaxed) {
                break;
            }
            match self.work_on(work, unit, chunk).await {
                Ok(done) => {
                    tables.iter_mut().zip(&done).for_each(|(total, part)| total.add(part));
                    phase.add(1);
                }
                Err(error) => {
                    work.failed.store(true, Ordering::Relaxed);
                    return Err(error);
                }
            }
        }
        Ok(tables)
    }

    async fn work_on(&self, work: &Work<'_>, unit: usize, chunk: usize) -> Result<Vec<TableSummary>> {
        let whole = &work.plan.units[unit];
        let range = &whole.chunks[chunk];
        let (source, core) = match work.plan.whole {
            true => (Source::keys(&self.entity, range), Some(range)),
            false => (whole.source(&self.entity, chunk), None),
        };
        let completes: &[i64] = if whole.size() == 1 { &whole.ids } else { &[] };
        let chunk = Chunk { source: &source, shapes: work.shapes, completes, core };
        let in_doubt = InDoubt::new();
        let done = self.step("taking documents in", || self.take_in(chunk, &in_doubt)).await?;
        if work.open[unit].fetch_sub(1, Ordering::AcqRel) == 1 && completes.is_empty() {
            self.step("recording", || self.take(&whole.ids)).await?;
        }
        Ok(done)
    }

    async fn take(&self, batches: &[i64]) -> Result<()> {
        let mut connection = self.pool.get().await?;
        let tx = connection.begin().await?;
        models::take(&tx, &self.entity.name, batches).await?;
        tx.commit().await
    }
}
