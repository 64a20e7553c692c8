//! Drift: fields that documents did not have before, or not of that type.
//!
//! Each transform looks at a sample of what it takes in and adds to `evo.fields`. A field of which no sampled document is
//! goes unnoticed here; a value that does not fit its column is an issue in any case.
//!
//! Bounded: an object whose names are data, ids for one, would bring new fields with every document. From its 201st name on
//! they are one field, `attributes.*`; that it became one is said once, like any new field.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Range, Source};
use super::{Job, SESSION};
use crate::error::Result;
use crate::ids::BatchId;
use crate::sql::{fill, ident, qualified};

/// Documents looked at.
const SAMPLE: u64 = 1000;
/// Names of one object that are fields of their own.
const NAMES: i64 = 200;
/// Looks at the same documents, each with more objects whose names are one: more than they can be nested.
const LOOKS: usize = 10;

/// A field that is new, or has a type that it never had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// `saleItens[].itemValue`.
    pub path: String,
    /// Its JSON type.
    pub json_type: String,
    /// The types that it had; empty for a new field.
    pub known_types: Vec<String>,
    /// Object in which it was first seen.
    pub source_file: String,
    /// The line there.
    pub source_line: i64,
}

/// What a look found.
#[derive(Debug)]
pub(super) struct Look {
    found: Vec<Drift>,
    /// Nothing was known of the entity.
    is_first: bool,
}

impl Job {
    /// Looks at documents of these batches, `changed` rows.
    pub(super) async fn drift_of_batches(&self, ids: &[BatchId], changed: u64) -> Result<Vec<Drift>> {
        if changed == 0 {
            return Ok(Vec::new());
        }
        let source = Source::batches(&self.entity, ids, &Range::default());
        let key = ident(&self.entity.staging.key_column);
        let every = changed.div_ceil(SAMPLE);
        let sample = format!("(select * from {} r where hashint8({key}) % {every} = 0 limit {SAMPLE})", source.sql());
        let look = self.look(&sample).await?;
        self.file(look).await
    }

    /// Looks at documents of the whole staging table, which holds `staged`.
    pub(super) async fn drift_of_all(&self, staged: u64) -> Result<Vec<Drift>> {
        let look = self.look_at_all(staged).await?;
        self.file(look).await
    }

    /// The same without remembering what was found, so that it is reported though the transform should fail in between.
    pub(super) async fn look_at_all(&self, staged: u64) -> Result<Look> {
        let table = qualified(&self.entity.staging.table);
        // A page holds few documents, and a sampled page gives all of them: twice as many pages as should be needed.
        let percent = (SAMPLE as f64 * 200.0 / staged.max(1) as f64).clamp(0.001, 100.0);
        self.look(&format!("(select * from {table} tablesample system ({percent:.3}) limit {SAMPLE})")).await
    }

    async fn look(&self, sample: &str) -> Result<Look> {
        let mut connection = self.pool.get().await?;
        let tx = connection.begin().await?;
        tx.batch(SESSION).await?;
        let sql = fill(sql_file!("transform/drift.sql"), &[("sample", sample)]);
        let mut crowded: Vec<String> = Vec::new();
        let mut rows = tx.query(&sql, &[&self.entity.name, &crowded]).await?;
        for _ in 1..LOOKS {
            let names = rows.iter().filter(|row| row.get::<_, Vec<&str>>(2).is_empty()).filter_map(|row| {
                let (path, parent): (&str, Option<&str>) = (row.get(0), row.get(6));
                Some((parent?, path, row.get::<_, i64>(7)))
            });
            let more = crowded_objects(names);
            if more.is_empty() {
                break;
            }
            crowded.extend(more);
            rows = tx.query(&sql, &[&self.entity.name, &crowded]).await?;
        }
        tx.rollback().await?;
        let is_first = rows.first().is_some_and(|row| !row.get::<_, bool>(5));
        let found = rows.iter().map(|row| Drift {
            path: row.get(0),
            json_type: row.get(1),
            known_types: row.get(2),
            source_file: row.get(3),
            source_line: row.get(4),
        });
        Ok(Look { found: found.collect(), is_first })
    }

    /// Remembers what was found. The first look at an entity finds everything new, which is no drift.
    pub(super) async fn file(&self, look: Look) -> Result<Vec<Drift>> {
        if look.found.is_empty() {
            return Ok(Vec::new());
        }
        let texts = |of: fn(&Drift) -> &String| look.found.iter().map(|drift| of(drift).clone()).collect::<Vec<_>>();
        let lines: Vec<i64> = look.found.iter().map(|drift| drift.source_line).collect();
        let (paths, types, files) = (texts(|d| &d.path), texts(|d| &d.json_type), texts(|d| &d.source_file));
        let connection = self.pool.get().await?;
        let sql = sql_file!("transform/drift_file.sql");
        let rows =
            connection.query(sql, &[&self.entity.name, &self.execution_id, &paths, &types, &files, &lines]).await?;
        let filed: Vec<(String, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        let is_news = |drift: &Drift| filed.iter().any(|(path, kind)| *path == drift.path && *kind == drift.json_type);
        Ok(look.found.into_iter().filter(|drift| !look.is_first && is_news(drift)).collect())
    }
}

/// The objects that have too many names, known and new ones together. Of each new field: its object, its path, and how many names of
/// the object are known.
fn crowded_objects<'a>(fields: impl Iterator<Item = (&'a str, &'a str, i64)>) -> Vec<String> {
    let mut names: BTreeMap<&str, (i64, BTreeSet<&str>)> = BTreeMap::new();
    for (object, path, known) in fields.filter(|(_, path, _)| *path != "*" && !path.ends_with(".*")) {
        let object = names.entry(object).or_default();
        object.0 = known;
        object.1.insert(path);
    }
    let is_crowded = |(known, new): &(i64, BTreeSet<&str>)| known + new.len() as i64 > NAMES;
    names.into_iter().filter(|(_, object)| is_crowded(object)).map(|(object, _)| object.to_owned()).collect()
}
