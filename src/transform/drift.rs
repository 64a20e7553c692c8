//! Drift: fields that documents did not have before, or not of that type.
//!
//! Each transform samples the documents that it reads and adds their fields to `evo.fields`. A field that no
//! sampled document has goes unnoticed here; a value that does not fit its column is an issue in any case.
//!
//! Bounded: an object whose names are data (ids, for example) would bring new fields with every document.
//! From its 201st name on they count as one field, `attributes.*`; that is reported once, like any new field.

use std::collections::{BTreeMap, BTreeSet};

use super::job::EntityJob;
use super::range::Range;
use super::staged::StagedRows;
use super::transaction::begin;
use crate::error::Result;
use crate::ids::BatchId;
use crate::pg::{Row, Transaction};
use crate::sql::{fill, ident, qualified};

/// Number of documents to sample.
const SAMPLE: u64 = 1000;
/// Names of one object that are fields of their own.
const MAX_NAMES: i64 = 200;
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
        let rows = StagedRows::of_batches(&job.entity, ids, &Range::default()).sql();
        let key = ident(&job.entity.staging.key_column);
        let every = changed.div_ceil(SAMPLE);
        Self::read(job, &format!("(select * from {rows} r where hashint8({key}) % {every} = 0 limit {SAMPLE})")).await
    }

    /// Samples the whole staging table, which holds `staged` documents.
    pub(super) async fn of_all(job: &EntityJob, staged: u64) -> Result<Self> {
        let table = qualified(&job.entity.staging.table);
        // A page holds few documents, and a sampled page gives all of them: take twice the pages that should
        // do.
        let percent = (SAMPLE as f64 * 200.0 / staged.max(1) as f64).clamp(0.001, 100.0);
        Self::read(job, &format!("(select * from {table} tablesample system ({percent:.3}) limit {SAMPLE})")).await
    }

    async fn read(job: &EntityJob, sample: &str) -> Result<Self> {
        let mut connection = job.pool.get().await?;
        let tx = begin(&mut connection).await?;
        let rows = fields(job, &tx, sample).await?;
        tx.rollback().await?;
        let is_first = rows.first().is_some_and(|row| !row.get::<_, bool>(5));
        let field = |row: &Row| Drift {
            path: row.get(0),
            json_type: row.get(1),
            known_types: row.get(2),
            source_file: row.get(3),
            source_line: row.get(4),
        };
        Ok(Self { fields: rows.iter().map(field).collect(), is_first })
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
        let sql = sql_file!("transform/drift_file.sql");
        let rows =
            connection.query(sql, &[&job.entity.name, &job.execution_id, &paths, &types, &files, &lines]).await?;
        let recorded: Vec<(String, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        let is_new =
            |field: &Drift| recorded.iter().any(|(path, kind)| *path == field.path && *kind == field.json_type);
        Ok(self.fields.into_iter().filter(|field| !self.is_first && is_new(field)).collect())
    }
}

/// The rows of `drift.sql`, asked again until no object with too many names turns up.
async fn fields(job: &EntityJob, tx: &Transaction<'_>, sample: &str) -> Result<Vec<Row>> {
    let sql = fill(sql_file!("transform/drift.sql"), &[("sample", sample)]);
    let mut crowded: Vec<String> = Vec::new();
    let mut rows = tx.query(&sql, &[&job.entity.name, &crowded]).await?;
    for _ in 1..MAX_PASSES {
        let names = rows.iter().filter(|row| row.get::<_, Vec<&str>>(2).is_empty()).filter_map(|row| {
            let (path, parent): (&str, Option<&str>) = (row.get(0), row.get(6));
            Some((parent?, path, row.get::<_, i64>(7)))
        });
        let more = crowded_objects(names);
        if more.is_empty() {
            break;
        }
        crowded.extend(more);
        rows = tx.query(&sql, &[&job.entity.name, &crowded]).await?;
    }
    Ok(rows)
}

/// The objects that have too many names, known and new ones together. Takes for each new field its object,
/// its path, and how many names of the object are known.
fn crowded_objects<'a>(fields: impl Iterator<Item = (&'a str, &'a str, i64)>) -> Vec<String> {
    let mut names: BTreeMap<&str, (i64, BTreeSet<&str>)> = BTreeMap::new();
    for (object, path, known) in fields.filter(|(_, path, _)| *path != "*" && !path.ends_with(".*")) {
        let object = names.entry(object).or_default();
        object.0 = known;
        object.1.insert(path);
    }
    let is_crowded = |(known, new): &(i64, BTreeSet<&str>)| known + new.len() as i64 > MAX_NAMES;
    names.into_iter().filter(|(_, object)| is_crowded(object)).map(|(object, _)| object.to_owned()).collect()
}
