//! `evo.rejects`: lines that could not be staged, verbatim, and whether they were resolved.

use std::collections::{HashMap, HashSet};

use crate::error::{Error, Kind, Result};
use crate::ids::{LakeId, ObjectId, RejectId};
use crate::pg::{Pool, Row, Transaction};

/// Which rejects a command is about.
#[derive(Debug, Clone, Default)]
pub struct RejectFilter {
    /// Only rejects of these entities.
    pub entities: Vec<String>,
    /// Only rejects of this run; `None` for all runs.
    pub run_id: Option<String>,
    /// Whether resolved rejects are included.
    pub resolved_too: bool,
}

/// A rejected line without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// Id of the reject.
    pub reject_id: RejectId,
    /// The entity of its object.
    pub entity: String,
    /// Path of the object with the line.
    pub path: String,
    /// Number of the line, from 1.
    pub line_number: i64,
    /// Where the line begins in the decompressed object.
    pub byte_offset: i64,
    /// Why it was rejected.
    pub reason: String,
    /// The SQLSTATE with which PostgreSQL refuses the line; `None` if only evo does.
    pub sqlstate: Option<String>,
    /// Length of the line, bytes.
    pub bytes: i64,
    /// When it was rejected, UTC.
    pub rejected_at: String,
    /// Whether it was loaded, or replaced, since.
    pub is_resolved: bool,
    /// Whether there is a corrected text for it.
    pub is_fixed: bool,
}

/// The number of lines that were rejected for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReasonCount {
    /// The entity of the lines.
    pub entity: String,
    /// The reason that they share.
    pub reason: String,
    /// Number of these lines.
    pub lines: i64,
    /// Number of objects with such lines.
    pub objects: i64,
}

/// Corrected texts for one object, by line number.
pub type Fixes = HashMap<i64, Vec<u8>>;

/// The newest rejects, at most `limit`.
///
/// # Errors
/// See [`crate::pg`].
pub async fn list(pool: &Pool, filter: &RejectFilter, limit: i64) -> Result<Vec<Reject>> {
    let connection = pool.get().await?;
    let params: [&dyn crate::pg::Param; 4] = [&filter.entities, &filter.run_id, &filter.resolved_too, &limit];
    let rows = connection.query(sql_file!("ledger/rejects.sql"), &params).await?;
    Ok(rows
        .iter()
        .map(|row| Reject {
            reject_id: row.get(0),
            entity: row.get(1),
            path: row.get(2),
            line_number: row.get(3),
            byte_offset: row.get(4),
            reason: row.get(5),
            sqlstate: row.get(6),
            bytes: row.get(7),
            rejected_at: row.get(8),
            is_resolved: row.get(9),
            is_fixed: row.get(10),
        })
        .collect())
}

/// The reasons for rejects, with the number of lines of each.
///
/// # Errors
/// See [`crate::pg`].
pub async fn reasons(pool: &Pool, filter: &RejectFilter) -> Result<Vec<ReasonCount>> {
    let connection = pool.get().await?;
    let params: [&dyn crate::pg::Param; 3] = [&filter.entities, &filter.run_id, &filter.resolved_too];
    let rows = connection.query(sql_file!("ledger/reject_reasons.sql"), &params).await?;
    let reason =
        |row: &Row| ReasonCount { entity: row.get(0), reason: row.get(1), lines: row.get(2), objects: row.get(3) };
    Ok(rows.iter().map(reason).collect())
}

/// A reject with its content.
///
/// # Errors
/// `Usage` when there is no such reject; otherwise see [`crate::pg`].
pub async fn content(pool: &Pool, reject_id: RejectId) -> Result<RejectContent> {
    let connection = pool.get().await?;
    let rows = connection.query(sql_file!("ledger/reject.sql"), &[&reject_id]).await?;
    let row = rows.first().ok_or_else(|| {
        Error::new(Kind::Usage, format!("there is no reject {reject_id}")).hint("evo rejects list all")
    })?;
    Ok(RejectContent { fixed_line: row.get(8), ..RejectContent::of(row) })
}

