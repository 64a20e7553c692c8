//! Documents of a test, staged in a temporary table.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::entity::{Entity, Model};
use crate::error::{Context, Error, Kind, Result};
use crate::ids::RowKey;
use crate::pg::{Param, Transaction};
use crate::sql::{columns, fill, ident, literal, qualified};
use crate::stage::decode::parse;
use crate::stage::key::KeyReader;
use crate::transform::range::Range;
use crate::transform::reading::{Reading, select};
use crate::transform::shape::Shape;
use crate::transform::staged::StagedRows;

/// Microseconds between 1970 and 2000.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

/// Stages documents. Returns how many of them are none, or have no key. Of documents with one key the first
/// counts where they `may_repeat`.
///
/// # Errors
/// `Config` when two documents have one key; see [`crate::pg`].
pub(super) async fn stage(
    tx: &Transaction<'_>,
    entity: &Entity,
    (documents, file): (&[String], &str),
    may_repeat: bool,
) -> Result<usize> {
    let staging = qualified(&entity.staging.table);
    tx.batch(&fill(sql_file!("transform/example/source.sql"), &[("staging", &staging)])).await?;
    let reader = KeyReader::new(entity);
    let (mut keys, mut times, mut are_utc): (Vec<RowKey>, Vec<DateTime<Utc>>, Vec<bool>) = Default::default();
    let (mut lines, mut texts, mut seen): (Vec<i64>, Vec<String>, HashSet<_>) = Default::default();
    let mut rejected = 0;
    for (document, line) in documents.iter().zip(1_i64..) {
        let Ok((key, text)) = parse(document.as_bytes(), &reader) else {
            rejected += 1;
            continue;
        };
        if !seen.insert((key.id.clone(), key.event.map(|event| event.micros))) {
            if may_repeat {
                continue;
            }
            return Err(Error::new(Kind::Config, format!("{file}: document {line} has the key of an earlier one"))
                .hint("of documents with one key staging holds the newest: write another test"));
        }
        if let Some(event) = key.event {
            times.push(DateTime::from_timestamp_micros(event.micros + POSTGRES_EPOCH).unwrap_or_default());
            are_utc.push(event.is_utc);
        }
        keys.push(key.id);
        lines.push(line);
        texts.push(text.to_owned());
    }
    let values: [&dyn Param; 6] = [&keys, &times, &are_utc, &lines, &texts, &file];
    tx.execute(&insert(entity), &values).await?;
    Ok(rejected)
}

fn insert(entity: &Entity) -> String {
    let zone = literal(&entity.zone);
    let time =
        format!("case when d.event_utc then d.event_at else (d.event_at at time zone 'UTC') at time zone {zone} end");
    let values = if entity.key_time().is_some() { format!("d.key, {time}") } else { "d.key".to_owned() };
    fill(
        sql_file!("transform/example/documents.sql"),
        &[
            ("key_columns", &columns(&entity.staging_key())),
            ("key_type", entity.key_type().sql()),
            ("key_values", &values),
        ],
    )
}

/// The documents that were staged.
pub(super) fn staged(column: &str) -> StagedRows {
    StagedRows::of_part("evo_example", column, &Range::default())
}

/// The rows that a model gives for rows of staging, in the types of its table; what does not fit is null.
///
/// # Errors
/// See [`crate::pg`].
pub(super) async fn rows(
    tx: &Transaction<'_>,
    entity: &Entity,
    (model, shape): (&Model, &Shape),
    rows: &StagedRows,
) -> Result<Vec<Map<String, Value>>> {
    let typed = shape.columns.iter().zip(&shape.types).map(|(name, kind)| format!("m.{0}::{kind} as {0}", ident(name)));
    let typed = typed.collect::<Vec<_>>().join(", ");
    let text = select(entity, model, rows, Reading::Careful);
    let sql = fill(sql_file!("transform/example/rows.sql"), &[("typed", &typed), ("model", &text)]);
    let found = tx.query(&sql, &[]).await.context(&model.table)?;
    Ok(found.iter().filter_map(|row| row.get::<_, Value>(0).as_object().cloned()).collect())
}

/// The rows that a model gives for staged documents: some of those that staging holds, or the documents
/// given.
///
/// # Errors
/// See [`crate::pg`].
pub async fn rows_of(
    connection: &mut crate::pg::Connection,
    (entity, model): (&Entity, &Model),
    documents: Option<&[String]>,
    most: u64,
) -> Result<Vec<Map<String, Value>>> {
    let shape = Shape::read(connection, entity, model).await?;
    let tx = connection.begin().await?;
    let source = match documents {
        Some(documents) => {
            stage(&tx, entity, (documents, "preview"), true).await?;
            staged(&entity.staging.key_column)
        }
        None => StagedRows::first(entity, most),
    };
    let found = rows(&tx, entity, (model, &shape), &source).await?;
    tx.rollback().await?;
    Ok(found)
}
