//! Documents that the warehouse refused.

use super::table::AtTable;
use crate::error::Kind;
use crate::ids::RowKey;
use crate::pg::sqlstate::STRING_TOO_LONG;
use crate::transform::refusal::Refusal;

/// A document that was refused.
#[derive(Debug, Clone)]
pub(super) struct RefusedDocument {
    pub key: RowKey,
    pub table: String,
    /// The column, constraint or function that refused it.
    pub by: String,
    pub reason: String,
}

impl RefusedDocument {
    pub(super) fn new(key: RowKey, at: AtTable) -> Self {
        let AtTable { table, error } = at;
        let named = error.named();
        let by = [&named.constraint, &named.column, &named.function].into_iter().flatten().next().cloned();
        // The server's message about a value that does not fit may hold the value.
        let reason = match (error.kind(), error.sqlstate()) {
            (Kind::BadRow, code) if code != Some(STRING_TOO_LONG) && named.function.is_none() => {
                format!("a value does not fit its column (SQLSTATE {})", code.unwrap_or("unknown"))
            }
            // The summary names the table itself.
            _ => error.message().trim_start_matches(&format!("{table}: ")).to_owned(),
        };
        let by = by.or_else(|| error.sqlstate().map(str::to_owned)).unwrap_or_default();
        Self { key, by, reason, table }
    }
}

/// The documents grouped by table and reason, with a few keys each.
pub(super) fn grouped(refused: &[RefusedDocument]) -> Vec<Refusal> {
    let mut groups: Vec<Refusal> = Vec::new();
    for one in refused {
        let is_same = |group: &Refusal| group.table == one.table && group.reason == one.reason;
        let at = groups.iter().position(is_same).unwrap_or_else(|| {
            groups.push(Refusal { table: one.table.clone(), reason: one.reason.clone(), ..Refusal::default() });
            groups.len() - 1
        });
        groups[at].add(&Refusal { documents: 1, keys: vec![one.key.to_string()], ..Refusal::default() });
    }
    groups
}
