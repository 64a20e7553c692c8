//! The merge of a staged batch: the statements of `sql/load/`, filled for an entity.
//!
//! **What must hold.** Whatever the order in which batches meet, a row ends with the content of the newest line of its key:
//! by date, run, path, then line (`sql/load/age.sql`). A row carries date, run and path of its content. What an object has seen without touching
//! it is in `evo.seen_keys` ([`seen`]).
//!
//! **Who can hurt whom.** Two batches under way do not see each other's rows. Of the verdicts on a key
//!
//! - *new* depends on nobody: if a rival inserts the key first, the upsert finds its row, compares the lineage, and reports
//!   a surprise;
//! - *changed* depends on every newer object that has seen the old content: its set must be visible, or it must see the
//!   new row;
//! - *unchanged* in an older object's row depends on every older batch that is about to change that row.
//!
//! So batches that change rows take the entity's turn alone, those that only find rows unchanged share it, and the others
//! need none. The turn is an advisory lock, taken before the verdicts that count and kept until the commit. It is taken
//! only when a first round of verdicts shows the need: rollback to the savepoint, turn, known rows and verdicts again. A
//! surprise is answered in the same way. Rows are written in key order and the turn comes before any write, so nobody
//! waits in a circle.
//!
//! **Keys first.** Staged by keys, the documents that the server does not hold are sent in a second pass, outside of any
//! turn: of each accepted line, also one that is beaten, unless staging holds exactly its content. So the server has judged
//! every document, whatever way it was staged.

use std::time::{Duration, Instant};

use super::Job;
use super::stream::{Failure, Pass, Sources, Spent, stream};
use crate::entity::Entity;
use crate::error::{Error, Kind, Result};
use crate::ids::{BatchId, ObjectId, ObjectNo};
use crate::ledger::batches::Counts;
use crate::ledger::objects::Pending;
use crate::ledger::seen::{self, Candidates, KeySet};
use crate::pg::{Param, Transaction};
use crate::sql::{fill, ident, literal, qualified};
use crate::stage::{LineSet, StageAs, frame};

/// Years outside of this range are parked in the default partition: nobody passes a turnstile in year 1.
const PLAUSIBLE_YEARS: std::ops::RangeInclusive<i32> = 2000..=2100;

/// Rounds of verdicts after which a batch gives way and is tried again later. Each round is lost to a rival's commit.
const MAX_ROUNDS: u32 = 12;

/// How long a batch waits for partitions that are made beside its transaction.
const BESIDE: Duration = Duration::from_secs(2);

/// A session that says nothing for this long in the middle of a merge belongs to a process that is stalled or cut off; it
/// must not keep the turn. COPY, which waits for the lake, is not idle.
pub(super) const IDLE: &str = "set local idle_in_transaction_session_timeout = '60s'";

/// How much of the entity's turn a batch needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    None,
    Shared,
    Alone,
}

/// What a merge came to.
#[derive(Debug)]
pub(super) struct Merged {
    /// Of each object, in order.
    pub counts: Vec<Counts>,
    /// Time of the second pass, where there was one.
    pub spent: Spent,
    /// Its wall clock.
    pub streaming: Duration,
    /// Waiting for the turn.
    pub turn: Duration,
    /// Rounds of verdicts.
    pub rounds: u32,
}

/// The merge of one entity in one stage mode.
#[derive(Debug)]
pub(super) struct Merge<'a> {
    job: &'a Job,
    stage_as: StageAs,
    compression: &'a str,
    stage: String,
}

impl<'a> Merge<'a> {
    pub(super) fn new(job: &'a Job, stage_as: StageAs, compression: &'a str) -> Self {
        Self { job, stage_as, compression, stage: format!("evo_stage_{}", stage_as.sql()) }
    }

