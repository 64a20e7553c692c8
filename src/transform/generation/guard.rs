//! The conditions that a new generation must fulfil before readers see it.

use super::build::Build;
use super::foreign_keys::ForeignKey;
use super::index::Indexed;
use super::prove::Filled;
use crate::counted::{count, counted};
use crate::entity::Entity;
use crate::error::{Error, Kind, Result};
use crate::pg::Connection;

/// The parent table has exactly one row per staged document; a history has one at least.
pub(super) fn require_all_documents(entity: &Entity, filled: &Filled) -> Result<()> {
    let is_history = entity.models.first().is_some_and(|model| model.is_history);
    let is_wrong = |rows: u64| if is_history { rows < filled.documents } else { rows != filled.documents };
    let Some(parent) = filled.tables.first().filter(|parent| is_wrong(parent.rows)) else {
        return Ok(());
    };
    let documents = counted(filled.documents, "staged document", "staged documents");
    let (table, rows) = (&parent.table, counted(parent.rows, "row", "rows"));
    let message = format!("{table}: the new generation has {rows} for {documents}");
    Err(Error::new(Kind::CheckFailed, message)
        .detail(format!("entity {}", entity.name))
        .hint("the old generation still serves; a model must give one row per document in its parent table"))
}

/// No table loses more than the share `max_shrink` of its rows.
pub(super) fn refuse_shrinking(indexed: &Indexed, max_shrink: f64) -> Result<()> {
    let builds = indexed.filled.plan.builds.iter().zip(&indexed.old_rows);
    for (i, table) in indexed.filled.tables.iter().enumerate() {
        let old: u64 = builds.clone().filter(|(build, _)| build.model == i).map(|(_, rows)| *rows).sum();
        let lost = old.saturating_sub(table.rows);
        if lost as f64 > old as f64 * max_shrink {
            let rows = counted(table.rows, "row", "rows");
            let (name, allowed, old_rows) = (&table.table, max_shrink * 100.0, count(old));
            let percent = lost as f64 * 100.0 / old as f64;
            return Err(Error::new(
                Kind::CheckFailed,
                format!(
                    "{name}: the new generation has {rows}, the old one {old_rows}: {percent:.0} % fewer, more than \
                     --max-shrink {allowed:.0}% allows"
                ),
            )
            .hint(
                "the old generation still serves; check staging, or say --max-shrink 100% if the rows are meant to go",
            ));
        }
    }
    Ok(())
}

/// Every validated foreign key that references core holds for the new generation too.
pub(super) async fn require_references(connection: &Connection, builds: &[Build], keys: &[ForeignKey]) -> Result<()> {
    for key in keys.iter().filter(|key| key.was_validated) {
        let parts: Vec<&str> = builds.iter().filter(|b| b.model == key.model).map(|b| b.new.as_str()).collect();
        // With several partitions the referenced row may be in any of them, also in one that is not rebuilt.
        let [new] = parts[..] else { continue };
        if !connection.query(&key.orphan.replace("{new}", new), &[]).await?.is_empty() {
            let message = format!("{} references rows that the new generation does not have", key.table);
            return Err(Error::new(Kind::CheckFailed, message)
                .detail(format!("foreign key {} {}", key.name, key.definition))
                .hint("the old generation still serves; delete or correct the referencing rows"));
        }
    }
    Ok(())
}
