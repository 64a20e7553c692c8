//! Lines of an object against the rows of staging.

use super::chunk::LineChunk;
use super::clues::Clue;
use super::loaded::LoadedObject;
use super::mismatch::{Mismatch, MismatchKind};
use super::statements::VerifyStatements;
use crate::error::Result;
use crate::ids::{BatchId, RowKey, SeenKey};
use crate::pg::{Connection, Param};

/// The result for the lines of a chunk.
#[derive(Debug, Default)]
pub(super) struct Probed {
    /// Rows that came from these very lines.
    pub own: u64,
    /// Documents whose values were compared.
    pub values: u64,
    /// Mismatches that are certain.
    pub mismatches: Vec<Mismatch>,
    /// Rows with older content than their line, which a newer object may account for; by line.
    pub clues: Vec<(i64, Clue)>,
}

/// Compares lines of one object on one connection.
pub(super) struct Prober<'a> {
    pub connection: &'a Connection,
    pub statements: &'a VerifyStatements,
    pub object: &'a LoadedObject,
    /// Batches that may have loaded the object.
    pub batches: &'a [BatchId],
}

impl Prober<'_> {
    /// Compares a chunk.
    ///
    /// # Errors
    /// See [`crate::pg`].
    pub(super) async fn compare(&self, chunk: &LineChunk) -> Result<Probed> {
        let path = &self.object.object.path;
        let sql = self.statements.fill(sql_file!("verify/probe.sql"));
        let row = self.connection.query_one(&sql, &with(chunk, &[path, &self.object.transaction])).await?;
        let (present, own): (i64, i64) = (row.get(0), row.get(1));
        let (differing, doubtful): (Vec<i64>, Vec<i64>) = (row.get(2), row.get(3));
        let mut probed = Probed { own: own.unsigned_abs(), values: doubtful.len() as u64, ..Probed::default() };
        if present.unsigned_abs() < chunk.lines.len() as u64 {
            probed.mismatches.extend(self.missing(chunk).await?);
        }
        if !differing.is_empty() {
            self.older(&chunk.pick(&differing), &mut probed).await?;
        }
        if !doubtful.is_empty() {
            probed.mismatches.extend(self.altered(&chunk.pick(&doubtful)).await?);
        }
        Ok(probed)
    }

    async fn missing(&self, chunk: &LineChunk) -> Result<Vec<Mismatch>> {
        let sql = self.statements.fill(sql_file!("verify/present.sql"));
        let rows = self.connection.query(&sql, &with(chunk, &[])).await?;
        let mut present: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
        present.sort_unstable();
        let lines = chunk.lines.iter().zip(&chunk.keys).filter(|(line, _)| present.binary_search(line).is_err());
        let missing = |(line, key): (&i64, &RowKey)| {
            Mismatch::of_row(MismatchKind::RowMissing, key.clone(), Some(self.object.line(*line)))
        };
        Ok(lines.map(missing).collect())
    }

    /// Rows with another content than their line: those that are newer are right.
    async fn older(&self, differing: &LineChunk, probed: &mut Probed) -> Result<()> {
        let object = &self.object.object;
        let sql = self.statements.fill(sql_file!("verify/differing.sql"));
        let own: [&dyn Param; 3] = [&object.path, &object.run_id, &object.ingestion_date];
        for row in self.connection.query(&sql, &with(differing, &own)).await? {
            let (line, age): (i64, i32) = (row.get(0), row.get(1));
            let (path, row_line): (Option<String>, Option<i64>) = (row.get(2), row.get(3));
            let is_newer = age > 0 || age == 0 && row_line > Some(line);
            let (false, Some(key)) = (is_newer, differing.key(line)) else { continue };
            let is_own = age == 0 && row_line == Some(line);
            let kind = if is_own { MismatchKind::RowAltered } else { MismatchKind::RowOutdated };
            let mut mismatch = Mismatch::of_row(kind, key, Some(self.object.line(line)));
            if !is_own {
                let shown = path.as_deref().unwrap_or("no object");
                mismatch.detail = format!("its row came from {shown} line {}", row_line.unwrap_or_default());
            }
            mismatch.row = Some((path, row_line));
            if is_own && self.wrote(row.get(4)) {
                probed.mismatches.push(mismatch);
            } else {
                let seen_key = SeenKey { key: row.get(5), place: row.get(6) };
                probed.clues.push((line, Clue { seen_key, mismatch }));
            }
        }
        Ok(())
    }

    /// Whether a row that names this path and batch is one of the version that is being read. Of another
    /// version its lines prove nothing; of this one, whatever newer objects have seen, the row is its line.
    fn wrote(&self, batch: Option<BatchId>) -> bool {
        let is_its_last = batch == Some(self.object.batch_id);
        is_its_last || !self.object.has_earlier && batch.is_some_and(|batch| self.batches.contains(&batch))
    }

    async fn altered(&self, doubtful: &LineChunk) -> Result<Vec<Mismatch>> {
        let path = &self.object.object.path;
        let sql = self.statements.fill(sql_file!("verify/values.sql"));
        let rows = self.connection.query(&sql, &with(doubtful, &[path, &doubtful.documents])).await?;
        let lines: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
        let altered = |line: i64| {
            let mut mismatch =
                Mismatch::of_row(MismatchKind::RowAltered, doubtful.key(line)?, Some(self.object.line(line)));
            mismatch.row = Some((Some(path.clone()), Some(line)));
            Some(mismatch)
        };
        Ok(lines.into_iter().filter_map(altered).collect())
    }
}

/// The parameters of a statement over a chunk.
pub(super) fn with<'a>(chunk: &'a LineChunk, more: &[&'a dyn Param]) -> Vec<&'a dyn Param> {
    chunk.parameters().into_iter().chain(more.iter().copied()).collect()
}
