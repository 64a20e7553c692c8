//! One object, read again, against the rows of staging.

use super::clues::{self, Clue, Clues};
use super::job::VerifyJob;
use super::loaded::LoadedObject;
use super::mismatch::{Mismatch, MismatchKind};
use super::probe::Prober;
use super::reader::{ObjectReader, RecordedLines};
use super::statements::VerifyStatements;
use super::strangers;
use crate::error::{Error, Kind, Result};
use crate::ids::BatchId;
use crate::ledger::rejects;
use crate::pg::Connection;
use crate::stage::LineSet;

/// The result of comparing some objects.
#[derive(Debug, Default)]
pub(super) struct Compared {
    pub objects: u64,
    pub bytes: u64,
    /// Lines read.
    pub documents: u64,
    /// Documents whose values were compared.
    pub values: u64,
    /// Rows of versions of objects that cannot be read any more.
    pub unprovable: u64,
    pub mismatches: Vec<Mismatch>,
}

/// An object, and what staging holds of it.
pub(super) struct HeldObject<'a> {
    pub object: &'a LoadedObject,
    /// Batches that may have loaded it.
    pub batches: &'a [BatchId],
    /// Rows that say that they came from it.
    pub rows: u64,
}

/// Compares an object, and adds what it found.
///
/// An object that is not there any more, or broken, is a mismatch of its own, or one that the listing has
/// found.
///
/// # Errors
/// `SourceUnavailable` and `AccessDenied` of the lake; see [`crate::pg`].
pub(super) async fn compare(
    job: &VerifyJob,
    (connection, statements): (&mut Connection, &VerifyStatements),
    held: &HeldObject<'_>,
    compared: &mut Compared,
) -> Result<()> {
    let (object, before) = (held.object, compared.mismatches.len());
    match read(job, (connection, statements), held, compared).await {
        Err(error) if error.kind() == Kind::SourceChanged => {
            // Lines of another version, or of a broken one, prove nothing about the rows.
            compared.mismatches.truncate(before);
            compared.unprovable += held.rows;
            Ok(())
        }
        Err(error) if is_of_the_object(&error) => {
            compared.mismatches.truncate(before);
            compared.unprovable += held.rows;
            let found = Mismatch::of_object(MismatchKind::ObjectUnreadable, object.line(0), error.message().to_owned());
            compared.mismatches.push(found);
            Ok(())
        }
        read => read,
    }
}

fn is_of_the_object(error: &Error) -> bool {
    matches!(error.kind(), Kind::SourceCorrupt | Kind::SourceUnreadable | Kind::SourceInvalid)
}

async fn read(
    job: &VerifyJob,
    (connection, statements): (&mut Connection, &VerifyStatements),
    held: &HeldObject<'_>,
    compared: &mut Compared,
) -> Result<()> {
    let object = held.object;
    let known = known_lines(connection, object).await?;
    let mut reader = ObjectReader::open(job, object, known.clone()).await?;
    let (mut own, mut clues) = (0, Clues::default());
    while let Some(chunk) = reader.next().await {
        let prober = Prober { connection: &*connection, statements, object, batches: held.batches };
        let probed = prober.compare(&chunk).await?;
        own += probed.own;
        compared.values += probed.values;
        compared.mismatches.extend(probed.mismatches);
        clues.add(&chunk, probed.clues);
    }
    let lines = reader.end().await?;
    compared.mismatches.extend(resolve(job, connection, object, clues.all()).await?);
    compared.objects += 1;
    compared.bytes += object.object.size_bytes.unsigned_abs();
    compared.documents += lines.unsigned_abs();
    if lines != object.lines {
        let detail = format!("it has {lines} lines, {} were loaded", object.lines);
        compared.mismatches.push(Mismatch::of_object(MismatchKind::ObjectLines, object.line(0), detail));
    }
    if held.rows > own {
        let found = strangers::find(job, (&*connection, statements), (object, held.batches), known).await?;
        compared.mismatches.extend(found.mismatches);
        compared.unprovable += found.unprovable;
    }
    Ok(())
}

async fn resolve(
    job: &VerifyJob,
    connection: &mut Connection,
    object: &LoadedObject,
    clues: Vec<Clue>,
) -> Result<Vec<Mismatch>> {
    if clues.is_empty() {
        return Ok(Vec::new());
    }
    let tx = connection.begin().await?;
    let found = clues::resolve(&tx, &job.entity.name, object, clues).await?;
    tx.rollback().await?;
    Ok(found)
}

async fn known_lines(connection: &mut Connection, object: &LoadedObject) -> Result<RecordedLines> {
    let id = object.object.object_id;
    let tx = connection.begin().await?;
    let fixes = rejects::fixes(&tx, &[id]).await?.pop().unwrap_or_default();
    let mut refused = LineSet::default();
    for row in tx.query(sql_file!("verify/refused_lines.sql"), &[&id]).await? {
        refused.insert(row.get(0), 0);
    }
    tx.rollback().await?;
    Ok(RecordedLines { fixes, refused })
}