    /// What a transaction begins with: everything that a batch needs lives in it.
    pub(super) fn prologue(&self) -> String {
        let placeholders = [("mode", self.stage_as.sql()), ("compression", self.compression)];
        format!("{IDLE};\n{}", fill(sql_file!("load/stage_tables.sql"), &placeholders))
    }

    pub(super) fn copy(&self) -> String {
        format!("copy {} ({}) from stdin (format binary)", self.stage, frame::COLUMNS)
    }

    /// Merges the staged rows.
    pub(super) async fn run(
        &self,
        tx: &Transaction<'_>,
        batch_id: BatchId,
        sources: &Sources<'_>,
    ) -> Result<Merged, Failure> {
        let objects = sources.objects;
        let batch = self.batch(tx, batch_id, objects).await?;
        let mut merged = Merged {
            counts: Vec::new(),
            spent: Spent::default(),
            streaming: Duration::ZERO,
            turn: Duration::ZERO,
            rounds: 0,
        };
        if self.stage_as == StageAs::Text {
            tx.batch(sql_file!("load/refuse.sql")).await?;
        }
        self.make_partitions(tx).await?;
        // Staged by keys most rows are unchanged: the turn that they need is taken at once.
        let mut turn = if self.stage_as == StageAs::Keys { Turn::Shared } else { Turn::None };
        let mut is_sent = false;
        while merged.rounds < MAX_ROUNDS {
            merged.rounds += 1;
            tx.batch("savepoint evo_round").await?;
            merged.turn += self.take(tx, turn).await?;
            self.judge(tx, &batch).await?;
            let needed = needed_turn(tx).await?;
            if self.stage_as == StageAs::Keys {
                let wanted = self.wanted(tx, objects.len()).await?;
                if wanted.iter().any(|lines| !lines.is_empty()) {
                    end_round(tx).await?;
                    let started = Instant::now();
                    merged.spent.add(self.send(tx, sources, wanted).await?);
                    merged.streaming += started.elapsed();
                    turn = turn.max(needed);
                    is_sent = true;
                    continue;
                }
                if is_sent {
                    tx.batch(sql_file!("load/locate.sql")).await?;
                }
            }
            if needed > turn {
                end_round(tx).await?;
                turn = needed;
                continue;
            }
            match self.write(tx, &batch).await? {
                Some(counts) => return Ok(Merged { counts, ..merged }),
                None => {
                    end_round(tx).await?;
                    turn = Turn::Alone;
                }
            }
        }
        Err(Error::new(Kind::TransactionConflict, "other batches kept changing the same rows").into())
    }

    /// The batch with what the ledger knows of the runs around it.
    async fn batch<'o>(&self, tx: &Transaction<'_>, batch_id: BatchId, objects: &'o [Pending]) -> Result<Batch<'o>> {
        let mut batch = Batch {
            batch_id,
            objects,
            paths: objects.iter().map(|o| o.path.as_str()).collect(),
            dates: objects.iter().map(|o| o.ingestion_date).collect(),
            newer: Vec::new(),
            older: Vec::new(),
        };
        let Some(first) = objects.first() else { return Ok(batch) };
        let values: [&dyn Param; 3] = [&self.job.entity.name, &first.ingestion_date, &first.run_id];
        for row in tx.query(sql_file!("load/runs_of_date.sql"), &values).await? {
            let is_newer = row.get(1);
            if is_newer { batch.newer.push(row.get(0)) } else { batch.older.push(row.get(0)) }
        }
        Ok(batch)
    }

    async fn take(&self, tx: &Transaction<'_>, turn: Turn) -> Result<Duration> {
        let shared = match turn {
            Turn::None => return Ok(Duration::ZERO),
            Turn::Shared => "_shared",
            Turn::Alone => "",
        };
        let started = Instant::now();
        tx.execute(&fill(sql_file!("load/take_turns.sql"), &[("shared", shared)]), &[&self.job.entity.name]).await?;
        Ok(started.elapsed())
    }

