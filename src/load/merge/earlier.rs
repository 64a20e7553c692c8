//! What staging holds of the same objects of older runs, to compare a batch with while it is read.
//!
//! An extraction cuts its objects by the same windows each time, so that most lines of an object repeat those
//! of the object of that name in the runs before. Names only say where it is worth looking: a row counts by
//! its key and its content.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::statements::Statements;
use crate::entity::{Entity, KeyType};
use crate::error::{Error, Kind, Result};
use crate::ids::{BatchId, RowKey};
use crate::load::job::LoadJob;
use crate::load::stream::BatchObjects;
use crate::pg::{Param, Row, Transaction};
use crate::stage::{KnownLines, KnownRows, ZoneOffsets};

/// Rows that a batch is compared with at most: some 14 MB in memory.
const MAX_ROWS: i64 = (1 << 18) / 8 * 7;
/// Microseconds between 1970 and 2000.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

/// Rows that committed batches have written.
#[derive(Debug)]
pub(in crate::load) struct EarlierRows {
    batches: Vec<BatchId>,
    paths: Vec<String>,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    count: i64,
}

/// Lines of a batch that were not sent, and the rows that they repeat.
#[derive(Debug)]
pub(in crate::load) struct Known {
    pub rows: EarlierRows,
    pub lines: KnownLines,
}

impl EarlierRows {
    /// The rows of the same objects of older runs, with their keys and contents; `None` when there are none.
    ///
    /// # Errors
    /// See [`crate::pg`].
    pub(in crate::load) async fn find(
        job: &LoadJob,
        tx: &Transaction<'_>,
        batch: &BatchObjects<'_>,
        (statements, zone): (&Statements, Option<Arc<ZoneOffsets>>),
    ) -> Result<Option<(Self, KnownRows)>> {
        let Some((mut earlier, most)) = Self::of_names(job, tx, batch).await? else { return Ok(None) };
        if let Some(zone) = &zone {
            let instant = |micros| DateTime::from_timestamp_micros(micros + POSTGRES_EPOCH).unwrap_or_default();
            let span = zone.span();
            (earlier.from, earlier.until) = (instant(span.start), instant(span.end));
        }
        let mut rows = KnownRows::new(zone, (batch.objects.len(), most));
        let mut found = tx.rows(&statements.known_rows(), &earlier.parameters()).await?;
        while let Some(row) = found.next().await? {
            earlier.count += match statements.layout().is_distributed() {
                true => add_sent(&mut rows, &row, &job.entity)?,
                false => add_arrays(&mut rows, &row),
            };
        }
        Ok((earlier.count > 0).then_some((earlier, rows)))
    }

    /// Makes sure, in the batch's turn, that the rows are as they were when they were fetched.
    ///
    /// # Errors
    /// `TransactionConflict` when another batch has changed one of them; see [`crate::pg`].
    pub(super) async fn assert_unchanged(&self, tx: &Transaction<'_>, statements: &Statements) -> Result<()> {
        let count: i64 = tx.query_one(&statements.count_known_rows(), &self.parameters()).await?.get(0);
        if count == self.count {
            return Ok(());
        }
        Err(Error::new(Kind::TransactionConflict, "rows have changed since the batch was compared with them"))
    }

    /// The batches that wrote rows of these names, and how many rows at most.
    async fn of_names(job: &LoadJob, tx: &Transaction<'_>, batch: &BatchObjects<'_>) -> Result<Option<(Self, usize)>> {
        let Some(first) = batch.objects.first() else { return Ok(None) };
        let lake = job.selection.lake;
        let values: [&dyn Param; 5] = [&job.entity.name, &lake, &first.run_id, &first.ingestion_date, &batch.paths()];
        let (mut batches, mut paths, mut rows) = (Vec::new(), Vec::new(), 0);
        for row in tx.query(sql_file!("load/earlier_objects.sql"), &values).await? {
            let more: i64 = row.get(2);
            if rows + more <= MAX_ROWS {
                rows += more;
                batches.push(row.get(0));
                paths.extend(row.get::<_, Vec<String>>(1));
            }
        }
        // Without a time in the key, every row stands at the epoch.
        let (from, until) = (DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH + TimeDelta::days(1));
        let most = usize::try_from(rows).unwrap_or_default();
        Ok((rows > 0).then_some((Self { batches, paths, from, until, count: 0 }, most)))
    }

