//! Whether the documents that wait keep the contract of their entity: found out before the first of them is
//! loaded.
//!
//! The first documents of some waiting objects are compared with what is known: the fields that transforms
//! have recorded, and a sample of the documents in staging.

use futures_util::{StreamExt, TryStreamExt};
use serde_json::Value;

use super::job::LoadJob;
use crate::bronze::{Lines, chunks};
use crate::drift::{self, Breach, FieldCounts, KnownFields, SAMPLE, SampledLine, breaches};
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

/// What the waiting documents break of the entity's contract. Reads nothing where there is none.
///
/// # Errors
/// Those of the lake that time may heal; see [`crate::pg`]. An object that is broken or not handed out is
/// left to the load itself.
pub async fn check_contract(job: &LoadJob) -> Result<Vec<Breach>> {
    let contract = job.entity.contract.as_ref().filter(|contract| !contract.ignores_everything());
    let Some(contract) = contract else { return Ok(Vec::new()) };
    job.retry("checking the contract", async || check(job, contract).await).await
}

async fn check(job: &LoadJob, contract: &FieldContract) -> Result<Vec<Breach>> {
    let entity = &job.entity;
    let mut connection = job.pool.get().await?;
    let objects = waiting::some(&*connection, &entity.name, &job.selection, OBJECTS).await?;
    if objects.is_empty() {
        return Ok(Vec::new());
    }
    let tx = connection.begin().await?;
    let known = KnownFields::read(&tx, &entity.name).await?;
    let staged = models::staged(&tx, &entity.name).await?;
    let sample = drift::of_table(&qualified(&entity.staging.table), staged, "true");
    let (mut before, mut now) = (FieldCounts::default(), FieldCounts::default());
    drift::read_documents(&tx, &sample, |document, place| before.add(document, place)).await?;
    tx.rollback().await?;
    drop(connection);
    let of_each = (SAMPLE as usize).div_ceil(objects.len());
    let read = objects.iter().map(|(path, etag)| first_documents(job, path, etag, of_each));
    let mut read = futures_util::stream::iter(read).buffered(job.workers.max(1));
    let mut paths = objects.iter().map(|(path, _)| path);
    while let Some(documents) = read.try_next().await? {
        let path = paths.next().cloned().unwrap_or_default();
        for (document, source_line) in documents {
            let place = SampledLine { run_id: String::new(), source_file: path.clone(), source_line };
            now.add(&document, place);
        }
    }
    Ok(breaches(contract, &known, &before, &now))
}

/// The first documents of an object, written without white space; none where the object alone is the problem.
async fn first_documents(job: &LoadJob, path: &str, etag: &str, most: usize) -> Result<Vec<Document>> {
    match read_documents(job, path, etag, most).await {
        Err(error) if is_of_one_object(&error) => Ok(Vec::new()),
        read => read,
    }
}

/// Whether the load will find out by itself, and leave this object out.
fn is_of_one_object(error: &Error) -> bool {
    matches!(error.kind(), Kind::SourceCorrupt | Kind::SourceUnreadable | Kind::SourceChanged | Kind::SourceInvalid)
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
