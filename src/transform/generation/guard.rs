//! What a new generation must fulfil before readers see it.

use super::build::{Build, Keys};
use super::fill::Filled;
use crate::entity::Entity;
use crate::error::{Error, Kind, Result};
use crate::pg::Connection;

/// The parent table has a row per staged document.
pub(super) fn documents(entity: &Entity, filled: &Filled) -> Result<()> {
    let Some(parent) = filled.tables.first().filter(|parent| parent.rows != filled.documents) else {
        return Ok(());
    };
    Err(Error::new(
        Kind::CheckFailed,
        format!(
            "{}: the new generation has {} rows for {} staged documents",
            parent.table, parent.rows, filled.documents
        ),
    )
    .detail(format!("entity {}", entity.name))
    .hint("the old generation still serves; a model must give one row per document in its parent table"))
}

/// No table loses more than `max_shrink` of its rows. `old_rows` are those of each build's partition.
pub(super) fn shrink(
    entity: &Entity,
    builds: &[Build],
    filled: &Filled,
    old_rows: &[u64],
    max_shrink: f64,
) -> Result<()> {
    for (i, table) in filled.tables.iter().enumerate() {
        let old: u64 = builds.iter().zip(old_rows).filter(|(b, _)| b.model == i).map(|(_, rows)| *rows).sum();
        let lost = old.saturating_sub(table.rows);
        if lost as f64 > old as f64 * max_shrink {
            return Err(Error::new(
                Kind::CheckFailed,
                format!(
                    "{}: the new generation has {} rows, the old one {old}: {:.0} % fewer, more than --max-shrink {:.0}% allows",
                    entity.models[i].table,
                    table.rows,
                    lost as f64 * 100.0 / old as f64,
                    max_shrink * 100.0
                ),
            )
            .hint("the old generation still serves; look into staging, or say --max-shrink 100% if the rows are to go"));
        }
    }
    Ok(())
}

/// Every foreign key that references core holds for the new generation too.
pub(super) async fn orphans(connection: &Connection, builds: &[Build], keys: &Keys) -> Result<()> {
    for key in keys.list.iter().filter(|key| key.was_validated) {
        let parts: Vec<&str> = builds.iter().filter(|b| b.model == key.model).map(|b| b.new.as_str()).collect();
        // Of one year only, the referenced row may be in another.
        let [new] = parts[..] else { continue };
        if !connection.query(&key.orphan.replace("{new}", new), &[]).await?.is_empty() {
            return Err(Error::new(
                Kind::CheckFailed,
                format!("{} references rows that the new generation does not have", key.table),
            )
            .detail(format!("foreign key {} {}", key.name, key.definition))
            .hint("the old generation still serves; delete or mend the referencing rows"));
        }
    }
    Ok(())
}
