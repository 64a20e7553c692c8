//! The rows of a core table against what its model gives, over a range of keys.

use super::finding::{CoreMismatch, CoreMismatchKind, CoreMismatches};
use super::range::{KeyRange, begin};
use crate::entity::Model;
use crate::error::{Context, Kind, Result};
use crate::ids::RowKey;
use crate::pg::{Row, Transaction};
use crate::sql::{columns, fill, ident, literal, qualified};
use crate::transform::job::EntityJob;
use crate::transform::range::Range;
use crate::transform::reading::{AT_SESSION_ZONE, Reading, select};
use crate::transform::shape::Shape;

/// Rows of a range that are kept by name.
const NAMED_OF_RANGE: usize = 200;

/// A core table, and how its model is read.
#[derive(Clone, Copy)]
pub(super) struct ComparedTable<'a> {
    pub model: &'a Model,
    pub shape: &'a Shape,
}

/// Compares the rows of a range. First by the model's quickest reading; what differs then counts only if it
/// differs in the model as it is written, too, and in a snapshot taken later.
///
/// # Errors
/// See [`crate::pg`].
pub(super) async fn compare(
    job: &EntityJob,
    table: ComparedTable<'_>,
    range: &Range,
    is_plain: bool,
) -> Result<CoreMismatches> {
    let what = || table.model.table.clone();
    match try_reading(job, table, range, Reading::Typed { is_plain }).await {
        Ok(found) if found.count() == 0 => return Ok(found),
        Err(e) if !e.kind().is_of_statement() => {
            return Err(e.context(what()));
        }
        _ => {}
    }
    match try_reading(job, table, range, Reading::Written).await {
        Err(e) if e.kind() == Kind::BadRow => try_reading(job, table, range, Reading::Careful).await.context(what()),
        done => done.context(what()),
    }
}

async fn try_reading(
    job: &EntityJob,
    table: ComparedTable<'_>,
    range: &Range,
    reading: Reading,
) -> Result<CoreMismatches> {
    let mut connection = job.pool.get().await?;
    let tx = begin(&mut connection).await?;
    let keys = KeyRange::read(&tx, job, range).await?;
    let model = select(&job.entity, table.model, &keys.staged(), reading);
    if model.contains(AT_SESSION_ZONE) {
        tx.batch(&format!("set local timezone = {}", literal(&job.entity.zone))).await?;
    }
    let rows = tx.query(&sql(table, &keys, &model), &[]).await?;
    let mut found = CoreMismatches::default();
    let total = rows.first().map_or(0, |row| row.get::<_, i64>(4).unsigned_abs());
    for row in &rows {
        let mismatch = mismatch(table.model, row);
        *found.counts.entry((table.model.table.clone(), mismatch.kind)).or_default() += 1;
        found.named.push(mismatch);
    }
    // Beyond the limit the kinds are not known; the last one stands for the rest.
    if let (Some(last), true) = (found.named.last(), total > rows.len() as u64) {
        *found.counts.entry((last.table.clone(), last.kind)).or_default() += total - rows.len() as u64;
    }
    if !found.named.is_empty() {
        name_sources(&tx, &keys, &mut found.named).await?;
    }
    tx.rollback().await?;
    Ok(found)
}

fn sql(table: ComparedTable<'_>, keys: &KeyRange<'_>, model: &str) -> String {
    let ComparedTable { model: of, shape } = table;
    let typed = shape.columns.iter().zip(&shape.types).map(|(name, kind)| format!("m.{0}::{kind} as {0}", ident(name)));
    let values = shape.columns.iter().filter(|column| !of.key.contains(column));
    let differing = values.map(|name| {
        let (column, text) = (ident(name), literal(name));
        format!("case when f.{column} is distinct from t.{column} then {text} end")
    });
    let differing = differing.collect::<Vec<_>>().join(", ");
    let of_alias = |alias: &str| {
        let values = shape.columns.iter().filter(|column| !of.key.contains(column));
        values.map(|name| format!("{alias}.{}", ident(name))).collect::<Vec<_>>().join(", ")
    };
    let differs = match differing.is_empty() {
        true => "false".to_owned(),
        false => format!("row({}) is distinct from row({})", of_alias("f"), of_alias("t")),
    };
    let parent = ident(&of.parent_key);
    fill(
        sql_file!("transform/compare/rows.sql"),
        &[
            ("model", model),
            ("typed", &typed.collect::<Vec<_>>().join(", ")),
            ("columns", &columns(&shape.columns)),
            ("table", &qualified(&of.table)),
            ("within", &keys.within(&of.parent_key)),
            ("key", &columns(&of.key)),
            ("first_key", &ident(&of.key[0])),
            (
                "parent",
                &if of.key.contains(&of.parent_key) { parent } else { format!("coalesce(f.{parent}, t.{parent})") },
            ),
            ("key_type", keys.entity.key_type().sql()),
            ("differs", &differs),
            ("differing", if differing.is_empty() { "null" } else { &differing }),
            ("limit", &NAMED_OF_RANGE.to_string()),
        ],
    )
}

fn mismatch(model: &Model, row: &Row) -> CoreMismatch {
    let kind = match row.get::<_, &str>(2) {
        "missing" => CoreMismatchKind::Missing,
        "added" => CoreMismatchKind::Added,
        _ => CoreMismatchKind::Differs,
    };
    CoreMismatch {
        table: model.table.clone(),
        kind,
        key: row.get(0),
        parent_key: row.get(1),
        columns: row.get(3),
        source: None,
    }
}

/// Adds object and line of each row's document.
async fn name_sources(tx: &Transaction<'_>, keys: &KeyRange<'_>, found: &mut [CoreMismatch]) -> Result<()> {
    let staging = &keys.entity.staging;
    let sql = fill(
        sql_file!("transform/compare/lineage.sql"),
        &[
            ("staging", &qualified(&staging.table)),
            ("staging_key", &ident(&staging.key_column)),
            ("key_type", keys.entity.key_type().sql()),
        ],
    );
    let parents: Vec<RowKey> = found.iter().map(|mismatch| mismatch.parent_key.clone()).collect();
    for row in tx.query(&sql, &[&parents]).await? {
        let (key, path, line): (RowKey, Option<String>, Option<i64>) = (row.get(0), row.get(1), row.get(2));
        let source = path.zip(line);
        found.iter_mut().filter(|m| m.parent_key == key).for_each(|m| m.source = source.clone());
    }
    Ok(())
}
