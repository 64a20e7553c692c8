//! The merge of a staged batch: the statements of `sql/load/`, filled for an entity.

use super::Job;
use crate::entity::Entity;
use crate::error::Result;
use crate::ledger::batches::Counts;
use crate::ledger::objects::Pending;
use crate::ledger::seen;
use crate::pg::Transaction;
use crate::sql::{fill, ident, literal, qualified};
use crate::stage::{StageAs, frame};

/// Years outside of this range are parked in the default partition: nobody passes a turnstile in year 1.
const PLAUSIBLE_YEARS: std::ops::RangeInclusive<i32> = 2000..=2100;

/// The merge of one entity in one stage mode.
#[derive(Debug)]
pub(super) struct Merge<'a> {
    entity: &'a Entity,
    stage_as: StageAs,
    stage: String,
}

impl<'a> Merge<'a> {
    pub(super) fn new(entity: &'a Entity, stage_as: StageAs) -> Self {
        Self { entity, stage_as, stage: format!("evo_stage_{}", stage_as.sql()) }
    }

    pub(super) fn stage_tables(&self) -> String {
        fill(sql_file!("load/stage_tables.sql"), &[("mode", self.stage_as.sql())])
    }

    pub(super) fn copy(&self) -> String {
        format!("copy {} ({}) from stdin (format binary)", self.stage, frame::COLUMNS)
    }

    /// Merges the staged rows and returns the counts of each object, in order.
    pub(super) async fn run(
        &self,
        job: &Job,
        tx: &Transaction<'_>,
        batch_id: i64,
        objects: &[Pending],
    ) -> Result<Vec<Counts>> {
        let (run_id, paths) = places(objects);
        let dates: Vec<Option<chrono::NaiveDate>> = objects.iter().map(|o| o.ingestion_date).collect();
        let ids: Vec<i64> = objects.iter().map(|o| o.object_id).collect();
        if self.stage_as == StageAs::Text {
            tx.batch(sql_file!("load/refuse.sql")).await?;
        }
        tx.batch(&self.filled(sql_file!("load/winners.sql"))).await?;
        self.make_partitions(job, tx).await?;
        self.judge(tx, objects).await?;
        if self.depends_on_rivals(tx, objects).await? {
            tx.execute(sql_file!("load/one_at_a_time.sql"), &[&self.entity.name]).await?;
            tx.batch("delete from evo_known; delete from evo_verdict").await?;
            self.judge(tx, objects).await?;
        }
        self.remember_seen(tx, batch_id, objects).await?;
        let mut counts = vec![Counts::default(); objects.len()];
        for row in tx.query(&self.filled(sql_file!("load/count.sql")), &[]).await? {
            let counted = &mut counts[row.get::<_, i32>(0).unsigned_abs() as usize];
            let [accepted, winners, unchanged, superseded, rejected] = [1, 2, 3, 4, 5].map(|i| row.get::<_, i64>(i));
            counted.lines = accepted + rejected;
            counted.unchanged = unchanged;
            counted.superseded = superseded + accepted - winners;
            counted.rejected = rejected;
        }
        let upsert = self.filled(sql_file!("load/upsert.sql"));
        for row in tx.query(&upsert, &[&run_id, &paths, &dates, &batch_id]).await? {
            let counted = &mut counts[row.get::<_, i32>(0).unsigned_abs() as usize];
            let [inserted, updated, touched, lost] = [1, 2, 3, 4].map(|i| row.get::<_, i64>(i));
            counted.inserted = inserted;
            counted.updated = updated;
            counted.unchanged += touched;
            counted.superseded += lost;
        }
        if counts.iter().any(|c| c.rejected > 0) {
            tx.execute(&self.filled(sql_file!("load/reject.sql")), &[&self.entity.name, &ids, &batch_id, &paths])
                .await?;
        }
        Ok(counts)
    }

    /// What staging holds for the batch's keys, and what becomes of each.
    async fn judge(&self, tx: &Transaction<'_>, objects: &[Pending]) -> Result<()> {
        tx.batch(&self.filled(sql_file!("load/known.sql"))).await?;
        let (run_id, paths) = places(objects);
        tx.execute(sql_file!("load/verdicts.sql"), &[&run_id, &paths]).await?;
        Ok(())
    }

