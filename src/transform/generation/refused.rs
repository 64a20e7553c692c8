//! Which documents break a constraint of a new table. Only asked when a full refresh fails: it names the
//! first few.

use super::build::Build;
use super::constraint::broken_constraint;
use super::insert::Insert;
use crate::error::{Error, Kind, Result};
use crate::ids::RowKey;
use crate::pg::{Connection, Transaction};
use crate::sql::ident;
use crate::transform::job::EntityJob;
use crate::transform::range::Range;
use crate::transform::reading::Reading;

/// The most keys that are named.
const MAX_KEYS: usize = 5;
/// The longest that looking for them may take: the refresh has failed already.
const TIMEOUT: &str = "set local statement_timeout = '60s'";

/// The error with the keys of documents as its detail; unchanged if there are none.
pub(super) fn with_keys(error: Error, keys: &[String]) -> Error {
    match (error.detail_text(), keys.len()) {
        (None, 1..) => {
            let more = if keys.len() == MAX_KEYS { ", …" } else { "" };
            error.detail(format!("documents: {}{more}", keys.join(", ")))
        }
        _ => error,
    }
}

/// The keys of the first documents of a part whose rows the table does not take. They are found by halving
/// the part; nothing is kept. Empty if the search itself fails.
pub(super) async fn keys_of_part(insert: &Insert<'_>, reading: Reading) -> Vec<String> {
    search(insert, reading).await.unwrap_or_default()
}

async fn search(insert: &Insert<'_>, reading: Reading) -> Result<Vec<String>> {
    let column = &insert.job.entity.staging.key_column;
    let mut connection = insert.job.pool.get().await?;
    let tx = insert.begin(&mut connection, reading).await?;
    tx.batch(TIMEOUT).await?;
    let key = format!("{}::{}", ident(column), insert.job.entity.key_type().sql());
    let sql = format!("select distinct {key} from {} s order by {key}", insert.rows.sql());
    let keys: Vec<RowKey> = tx.query(&sql, &[]).await?.iter().map(|row| row.get(0)).collect();
    let mut found = Vec::new();
    // Halves that are still to be tried, the first one last.
    let mut halves = vec![(0, keys.len())];
    while let Some((begin, end)) = halves.pop().filter(|_| found.len() < MAX_KEYS) {
        let range = Range::of_keys(&keys, begin, end);
        if begin == end || !is_refused(&tx, &insert.sql(&insert.rows.within(column, &range), reading)).await? {
            continue;
        }
        match end - begin {
            1 => found.push(keys[begin].to_string()),
            _ => {
                let middle = begin.midpoint(end);
                halves.extend([(middle, end), (begin, middle)]);
            }
        }
    }
    Ok(found)
}

/// Whether the table refuses a row of this insert, which is undone in any case.
async fn is_refused(tx: &Transaction<'_>, insert: &str) -> Result<bool> {
    tx.batch("savepoint evo_search").await?;
    let inserted = tx.execute(insert, &[]).await.map_err(broken_constraint);
    tx.batch("rollback to savepoint evo_search").await?;
    match inserted {
        Ok(_) => Ok(false),
        Err(error) if matches!(error.kind(), Kind::Refused | Kind::BadRow) => Ok(true),
        Err(error) => Err(error),
    }
}

/// The error of a statement for a full new table, with the keys of the first documents that break the unique
/// index or the foreign key that it names.
pub(super) async fn name_breakers(job: &EntityJob, build: &Build, error: Error) -> Error {
    let error = broken_constraint(error);
    let Some(constraint) = error.named().constraint.clone().filter(|_| error.kind() == Kind::Refused) else {
        return error;
    };
    let keys = async {
        let mut connection = job.pool.get().await?;
        breakers(job, build, &mut connection, &constraint).await
    };
    with_keys(error, &keys.await.unwrap_or_default())
}

async fn breakers(
    job: &EntityJob,
    build: &Build,
    connection: &mut Connection,
    constraint: &str,
) -> Result<Vec<String>> {
    let tx = connection.begin().await?;
    tx.batch(TIMEOUT).await?;
    let (key, limit) = (&job.entity.models[build.model].parent_key, MAX_KEYS.to_string());
    let sql = sql_file!("transform/generation/breakers.sql");
    let queries = tx.query(sql, &[&build.old.name, &build.new, &constraint, key, &limit]).await?;
    let Some(query) = queries.first().map(|row| row.get::<_, String>(0)) else { return Ok(Vec::new()) };
    Ok(tx.query(&query, &[]).await?.iter().map(|row| row.get(0)).collect())
}
