//! The fence of a batch, seen from the library: rows 9 and 21 of what must survive, statement by statement.

use std::time::Duration;

use evo::config::Dsn;
use evo::error::{Error, Kind};
use evo::ids::{Fence, LakeId};
use evo::ledger::batches::{self, Claimed, Completion, Counts, Doubt, Grouping, Holder, Next};
use evo::ledger::listing::{self, Listed};
use evo::ledger::objects::{self, Selection};
use evo::ledger::runs::Execution;
use evo::pg::{Pool, Presence};

use crate::support::Database;

const HOUR: Duration = Duration::from_secs(3600);
const LEDGER: &str =
    "select concat_ws(' ', b.state, b.lines_count, b.inserted_count, b.bytes, o.state, o.lines_count, o.inserted_count)
     from evo.batches b join evo.objects o using (batch_id)";

/// A warehouse in which one batch of one object waits.
struct Ledger {
    pool: Pool,
}

impl Ledger {
    async fn at(url: &str) -> Self {
        let dsn = Dsn::parse(url).unwrap();
        let pool = Pool::for_writing(dsn, "evo:test", 2, None);
        let listed = Listed {
            path: "bronze/part-00001.jsonl.gz".to_owned(),
            etag: "1".to_owned(),
            size_bytes: 1_000,
            run_id: Some("20260110T020501Z".to_owned()),
            ingestion_date: None,
        };
        let mut connection = pool.get().await.unwrap();
        let began = listing::now(&*connection).await.unwrap();
        listing::record(&*connection, "sales", LakeId::default(), &[listed], began).await.unwrap();
        let tx = connection.begin().await.unwrap();
        batches::plan(&tx, "sales", &Selection::default(), &Grouping::default()).await.unwrap();
        tx.commit().await.unwrap();
        drop(connection);
        Self { pool }
    }

    /// An execution that is alive and shows it.
    async fn execution(&self) -> (Holder, Presence) {
        let begun =
            Execution::begin(&self.pool, "load", &["sales"], &serde_json::json!({}), &evo::config::Machine::default())
                .await
                .unwrap();
        let presence = Presence::announce(&self.pool, "load", begun.id.0).await.unwrap();
        (Holder { execution_id: begun.id, lease: HOUR }, presence)
    }

    async fn ask(&self, holder: Holder) -> Next {
        batches::claim(&self.pool, "sales", &Selection::default(), holder, &[]).await.unwrap()
    }

    async fn claim(&self, holder: Holder) -> Claimed {
        match self.ask(holder).await {
            Next::Batch(batch) => batch,
            other => panic!("no batch to claim: {other:?}"),
        }
    }

    /// The end of an attempt's transaction: `lines` new ones.
    async fn complete(&self, batch: &Claimed, fence: Fence, lines: i64) -> Result<Counts, Error> {
        let mut connection = self.pool.get().await?;
        let tx = connection.begin().await?;
        let counts = Counts { lines, inserted: lines, ..Counts::default() };
        let objects = [(batch.objects[0].object_id, counts)];
        let timings = serde_json::json!({});
        let completion =
            Completion { batch_id: batch.batch_id, fence, objects: &objects, bytes: lines, timings: &timings };
        let total = batches::complete(&tx, &completion).await?;
        tx.commit().await?;
        Ok(total)
    }

    async fn another_attempt(&self, batch: &Claimed, fence: Fence) -> Doubt {
        batches::another_attempt(&self.pool, batch.batch_id, fence, HOUR).await.unwrap()
    }

    /// The single value of a query.
    async fn one(&self, query: &str) -> String {
        self.pool.get().await.unwrap().query_one(query, &[]).await.unwrap().get(0)
    }
}

fn with_ledger(test: impl AsyncFnOnce(Ledger)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let db = Database::migrated();
    runtime.block_on(async { test(Ledger::at(&db.url).await).await });
}

