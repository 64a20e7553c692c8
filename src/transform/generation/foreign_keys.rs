//! Foreign keys that reference the entity's core tables. A partition with referenced rows cannot be detached:
//! the swap drops them and adds them again.

use crate::entity::Entity;
use crate::error::Result;
use crate::pg::{Connection, Row};
use crate::sql::{ident, literal};

/// A foreign key that references a core table.
#[derive(Debug)]
pub(super) struct ForeignKey {
    /// Index of the referenced model in the entity.
    pub model: usize,
    /// The referencing table, qualified and quoted.
    pub table: String,
    pub name: String,
    pub definition: String,
    pub was_validated: bool,
    /// The referencing table is partitioned: such a table takes no key that is NOT VALID.
    pub is_partitioned: bool,
    pub comment: Option<String>,
    /// A query for one orphan, with `{new}` for the referenced rows.
    pub orphan: String,
}

/// Reads the foreign keys that reference any core table of the entity.
pub(super) async fn read(connection: &mut Connection, entity: &Entity) -> Result<Vec<ForeignKey>> {
    let tx = connection.begin().await?;
    let mut keys = Vec::new();
    for (model, table) in entity.models.iter().map(|model| &model.table).enumerate() {
        let rows = tx.query(sql_file!("transform/generation/foreign_keys.sql"), &[table]).await?;
        keys.extend(rows.iter().map(|row| foreign_key(model, row)));
    }
    tx.rollback().await?;
    Ok(keys)
}

fn foreign_key(model: usize, row: &Row) -> ForeignKey {
    ForeignKey {
        model,
        table: row.get(0),
        name: row.get(1),
        definition: row.get(2),
        was_validated: row.get(3),
        is_partitioned: row.get(4),
        comment: row.get(5),
        orphan: row.get(6),
    }
}

impl ForeignKey {
    pub(super) fn drop_sql(&self) -> String {
        format!("alter table {} drop constraint {}", self.table, ident(&self.name))
    }

    /// Adds the key without checking the rows, which keeps the swap short; it is validated afterwards.
    pub(super) fn add_sql(&self) -> Vec<String> {
        let valid = if self.is_partitioned { "" } else { " not valid" };
        let name = ident(&self.name);
        let add = format!("alter table {} add constraint {name} {}{valid}", self.table, self.definition);
        let comment = self
            .comment
            .as_ref()
            .map(|comment| format!("comment on constraint {name} on {} is {}", self.table, literal(comment)));
        std::iter::once(add).chain(comment).collect()
    }

    fn validate_sql(&self) -> String {
        format!("alter table {} validate constraint {}", self.table, ident(&self.name))
    }
}

/// Validates the foreign keys that are `wanted`. One that does not hold stays NOT VALID and is named in a
/// warning.
pub(super) async fn validate(connection: &Connection, keys: &[ForeignKey], wanted: impl Fn(&ForeignKey) -> bool) {
    for key in keys.iter().filter(|key| wanted(key)) {
        if let Err(error) = connection.batch(&key.validate_sql()).await {
            tracing::warn!(
                table = key.table,
                constraint = key.name,
                error = error.message(),
                "the foreign key no longer holds for all rows of its table; it stays NOT VALID"
            );
        }
    }
}
