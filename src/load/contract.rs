//! Whether the documents that wait keep the contract of their entity: found out before the first of them is
//! loaded.
//!
//! The first documents of some waiting objects are compared with what is known: the fields that transforms
//! have recorded, and a sample of the documents in staging.

use futures_util::{StreamExt, TryStreamExt};
use serde_json::Value;

use super::job::LoadJob;
use super::left_out;
use crate::bronze::{Lines, chunks};
use crate::counted::counted;
use crate::drift::{self, FieldCounts, FieldFindings, KnownFields, SAMPLE, SampledLine, compared};
use crate::entity::FieldContract;
use crate::error::{Error, Kind, Result};
use crate::ledger::{models, waiting};
use crate::sql::qualified;

/// Objects that are looked into.
const OBJECTS: i64 = 20;
/// Bytes of a document; longer ones are not looked into.
const MAX_DOCUMENT: usize = 1_000_000;

/// Bytes of documents of one object after which no further one is read.
const MAX_BYTES: usize = 4_000_000;

/// A document and its line.
type Document = (String, i64);

/// What waits, and what it is compared with.
struct Waiting {
    /// Path and etag of some objects.
    objects: Vec<(String, String)>,
    known: KnownFields,
    before: FieldCounts,
}

/// What the waiting documents break of the entity's contract. Reads nothing where there is none.
///
/// # Errors
/// See [`crate::pg`]. Objects that cannot be read are left to the load itself, which knows what to do about
/// them; if none can, a note says that nothing was compared.
pub async fn check_contract(job: &LoadJob) -> Result<FieldFindings> {
    let contract = job.entity.contract.as_ref().filter(|contract| !contract.ignores_everything());
    let Some(contract) = contract else { return Ok(FieldFindings::default()) };
    let Waiting { objects, known, before } =
        job.retry("reading what is known of the documents", async || waiting(job).await).await?;
    if objects.is_empty() {
        return Ok(FieldFindings::default());
    }
    compare(job, contract, &objects, (&known, &before)).await
}

async fn waiting(job: &LoadJob) -> Result<Waiting> {
    let entity = &job.entity;
    let mut connection = job.pool.get().await?;
    let objects = waiting::some(&*connection, &entity.name, &job.selection, OBJECTS).await?;
    let mut before = FieldCounts::default();
    if objects.is_empty() {
        return Ok(Waiting { objects, known: KnownFields::default(), before });
    }
    let tx = connection.begin().await?;
    let known = KnownFields::read(&tx, &entity.name).await?;
    let staged = models::staged(&tx, &entity.name).await?;
    let sample = drift::of_table(&qualified(&entity.staging.table), staged, "true");
    drift::read_documents(&tx, &sample, |document, place| before.add(document, place)).await?;
    tx.rollback().await?;
    Ok(Waiting { objects, known, before })
}

async fn compare(
    job: &LoadJob,
    contract: &FieldContract,
    objects: &[(String, String)],
    (known, before): (&KnownFields, &FieldCounts),
) -> Result<FieldFindings> {
    let read = first_documents(job, objects).await?;
    if read.iter().all(Option::is_none) {
        let objects = counted(objects.len() as u64, "object", "objects");
        let note = format!("not checked, because none of the first {objects} could be read; the load says why");
        return Ok(FieldFindings { notes: vec![note], ..FieldFindings::default() });
    }
    let mut now = FieldCounts::default();
    for ((path, _), documents) in objects.iter().zip(read) {
        for (document, source_line) in documents.unwrap_or_default() {
            let place = SampledLine { run_id: String::new(), source_file: path.clone(), source_line };
            now.add(&document, place);
        }
    }
    Ok(compared(contract, known, before, &now))
}

/// The first documents of each object, `None` where it cannot be read. What time may heal is waited for, once
/// for all of them.
async fn first_documents(job: &LoadJob, objects: &[(String, String)]) -> Result<Vec<Option<Vec<Document>>>> {
    let of_each = (SAMPLE as usize).div_ceil(objects.len().max(1));
    let mut read: Vec<Option<Vec<Document>>> = objects.iter().map(|_| None).collect();
    let mut waiting: Vec<usize> = (0..objects.len()).collect();
    let attempt = async || {
        let reads = std::mem::take(&mut waiting).into_iter().map(|i| async move {
            let (path, etag) = &objects[i];
            match read_documents(job, path, etag, of_each).await {
                Err(error) if is_of_objects(&error) => Ok((i, Err(error))),
                done => done.map(|documents| (i, Ok(documents))),
            }
        });
        let done: Vec<_> = futures_util::stream::iter(reads).buffered(job.workers.max(1)).try_collect().await?;
        let mut unavailable = None;
        for (i, documents) in done {
            match documents {
                Ok(documents) => read[i] = Some(documents),
                Err(error) if error.kind() == Kind::SourceUnavailable => {
                    waiting.push(i);
                    unavailable = Some(error);
                }
                Err(error) => tracing::debug!(object = objects[i].0, reason = error.message(), "not looked into"),
            }
        }
        unavailable.map_or(Ok(()), Err)
    };
    match job.retry("reading documents to check the contract", attempt).await {
        Err(error) if error.kind() != Kind::SourceUnavailable => Err(error),
        _ => Ok(read),
    }
}

/// Whether the load will find out by itself which objects it has to leave out, or that it can read none.
fn is_of_objects(error: &Error) -> bool {
    left_out::may_concern_one_object(error) || matches!(error.kind(), Kind::SourceCorrupt | Kind::SourceChanged)
}

async fn read_documents(job: &LoadJob, path: &str, etag: &str, most: usize) -> Result<Vec<Document>> {
    let body = job.lake.read(path, etag).await?;
    let (writer, reader) = chunks::channel(path);
    // It ends with the body, or when the reader is dropped.
    tokio::spawn(writer.write_all(body));
    let mut lines = Lines::new(reader, &job.entity.input, job.limits);
    let read = move || -> Result<Vec<Document>> {
        let (mut found, mut bytes) = (Vec::new(), 0);
        while found.len() < most
            && bytes < MAX_BYTES
            && let Some(line) = lines.next_line()?
        {
            bytes += line.bytes.len();
            let is_short = line.refused.is_none() && line.bytes.len() <= MAX_DOCUMENT;
            let value = is_short.then(|| serde_json::from_slice::<Value>(line.bytes).ok()).flatten();
            found.extend(value.filter(Value::is_object).map(|value| (value.to_string(), line.number)));
        }
        Ok(found)
    };
    let read = tokio::task::spawn_blocking(read).await;
    read.map_err(|e| Error::new(Kind::Internal, "the thread that reads documents died").caused_by(e))?
}
