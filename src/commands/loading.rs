//! An execution that loads objects of several entities, one after the other: `evo load` and
//! `evo rejects replay`.

use std::sync::Arc;
use std::time::Duration;

use super::warehouse::{self, Access, Warehouse};
use super::which_lake;
use crate::bronze::{Lake, Limits, Sample, Unreadable};
use crate::config::Settings;
use crate::counted::counted;
use crate::entity::{Catalog, Entity};
use crate::error::{Error, Kind, Result};
use crate::ids::{ExecutionId, LakeId};
use crate::ledger::objects::Selection;
use crate::load::{Claims, Heartbeat, LoadJob, ObjectLimit, decoders};
use crate::retry::{Policy, retry};
use crate::shutdown::Shutdown;
use crate::visible;

/// The lake, the warehouse and the threads of an execution that loads.
#[derive(Debug)]
pub(super) struct Loading {
    pub(super) warehouse: Warehouse,
    lake: Lake,
    decoders: Arc<rayon::ThreadPool>,
    workers: usize,
    retry: Policy,
    limits: Limits,
    lease: Duration,
    shutdown: Shutdown,
}

/// Connections that a load needs: one shows that the execution is alive, one works on a batch.
const LEAST_ROOM: usize = 2;

/// The results of the entities, and the failures of those that failed.
pub(super) type Results<T> = (Vec<T>, Vec<(String, Error)>);

impl Loading {
    /// Opens the lake and the warehouse for as many parallel batches as the settings say and the server
    /// allows.
    pub(super) async fn open(settings: &Settings, catalog: Catalog) -> Result<Self> {
        Self::open_as("load", settings, catalog, Access::of(true)?).await
    }

    /// As [`Loading::open`], for reading only: nothing is created, started or upgraded.
    pub(super) async fn open_to_read(settings: &Settings, catalog: Catalog) -> Result<Self> {
        Self::open_as("load", settings, catalog, Access::of(false)?).await
    }

    /// The same for a command of this name.
    pub(super) async fn open_as(command: &str, settings: &Settings, catalog: Catalog, access: Access) -> Result<Self> {
        let shutdown = access.shutdown();
        let mut workers = settings.workers;
        let is_job = matches!(access, Access::Writes(_));
        let lake = Lake::open(&settings.lake, &settings.azure)?.until(shutdown.clone());
        // A worker needs one for its batch and sometimes one for a new partition; the heartbeat needs one.
        let warehouse = warehouse::open(settings, catalog, (command, workers * 2 + 2), access).await?;
        if is_job {
            let room = warehouse.pool.room("a load", LEAST_ROOM, workers + LEAST_ROOM).await?;
            workers = workers.min(room.saturating_sub(LEAST_ROOM)).max(1);
        }
        Ok(Self {
            warehouse,
            lake,
            decoders: decoders(workers)?,
            workers,
            retry: settings.retry,
            limits: Limits { line_bytes: settings.max_line_bytes, ratio: settings.max_ratio },
            lease: settings.lease,
            shutdown,
        })
    }

    /// The lake's id in the ledger; with `is_trial` the ledger is not changed.
    ///
    /// # Errors
    /// `Config` when the ledger belongs to another lake.
    pub(super) async fn lake_id(&self, entities: &[&Entity], is_trial: bool) -> Result<LakeId> {
        which_lake::find(&self.warehouse.pool, &self.lake, entities, is_trial).await
    }

    /// Whether a signal asked to stop.
    pub(super) fn is_stopping(&self) -> bool {
        self.shutdown.is_requested()
    }

    /// A job for each entity; all share the claims of one execution.
    pub(super) fn jobs(
        &self,
        entities: &[&Entity],
        execution_id: ExecutionId,
        selection: &Selection,
        batch_size: Option<usize>,
    ) -> Vec<LoadJob> {
        let claims = Claims::new(execution_id, self.lease);
        let job = |entity: &&Entity| LoadJob {
            lake: self.lake.clone(),
            pool: self.warehouse.pool.clone(),
            entity: (*entity).clone(),
            selection: selection.clone(),
            batch_size,
            limit: ObjectLimit::default(),
            claims: Arc::clone(&claims),
            workers: self.workers,
            retry: self.retry,
            limits: self.limits,
            decoders: Arc::clone(&self.decoders),
            shutdown: self.shutdown.clone(),
        };
        entities.iter().map(job).collect()
    }

    /// Runs `work` for one job after the other while the execution shows that it is alive, then releases its
    /// claims. Work that was done in part returns its failure together with its result. A failure does not
    /// stop the other jobs; a signal does.
    ///
    /// # Errors
    /// When the execution could not show that it is alive, so that nothing was begun.
    pub(super) async fn each<T>(
        &self,
        jobs: &[LoadJob],
        work: impl AsyncFn(&LoadJob) -> Result<(T, Option<Error>)>,
    ) -> Result<Results<T>> {
        let (mut ended, mut failures) = (Vec::new(), Vec::new());
        let Some(any) = jobs.first() else { return Ok((ended, failures)) };
        self.warehouse.require_temporary().await?;
        let heartbeat = retry(self.retry, &self.shutdown, "showing that this execution is alive", |_| {
            Heartbeat::start(any.pool.clone(), Arc::clone(&any.claims))
        })
        .await?;
        for job in jobs {
            if self.shutdown.is_requested() {
                failures.push((job.entity.name.clone(), self.shutdown.error()));
                break;
            }
            let failure = match work(job).await {
                Ok((one, failure)) => {
                    ended.push(one);
                    failure
                }
                Err(error) => Some(error),
            };
            failures.extend(failure.map(|failure| (job.entity.name.clone(), failure)));
        }
        failpoint!("load.before_release");
        any.claims.release_all(&any.pool).await;
        drop(heartbeat);
        Ok((ended, failures))
    }
}

/// The error for objects and folders that could not be listed or read; `None` when there are none.
pub(super) fn unreadable(sample: &Sample<Unreadable>) -> Option<Error> {
    let mut detail: Vec<String> =
        sample.first.iter().map(|u| format!("{}: {}", visible::line(&u.path), u.reason)).collect();
    if sample.more() > 0 {
        detail.push(format!("and {} more", sample.more()));
    }
    (!sample.is_empty()).then(|| {
        Error::new(
            Kind::SourceUnreadable,
            counted(sample.count, "object or folder could not be read", "objects or folders could not be read"),
        )
        .detail(detail.join("\n"))
        .hint("everything else is loaded; the next run tries these again")
    })
}
