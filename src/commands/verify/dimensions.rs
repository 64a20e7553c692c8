//! The dimensions, after the entities that they are derived from.

use std::time::{Duration, Instant};

use super::depth::VerifyDepth;
use super::repair::RepairedEntity;
use super::work::VerifyWork;
use crate::error::Result;
use crate::meter::Unit;
use crate::pg::{EntityLock, Purpose};
use crate::transform::dimension::{ComparedDimension, Dimension, DimensionJob};

/// A dimension, and what became of its verification.
#[derive(Debug)]
pub(super) struct VerifiedDimension {
    pub name: String,
    /// Its core table.
    pub table: String,
    pub end: DimensionEnd,
    pub elapsed: Duration,
}

/// How the verification of a dimension ended.
#[derive(Debug)]
pub(super) enum DimensionEnd {
    /// It was not compared, for this reason.
    NotCompared(String),
    /// It was compared; if something was wrong and repaired, a second time.
    Compared { first: ComparedDimension, last: Option<ComparedDimension> },
}

impl VerifiedDimension {
    /// The words of the kinds that are wrong at the end and not accepted, with their counts.
    pub(super) fn wrong(&self, accepted: &[String]) -> Vec<(&'static str, u64)> {
        let DimensionEnd::Compared { first, last } = &self.end else { return Vec::new() };
        wrong(last.as_ref().unwrap_or(first), accepted)
    }
}

/// The words of the kinds that a comparison found and that are not accepted, with their counts.
pub(super) fn wrong(compared: &ComparedDimension, accepted: &[String]) -> Vec<(&'static str, u64)> {
    let kinds = compared.counts.iter().map(|(kind, count)| (kind.word(), *count));
    kinds.filter(|(word, _)| !accepted.iter().any(|accepted| accepted == word)).collect()
}

impl VerifyWork<'_> {
    /// Compares a dimension, if its sources are right as far as they were verified, and builds it again if
    /// `repair` says so and it is wrong or behind its sources.
    ///
    /// # Errors
    /// As [`DimensionJob::compare`] and [`DimensionJob::run`].
    pub(super) async fn dimension(
        &self,
        dimension: &Dimension,
        depth: VerifyDepth,
        (done, repair): (&[RepairedEntity], bool),
    ) -> Result<VerifiedDimension> {
        let began = Instant::now();
        let end = match self.reason_to_wait(dimension, depth, done) {
            Some(reason) => DimensionEnd::NotCompared(reason),
            None => self.compare(dimension, repair).await?,
        };
        let (name, table) = (dimension.name.clone(), dimension.table.clone());
        Ok(VerifiedDimension { name, table, end, elapsed: began.elapsed() })
    }

    fn reason_to_wait(&self, dimension: &Dimension, depth: VerifyDepth, done: &[RepairedEntity]) -> Option<String> {
        let is_source = |name: &str| dimension.sources.iter().any(|source| source.entity.name == name);
        let is_repaired = done.iter().any(|entity| entity.last.is_some() && is_source(&entity.first.entity));
        if depth != VerifyDepth::Deep && !is_repaired {
            return Some("only --deep compares dimensions".to_owned());
        }
        let is_right = |name: &str| {
            let verified = done.iter().find(|entity| entity.first.entity == name);
            verified.is_some_and(|entity| entity.end().wrong(self.accepted).is_empty())
        };
        let wrong = self.entities.iter().find(|name| is_source(name) && !is_right(name))?;
        Some(format!("{wrong}, its source, is not right"))
    }

    async fn compare(&self, dimension: &Dimension, repair: bool) -> Result<DimensionEnd> {
        let _phase = self.meter.phase(format!("{}: comparing", dimension.name), 0, Unit::Nothing);
        let pool = &self.loading.warehouse.pool;
        let job = DimensionJob {
            pool: pool.clone(),
            lock: EntityLock::new(pool, &dimension.name, Purpose::Transform),
            dimension: dimension.clone(),
            execution_id: self.execution_id,
            full_refresh: true,
        };
        let mut first = job.compare().await?;
        if first.is_behind && repair {
            job.run().await?;
            first = job.compare().await?;
        }
        if first.is_behind {
            let reason = format!("it is older than its sources: evo transform {}", dimension.name);
            return Ok(DimensionEnd::NotCompared(reason));
        }
        if !repair || first.counts.is_empty() {
            return Ok(DimensionEnd::Compared { first, last: None });
        }
        job.run().await?;
        let last = Some(job.compare().await?);
        Ok(DimensionEnd::Compared { first, last })
    }
}
