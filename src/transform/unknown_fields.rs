//! Fields that a sample of an entity's documents has and `evo.fields` does not.

use super::job::EntityJob;
use super::range::Range;
use super::staged::StagedRows;
use super::transaction::begin;
use crate::drift::{self, KnownFields, NewField, NewFields, SAMPLE};
use crate::error::Result;
use crate::ids::BatchId;
use crate::pg::Transaction;
use crate::sql::{ident, qualified};

/// Passes over the sample. Each may find more objects with too many names, one level deeper than the last.
const MAX_PASSES: usize = 10;

/// A field that is new, or of a type that it never had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// Path of the field: `saleItens[].itemValue`.
    pub path: String,
    /// The JSON type that is new.
    pub json_type: String,
    /// The types that it had before; empty for a new field.
    pub known_types: Vec<String>,
    /// Object in which it was first seen.
    pub source_file: String,
    /// The line there, from 1.
    pub source_line: i64,
}

/// The unknown fields of a sample.
#[derive(Debug)]
pub(super) struct UnknownFields {
    fields: Vec<Drift>,
    /// No field of the entity was known before.
    is_first: bool,
}

impl UnknownFields {
    /// Samples the documents of these batches, which own `changed` rows of staging.
    pub(super) async fn of_batches(job: &EntityJob, ids: &[BatchId], changed: u64) -> Result<Self> {
        if changed == 0 {
            return Ok(Self { fields: Vec::new(), is_first: false });
        }
        Self::read(job, &of_batches(job, ids, changed)).await
    }

    /// Samples the whole staging table, which holds `staged` documents.
    pub(super) async fn of_all(job: &EntityJob, staged: u64) -> Result<Self> {
        Self::read(job, &of_all(job, staged)).await
    }

    async fn read(job: &EntityJob, sample: &str) -> Result<Self> {
        let mut connection = job.pool.get().await?;
        let tx = begin(&mut connection).await?;
        let mut known = KnownFields::read(&tx, &job.entity.name).await?;
        let is_first = known.is_empty();
        let mut passes = 0;
        let found = loop {
            passes += 1;
            let fields = find(&tx, &known, sample).await?;
            let crowded = fields.crowded();
            if crowded.is_empty() || passes == MAX_PASSES {
                break fields.found;
            }
            known.crowd(crowded);
        };
        tx.rollback().await?;
        let drift = |((path, json_type), field): ((String, &'static str), NewField)| Drift {
            known_types: known.types(&path).unwrap_or_default().to_vec(),
            path,
            json_type: json_type.to_owned(),
            source_file: field.place.source_file,
            source_line: field.place.source_line,
        };
        Ok(Self { fields: found.into_iter().map(drift).collect(), is_first })
    }

    /// Adds the fields to `evo.fields` and returns those that are drift. When an entity is sampled for the
    /// first time, every field is new and none is drift.
    pub(super) async fn record(self, job: &EntityJob) -> Result<Vec<Drift>> {
        if self.fields.is_empty() {
            return Ok(Vec::new());
        }
        let texts = |of: fn(&Drift) -> &String| self.fields.iter().map(|field| of(field).clone()).collect::<Vec<_>>();
        let lines: Vec<i64> = self.fields.iter().map(|field| field.source_line).collect();
        let (paths, types, files) = (texts(|f| &f.path), texts(|f| &f.json_type), texts(|f| &f.source_file));
        let connection = job.pool.get().await?;
        let sql = sql_file!("drift/file.sql");
        let rows =
            connection.query(sql, &[&job.entity.name, &job.execution_id, &paths, &types, &files, &lines]).await?;
        let recorded: Vec<(String, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        let is_new =
            |field: &Drift| recorded.iter().any(|(path, kind)| *path == field.path && *kind == field.json_type);
        Ok(self.fields.into_iter().filter(|field| !self.is_first && is_new(field)).collect())
    }
}

/// A sample of the documents of these batches, which own `changed` rows of staging.
fn of_batches(job: &EntityJob, ids: &[BatchId], changed: u64) -> String {
    of_rows(job, &StagedRows::of_batches(&job.entity, ids, &Range::default()), changed)
}

/// A sample of so many rows of staging.
pub(super) fn of_rows(job: &EntityJob, rows: &StagedRows, changed: u64) -> String {
    let (key, (hash, _)) = (ident(&job.entity.staging.key_column), job.entity.key_type().hashes());
    drift::of_rows(&rows.sql(), &format!("{hash}({key})"), changed.div_ceil(SAMPLE))
}

/// A sample of the whole staging table, which holds `staged` documents.
fn of_all(job: &EntityJob, staged: u64) -> String {
    drift::of_table(&qualified(&job.entity.staging.table), staged, "true")
}

/// The fields of a sample that are not known. Sampling again may give other documents.
async fn find<'k>(tx: &Transaction<'_>, known: &'k KnownFields, sample: &str) -> Result<NewFields<'k>> {
    let mut fields = NewFields::new(known);
    drift::read_documents(tx, sample, |document, place| fields.add(document, place)).await?;
    Ok(fields)
}
