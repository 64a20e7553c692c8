//! Values that did not fit: filed in `evo.issues`, or named when the transform is strict.

use super::Job;
use super::model::{Source, misfits};
use super::reading::misfit_column;
use crate::entity::{Column, Model};
use crate::error::{Error, Kind, Result};
use crate::pg::Transaction;
use crate::sql::{fill, ident, literal};

impl Job {
    /// Files what the careful casts nulled of the rows `within` a condition, and the elements that became no row;
    /// returns how many.
    pub(super) async fn file_issues(
        &self,
        tx: &Transaction<'_>,
        model: &Model,
        source: &Source,
        within: &str,
    ) -> Result<u64> {
        let mut filed = 0;
        if let Some(sql) = self.values_sql(model, source, within) {
            filed += tx.execute(&sql, &[&self.entity.name, &model.table, &self.execution_id]).await?;
        }
        if let (Some(children), Some(key)) = (model.select.children(), model.key.last()) {
            let sql = fill(
                sql_file!("transform/issues/children.sql"),
                &[
                    ("source", &source.sql()),
                    ("staging_key", &ident(&self.entity.staging.key_column)),
                    ("alias", &ident(model.select.source())),
                    ("children", model.select.slice(&children.arguments)),
                ],
            );
            let path = format!("{}[].{}", children.array, children.id);
            filed += tx.execute(&sql, &[&self.entity.name, &model.table, &self.execution_id, key, &path]).await?;
        }
        Ok(filed)
    }

    fn values_sql(&self, model: &Model, source: &Source, within: &str) -> Option<String> {
        let key: Vec<String> = model.key.iter().map(|k| format!("m.{}", ident(k))).collect();
        let select = &model.select;
        let value = |(i, c): (usize, &Column)| {
            let most = c.most(select).unwrap_or("null::integer");
            let (name, paths) = (literal(&c.name), literal(&c.paths.join("|")));
            c.is_cast(select.records()).then(|| format!("({name}, {paths}, m.{}, {most})", misfit_column(i)))
        };
        let values: Vec<String> = select.columns().iter().enumerate().filter_map(value).collect();
        (!values.is_empty()).then(|| {
            fill(
                sql_file!("transform/issues/values.sql"),
                &[
                    ("misfits", &misfits(&self.entity, model, source)),
                    ("key", &key.join(", ")),
                    ("values", &values.join(", ")),
                    ("within", within),
                ],
            )
        })
    }

    /// The error of a strict transform: which value, without showing it. `error` is what the server said.
    pub(super) async fn name_misfit(&self, source: &Source, error: Error) -> Error {
        let strict = Error::new(Kind::BadRow, "a value does not fit its column, and --strict was given")
            .with_sqlstate(error.sqlstate().unwrap_or_default().to_owned())
            .hint("mend it at the source, or transform without --strict: it becomes null and a row in evo.issues");
        match self.first_misfit(source).await {
            Ok(Some(detail)) => strict.detail(detail),
            Ok(None) | Err(_) => strict,
        }
    }

    async fn first_misfit(&self, source: &Source) -> Result<Option<String>> {
        let mut connection = self.pool.get().await?;
        // Filed in a transaction that is rolled back: the same statements say what is wrong.
        let tx = connection.begin().await?;
        for model in &self.entity.models {
            if self.file_issues(&tx, model, source, "true").await? == 0 {
                continue;
            }
            let sql = "select format('%s %s, column %s, from %s of %s line %s', table_name, key_text, column_name, path, source_file, source_line) \
                       from evo.issues where execution_id = $1 and table_name = $2 order by issue_id limit 1";
            let row = tx.query_one(sql, &[&self.execution_id, &model.table]).await?;
            return Ok(Some(row.get(0)));
        }
        Ok(None)
    }
}