    /// What staging holds for the batch's keys, and what becomes of each.
    async fn judge(&self, tx: &Transaction<'_>, batch: &Batch<'_>) -> Result<()> {
        tx.batch("set local enable_hashjoin = off; set local enable_mergejoin = off").await?;
        let age = self.age("t", "($2::text[])[w.object_no + 1]", "($3::date[])[w.object_no + 1]", "$1");
        let sql = fill(&self.filled(sql_file!("load/verdicts.sql")), &[("age", &age)]);
        tx.execute(&sql, &[&batch.run_id(), &batch.paths, &batch.dates, &batch.newer, &batch.older]).await?;
        tx.batch("set local enable_hashjoin = on; set local enable_mergejoin = on").await
    }

    /// The lines of each object whose documents the server does not hold.
    async fn wanted(&self, tx: &Transaction<'_>, objects: usize) -> Result<Vec<LineSet>> {
        let mut wanted = vec![LineSet::default(); objects];
        let mut rows = tx.rows(&self.filled(sql_file!("load/wanted.sql")), &[]).await?;
        while let Some(row) = rows.next().await? {
            let hash: uuid::Uuid = row.get(2);
            wanted[row.get::<_, ObjectNo>(0).index()].insert(row.get(1), hash.as_u128());
        }
        Ok(wanted)
    }

    async fn send(&self, tx: &Transaction<'_>, sources: &Sources<'_>, wanted: Vec<LineSet>) -> Result<Spent, Failure> {
        let sql = format!("copy evo_document ({}) from stdin (format binary)", frame::DOCUMENT_COLUMNS);
        let copy = tx.copy_in(&sql).await?;
        let streamed = stream(self.job, sources, Pass::Documents(wanted), copy).await?;
        Ok(streamed.spent)
    }

    /// Writes what the verdicts say and counts it; `None` when a rival came in between.
    async fn write(&self, tx: &Transaction<'_>, batch: &Batch<'_>) -> Result<Option<Vec<Counts>>> {
        self.ask_newer(tx, batch).await?;
        let age = self.age("t", "excluded._source_file", "excluded.ingestion_date", "excluded.run_id");
        let upsert = fill(&self.filled(sql_file!("load/upsert.sql")), &[("age", &age)]);
        let Batch { paths, dates, newer, older, batch_id, .. } = batch;
        let written = tx.query(&upsert, &[&batch.run_id(), paths, dates, newer, older, batch_id]).await?;
        if written.iter().any(|row| row.get::<_, i64>(3) > 0) {
            return Ok(None);
        }
        let mut counts = vec![Counts::default(); batch.objects.len()];
        for row in tx.query(&self.filled(sql_file!("load/count.sql")), &[]).await? {
            let counted = &mut counts[row.get::<_, ObjectNo>(0).index()];
            let [accepted, winners, unchanged, superseded, rejected] = [1, 2, 3, 4, 5].map(|i| row.get::<_, i64>(i));
            counted.lines = accepted + rejected;
            counted.unchanged = unchanged;
            counted.superseded = superseded + accepted - winners;
            counted.rejected = rejected;
        }
        for row in written {
            let counted = &mut counts[row.get::<_, ObjectNo>(0).index()];
            counted.inserted = row.get(1);
            counted.updated = row.get(2);
        }
        self.remember_seen(tx, batch).await?;
        self.file_rejects(tx, batch, &counts).await?;
        Ok(Some(counts))
    }

    /// Lets changed keys lose that a newer object has seen.
    async fn ask_newer(&self, tx: &Transaction<'_>, batch: &Batch<'_>) -> Result<()> {
        let entity = self.job.entity.name.as_str();
        if !seen::has_newer(tx, entity, batch.objects).await? {
            return Ok(());
        }
        let mut changed = Candidates::default();
        let mut rows = tx.rows(&self.filled(sql_file!("load/changed.sql")), &[]).await?;
        while let Some(row) = rows.next().await? {
            changed.keys.push(row.get(0));
            changed.objects.push(row.get(1));
        }
        if changed.keys.is_empty() {
            return Ok(());
        }
        let beaten = seen::by_newer(tx, entity, batch.objects, &changed).await?;
        if !beaten.is_empty() {
            tx.execute(&self.filled(sql_file!("load/beaten.sql")), &[&beaten]).await?;
        }
        Ok(())
    }

