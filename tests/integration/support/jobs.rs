//! Loads and transforms of one entity in the test's own process, in random ways.

use std::collections::BTreeSet;
use std::fmt::{Debug, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use evo::bronze::{Lake, Limits};
use evo::config::{self, Dsn};
use evo::entity::{Catalog, Entity};
use evo::ids::ExecutionId;
use evo::ledger::objects::{Again, Selection};
use evo::load::{Claims, LoadJob, discover, load_planned};
use evo::meter::Meter;
use evo::pg::{EntityLock, Pool, Presence, Purpose};
use evo::retry::Policy;
use evo::shutdown::Shutdown;
use evo::transform::checks::Checks;
use evo::transform::compare::{CoreDepth, compare};
use evo::transform::{self, EntityJob, Mode, Refresh, Request};

use super::{Database, Dice};

/// An entity of one's own with a lake and a database.
pub struct Jobs {
    pub db: Database,
    pub lake: tempfile::TempDir,
    catalog: Catalog,
    entity: Entity,
    decoders: Arc<rayon::ThreadPool>,
    runtime: tokio::runtime::Runtime,
}

impl Jobs {
    /// `fill` writes the folder with the entity.
    pub fn new(entity: &str, fill: impl FnOnce(&Path)) -> Self {
        let lake = tempfile::tempdir().unwrap();
        let own = lake.path().join("own");
        fill(&own);
        let catalog = Catalog::load(Some(&own)).unwrap();
        let entity = catalog.select(&[entity.to_owned()]).unwrap()[0].clone();
        let db = Database::migrated();
        let mut migrations: Vec<_> =
            std::fs::read_dir(own.join("migrations")).unwrap().map(|entry| entry.unwrap().path()).collect();
        migrations.sort();
        for migration in migrations {
            db.sql(&std::fs::read_to_string(migration).unwrap());
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        Self { db, lake, catalog, entity, decoders: evo::load::decoders(2).unwrap(), runtime }
    }

    /// Forgets everything: what these tables hold, the lake and the ledger.
    pub fn clear(&self, tables: &str) {
        let bronze = self.lake.path().join("bronze");
        if bronze.exists() {
            std::fs::remove_dir_all(bronze).unwrap();
        }
        self.db.sql(&format!(
            "truncate {tables}, evo.recounts, evo.objects, evo.batches, evo.rejects, evo.seen_keys, evo.model_batches,
             evo.manifests, evo.manifest_objects, evo.followed_runs, evo.followed_batches, evo.mark_transactions"
        ));
    }

    /// Loads what is in the lake, `again` also what was loaded before.
    pub fn load(&self, dice: &mut Dice, again: bool) {
        self.runtime.block_on(self.load_all(dice, again));
    }

    async fn load_all(&self, dice: &mut Dice, again: bool) {
        let workers = 1 + dice.index(3);
        let pool = Pool::new(Dsn::parse(&self.db.url).unwrap(), "evo:load", workers * 2 + 2);
        let lake = config::LakeAddress::Directory(self.lake.path().to_owned());
        let job = LoadJob {
            lake: Lake::open(&lake, &config::Azure::default()).unwrap(),
            pool: pool.clone(),
            entity: self.entity.clone(),
            selection: Selection { again: if again { Again::All } else { Again::No }, ..Selection::default() },
            batch_size: [None, Some(1), Some(2)][dice.index(3)],
            limit: evo::load::ObjectLimit::default(),
            claims: Claims::new(ExecutionId::new(), Duration::from_secs(30)),
            workers,
            retry: Policy {
                max_retries: 8,
                base: Duration::from_millis(5),
                max: Duration::from_millis(50),
                budget: Duration::from_secs(10),
            },
            limits: Limits { line_bytes: 1 << 20, ratio: 1_000 },
            decoders: self.decoders.clone(),
            shutdown: Shutdown::never(),
        };
        let _presence = Presence::announce(&pool, "load", job.claims.holder().execution_id.0).await.unwrap();
        let plan = discover(&job).await.unwrap_or_else(|e| panic!("{}", e.render()));
        let summary = load_planned(&job, &plan, &Meter::default()).await;
        if let Some(failure) = &summary.failure {
            panic!("{}", failure.render());
        }
    }

    fn job(&self, pool: &Pool, dice: &mut Dice) -> EntityJob {
        EntityJob {
            pool: pool.clone(),
            lock: EntityLock::new(pool, &self.entity.name, Purpose::Transform),
            entity: self.entity.clone(),
            layout: evo::citus::Layout::default(),
            execution_id: ExecutionId::new(),
            workers: 1 + dice.index(3),
            keys: Vec::new(),
            chunk_rows: 1 + dice.roll(4),
            strict: false,
            checks: Checks::load(None, &self.catalog).unwrap(),
            shutdown: Shutdown::never(),
            meter: Meter::default(),
        }
    }

    /// Transforms, or begins to.
    pub fn transform(&self, dice: &mut Dice, mode: Option<Mode>, broken_off: Option<Duration>) {
        self.runtime.block_on(async {
            let pool = Pool::new(Dsn::parse(&self.db.url).unwrap(), "evo:transform", 6);
            let job = self.job(&pool, dice);
            let refresh = Refresh { year: None, max_shrink: 1.0, reader_wait: Duration::ZERO };
            let request = Request { mode, refresh, follows_source: true, accepts_contract: false };
            let whole = transform::run(job, &request);
            match broken_off {
                Some(after) => drop(tokio::time::timeout(after, whole).await),
                None => {
                    let done = whole.await.unwrap_or_else(|e| panic!("{}", e.render()));
                    let failed: Vec<_> = done.checks.iter().filter(|finding| finding.is_failure()).collect();
                    assert!(failed.is_empty(), "{failed:?}");
                }
            }
        });
    }

    /// Rows of core that are not what the models give.
    pub fn wrong_rows(&self, dice: &mut Dice) -> u64 {
        self.runtime.block_on(async {
            let pool = Pool::new(Dsn::parse(&self.db.url).unwrap(), "evo:verify", 3);
            compare(&mut self.job(&pool, dice), CoreDepth::Rows).await.unwrap().count()
        })
    }
}

/// A history of a source's runs, to be held against an oracle.
pub struct History<'a, R> {
    pub jobs: &'a Jobs,
    /// Writes a run into the lake.
    pub reveal: &'a dyn Fn(&R),
    /// The rows of core.
    pub found: &'a dyn Fn() -> BTreeSet<String>,
    /// What they must be when these runs are in the lake, in the order in which they came.
    pub oracle: &'a dyn Fn(&[R]) -> BTreeSet<String>,
    /// Modes in which it is transformed once more at the end.
    pub last: &'a [Mode],
}

impl<R: Debug> History<'_, R> {
    /// Reveals the runs in any order, loads them, also again, and transforms in any mode, also broken off.
    /// Returns the runs in the order in which they came.
    pub fn play(&self, dice: &mut Dice, mut story: String, mut hidden: Vec<R>) -> Vec<R> {
        let mut shown = Vec::new();
        while !hidden.is_empty() {
            // Mostly the oldest; a later one first makes others arrive late.
            for _ in 0..hidden.len().min(1 + dice.index(2)) {
                let next = if dice.one_in(3) { dice.index(hidden.len()) } else { 0 };
                let run = hidden.remove(next);
                write!(story, " | {run:?}").unwrap();
                (self.reveal)(&run);
                shown.push(run);
            }
            let again = dice.one_in(6);
            self.jobs.load(dice, again);
            let mode = [None, Some(Mode::Incremental), Some(Mode::FullRefresh), Some(Mode::InPlace)][dice.index(4)];
            write!(story, " | again {again}, {mode:?}").unwrap();
            if dice.one_in(3) {
                let after = dice.millis(1, 80);
                write!(story, ", broken off after {after:?}").unwrap();
                self.jobs.transform(dice, mode, Some(after));
                if dice.one_in(2) {
                    continue;
                }
            }
            self.jobs.transform(dice, mode, None);
            assert_eq!((self.found)(), (self.oracle)(&shown), "{story}");
        }
        for mode in self.last {
            self.jobs.transform(dice, Some(*mode), None);
            assert_eq!((self.found)(), (self.oracle)(&shown), "{mode:?} {story}");
        }
        assert_eq!(self.jobs.wrong_rows(dice), 0, "{story}");
        shown
    }
}

/// Runs a test in a thread of its own: unoptimized, the futures of a transform need more than the stack of a
/// test.
pub fn with_room(test: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(64 << 20);
    thread.spawn(test).unwrap().join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}