/// A rejected line with its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectContent {
    /// Id of the reject.
    pub reject_id: RejectId,
    /// The entity of its object.
    pub entity: String,
    /// Path of the object with the line.
    pub path: String,
    /// Number of the line, from 1.
    pub line_number: i64,
    /// Where the line begins in the decompressed object.
    pub byte_offset: i64,
    /// Why it was rejected.
    pub reason: String,
    /// The SQLSTATE with which PostgreSQL refuses the line; `None` if only evo does.
    pub sqlstate: Option<String>,
    /// The whole line, verbatim.
    pub line: Vec<u8>,
    /// A corrected text, if there is one.
    pub fixed_line: Option<Vec<u8>>,
}

impl RejectContent {
    /// From a row that begins with these fields in this order; without a corrected text.
    fn of(row: &Row) -> Self {
        Self {
            reject_id: row.get(0),
            entity: row.get(1),
            path: row.get(2),
            line_number: row.get(3),
            byte_offset: row.get(4),
            reason: row.get(5),
            sqlstate: row.get(6),
            line: row.get(7),
            fixed_line: None,
        }
    }
}

/// Passes every open reject with its content to `each`, one at a time. Returns their number.
///
/// # Errors
/// Those of `each`; otherwise see [`crate::pg`].
pub async fn export(
    pool: &Pool,
    filter: &RejectFilter,
    mut each: impl FnMut(RejectContent) -> Result<()>,
) -> Result<u64> {
    let mut connection = pool.get().await?;
    let tx = connection.begin().await?;
    let mut rows = tx.rows(sql_file!("ledger/export_rejects.sql"), &[&filter.entities, &filter.run_id]).await?;
    let mut count = 0;
    while let Some(row) = rows.next().await? {
        each(RejectContent::of(&row))?;
        count += 1;
    }
    drop(rows);
    tx.rollback().await?;
    Ok(count)
}

/// Stores corrected texts, all of them or none. Returns the ids that are not those of open rejects: if there
/// are any, nothing was stored.
///
/// # Errors
/// See [`crate::pg`].
pub async fn fix(pool: &Pool, entities: &[String], fixes: Vec<(RejectId, Vec<u8>)>) -> Result<Vec<RejectId>> {
    let mut connection = pool.get().await?;
    let tx = connection.begin().await?;
    let (ids, texts): (Vec<RejectId>, Vec<Vec<u8>>) = fixes.into_iter().unzip();
    let entities = entities.to_vec();
    let rows = tx.query(sql_file!("ledger/fix_rejects.sql"), &[&ids, &texts, &entities]).await?;
    let kept: HashSet<RejectId> = rows.iter().map(|row| row.get(0)).collect();
    let lost: Vec<RejectId> = ids.into_iter().filter(|id| !kept.contains(id)).collect();
    if lost.is_empty() {
        tx.commit().await?
    } else {
        tx.rollback().await?
    }
    Ok(lost)
}

/// The corrected texts for a batch's objects, object by object.
///
/// # Errors
/// See [`crate::pg`].
pub async fn fixes(tx: &Transaction<'_>, object_ids: &[ObjectId]) -> Result<Vec<Fixes>> {
    let ids = object_ids.to_vec();
    let mut fixes = vec![Fixes::new(); ids.len()];
    for row in tx.query(sql_file!("ledger/fixes.sql"), &[&ids]).await? {
        let object_id: ObjectId = row.get(0);
        if let Some(index) = object_ids.iter().position(|id| *id == object_id) {
            fixes[index].insert(row.get(1), row.get(2));
        }
    }
    Ok(fixes)
}

/// The open rejects of an entity in one lake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenRejects {
    /// Id of the lake.
    pub lake: LakeId,
    /// Its oldest address, if it has one.
    pub address: Option<String>,
    /// Number of open rejects.
    pub count: i64,
}

/// Counts the open rejects of an entity, of one run if `run_id` names one, lake by lake. Lakes without open
/// rejects are left out.
///
/// # Errors
/// See [`crate::pg`].
pub async fn open(pool: &Pool, entity: &str, run_id: &Option<String>) -> Result<Vec<OpenRejects>> {
    let connection = pool.get().await?;
    let rows = connection.query(sql_file!("ledger/open_rejects.sql"), &[&entity, run_id]).await?;
    Ok(rows.iter().map(|row| OpenRejects { lake: row.get(0), address: row.get(1), count: row.get(2) }).collect())
}
