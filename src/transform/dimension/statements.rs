//! The statements that bring a dimension up to date.

use super::definition::{Dimension, DimensionSource};
use crate::entity::KeyType;
use crate::error::Result;
use crate::ids::BatchId;
use crate::pg::Transaction;
use crate::sql::{columns, fill, ident, literal, qualified};
use crate::transform::staged::array;

/// At or below this many changed rows, force index lookups: the planner cannot know how few there are, and
/// would rather read a large table whole.
const FEW_ROWS: i64 = 100_000;

/// Rows of each class that a comparison names.
const NAMED: usize = 1_000;

/// A batch that a source has transformed.
#[derive(Debug)]
pub(super) struct DimensionBatch {
    pub id: BatchId,
    /// The entity of that source.
    pub entity: String,
    /// Rows that it inserted or updated in staging.
    pub rows: i64,
}

/// The core and staging tables that are read, qualified and quoted.
pub(super) fn relations(dimension: &Dimension) -> Vec<String> {
    let of = |source: &DimensionSource| [qualified(&source.table), qualified(&source.entity.staging.table)];
    dimension.sources.iter().flat_map(of).collect()
}

/// Elects among all sightings and deletes ids without one.
pub(super) fn rebuild_sql(dimension: &Dimension, is_cluster: bool) -> String {
    apply(dimension, &elect((dimension, is_cluster), &all_sightings(dimension), None), "true")
}

/// Elects among all sightings and compares the winners with the dimension's rows.
pub(super) fn compare_sql(dimension: &Dimension, is_cluster: bool) -> String {
    let (winners, name) =
        (elect((dimension, is_cluster), &all_sightings(dimension), None), literal(&dimension.name_column));
    filled(
        dimension,
        sql_file!("transform/dimension_compare.sql"),
        &[("winners", &winners), ("name_text", &name), ("limit", &NAMED.to_string())],
    )
}

/// Elects among the sightings that came with these batches. Ids whose winner is lost are elected again among
/// all.
pub(super) async fn increment_sql(
    (dimension, is_cluster): (&Dimension, bool),
    tx: &Transaction<'_>,
    batches: &[DimensionBatch],
) -> Result<String> {
    if batches.iter().map(|batch| batch.rows).sum::<i64>() <= FEW_ROWS {
        tx.batch("set local enable_hashjoin = off; set local enable_mergejoin = off").await?;
    }
    let fresh = elect((dimension, is_cluster), &sightings(dimension, |source| changed_rows(source, batches)), None);
    let key_type = dimension.source_key_type();
    let keys: Vec<String> = dimension.sources.iter().map(|source| changed_keys(source, key_type, batches)).collect();
    let lost = filled(
        dimension,
        sql_file!("transform/dimension_lost.sql"),
        &[("fresh", &fresh), ("changed", &keys.join("\nunion all\n"))],
    );
    let lost: Vec<String> = tx.query(&lost, &[]).await?.iter().map(|row| row.get(0)).collect();
    let (is_any_lost, lost) = (!lost.is_empty(), ids(dimension, &lost));
    let elected = match is_any_lost {
        true => elect((dimension, is_cluster), &all_sightings(dimension), Some(&lost)),
        // No source needs to be read.
        false => {
            let (id, key) = (dimension.key_type.column(), key_type.column());
            format!("select null::{id}, null, null::timestamptz, null, null::{key} where false")
        }
    };
    let winners = filled(
        dimension,
        sql_file!("transform/dimension_better.sql"),
        &[("fresh", &fresh), ("elected", &elected), ("lost", &lost)],
    );
    Ok(apply(dimension, &winners, &format!("d.{} = any({lost})", ident(&dimension.key))))
}

/// The dimension's select over a relation for each source.
fn sightings(dimension: &Dimension, relation: impl Fn(&DimensionSource) -> String) -> String {
    dimension.sightings.render(|table| {
        let source = dimension.sources.iter().find(|source| source.table == table);
        source.map_or(String::new(), &relation)
    })
}

fn all_sightings(dimension: &Dimension) -> String {
    sightings(dimension, |source| qualified(&source.table))
}

/// The winners of all ids, or of those in an array.
fn elect((dimension, is_cluster): (&Dimension, bool), sightings: &str, ids: Option<&str>) -> String {
    let key = ident(&dimension.key);
    let is_sighting = match &dimension.nobody {
        Some(nobody) => format!("s.{key} <> {}", literal(nobody)),
        None => format!("s.{key} is not null"),
    };
    let template = match dimension.source_key_type() {
        KeyType::Integer => sql_file!("transform/dimension_elect.sql"),
        KeyType::Text | KeyType::Uuid => sql_file!("transform/dimension_elect_text.sql"),
    };
    let among = ids.map_or(String::new(), |ids| format!(" and s.{key} = any({ids})"));
    filled(
        dimension,
        template,
        &[
            ("sightings", sightings),
            ("among", &among),
            ("fence", if is_cluster { " offset 0" } else { "" }),
            ("is_sighting", &is_sighting),
            ("key_type", dimension.key_type.column()),
            ("source_key_type", dimension.source_key_type().column()),
        ],
    )
}

/// Ids as an array that SQL reads: `array['4','5']::bigint[]`.
fn ids(dimension: &Dimension, ids: &[String]) -> String {
    let texts: Vec<String> = ids.iter().map(|id| literal(id)).collect();
    let collation = if dimension.key_type == KeyType::Text { " collate \"C\"" } else { "" };
    format!("array[{}]::{}[]{collation}", texts.join(","), dimension.key_type.sql())
}

/// Writes winners, and deletes the rows `d` that fulfil the condition `gone` and have no winner.
fn apply(dimension: &Dimension, winners: &str, gone: &str) -> String {
    filled(dimension, sql_file!("transform/dimension_apply.sql"), &[("winners", winners), ("gone", gone)])
}

fn filled(dimension: &Dimension, template: &str, values: &[(&str, &str)]) -> String {
    let (table, key) = (qualified(&dimension.table), ident(&dimension.key));
    let name = ident(&dimension.name_column);
    let common = [("table", table.as_str()), ("key", key.as_str()), ("name", name.as_str())];
    fill(template.trim_end(), &[&common[..], values].concat())
}

/// The batches of one source as an array.
fn ids_of(source: &DimensionSource, batches: &[DimensionBatch]) -> String {
    let ids: Vec<BatchId> = batches.iter().filter(|b| b.entity == source.entity.name).map(|b| b.id).collect();
    array(&ids)
}

/// The rows of a source's core table whose staging row came with one of the batches, as a relation.
fn changed_rows(source: &DimensionSource, batches: &[DimensionBatch]) -> String {
    fill(
        sql_file!("transform/dimension_changed.sql").trim_end(),
        &[
            ("key", &columns(&source.entity.document_key())),
            ("staging", &qualified(&source.entity.staging.table)),
            ("batches", &ids_of(source, batches)),
            ("core", &qualified(&source.table)),
        ],
    )
}

/// A select of table and first key column of those rows.
fn changed_keys(source: &DimensionSource, key_type: KeyType, batches: &[DimensionBatch]) -> String {
    fill(
        sql_file!("transform/dimension_changed_keys.sql").trim_end(),
        &[
            ("core", &literal(&source.table)),
            ("key", &ident(&source.entity.staging.key_column)),
            ("key_type", key_type.column()),
            ("staging", &qualified(&source.entity.staging.table)),
            ("batches", &ids_of(source, batches)),
        ],
    )
}