    /// Keeps the keys that the batch's objects have seen and not touched.
    async fn remember_seen(&self, tx: &Transaction<'_>, batch: &Batch<'_>) -> Result<()> {
        let mut sets: Vec<(ObjectId, KeySet)> = Vec::new();
        let mut rows = tx.rows(&self.filled(sql_file!("load/seen.sql")), &[]).await?;
        while let Some(row) = rows.next().await? {
            let object_id = batch.objects[row.get::<_, ObjectNo>(0).index()].object_id;
            if sets.last().is_none_or(|(last, _)| *last != object_id) {
                sets.push((object_id, KeySet::default()));
            }
            if let Some((_, set)) = sets.last_mut() {
                set.push(row.get(1));
            }
        }
        if sets.is_empty() { Ok(()) } else { seen::record(tx, sets).await }
    }

    async fn file_rejects(&self, tx: &Transaction<'_>, batch: &Batch<'_>, counts: &[Counts]) -> Result<()> {
        let ids: Vec<ObjectId> = batch.objects.iter().map(|o| o.object_id).collect();
        if counts.iter().any(|c| c.rejected > 0) {
            let sql = self.filled(sql_file!("load/reject.sql"));
            tx.execute(&sql, &[&self.job.entity.name, &ids, &batch.batch_id, &batch.paths]).await?;
        }
        let lake = self.job.selection.lake;
        let values: [&dyn Param; 4] = [&self.job.entity.name, &lake, &batch.paths, &batch.batch_id];
        tx.execute(sql_file!("load/resolve.sql"), &values).await?;
        Ok(())
    }

    /// Makes the partitions that the batch needs, on a connection of its own: the parent's lock must not be held until
    /// this batch commits. This transaction has not touched the staging table yet, so nobody waits in a circle.
    async fn make_partitions(&self, tx: &Transaction<'_>) -> Result<(), Failure> {
        let entity = &self.job.entity;
        if entity.partition.is_none() {
            return Ok(());
        }
        let years = tx.query(&self.filled(sql_file!("load/years.sql")), &[&entity.zone]).await?;
        let years: Vec<i32> = years.iter().map(|row| row.get(0)).filter(|y| PLAUSIBLE_YEARS.contains(y)).collect();
        let missing = tx.query(sql_file!("load/missing_years.sql"), &[&entity.staging.table, &years]).await?;
        let missing: Vec<i32> = missing.iter().map(|row| row.get(0)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let made = match self.job.pool.is_tight() {
            true => None,
            false => tokio::time::timeout(BESIDE, make_partitions(self.job, &missing)).await.ok(),
        };
        match made {
            Some(made) => Ok(made?),
            // No connection is to be had beside this one, from a small pooler say: this one is given back first.
            None => {
                let error = Error::new(Kind::TransactionConflict, "the batch needs partitions that are not there yet");
                Err(Failure { years: missing, ..Failure::from(error) })
            }
        }
    }

    /// The age of a staged row against the object that brings its key; `$4` and `$5` are the runs around the batch's.
    fn age(&self, row: &str, path: &str, date: &str, run: &str) -> String {
        let places = [("row", row), ("path", path), ("date", date), ("run", run), ("newer", "$4"), ("older", "$5")];
        fill(sql_file!("load/age.sql"), &places)
    }

    fn filled(&self, template: &str) -> String {
        let names = Names::of(&self.job.entity);
        let (documents, stage_row) = match self.stage_as {
            StageAs::Keys => ("evo_document", "null::tid"),
            _ => (self.stage.as_str(), "s.ctid"),
        };
        fill(
            template,
            &[
                ("stage", &self.stage),
                ("stage_row", stage_row),
                ("documents", documents),
                ("target", &qualified(&self.job.entity.staging.table)),
                ("event", &names.event),
                ("seen_key", names.seen_key),
                ("match", &names.matching("t", "w")),
                ("key_columns", &names.key_columns),
                ("key_values", names.key_values),
                ("returning", &names.returning),
                ("written_match", &names.matching("w", "c")),
            ],
        )
    }
}

/// A batch as the statements need it.
struct Batch<'a> {
    batch_id: BatchId,
    objects: &'a [Pending],
    paths: Vec<&'a str>,
    dates: Vec<Option<chrono::NaiveDate>>,
    /// Other runs of its date that have been loaded, those that are newer and those that are older.
    newer: Vec<String>,
    older: Vec<String>,
}

