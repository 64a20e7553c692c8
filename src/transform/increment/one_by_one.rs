//! A chunk with documents that the warehouse refuses: by a constraint, a trigger or a column's type that
//! somebody changed. All others are transformed.
//!
//! One transaction transforms the chunk by halves, each behind a savepoint, down to the single document that
//! fails. A document is refused as a whole: none of its rows changes in any table, so parent and children
//! stay of one version. It becomes a row of `evo.issues` and its batch stays pending: the next transform
//! tries again.

use super::changed::changed_table;
use super::chunk::{Chunk, ChunkResult, begin_chunk, complete, find_changed, is_about_a_row, write_part};
use super::refused::{RefusedDocument, grouped};
use super::table::{AtTable, ChunkTable};
use crate::error::{Error, Kind, Result};
use crate::ids::RowKey;
use crate::pg::Transaction;
use crate::sql::{fill, ident};
use crate::transform::issues;
use crate::transform::job::EntityJob;
use crate::transform::range::Range;
use crate::transform::reading::Reading;
use crate::transform::refusal::Refusal;
use crate::transform::staged::StagedRows;
use crate::transform::summary::has_changes;
use crate::transform::transaction::Unconfirmed;

/// With more refused documents in one chunk than this, something refuses nearly everything: the chunk fails.
const MAX_REFUSED: usize = 1000;

/// Transforms all documents of a chunk except those that are refused.
///
/// # Errors
/// `Refused` when too many are; `BadRow` for a value that does not fit, if the job is strict; otherwise see
/// [`crate::pg`]. Nothing of the chunk is written then.
pub(super) async fn one_by_one(
    job: &EntityJob,
    chunk: Chunk<'_>,
    unconfirmed: &mut Unconfirmed<ChunkResult>,
) -> Result<ChunkResult> {
    let mut connection = job.pool.get().await?;
    let (tx, tables) = begin_chunk(job, &mut connection, chunk.shapes).await?;
    find_changed(job, &tx, chunk).await?;
    let sql = format!("select distinct key from {} order by key", changed_table(&job.entity));
    let keys = tx.query(&sql, &[]).await?;
    let keys: Vec<RowKey> = keys.iter().map(|row| row.get(0)).collect();
    let result = match by_halves(job, (&tx, &tables), chunk, &keys).await {
        Err(error) if job.strict && error.kind() == Kind::BadRow => {
            drop(tx);
            return Err(issues::strict_error(job, chunk.rows, error).await);
        }
        result => result?,
    };
    for one in &result.refused {
        file_refused(job, &tx, chunk.rows, one).await?;
    }
    if result.refused.is_empty() {
        complete(job, &tx, chunk).await?;
    }
    let wrote = has_changes(&result.tables);
    unconfirmed.commit(tx, result, wrote).await
}

async fn by_halves(
    job: &EntityJob,
    on: (&Transaction<'_>, &[ChunkTable<'_>]),
    chunk: Chunk<'_>,
    keys: &[RowKey],
) -> Result<ChunkResult> {
    let mut result = ChunkResult::none(&job.entity);
    // Halves that are still to be done, the first one last.
    let mut halves = vec![(0, keys.len())];
    while let Some((begin, end)) = halves.pop().filter(|(begin, end)| begin < end) {
        if job.shutdown.is_requested() {
            return Err(job.shutdown.error());
        }
        match try_range(job, on, chunk, &Range::of_keys(keys, begin, end)).await {
            Ok(part) => result.add(part),
            Err(at) if !is_about_a_row(&at.error) => return Err(at.error),
            Err(at) if job.strict && at.error.kind() == Kind::BadRow => return Err(at.error),
            Err(at) if end - begin == 1 => result.refused.push(RefusedDocument::new(keys[begin].clone(), at)),
            Err(_) => {
                let middle = begin.midpoint(end);
                halves.extend([(middle, end), (begin, middle)]);
            }
        }
        if result.refused.len() > MAX_REFUSED {
            return Err(too_many(&result.refused));
        }
    }
    Ok(result)
}

/// Transforms the documents of a range, or none of them. Constraints that are deferred to the commit are
/// checked now.
async fn try_range(
    job: &EntityJob,
    (tx, tables): (&Transaction<'_>, &[ChunkTable<'_>]),
    chunk: Chunk<'_>,
    range: &Range,
) -> Result<ChunkResult, AtTable> {
    let failed = |error: Error| AtTable { table: job.entity.models[0].table.clone(), error };
    let clear: String = tables.iter().map(ChunkTable::clear_sql).collect();
    let changed = changed_table(&job.entity);
    tx.batch(&format!("savepoint evo_part; delete from {changed}; {clear}")).await.map_err(failed)?;
    let rows = chunk.rows.within(&job.entity.staging.key_column, range);
    let core = chunk.core.map(|whole| range.clone().inside(whole));
    let part = Chunk { rows: &rows, core: core.as_ref(), ..chunk };
    let reading = if job.strict { Reading::Written } else { Reading::Careful };
    let mut done = write_part(job, (tx, tables), part, reading).await;
    if done.is_ok()
        && let Err(error) = tx.batch("set constraints all immediate").await
    {
        done = Err(failed(error));
    }
    match done {
        Ok(part) => tx.batch("release savepoint evo_part").await.map(|()| part).map_err(failed),
        Err(at) if is_about_a_row(&at.error) => {
            tx.batch("rollback to savepoint evo_part").await.map_err(failed)?;
            Err(at)
        }
        Err(at) => Err(at),
    }
}

async fn file_refused(job: &EntityJob, tx: &Transaction<'_>, rows: &StagedRows, one: &RefusedDocument) -> Result<()> {
    let sql = fill(
        sql_file!("transform/increment/refused.sql"),
        &[
            ("rows", &rows.sql()),
            ("staging_key", &ident(&job.entity.staging.key_column)),
            ("key_type", job.entity.key_type().sql()),
            ("key_part", &job.entity.key_type().part("$3")),
        ],
    );
    let entity = &job.entity.name;
    tx.execute(&sql, &[entity, &one.table, &one.key, &one.by, &one.reason, &job.execution_id]).await?;
    Ok(())
}

fn too_many(refused: &[RefusedDocument]) -> Error {
    let reasons: Vec<String> = grouped(refused).iter().map(Refusal::line).collect();
    Error::new(Kind::Refused, format!("more than {MAX_REFUSED} documents of one chunk are refused"))
        .detail(reasons.join("\n"))
        .hint("nothing of this chunk was written; change what refuses them, or correct them at the source")
}
