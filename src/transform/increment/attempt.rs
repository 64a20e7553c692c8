//! The attempts that a chunk gets.

use super::chunk::{Chunk, ChunkResult, begin_chunk, complete, is_about_a_row, write_part};
use super::one_by_one::one_by_one;
use crate::error::{Kind, Result};
use crate::transform::issues;
use crate::transform::job::EntityJob;
use crate::transform::model_fault::of_author;
use crate::transform::reading::Reading;
use crate::transform::summary::has_changes;
use crate::transform::transaction::Unconfirmed;

/// Transforms one chunk: first as the models are written, with typed records as far as that works; with
/// careful casts if a value does not fit; and document by document if the warehouse refuses a row.
///
/// # Errors
/// `BadRow` for a value that does not fit, if the job is strict; `Refused` when too many documents are
/// refused; otherwise see [`crate::pg`]. Nothing of the chunk is written then.
pub(super) async fn transform_chunk(
    job: &EntityJob,
    chunk: Chunk<'_>,
    unconfirmed: &mut Unconfirmed<ChunkResult>,
) -> Result<ChunkResult> {
    let mut error = match attempt(job, chunk, chunk.typed.reading, unconfirmed).await {
        Err(e) if is_about_a_row(&e) => e,
        other => return other,
    };
    if error.kind() == Kind::BadRow {
        if job.strict {
            return Err(issues::strict_error(job, chunk.rows, error).await);
        }
        error = match attempt(job, chunk, Reading::Careful, unconfirmed).await {
            Err(e) if is_about_a_row(&e) => e,
            other => return other,
        };
    }
    tracing::info!(reason = error.message(), "looking for the documents that are refused");
    one_by_one(job, chunk, unconfirmed).await
}

/// All statements share one snapshot. Without it, a load that commits in between could move rows to a batch
/// that is not in this chunk: the parent would be of one version of a document and its children of another,
/// or missing.
async fn attempt(
    job: &EntityJob,
    chunk: Chunk<'_>,
    reading: Reading,
    unconfirmed: &mut Unconfirmed<ChunkResult>,
) -> Result<ChunkResult> {
    let mut connection = job.pool.get().await?;
    let (tx, tables) = begin_chunk(job, &mut connection, chunk.shapes).await?;
    let result = write_part(job, (&tx, &tables), chunk, reading).await.map_err(|at| of_author(at.error))?;
    complete(job, &tx, chunk).await?;
    failpoint!("transform.before_chunk_commit");
    let wrote = has_changes(&result.tables);
    let done = unconfirmed.commit(tx, result, wrote).await?;
    failpoint!("transform.after_chunk_commit");
    Ok(done)
}
