//! The incremental mode: the rows of the batches that are not taken in yet.

use std::time::Instant;

use super::catalog::{Shape, shape};
use super::model::{Casts, Source, cast_columns, misfits, select};
use super::{Job, Summary, TableSummary};
use crate::entity::Model;
use crate::error::{Kind, Result};
use crate::ledger::models::{self, PendingBatch};
use crate::pg::Transaction;
use crate::retry::retry;
use crate::sql::{columns, fill, ident, qualified};

impl Job {
    /// Takes in every pending batch, a group a transaction.
    ///
    /// # Errors
    /// Of the server; `BadRow` for a value that does not fit when `strict`. What earlier groups did stays.
    pub async fn incremental(&self) -> Result<Summary> {
        let started = Instant::now();
        let connection = self.pool.get().await?;
        let pending = models::pending(&connection, &self.entity.name).await?;
        let mut shapes = Vec::new();
        for model in &self.entity.models {
            shapes.push(shape(&connection, model).await?);
        }
        drop(connection);
        let mut summary = Summary { entity: self.entity.name.clone(), ..Summary::default() };
        summary.tables = self
            .entity
            .models
            .iter()
            .map(|m| TableSummary { table: m.table.clone(), ..TableSummary::default() })
            .collect();
        for group in group(&pending, self.chunk_rows) {
            if self.shutdown.is_requested() {
                return Err(self.shutdown.error());
            }
            let (group, shapes) = (&group, &shapes);
            let what = format!("transform of {}", self.entity.name);
            let done = retry(self.retry, &self.shutdown, &what, |_| async move {
                match self.take_in(group, shapes, Casts::Fast).await {
                    Err(e) if e.kind() == Kind::BadRow && !self.strict => {
                        self.take_in(group, shapes, Casts::Careful).await
                    }
                    other => other,
                }
            })
            .await?;
            summary.batches += group.len() as u64;
            for (total, part) in summary.tables.iter_mut().zip(done) {
                total.rows += part.rows;
                total.inserted += part.inserted;
                total.updated += part.updated;
                total.deleted += part.deleted;
                total.issues += part.issues;
            }
        }
        summary.elapsed = started.elapsed();
        Ok(summary)
    }

    async fn take_in(&self, batches: &[i64], shapes: &[Shape], casts: Casts) -> Result<Vec<TableSummary>> {
        let source = Source::Batches(batches.to_vec());
        let mut connection = self.pool.get().await?;
        self.make_partitions(&connection, &source).await?;
        let tx = connection.begin().await?;
        // Every join here probes an index per changed row. The planner cannot know how few rows a document unfolds
        // into, and would rather read a large table whole.
        tx.batch("set local enable_hashjoin = off; set local enable_mergejoin = off").await?;
        let forget = fill(
            "delete from evo.issues where entity = $1 and split_part(key_text, ',', 1)::bigint in (select {key} from {source} s)",
            &[("key", &ident(&self.entity.staging.key_column)), ("source", &source.sql(&self.entity))],
        );
        tx.execute(&forget, &[&self.entity.name]).await?;
        let mut tables = Vec::new();
        for (model, shape) in self.entity.models.iter().zip(shapes) {
            let sql = self.increment_sql(model, shape, &source, casts);
            let row = tx.query_one(&sql, &[]).await.map_err(|e| e.context(&model.table))?;
            let [rows, inserted, updated, deleted] = [0, 1, 2, 3].map(|i| row.get::<_, i64>(i).unsigned_abs());
            let issues = match casts {
                Casts::Fast => 0,
                Casts::Careful => self.file_issues(&tx, model, &source, "true").await?,
            };
            models::record(&tx, &model.table, &self.entity.name, self.execution_id, None).await?;
            tables.push(TableSummary { table: model.table.clone(), rows, inserted, updated, deleted, issues });
        }
        models::take(&tx, &self.entity.name, batches).await?;
        tx.commit().await?;
        Ok(tables)
    }

