//! Which staged rows are missing, and which are back.

use chrono::{DateTime, Utc};

use super::keys::{StagedKey, is_older};
use super::since::{MissingRow, Timeline};
use super::sought::SoughtKeys;
use crate::entity::Entity;
use crate::error::Result;
use crate::ids::BatchId;
use crate::ledger::followed::{self, RunPlace, WholeRun};
use crate::ledger::{models, seen};
use crate::pg::{Param, Transaction};
use crate::transform::increment::MarkedRow;
use crate::transform::job::EntityJob;
use crate::transform::partitions::key_ranges;
use crate::transform::range::Range;
use crate::transform::staged::array;
use crate::transform::transaction::begin;

/// Everything is read in one snapshot: a load that commits in between would look like rows that are missing.
const SNAPSHOT: &str = "set transaction isolation level repeatable read, read only; set local work_mem = '32MB'; \
                        set local jit = off";
/// Keys that are compared together, in memory.
const GROUP: usize = 4_000_000;

/// The result of a comparison.
#[derive(Debug)]
pub(super) struct Comparison {
    /// The newest whole run.
    pub run: RunPlace,
    /// Batches that were compared for the first time.
    pub batches: Vec<BatchId>,
    /// The rows whose mark has to change, by key.
    pub rows: Vec<MarkedRow>,
    /// Rows that were found missing.
    pub lost: u64,
    /// Rows that were missing and are there again.
    pub returned: u64,
    /// Rows that had been found missing before, and still are.
    pub still: u64,
    /// Rows that were there before.
    pub shown: u64,
}

/// What is compared with what.
struct Question<'a> {
    tx: &'a Transaction<'a>,
    entity: &'a Entity,
    key: StagedKey,
    whole: Vec<WholeRun>,
    run: RunPlace,
    is_older: String,
    /// The run of the last comparison.
    known: Option<RunPlace>,
    /// Only a comparison with another run can find any row missing; with the same one only rows of new
    /// batches.
    is_new_run: bool,
    /// What becomes of missing rows has changed since: it has to be done to those that are marked.
    is_new_rule: bool,
    batches: Vec<BatchId>,
}

/// A part of staging.
enum Piece {
    Keys(Range),
    Batch(BatchId),
}

/// Compares staging with the newest whole run. `None` if there is none, or if nothing was loaded since the
/// last time.
///
/// # Errors
/// See [`crate::pg`].
pub(super) async fn compare(job: &EntityJob, max_shrink: f64) -> Result<Option<Comparison>> {
    let mut connection = job.pool.get().await?;
    let tx = begin(&mut connection).await?;
    tx.batch(SNAPSHOT).await?;
    let compared = match Question::read(&tx, &job.entity).await? {
        Some(question) => {
            job.layout.wait_for_rows(&tx).await?;
            Some(question.answer(job, max_shrink).await?)
        }
        None => None,
    };
    tx.rollback().await?;
    Ok(compared)
}

impl<'a> Question<'a> {
    async fn read(tx: &'a Transaction<'a>, entity: &'a Entity) -> Result<Option<Self>> {
        let last = followed::last(tx, &entity.name).await?;
        let whole = followed::whole_runs(tx, entity).await?;
        let batches = followed::new_batches(tx, &entity.name).await?;
        let is_new_rule = last.as_ref().is_none_or(|last| last.missing != entity.missing.word());
        let known = last.map(|last| last.run);
        // A run that is loaded again is not whole for a while: what it once showed still holds.
        let newest = whole.last().map(|run| run.place.clone()).into_iter().chain(known.clone());
        let Some(run) = newest.max_by(RunPlace::compare) else { return Ok(None) };
        let is_new_run = known.as_ref() != Some(&run);
        if !is_new_run && !is_new_rule && batches.is_empty() {
            return Ok(None);
        }
        let values: [&dyn Param; 3] = [&entity.name, &run.ingestion_date, &run.run_id];
        let neighbours = tx.query(sql_file!("load/neighbouring_runs.sql"), &values).await?;
        let older: Vec<String> = neighbours.iter().filter(|row| !row.get::<_, bool>(1)).map(|row| row.get(0)).collect();
        let (key, is_older) = (StagedKey::of(entity), is_older(&run, &older));
        Ok(Some(Self { tx, entity, key, whole, run, is_older, known, is_new_run, is_new_rule, batches }))
    }

    async fn answer(self, job: &EntityJob, max_shrink: f64) -> Result<Comparison> {
        let Marked { returned, still } = self.marked().await?;
        let before = (returned.len() + still.len()) as u64;
        let shown = models::staged(self.tx, &self.entity.name).await?.saturating_sub(before);
        let missing = self.missing(job, shown).await?;
        let (lost, is_much) = (missing.len() as u64, missing.len() as f64 > shown as f64 * max_shrink);
        let (count, still_count) = (returned.len() as u64, still.len() as u64);
        let mut rows = returned;
        if self.is_new_rule {
            rows.extend(still);
        }
        if !is_much {
            rows.extend(self.dated(missing).await?);
        }
        rows.sort_by(|a, b| a.key.cmp(&b.key));
        let Self { run, batches, .. } = self;
        Ok(Comparison { run, batches, rows, lost, returned: count, still: still_count, shown })
    }

