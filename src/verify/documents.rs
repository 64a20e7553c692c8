//! Objects read again, several at a time.

use std::collections::HashMap;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::job::VerifyJob;
use super::loaded::{LoadedObject, LoadedPages};
use super::mismatch::Mismatches;
use super::object::{Compared, HeldObject, compare};
use super::statements::VerifyStatements;
use crate::error::Result;
use crate::ids::ObjectId;
use crate::ledger::batches;
use crate::meter::{Phase, Unit};
use crate::pg::Connection;

/// Objects of one batch that are compared on one connection, one after the other.
const GROUP: usize = 64;

/// Which objects are read.
#[derive(Debug, Clone, PartialEq)]
pub enum Reread {
    /// All.
    All,
    /// A share of them, 0 to 1, drawn by this seed, and those with these paths.
    Sample(f64, u64, Vec<String>),
    /// Those with these paths.
    Paths(Vec<String>),
}

impl Reread {
    /// The objects of a page to read; of the first page of a sample at least one.
    fn chosen(&self, page: Vec<LoadedObject>, is_first: bool) -> Vec<LoadedObject> {
        let Reread::Sample(share, seed, paths) = self else { return page };
        let drawn = |object: &LoadedObject| xxhash_rust::xxh3::xxh3_64_with_seed(object.object.path.as_bytes(), *seed);
        let least = page.iter().map(drawn).min().filter(|_| is_first);
        let is_drawn = |object: &LoadedObject| {
            let is_drawn = (drawn(object) as f64) < share * u64::MAX as f64 || Some(drawn(object)) == least;
            is_drawn || paths.contains(&object.object.path)
        };
        page.into_iter().filter(is_drawn).collect()
    }
}

/// How much was compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DocumentCounts {
    /// Objects that were read.
    pub objects: u64,
    /// Their compressed bytes.
    pub bytes: u64,
    /// Their lines.
    pub documents: u64,
    /// Documents that the server parsed to compare their values.
    pub values: u64,
    /// Rows that cannot be compared, because their objects cannot be read any more.
    pub unprovable: u64,
}

/// Reads objects again, newest first, and compares each of their lines with the row of its key. `bytes` is
/// how much there is to read.
///
/// # Errors
/// `SourceUnavailable` and `AccessDenied` of the lake; the signal's; see [`crate::pg`].
pub async fn compare_documents(
    job: &VerifyJob,
    reading: &Reread,
    bytes: u64,
    found: &mut Mismatches,
) -> Result<DocumentCounts> {
    let phase = job.meter.phase(format!("{}: reading again", job.entity.name), bytes, Unit::Bytes);
    let statements = VerifyStatements::new(&job.pool, &job.entity).await?;
    let paths = if let Reread::Paths(paths) = reading { Some(paths.clone()) } else { None };
    let mut pages = LoadedPages::new(job, paths);
    let (mut counts, mut is_first) = (DocumentCounts::default(), true);
    loop {
        let page = pages.next().await?;
        if page.is_empty() {
            return Ok(counts);
        }
        let objects = reading.chosen(page, is_first);
        is_first = false;
        let groups = stream::iter(groups(objects));
        let compared = groups.map(|group| compare_group(job, &statements, group, &phase));
        let mut compared = compared.buffer_unordered(job.workers.max(1));
        while let Some(one) = compared.try_next().await? {
            counts.objects += one.objects;
            counts.bytes += one.bytes;
            counts.documents += one.documents;
            counts.values += one.values;
            counts.unprovable += one.unprovable;
            found.extend(one.mismatches);
        }
    }
}

/// Consecutive objects of one batch. What staging holds of them is counted together.
fn groups(objects: Vec<LoadedObject>) -> Vec<Vec<LoadedObject>> {
    let mut groups: Vec<Vec<LoadedObject>> = Vec::new();
    for object in objects {
        match groups.last_mut() {
            Some(group) if group.len() < GROUP && group[0].batch_id == object.batch_id => group.push(object),
            _ => groups.push(vec![object]),
        }
    }
    groups
}

async fn compare_group(
    job: &VerifyJob,
    statements: &VerifyStatements,
    group: Vec<LoadedObject>,
    phase: &Phase,
) -> Result<Compared> {
    let what = format!("comparing documents of {}", job.entity.name);
    job.pool.retry(&what, async || try_group(job, statements, &group, phase).await).await
}

async fn try_group(
    job: &VerifyJob,
    statements: &VerifyStatements,
    group: &[LoadedObject],
    phase: &Phase,
) -> Result<Compared> {
    let progress = phase.tentative();
    let mut compared = Compared::default();
    let mut pooled = job.pool.get().await?;
    let ids: Vec<ObjectId> = group.iter().map(|object| object.object.object_id).collect();
    let batches = batches::of_objects(&*pooled, &ids).await?;
    let held = held(&pooled, statements, group, &batches).await?;
    for object in group {
        if job.shutdown.is_requested() {
            return Err(job.shutdown.error());
        }
        let rows = held.get(&object.object.path).copied().unwrap_or_default();
        let held = HeldObject { object, batches: &batches, rows };
        compare(job, (&mut *pooled, statements), &held, &mut compared).await?;
        progress.add(object.object.size_bytes.unsigned_abs());
    }
    progress.keep(group.iter().map(|object| object.object.size_bytes.unsigned_abs()).sum());
    Ok(compared)
}

/// How many rows say that they came from each of the objects, by path.
async fn held(
    connection: &Connection,
    statements: &VerifyStatements,
    group: &[LoadedObject],
    batches: &[crate::ids::BatchId],
) -> Result<HashMap<String, u64>> {
    let paths: Vec<&str> = group.iter().map(|object| object.object.path.as_str()).collect();
    let sql = statements.fill(sql_file!("verify/held.sql"));
    let rows = connection.query(&sql, &[&batches.to_vec(), &paths]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get::<_, i64>(1).unsigned_abs())).collect())
}