    fn parameters(&self) -> [&dyn Param; 4] {
        [&self.batches, &self.paths, &self.from, &self.until]
    }
}

/// Adds the rows of `known_rows.sql`, and tells how many.
fn add_arrays(rows: &mut KnownRows, found: &Row) -> i64 {
    let Some(keys) = found.get::<_, Option<Vec<RowKey>>>(0) else { return 0 };
    let (times, hashes): (Option<Vec<DateTime<Utc>>>, Vec<Uuid>) = (found.get(1), found.get(2));
    for (i, (key, hash)) in keys.iter().zip(hashes).enumerate() {
        let time = times.as_ref().map_or(0, |times| times[i].timestamp_micros() - POSTGRES_EPOCH);
        rows.add((key, time), hash.as_u128());
    }
    i64::try_from(keys.len()).unwrap_or(i64::MAX)
}

/// The same with those of `known_rows_on_shards.sql`.
fn add_sent(rows: &mut KnownRows, found: &Row, entity: &Entity) -> Result<i64> {
    let Some(sent) = found.get::<_, Option<Vec<&[u8]>>>(0) else { return Ok(0) };
    let (key_type, has_time) = (entity.key_type(), entity.key_time().is_some());
    for bytes in &sent {
        let Some((key, time, hash)) = sent_row(bytes, key_type, has_time) else {
            return Err(Error::new(Kind::Internal, "a shard has sent a row that cannot be read"));
        };
        rows.add((&key, time), hash);
    }
    Ok(i64::try_from(sent.len()).unwrap_or(i64::MAX))
}

/// The key, the time and the content hash of a row as the server sends them.
fn sent_row(bytes: &[u8], key_type: KeyType, has_time: bool) -> Option<(RowKey, i64, u128)> {
    let (hash, rest) = bytes.split_first_chunk()?;
    let (time, key) = match has_time {
        true => rest.split_first_chunk().map(|(time, key)| (i64::from_be_bytes(*time), key))?,
        false => (0, rest),
    };
    let key = match key_type {
        KeyType::Integer => RowKey::Integer(i64::from_be_bytes(key.try_into().ok()?)),
        KeyType::Text => RowKey::Text(std::str::from_utf8(key).ok()?.into()),
        KeyType::Uuid => RowKey::Uuid(Uuid::from_slice(key).ok()?),
    };
    Some((key, time, u128::from_be_bytes(*hash)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_read_as_the_server_sends_it() {
        let (hash, time, id) = ([7; 16], 5_i64.to_be_bytes(), (-2_i64).to_be_bytes());
        let number = u128::from_be_bytes(hash);
        let uuid = Uuid::from_u128(9);
        let sent = |key_type, parts: &[&[u8]]| sent_row(&parts.concat(), key_type, parts.len() == 3);
        assert_eq!(sent(KeyType::Integer, &[&hash, &id]), Some((RowKey::Integer(-2), 0, number)));
        assert_eq!(sent(KeyType::Integer, &[&hash, &time, &id]), Some((RowKey::Integer(-2), 5, number)));
        assert_eq!(sent(KeyType::Text, &[&hash, "é,".as_bytes()]), Some((RowKey::Text("é,".into()), 0, number)));
        assert_eq!(sent(KeyType::Text, &[&hash, &time, b""]), Some((RowKey::Text("".into()), 5, number)));
        assert_eq!(sent(KeyType::Uuid, &[&hash, uuid.as_bytes()]), Some((RowKey::Uuid(uuid), 0, number)));
        for cut in [&hash[..15], &[&hash[..], &id[..7]].concat()] {
            assert_eq!(sent_row(cut, KeyType::Integer, false), None);
        }
    }
}