    /// The rows that are marked, in two lists.
    async fn marked(&self) -> Result<Marked> {
        let sql = self.key.fill(sql_file!("transform/missing/marked.sql"), "true", &self.is_older);
        let mut stream = self.tx.rows(&sql, &[]).await?;
        let (mut rows, mut older) = (Vec::new(), Vec::new());
        while let Some(row) = stream.next().await? {
            let marked = MarkedRow { key: row.get(0), time: row.get(1), batch: row.get(2), deleted_at: row.get(3) };
            let (seen_key, is_older): (i64, bool) = (row.get(4), row.get(5));
            if is_older {
                older.push(seen_key);
            }
            rows.push((marked, is_older.then_some(seen_key)));
        }
        let seen = self.look_for(older).await?;
        let mut marked = Marked { returned: Vec::new(), still: Vec::new() };
        for (row, seen_key) in rows {
            match seen_key.is_none_or(|key| seen.is_found(key)) {
                true => marked.returned.push(MarkedRow { deleted_at: None, ..row }),
                false => marked.still.push(row),
            }
        }
        Ok(marked)
    }

    /// The rows that are missing and not marked.
    async fn missing(&self, job: &EntityJob, staged: u64) -> Result<Vec<MissingRow>> {
        let pieces: Vec<Piece> = match self.is_new_run {
            true => {
                let column = &self.entity.staging.key_column;
                let ranges = key_ranges(self.tx, self.key.table(), column, job.chunk_rows.max(1)).await?;
                ranges.into_iter().map(Piece::Keys).collect()
            }
            false => self.batches.iter().map(|batch| Piece::Batch(*batch)).collect(),
        };
        // Where most rows are of older runs, their keys are quicker to read than their ages.
        let is_by_age =
            !self.is_new_run || seen::count_since(self.tx, &self.entity.name, &self.run).await? < staged / 2;
        let (mut missing, mut keys, mut first) = (Vec::new(), Vec::new(), 0);
        for (i, piece) in pieces.iter().enumerate() {
            let piece = std::slice::from_ref(piece);
            let within = if is_by_age { self.of_older(piece) } else { self.within(piece) };
            let sql = self.key.fill(sql_file!("transform/missing/keys.sql"), &within, "");
            keys.extend(self.tx.query_one(&sql, &[]).await?.get::<_, Vec<i64>>(0));
            if keys.len() >= GROUP || i + 1 == pieces.len() {
                let unseen = self.look_for(std::mem::take(&mut keys)).await?.not_found();
                missing.extend(self.rows(&pieces[first..=i], unseen).await?);
                first = i + 1;
            }
        }
        Ok(missing)
    }

    /// Looks for keys in the sets of this run and newer ones.
    async fn look_for(&self, keys: Vec<i64>) -> Result<SoughtKeys> {
        let mut sought = SoughtKeys::new(keys);
        if sought.len() > 0 {
            let mut sets = seen::since(self.tx, &self.entity.name, &self.run).await?;
            while let Some(row) = sets.next().await? {
                sought.find_in(row.get(2), |_| {});
            }
        }
        Ok(sought)
    }

    /// The rows of older runs behind keys that were not seen.
    async fn rows(&self, pieces: &[Piece], unseen: Vec<i64>) -> Result<Vec<MissingRow>> {
        let mut missing = Vec::new();
        if unseen.is_empty() {
            return Ok(missing);
        }
        let sql = self.key.fill(sql_file!("transform/missing/rows.sql"), &self.of_older(pieces), "");
        let mut rows = self.tx.rows(&sql, &[&unseen]).await?;
        while let Some(row) = rows.next().await? {
            missing.push(MissingRow {
                key: row.get(0),
                time: row.get(1),
                batch: row.get(2),
                ingestion_date: row.get(3),
                run_id: row.get(4),
                seen_key: row.get(5),
            });
        }
        Ok(missing)
    }

    /// The condition on the rows of pieces that follow each other.
    fn within(&self, pieces: &[Piece]) -> String {
        let of = |piece: &Piece| if let Piece::Batch(id) = piece { Some(*id) } else { None };
        let batches: Vec<BatchId> = pieces.iter().filter_map(of).collect();
        let (Some(Piece::Keys(first)), Some(Piece::Keys(last))) = (pieces.first(), pieces.last()) else {
            return format!("t._batch_id = any({})", array(&batches));
        };
        let range = Range { after: first.after.clone(), up_to: last.up_to.clone(), only: None };
        let conditions = range.conditions(&self.entity.staging.key_column);
        if conditions.is_empty() { "true".to_owned() } else { conditions.join(" and ") }
    }

    fn of_older(&self, pieces: &[Piece]) -> String {
        format!("{} and {}", self.within(pieces), self.is_older)
    }

    /// The rows with the time since when they are missing.
    async fn dated(&self, missing: Vec<MissingRow>) -> Result<Vec<MarkedRow>> {
        let now: DateTime<Utc> = self.tx.query_one("select now()", &[]).await?.get(0);
        // Rows of a late batch were not compared with the run of the last time.
        let known = self.known.as_ref().filter(|_| self.is_new_run);
        let mut timeline = Timeline::new(&self.whole, now);
        let since = timeline.missing_since(self.tx, &self.entity.name, &missing, known).await?;
        let marked = |(row, since): (MissingRow, _)| {
            let MissingRow { key, time, batch, .. } = row;
            MarkedRow { key, time, batch, deleted_at: Some(since) }
        };
        Ok(missing.into_iter().zip(since).map(marked).collect())
    }
}

/// Rows that are marked as missing.
struct Marked {
    /// Those that are there again, without the mark.
    returned: Vec<MarkedRow>,
    /// Those that are still missing.
    still: Vec<MarkedRow>,
}