#[test]
fn fault_03_an_execution_that_has_lost_its_own_lock_takes_no_batch_of_another_without_one() {
    with_ledger(async |ledger| {
        let (a, of_a_alive) = ledger.execution().await;
        let (b, of_b_alive) = ledger.execution().await;
        let claimed = ledger.claim(a).await;
        // What a crash of the server does to both. The locks go with the sessions, a moment later.
        drop((of_a_alive, of_b_alive));
        while ledger.one("select count(*)::text from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())").await != "0" {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(matches!(ledger.ask(b).await, Next::Wait), "nobody can tell who is gone");
        // The first to be back may.
        let _back = Presence::announce(&ledger.pool, "load", b.execution_id.0).await.unwrap();
        let taken = ledger.claim(b).await;
        assert!(taken.is_taken_over && taken.fence > claimed.fence);
    });
}

#[test]
fn fault_21_a_batch_that_another_execution_has_claimed_since_is_not_committed_under_the_old_fence() {
    with_ledger(async |ledger| {
        let (a, _alive) = ledger.execution().await;
        let (b, _alive_too) = ledger.execution().await;
        let of_a = ledger.claim(a).await;
        assert!(matches!(ledger.ask(b).await, Next::Wait), "a lease that holds is respected");
        // The same, ended: its holder lives on.
        let brief = Holder { lease: Duration::ZERO, ..a };
        batches::renew(&ledger.pool, brief, &[of_a.batch_id]).await.unwrap();
        let of_b = ledger.claim(b).await;
        assert_eq!((of_b.batch_id, of_b.is_taken_over), (of_a.batch_id, true));
        assert_ne!(of_b.fence, of_a.fence);

        // The batch is claimed, its object waits: nothing but the fence stops the first holder.
        assert_eq!(ledger.complete(&of_a, of_a.fence, 1).await.unwrap_err().kind(), Kind::AlreadyRunning);
        let ids = [of_a.objects[0].object_id];
        let split = batches::split(&ledger.pool, of_a.batch_id, of_a.fence, &ids).await;
        assert_eq!(split.unwrap_err().kind(), Kind::AlreadyRunning);
        assert_eq!(ledger.another_attempt(&of_a, of_a.fence).await, Doubt::Lost);

        let counts = ledger.complete(&of_b, of_b.fence, 2).await.unwrap();
        assert_eq!(counts.lines, 2);
        assert_eq!(ledger.complete(&of_a, of_a.fence, 1).await.unwrap_err().kind(), Kind::AlreadyRunning);
        // What is in is not what the first holder did: it must not count it as its own.
        assert_eq!(ledger.another_attempt(&of_a, of_a.fence).await, Doubt::Lost);
        assert_eq!(ledger.another_attempt(&of_b, of_b.fence).await, Doubt::Committed(counts));
        assert_eq!(ledger.one(LEDGER).await, "committed 2 2 2 loaded 2 2");
    });
}

#[test]
fn fault_09_an_earlier_attempt_of_the_same_execution_cannot_commit_behind_a_later_one() {
    with_ledger(async |ledger| {
        let (holder, _alive) = ledger.execution().await;
        let batch = ledger.claim(holder).await;
        let Doubt::Repeat(fence) = ledger.another_attempt(&batch, batch.fence).await else {
            panic!("the batch is still its own");
        };
        assert_eq!(ledger.complete(&batch, batch.fence, 1).await.unwrap_err().kind(), Kind::AlreadyRunning);
        ledger.complete(&batch, fence, 2).await.unwrap();
        assert_eq!(ledger.complete(&batch, batch.fence, 1).await.unwrap_err().kind(), Kind::AlreadyRunning);
        assert_eq!(ledger.one(LEDGER).await, "committed 2 2 2 loaded 2 2");
    });
}

#[test]
fn a_batch_whose_objects_are_all_gone_is_forgotten_by_its_holder_only() {
    with_ledger(async |ledger| {
        let (holder, _alive) = ledger.execution().await;
        let batch = ledger.claim(holder).await;
        objects::remove(&ledger.pool, batch.objects[0].object_id, objects::Removal::Gone).await.unwrap();
        batches::drop_empty(&ledger.pool, batch.batch_id, Fence(batch.fence.0 - 1)).await.unwrap();
        assert_eq!(ledger.one("select count(*)::text from evo.batches").await, "1");
        batches::drop_empty(&ledger.pool, batch.batch_id, batch.fence).await.unwrap();
        assert_eq!(ledger.one("select count(*)::text from evo.batches").await, "0");
    });
}
