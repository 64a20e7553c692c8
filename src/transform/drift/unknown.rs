//! Fields that a sample of an entity's documents has and `evo.fields` does not.

use super::known::KnownFields;
use super::new_fields::{NewField, NewFields, SampledLine};
use crate::error::Result;
use crate::ids::BatchId;
use crate::pg::{Row, Transaction};
use crate::sql::{fill, ident, qualified};
use crate::transform::job::EntityJob;
use crate::transform::range::Range;
use crate::transform::staged::StagedRows;
use crate::transform::transaction::begin;

/// Number of documents to sample.
const SAMPLE: u64 = 1000;
/// Documents that the server sends together.
const PORTION: u64 = 100;
/// Characters of a document that are read.
const MAX_DOCUMENT: usize = 1_000_000;
/// Bytes after which no further portion is read.
const MAX_BYTES: usize = 32_000_000;
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
pub(in crate::transform) struct UnknownFields {
    fields: Vec<Drift>,
    /// No field of the entity was known before.
    is_first: bool,
}

impl UnknownFields {
    /// Samples the documents of these batches, which own `changed` rows of staging.
    pub(in crate::transform) async fn of_batches(job: &EntityJob, ids: &[BatchId], changed: u64) -> Result<Self> {
        if changed == 0 {
            return Ok(Self { fields: Vec::new(), is_first: false });
        }
        let rows = StagedRows::of_batches(&job.entity, ids, &Range::default()).sql();
        let key = ident(&job.entity.staging.key_column);
        let (every, (hash, _)) = (changed.div_ceil(SAMPLE), job.entity.key_type().hashes());
        Self::read(job, &format!("(select * from {rows} r where {hash}({key}) % {every} = 0 limit {SAMPLE})")).await
    }

    /// Samples the whole staging table, which holds `staged` documents.
    pub(in crate::transform) async fn of_all(job: &EntityJob, staged: u64) -> Result<Self> {
        let table = qualified(&job.entity.staging.table);
        // A page holds few documents, and a sampled page gives all of them: take twice the pages that should
        // do.
        let percent = (SAMPLE as f64 * 200.0 / staged.max(1) as f64).clamp(0.001, 100.0);
        Self::read(job, &format!("(select * from {table} tablesample system ({percent:.3}) limit {SAMPLE})")).await
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
    pub(in crate::transform) async fn record(self, job: &EntityJob) -> Result<Vec<Drift>> {
        if self.fields.is_empty() {
            return Ok(Vec::new());
        }
        let texts = |of: fn(&Drift) -> &String| self.fields.iter().map(|field| of(field).clone()).collect::<Vec<_>>();
        let lines: Vec<i64> = self.fields.iter().map(|field| field.source_line).collect();
        let (paths, types, files) = (texts(|f| &f.path), texts(|f| &f.json_type), texts(|f| &f.source_file));
        let connection = job.pool.get().await?;
        let sql = sql_file!("transform/drift_file.sql");
        let rows =
            connection.query(sql, &[&job.entity.name, &job.execution_id, &paths, &types, &files, &lines]).await?;
        let recorded: Vec<(String, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        let is_new =
            |field: &Drift| recorded.iter().any(|(path, kind)| *path == field.path && *kind == field.json_type);
        Ok(self.fields.into_iter().filter(|field| !self.is_first && is_new(field)).collect())
    }
}

/// The fields of a sample that are not known. Sampling again may give other documents.
async fn find<'k>(tx: &Transaction<'_>, known: &'k KnownFields, sample: &str) -> Result<NewFields<'k>> {
    let values = [("sample", sample), ("most", &MAX_DOCUMENT.to_string())];
    let sql = fill(sql_file!("transform/drift_sample.sql"), &values);
    tx.batch(&format!("declare evo_sample no scroll cursor for\n{sql}")).await?;
    let mut fields = NewFields::new(known);
    let (mut is_over, mut bytes) = (false, 0);
    while !is_over && bytes < MAX_BYTES {
        let mut rows = tx.rows(&format!("fetch {PORTION} from evo_sample"), &[]).await?;
        is_over = true;
        while let Some(row) = rows.next().await? {
            let document: &str = row.get(0);
            fields.add(document, place(&row));
            bytes += document.len();
            is_over = false;
        }
    }
    tx.batch("close evo_sample").await?;
    Ok(fields)
}

/// Where a document of the sample came from.
fn place(row: &Row) -> SampledLine {
    let text = |i| row.get::<_, Option<String>>(i).unwrap_or_default();
    SampledLine { run_id: text(1), source_file: text(2), source_line: row.get::<_, Option<i64>>(3).unwrap_or_default() }
}
