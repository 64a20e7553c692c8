//! `evo.batches`: one row per transaction of a load. Its unique token answers whether a batch is in.

use uuid::Uuid;

use crate::error::{Error, Kind, Result};
use crate::pg::{Pool, Transaction};

/// What became of the lines of an object or a batch. They always add up: [`Counts::balanced`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Lines read, blank ones not counted.
    pub lines: i64,
    /// New keys.
    pub inserted: i64,
    /// Known keys with newer content.
    pub updated: i64,
    /// Known keys with the same content.
    pub unchanged: i64,
    /// Beaten by a newer version of the same key.
    pub superseded: i64,
    /// Refused, kept in `evo.rejects`.
    pub rejected: i64,
}

impl Counts {
    /// Whether every line is accounted for exactly once.
    pub fn balanced(&self) -> bool {
        self.lines == self.inserted + self.updated + self.unchanged + self.superseded + self.rejected
    }

    /// Adds another object's or batch's counts.
    pub fn add(&mut self, other: &Counts) {
        self.lines += other.lines;
        self.inserted += other.inserted;
        self.updated += other.updated;
        self.unchanged += other.unchanged;
        self.superseded += other.superseded;
        self.rejected += other.rejected;
    }
}

/// The identity of a batch before it has a row.
#[derive(Debug, Clone)]
pub struct Claim<'a> {
    /// Drawn once when the batch is planned and kept over all attempts.
    pub token: Uuid,
    /// Entity.
    pub entity: &'a str,
    /// Execution that loads it.
    pub execution_id: Uuid,
    /// Bronze run of all its objects.
    pub run_id: &'a str,
    /// First and last path.
    pub paths: (&'a str, &'a str),
    /// How many objects.
    pub objects: i32,
    /// From 1.
    pub attempt: i32,
}

/// Inserts the batch's row as the first statement of its transaction and returns its id.
///
/// A second attempt that starts while the first one is still running waits here, on the unique token, until the first
/// has ended: committed, then [`committed`] says so; rolled back, then this one goes on.
///
/// # Errors
/// As the server says; a token that is in already is 23505.
pub async fn claim(tx: &Transaction<'_>, claim: &Claim<'_>) -> Result<i64> {
    let row = tx
        .query_one(
            sql_file!("ledger/claim_batch.sql"),
            &[
                &claim.token,
                &claim.entity,
                &claim.execution_id,
                &claim.run_id,
                &claim.paths.0,
                &claim.paths.1,
                &claim.objects,
                &claim.attempt,
            ],
        )
        .await?;
    Ok(row.get(0))
}

/// Writes the counts of the batch and of each object, in the batch's transaction.
///
/// # Errors
/// `Internal` when the lines do not add up: nothing is committed then. Otherwise as the server says.
pub async fn complete(
    tx: &Transaction<'_>,
    batch_id: i64,
    objects: &[(i64, Counts)],
    bytes: i64,
    timings: &serde_json::Value,
) -> Result<Counts> {
    let mut total = Counts::default();
    for (object_id, counts) in objects {
        if !counts.balanced() {
            return Err(Error::new(
                Kind::Internal,
                format!("the lines of object {object_id} do not add up: {counts:?}"),
            )
            .hint("nothing was committed; please report this with the object"));
        }
        total.add(counts);
    }
    let column = |f: fn(&Counts) -> i64| objects.iter().map(|(_, c)| f(c)).collect::<Vec<i64>>();
    let ids: Vec<i64> = objects.iter().map(|(id, _)| *id).collect();
    tx.execute(
        sql_file!("ledger/complete_objects.sql"),
        &[
            &ids,
            &column(|c| c.lines),
            &column(|c| c.inserted),
            &column(|c| c.updated),
            &column(|c| c.unchanged),
            &column(|c| c.superseded),
            &column(|c| c.rejected),
        ],
    )
    .await?;
    tx.execute(
        sql_file!("ledger/complete_batch.sql"),
        &[
            &batch_id,
            &total.lines,
            &total.inserted,
            &total.updated,
            &total.unchanged,
            &total.superseded,
            &total.rejected,
            &bytes,
            timings,
        ],
    )
    .await?;
    Ok(total)
}

/// The counts of the batch with this token, if it is in.
///
/// # Errors
/// As the server says.
pub async fn committed(pool: &Pool, token: Uuid) -> Result<Option<Counts>> {
    let connection = pool.get().await?;
    let rows = connection.query(sql_file!("ledger/committed_batch.sql"), &[&token]).await?;
    Ok(rows.first().map(|row| Counts {
        lines: row.get(0),
        inserted: row.get(1),
        updated: row.get(2),
        unchanged: row.get(3),
        superseded: row.get(4),
        rejected: row.get(5),
    }))
}