    /// Whether a batch of the same run that is under way too could make the verdicts wrong: one holds B and another,
    /// later one A for a key whose row says A. Each alone is right, but if neither sees the other, B stays. So batches
    /// that change rows of older objects, or leave them as they are, go one at a time from verdict to commit. Fresh keys
    /// need no such care: their rows carry their lineage.
    async fn depends_on_rivals(&self, tx: &Transaction<'_>, objects: &[Pending]) -> Result<bool> {
        let (run_id, paths) = places(objects);
        let row = tx.query_one(sql_file!("load/depends_on_rivals.sql"), &[&run_id, &paths]).await?;
        Ok(row.get(0))
    }

    /// Lets changed keys lose that a newer object has seen, and keeps the keys that this batch has seen: see
    /// [`crate::ledger::seen`].
    async fn remember_seen(&self, tx: &Transaction<'_>, batch_id: i64, objects: &[Pending]) -> Result<()> {
        let (Some(first), Some(last)) = (objects.first(), objects.last()) else { return Ok(()) };
        let keys = |rows: Vec<crate::pg::Row>| rows.iter().map(|row| row.get(0)).collect::<Vec<i64>>();
        let changed = "select distinct key from evo_verdict where verdict = 'changed' order by key";
        let changed = keys(tx.query(changed, &[]).await?);
        if !changed.is_empty() {
            let beaten = seen::by_newer(tx, &self.entity.name, &first.run_id, &last.path, &changed).await?;
            if !beaten.is_empty() {
                tx.execute(sql_file!("load/beaten.sql"), &[&beaten]).await?;
            }
        }
        let (run_id, paths) = places(objects);
        let unchanged = keys(tx.query(sql_file!("load/seen.sql"), &[&run_id, &paths]).await?);
        match unchanged.is_empty() {
            true => Ok(()),
            false => seen::record(tx, batch_id, &unchanged).await,
        }
    }

    /// Makes the partitions that the batch needs, on a connection of its own: the parent's lock must not be held until
    /// this batch commits. This transaction has not touched the staging table yet, so nobody waits in a circle.
    async fn make_partitions(&self, job: &Job, tx: &Transaction<'_>) -> Result<()> {
        let Some(partition) = &self.entity.partition else { return Ok(()) };
        let years = tx
            .query(
                "select distinct extract(year from event_at at time zone $1)::int from evo_winner order by 1",
                &[&self.entity.zone],
            )
            .await?;
        let years: Vec<i32> = years.iter().map(|row| row.get(0)).filter(|y| PLAUSIBLE_YEARS.contains(y)).collect();
        let connection = job.pool.get().await?;
        connection
            .execute(
                "select evo.ensure_year_partition($1, $2, y, $3) from unnest($4::int[]) as y",
                &[&self.entity.staging.table, &partition.column, &self.entity.zone, &years],
            )
            .await?;
        Ok(())
    }

    fn filled(&self, template: &str) -> String {
        let key = ident(&self.entity.staging.key_column);
        let zone = literal(&self.entity.zone);
        let (event, target_event, key_columns, key_values, time_match) = match &self.entity.partition {
            None => ("'epoch'::timestamptz".to_owned(), "w.event_at".to_owned(), key.clone(), "c.key", None),
            Some(p) => (
                format!("case when event_utc then event_at at time zone 'UTC' else event_at at time zone {zone} end"),
                format!("t.{}", ident(&p.column)),
                format!("{key}, {}", ident(&p.column)),
                "c.key, c.event_at",
                Some(ident(&p.column)),
            ),
        };
        let matching = |left: &str, right: &str| {
            let mut text = format!("{left}.{key} = {right}.key");
            if let Some(time) = &time_match {
                text.push_str(&format!(" and {left}.{time} = {right}.event_at"));
            }
            text
        };
        let returning = key_columns.split(", ").map(|c| format!("t.{c}")).collect::<Vec<_>>().join(", ");
        fill(
            template,
            &[
                ("stage", &self.stage),
                ("target", &qualified(&self.entity.staging.table)),
                ("event", &event),
                ("target_event", &target_event),
                ("match", &matching("t", "w")),
                ("key_columns", &key_columns),
                ("key_values", key_values),
                ("returning", &returning),
                ("written_match", &matching("w", "c")),
            ],
        )
    }
}

/// The run of a batch and the paths of its objects, by object number.
fn places(objects: &[Pending]) -> (&str, Vec<&str>) {
    (objects.first().map_or("", |o| o.run_id.as_str()), objects.iter().map(|o| o.path.as_str()).collect())
}
