//! A batch with lines whose rows the staging table refuses: by a constraint, an index or a trigger that
//! somebody added. Each costs its line, and no other.
//!
//! The rows are written by halves, each behind a savepoint, down to the single line that fails. What was
//! written stays until all of them are found, because a row may be refused for the sake of another one of the
//! batch. Then everything is rolled back, the lines are rejected, and the verdicts are made again: an earlier
//! line of a key may now be its last one.

use super::context::Merge;
use super::write::upsert_part;
use crate::error::{Error, Kind, Result};
use crate::ids::ObjectNo;
use crate::load::attempt_error::AttemptError;
use crate::load::refused::{RefusedLine, is_of_a_row};

/// With more refused lines in one batch than this, something is wrong with the whole of an object.
const MAX_REFUSED: usize = 1_000;
/// The same while no row was accepted.
const MAX_REFUSED_OF_ALL: usize = 100;

/// A row that the batch wants to write.
struct Candidate {
    /// Position of its verdict.
    ctid: String,
    object_no: ObjectNo,
    line_no: i64,
}

/// Finds the lines that are refused, after `error` said that there are some. Writes rows meanwhile: the
/// caller rolls back.
///
/// # Errors
/// `error` when each row alone is accepted; `Refused` or `BadRow` when too many are refused: both of rows.
/// For others see [`crate::pg`].
pub(super) async fn find(merge: &Merge<'_>, error: Error) -> Result<Vec<RefusedLine>, AttemptError> {
    let rows = merge.tx.query(&merge.statements.fill(sql_file!("load/candidates.sql")), &[]).await?;
    let candidate = |row: &crate::pg::Row| Candidate { ctid: row.get(0), object_no: row.get(1), line_no: row.get(2) };
    let candidates: Vec<Candidate> = rows.iter().map(candidate).collect();
    let (mut refused, mut accepted) = (Vec::new(), 0);
    // Halves that are still to be done, the first one last.
    let mut halves = vec![(0, candidates.len())];
    while let Some((begin, end)) = halves.pop().filter(|(begin, end)| begin < end) {
        if merge.job.shutdown.is_requested() {
            return Err(merge.job.shutdown.error().into());
        }
        match try_part(merge, &candidates[begin..end]).await? {
            None => accepted += end - begin,
            Some(error) if end - begin == 1 => refused.push(line(merge, &candidates[begin], error)),
            Some(_) => {
                let middle = begin.midpoint(end);
                halves.extend([(middle, end), (begin, middle)]);
            }
        }
        let most = if accepted == 0 { MAX_REFUSED_OF_ALL } else { MAX_REFUSED };
        if refused.len() > most {
            return Err(AttemptError::of_rows(too_many(&refused[0], most)));
        }
    }
    if refused.is_empty() { Err(AttemptError::of_rows(error)) } else { Ok(refused) }
}

/// Writes some rows, or none of them. Returns why they are refused.
async fn try_part(merge: &Merge<'_>, part: &[Candidate]) -> Result<Option<Error>> {
    let tx = merge.tx;
    tx.batch("savepoint evo_part").await?;
    let ctids: Vec<&str> = part.iter().map(|candidate| candidate.ctid.as_str()).collect();
    match upsert_part(merge, &ctids).await {
        Ok(()) => tx.batch("release savepoint evo_part").await.map(|()| None),
        Err(error) if is_of_a_row(&error) => {
            tx.batch("rollback to savepoint evo_part; release savepoint evo_part").await?;
            Ok(Some(error))
        }
        Err(error) => Err(error),
    }
}

fn line(merge: &Merge<'_>, candidate: &Candidate, error: Error) -> RefusedLine {
    let table = &merge.job.entity.staging.table;
    RefusedLine {
        object_no: candidate.object_no,
        path: merge.lineage.paths[candidate.object_no.index()].to_owned(),
        line_no: candidate.line_no,
        reason: format!("{table}: {}", error.message()),
        sqlstate: error.sqlstate().unwrap_or_default().to_owned(),
    }
}

fn too_many(first: &RefusedLine, most: usize) -> Error {
    let RefusedLine { reason, line_no, sqlstate, .. } = first;
    let message = format!("more than {most} of its lines are refused, the first one, line {line_no}: {reason}");
    Error::new(Kind::Refused, message).with_sqlstate(sqlstate)
}

/// Rejects the lines in the stage table.
///
/// # Errors
/// See [`crate::pg`].
pub(super) async fn reject(merge: &Merge<'_>, refused: &[RefusedLine]) -> Result<()> {
    let objects: Vec<ObjectNo> = refused.iter().map(|line| line.object_no).collect();
    let lines: Vec<i64> = refused.iter().map(|line| line.line_no).collect();
    let reasons: Vec<&str> = refused.iter().map(|line| line.reason.as_str()).collect();
    let codes: Vec<&str> = refused.iter().map(|line| line.sqlstate.as_str()).collect();
    let sql = merge.statements.fill(sql_file!("load/reject_refused.sql"));
    merge.tx.execute(&sql, &[&objects, &lines, &reasons, &codes]).await?;
    Ok(())
}
