//! A chunk that holds documents which the warehouse refuses: by a constraint, a trigger or a column's type that somebody
//! changed. The others go in.
//!
//! One transaction takes the chunk in by halves, each behind a savepoint, down to the single document that fails. A document
//! is refused as a whole: none of its rows changes in any table, so parent and children stay of one version. It becomes a
//! row of `evo.issues`, and its batch stays pending: the next transform tries again.

use super::chunk::{AtTable, Chunk, Table, Taken, is_of_a_row};
use crate::error::{Error, Kind, Result};
use crate::ledger::models;
use crate::pg::Transaction;
use crate::sql::{fill, ident};
use crate::transform::model::{Casts, Range, Source};
use crate::transform::refusal::Refusal;
use crate::transform::{InDoubt, Job, TableSummary};

/// Documents refused in one chunk from which on it is not single documents any more.
const MAX_REFUSED: usize = 1000;

/// A document that was refused.
#[derive(Debug, Clone)]
pub(super) struct Refused {
    pub key: i64,
    pub table: String,
    /// Column, constraint or function that is to blame.
    pub by: String,
    pub reason: String,
}

impl Refused {
    fn new(key: i64, at: AtTable) -> Self {
        let AtTable { table, error } = at;
        let named = error.named();
        let by = [&named.constraint, &named.column, &named.function].into_iter().flatten().next().cloned();
        // The server's message of a value that does not fit may hold the value.
        let reason = match (error.kind(), error.sqlstate()) {
            (Kind::BadRow, code) if code != Some("22001") && named.function.is_none() => {
                format!("a value does not fit its column (SQLSTATE {})", code.unwrap_or("unknown"))
            }
            // The table is named by itself.
            _ => error.message().trim_start_matches(&format!("{table}: ")).to_owned(),
        };
        let by = by.or_else(|| error.sqlstate().map(str::to_owned)).unwrap_or_default();
        Self { key, by, reason, table }
    }
}

/// Refusals by reason, with a few keys each.
pub(super) fn summed(refused: &[Refused]) -> Vec<Refusal> {
    let mut sums: Vec<Refusal> = Vec::new();
    for one in refused {
        let at = sums.iter().position(|sum| sum.table == one.table && sum.reason == one.reason).unwrap_or_else(|| {
            sums.push(Refusal { table: one.table.clone(), reason: one.reason.clone(), ..Refusal::default() });
            sums.len() - 1
        });
        sums[at].add(&Refusal { documents: 1, keys: vec![one.key.to_string()], ..Refusal::default() });
    }
    sums
}

impl Job {
    /// Takes in all documents of a chunk but those that are refused.
    ///
    /// # Errors
    /// `Refused` when there are too many of them; of the server. Nothing of the chunk is in then.
    pub(super) async fn one_by_one(&self, chunk: Chunk<'_>, in_doubt: &InDoubt<Taken>) -> Result<Taken> {
        let mut connection = self.pool.get().await?;
        let tx = connection.begin().await?;
        let tables = self.begin(&tx, chunk.shapes).await?;
        self.find_changed(&tx, chunk).await?;
        let keys = tx.query("select distinct key from evo_changed order by key", &[]).await?;
        let keys: Vec<i64> = keys.iter().map(|row| row.get(0)).collect();
        let mut taken = Taken { tables: self.tables(), refused: Vec::new() };
        // Halves that are to be done, the first one last.
        let mut parts = vec![(0, keys.len())];
        while let Some((begin, end)) = parts.pop().filter(|(begin, end)| begin < end) {
            if self.shutdown.is_requested() {
                return Err(self.shutdown.error());
            }
            match self.try_part(&tx, &tables, chunk, &within(&keys, begin, end)).await {
                Ok(summaries) => taken.tables.iter_mut().zip(&summaries).for_each(|(sum, part)| sum.add(part)),
                Err(at) if !is_of_a_row(&at.error) => return Err(at.error),
                Err(at) if self.strict && at.error.kind() == Kind::BadRow => {
                    drop(tx);
                    return Err(self.name_misfit(chunk.source, at.error).await);
                }
                Err(at) if end - begin == 1 => taken.refused.push(Refused::new(keys[begin], at)),
                Err(_) => {
                    let middle = begin.midpoint(end);
                    parts.extend([(middle, end), (begin, middle)]);
                }
            }
            if taken.refused.len() > MAX_REFUSED {
                return Err(too_many(&taken.refused));
            }
        }
        for one in &taken.refused {
            self.file_refused(&tx, chunk.source, one).await?;
        }
        if taken.refused.is_empty() {
            models::take(&tx, &self.entity.name, chunk.completes).await?;
        }
        let wrote = taken.tables.iter().any(TableSummary::has_changes);
        in_doubt.commit(tx, taken, wrote).await
    }

    /// Takes in the documents of a range, or nothing. Constraints that are deferred to the commit are asked now.
    async fn try_part(
        &self,
        tx: &Transaction<'_>,
        tables: &[Table<'_>],
        chunk: Chunk<'_>,
        range: &Range,
    ) -> Result<Vec<TableSummary>, AtTable> {
        let failed = |error: Error| AtTable { table: self.entity.models[0].table.clone(), error };
        let clear: String = tables.iter().map(Table::clear_sql).collect();
        tx.batch(&format!("savepoint evo_part; delete from evo_changed; {clear}")).await.map_err(failed)?;
        let source = chunk.source.within(&self.entity.staging.key_column, range);
        let core = chunk.core.map(|whole| range.clone().inside(whole));
        let part = Chunk { source: &source, core: core.as_ref(), ..chunk };
        let casts = if self.strict { Casts::Fast } else { Casts::Careful };
        let mut done = self.part(tx, tables, part, casts).await;
        if done.is_ok()
            && let Err(error) = tx.batch("set constraints all immediate").await
        {
            done = Err(failed(error));
        }
        match done {
            Ok(summaries) => tx.batch("release savepoint evo_part").await.map(|()| summaries).map_err(failed),
            Err(at) if is_of_a_row(&at.error) => {
                tx.batch("rollback to savepoint evo_part").await.map_err(failed)?;
                Err(at)
            }
            Err(at) => Err(at),
        }
    }

    async fn file_refused(&self, tx: &Transaction<'_>, source: &Source, one: &Refused) -> Result<()> {
        let sql = fill(
            sql_file!("transform/increment/refused.sql"),
            &[("source", &source.sql()), ("staging_key", &ident(&self.entity.staging.key_column))],
        );
        let (entity, key) = (&self.entity.name, one.key.to_string());
        tx.execute(&sql, &[entity, &one.table, &key, &one.by, &one.reason, &self.execution_id]).await?;
        Ok(())
    }
}

/// The range of the keys from `begin` to before `end`. The keys ascend and are all that the chunk has.
fn within(keys: &[i64], begin: usize, end: usize) -> Range {
    let after = begin.checked_sub(1).map(|i| keys[i].to_string());
    Range { after, up_to: (end < keys.len()).then(|| keys[end - 1].to_string()) }
}

fn too_many(refused: &[Refused]) -> Error {
    let sums = summed(refused);
    let reasons: Vec<String> = sums.iter().map(Refusal::line).collect();
    Error::new(Kind::Refused, format!("more than {MAX_REFUSED} documents of one part are refused"))
        .detail(reasons.join("\n"))
        .hint("nothing of this part was written; change what refuses them, or mend them at the source")
}
