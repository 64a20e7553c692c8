//! Progress of a load: it moves while a batch runs, and ends with what was loaded.

use std::collections::BTreeSet;
use std::time::Duration;

use evo::bronze::{Lake, Limits};
use evo::config::{self, Dsn};
use evo::entity::Catalog;
use evo::ledger::objects::Selection;
use evo::load::{Claims, LoadJob, discover, load_planned};
use evo::meter::Meter;
use evo::pg::Pool;
use evo::retry::Policy;
use evo::shutdown::Shutdown;

use crate::support::Evo;

/// A job that loads all sales of a lake in one batch.
fn job(evo: &Evo, pool: Pool) -> LoadJob {
    let catalog = Catalog::load(None).unwrap();
    LoadJob {
        lake: Lake::open(&config::LakeAddress::Directory(evo.lake()), &config::Azure::default()).unwrap(),
        pool,
        entity: catalog.select(&["sales".to_owned()]).unwrap()[0].clone(),
        selection: Selection::default(),
        batch_size: Some(10_000),
        limit: evo::load::ObjectLimit::default(),
        claims: Claims::new(evo::ids::ExecutionId::new(), Duration::from_secs(30)),
        workers: 1,
        retry: Policy {
            max_retries: 1,
            base: Duration::from_millis(5),
            max: Duration::from_millis(50),
            budget: Duration::from_secs(1),
        },
        limits: Limits { line_bytes: 1 << 20, ratio: 1_000 },
        decoders: evo::load::decoders(1).unwrap(),
        shutdown: Shutdown::never(),
    }
}

#[test]
fn progress_moves_while_a_batch_runs_and_ends_with_all_bytes() {
    let evo = Evo::new();
    // A hundred parts, so that a machine with other work to do still looks in between two of them.
    evo.run(&["generate", "sales", "--records", "10000", "--part-records", "100"]).exits(0);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let pool = Pool::for_writing(Dsn::parse(&evo.db.url).unwrap(), "evo:load", 4, None);
        let job = job(&evo, pool);
        let plan = discover(&job).await.unwrap();
        assert_eq!(plan.batches(), 1);
        let meter = Meter::default();
        let watched = meter.clone();
        let mut seen = BTreeSet::new();
        let watch = async {
            loop {
                seen.extend(watched.phases().iter().map(|phase| phase.done()));
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let summary = tokio::select! {
            summary = load_planned(&job, &plan, &meter) => summary,
            () = watch => unreachable!(),
        };
        assert!(summary.failure.is_none(), "{:?}", summary.failure);
        assert_eq!(summary.bytes, plan.bytes());
        let between = seen.iter().filter(|done| (1..plan.bytes()).contains(*done)).count();
        assert!(between >= 1, "seen {seen:?} of {}", plan.bytes());
        assert!(seen.iter().all(|done| *done <= plan.bytes()), "{seen:?} of {}", plan.bytes());
    });
}