impl<'a> Batch<'a> {
    fn run_id(&self) -> &'a str {
        self.objects.first().map_or("", |o| o.run_id.as_str())
    }
}

/// The most that any key of the batch needs.
async fn needed_turn(tx: &Transaction<'_>) -> Result<Turn> {
    let row = tx.query_one(sql_file!("load/mutual_exclusion.sql"), &[]).await?;
    Ok(match (row.get(0), row.get(1)) {
        (true, _) => Turn::Alone,
        (false, true) => Turn::Shared,
        (false, false) => Turn::None,
    })
}

/// Forgets the round's verdicts and lets its turn go.
async fn end_round(tx: &Transaction<'_>) -> Result<()> {
    tx.batch("rollback to savepoint evo_round; release savepoint evo_round").await
}

/// The expressions in which entities differ: whether the key has a time in it.
struct Names {
    key: String,
    time: Option<String>,
    /// The key's time in the stage table.
    event: String,
    /// What stands for the whole key in a set of keys.
    seen_key: &'static str,
    key_columns: String,
    key_values: &'static str,
    returning: String,
}

impl Names {
    fn of(entity: &Entity) -> Self {
        let key = ident(&entity.staging.key_column);
        let Some(partition) = &entity.partition else {
            return Self {
                time: None,
                event: "'epoch'::timestamptz".to_owned(),
                seen_key: "key",
                key_columns: key.clone(),
                key_values: "c.key",
                returning: format!("t.{key}"),
                key,
            };
        };
        let time = ident(&partition.column);
        let zone = literal(&entity.zone);
        Self {
            event: format!(
                "case when s.event_utc then s.event_at at time zone 'UTC' else s.event_at at time zone {zone} end"
            ),
            seen_key: "hashint8extended(key, (extract(epoch from event_at) * 1000000)::bigint)",
            key_columns: format!("{key}, {time}"),
            key_values: "c.key, c.event_at",
            returning: format!("t.{key}, t.{time}"),
            time: Some(time),
            key,
        }
    }

    fn matching(&self, left: &str, right: &str) -> String {
        let Self { key, time, .. } = self;
        let mut text = format!("{left}.{key} = {right}.key");
        if let Some(time) = time {
            text.push_str(&format!(" and {left}.{time} = {right}.event_at"));
        }
        text
    }
}

/// Makes the partitions of these years, on a connection of its own.
///
/// # Errors
/// As the server says.
pub(super) async fn make_partitions(job: &Job, years: &[i32]) -> Result<()> {
    let entity = &job.entity;
    let Some(partition) = &entity.partition else { return Ok(()) };
    let connection = job.pool.get().await?;
    let sql = "select evo.ensure_year_partition($1, $2, y, $3) from unnest($4::int[]) as y";
    connection.execute(sql, &[&entity.staging.table, &partition.column, &entity.zone, &years.to_vec()]).await.map(drop)
}