    /// Files what the careful casts nulled of the rows `within` a condition; returns how many values.
    pub(super) async fn file_issues(
        &self,
        tx: &Transaction<'_>,
        model: &Model,
        source: &Source,
        within: &str,
    ) -> Result<u64> {
        let key: Vec<String> = model.key.iter().map(|k| format!("m.{}", ident(k))).collect();
        let values: Vec<String> =
            cast_columns(model).iter().map(|c| format!("({}, m.{})", crate::sql::literal(c), ident(c))).collect();
        if values.is_empty() {
            return Ok(0);
        }
        let sql = fill(
            sql_file!("transform/issues.sql"),
            &[
                ("misfits", &misfits(&self.entity, model, source)),
                ("key", &key.join(", ")),
                ("values", &values.join(", ")),
                ("within", within),
            ],
        );
        tx.execute(&sql, &[&self.entity.name, &model.table, &self.execution_id]).await
    }

    /// Makes the year partitions of core that the batches need, in a short transaction of its own.
    async fn make_partitions(&self, connection: &crate::pg::Connection, source: &Source) -> Result<()> {
        let (Some(partition), Some(parent)) = (&self.entity.partition, self.entity.models.first()) else {
            return Ok(());
        };
        let sql = fill(
            "select evo.ensure_year_partition($1, $2, y, $3) from (select distinct extract(year from {column} at time zone $3)::int as y \
             from {source} s) years where y between 2000 and 2100",
            &[("column", &ident(&partition.column)), ("source", &source.sql(&self.entity))],
        );
        connection.execute(&sql, &[&parent.table, &partition.column, &self.entity.zone]).await?;
        Ok(())
    }

    fn increment_sql(&self, model: &Model, shape: &Shape, source: &Source, casts: Casts) -> String {
        let table = qualified(&model.table);
        let of = |alias: &str, names: &[String]| {
            names.iter().map(|c| format!("{alias}.{}", ident(c))).collect::<Vec<_>>().join(", ")
        };
        let values: Vec<String> = shape.columns.iter().filter(|c| !model.key.contains(c)).cloned().collect();
        let mut assignments: Vec<String> = values.iter().map(|c| format!("{0} = excluded.{0}", ident(c))).collect();
        if shape.has_updated_at {
            assignments.push("_updated_at = now()".to_owned());
        }
        let is_parent = self.entity.models.first().is_some_and(|first| first.table == model.table);
        let gone = fill(
            sql_file!("transform/gone.sql").trim_end(),
            &[
                ("table", &table),
                ("staging_key", &ident(&self.entity.staging.key_column)),
                ("source", &source.sql(&self.entity)),
                ("parent_key", &ident(&model.parent_key)),
                ("table_key", &of("t", &model.key)),
                ("key", &columns(&model.key)),
            ],
        );
        let key_match: Vec<String> = model.key.iter().map(|k| format!("t.{0} = f.{0}", ident(k))).collect();
        fill(
            sql_file!("transform/incremental.sql"),
            &[
                ("model", &select(&self.entity, model, source, casts)),
                ("table", &table),
                ("columns", &columns(&shape.columns)),
                ("key", &columns(&model.key)),
                ("first_key", &ident(&model.key[0])),
                ("key_match", &key_match.join(" and ")),
                ("fresh_columns", &of("f", &values)),
                ("table_columns", &of("t", &values)),
                ("assignments", &assignments.join(", ")),
                ("gone", if is_parent { "" } else { &gone }),
                ("gone_count", if is_parent { "0::bigint" } else { "(select count(*) from gone)" }),
            ],
        )
    }
}

/// Consecutive batches until a group has `rows` rows; a batch is never split.
fn group(pending: &[PendingBatch], rows: u64) -> Vec<Vec<i64>> {
    let mut groups: Vec<Vec<i64>> = Vec::new();
    let mut room = 0;
    for batch in pending {
        let size = batch.rows.unsigned_abs();
        match groups.last_mut() {
            Some(group) if size <= room => {
                group.push(batch.batch_id);
                room -= size;
            }
            _ => {
                groups.push(vec![batch.batch_id]);
                room = rows.saturating_sub(size);
            }
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_grouped_up_to_the_chunk_and_never_split() {
        let pending: Vec<PendingBatch> = [(1, 10), (2, 0), (3, 90), (4, 1), (5, 500), (6, 5)]
            .map(|(batch_id, rows)| PendingBatch { batch_id, rows })
            .into();
        assert_eq!(group(&pending, 100), [vec![1, 2, 3], vec![4], vec![5], vec![6]]);
        assert!(group(&[], 100).is_empty());
    }
}
