//! `evo.rejects`: lines that could not be staged, verbatim, and what became of them.

use std::collections::{HashMap, HashSet};

use crate::error::{Error, Kind, Result};
use crate::ids::{LakeId, ObjectId, RejectId};
use crate::pg::{Pool, Row, Transaction};

/// Which rejects are meant.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of these entities.
    pub entities: Vec<String>,
    /// Of this run only.
    pub run_id: Option<String>,
    /// Also those that are resolved.
    pub resolved_too: bool,
}

/// A refused line without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// Its id.
    pub reject_id: RejectId,
    /// Entity.
    pub entity: String,
    /// Object that holds it.
    pub path: String,
    /// Line, from 1.
    pub line_number: i64,
    /// Where the line begins in the decompressed object.
    pub byte_offset: i64,
    /// Why.
    pub reason: String,
    /// What PostgreSQL answers to it, if it is PostgreSQL's verdict.
    pub sqlstate: Option<String>,
    /// Length of the line.
    pub bytes: i64,
    /// When, UTC.
    pub rejected_at: String,
    /// Whether it is in, or replaced, by now.
    pub is_resolved: bool,
    /// Whether there is a corrected text for it.
    pub is_fixed: bool,
}

/// How many lines were refused for a reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// Entity.
    pub entity: String,
    /// The reason.
    pub reason: String,
    /// Lines.
    pub lines: i64,
    /// Objects that hold them.
    pub objects: i64,
}

/// Corrected texts of an object by line number.
pub type Fixes = HashMap<i64, Vec<u8>>;

/// The newest rejects, at most `limit`.
///
/// # Errors
/// As the server says.
pub async fn list(pool: &Pool, filter: &Filter, limit: i64) -> Result<Vec<Reject>> {
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

/// Why lines were refused, and how many.
///
/// # Errors
/// As the server says.
pub async fn reasons(pool: &Pool, filter: &Filter) -> Result<Vec<Reason>> {
    let connection = pool.get().await?;
    let params: [&dyn crate::pg::Param; 3] = [&filter.entities, &filter.run_id, &filter.resolved_too];
    let rows = connection.query(sql_file!("ledger/reject_reasons.sql"), &params).await?;
    let reason = |row: &Row| Reason { entity: row.get(0), reason: row.get(1), lines: row.get(2), objects: row.get(3) };
    Ok(rows.iter().map(reason).collect())
}

/// The content of a refused line, with the reject's fields.
///
/// # Errors
/// `Usage` when there is no such reject; as the server says.
pub async fn content(pool: &Pool, reject_id: RejectId) -> Result<Content> {
    let connection = pool.get().await?;
    let sql = "select reject_id, entity, path, line_number, byte_offset, reason, sqlstate, line, fixed_line from evo.rejects where reject_id = $1";
    let rows = connection.query(sql, &[&reject_id]).await?;
    let row = rows.first().ok_or_else(|| {
        Error::new(Kind::Usage, format!("there is no reject {reject_id}")).hint("evo rejects list all")
    })?;
    Ok(Content { fixed_line: row.get(8), ..Content::of(row) })
}

/// A refused line with its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Its id.
    pub reject_id: RejectId,
    /// Entity.
    pub entity: String,
    /// Object that holds it.
    pub path: String,
    /// Line, from 1.
    pub line_number: i64,
    /// Where the line begins in the decompressed object.
    pub byte_offset: i64,
    /// Why.
    pub reason: String,
    /// PostgreSQL's answer, if it is its verdict.
    pub sqlstate: Option<String>,
    /// The line, verbatim.
    pub line: Vec<u8>,
    /// A corrected text.
    pub fixed_line: Option<Vec<u8>>,
}

impl Content {
    /// Of a row that begins with these fields in this order; without a corrected text.
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

/// Hands every open reject with its content to `each`, one at a time. Returns how many.
///
/// # Errors
/// Those of `each`; as the server says.
pub async fn export(pool: &Pool, filter: &Filter, mut each: impl FnMut(Content) -> Result<()>) -> Result<u64> {
    let mut connection = pool.get().await?;
    let tx = connection.begin().await?;
    let mut rows = tx.rows(sql_file!("ledger/export_rejects.sql"), &[&filter.entities, &filter.run_id]).await?;
    let mut count = 0;
    while let Some(row) = rows.next().await? {
        each(Content::of(&row))?;
        count += 1;
    }
    drop(rows);
    tx.rollback().await?;
    Ok(count)
}

/// Keeps corrected texts, all of them or none: returns the ids that are not those of open rejects.
///
/// # Errors
/// As the server says.
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
/// As the server says.
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
    /// The lake.
    pub lake: LakeId,
    /// Its oldest address, if it has one.
    pub address: Option<String>,
    /// Lines.
    pub count: i64,
}

/// Counts the open rejects of an entity, of one run if `run_id` names one, lake by lake. Lakes without any are left out.
///
/// # Errors
/// As the server says.
pub async fn open(pool: &Pool, entity: &str, run_id: &Option<String>) -> Result<Vec<OpenRejects>> {
    let connection = pool.get().await?;
    let rows = connection.query(sql_file!("ledger/open_rejects.sql"), &[&entity, run_id]).await?;
    Ok(rows.iter().map(|row| OpenRejects { lake: row.get(0), address: row.get(1), count: row.get(2) }).collect())
}
