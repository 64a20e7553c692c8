//! What the rows of core were made by, compared with what would make them now.
//!
//! A model, a zone or a date format that changes says nothing about documents that do not: their rows stay as
//! the old definition made them, until every row is made again.

use super::job::EntityJob;
use super::summary::TransformSummary;
use super::transaction::begin;
use crate::entity::{Entity, Model};
use crate::error::Result;
use crate::ledger::definitions::{self, MadeBy};
use crate::pg::{Ask, Transaction};

/// What differs between the definitions of an entity and those by which its core tables were made. A table of
/// which nothing is recorded counts as made by its present definition.
#[derive(Debug, Clone, Default)]
pub struct Definitions {
    /// Tables with rows of another definition.
    pub changed: Vec<String>,
    /// Columns that a model has filled and does not give any more: `core.evo_members.nickname`.
    pub unfilled: Vec<String>,
    /// Tables of which nothing is recorded.
    unknown: Vec<String>,
}

impl Definitions {
    /// Compares the definitions of an entity with the ledger.
    ///
    /// # Errors
    /// See [`crate::pg`].
    pub async fn read(on: &impl Ask, entity: &Entity) -> Result<Self> {
        let made = definitions::of_entity(on, &entity.name).await?;
        let mut found = Self::default();
        for model in &entity.models {
            match made.iter().find(|made| made.table == model.table) {
                None => found.unknown.push(model.table.clone()),
                Some(made) => found.compare(model, made),
            }
        }
        Ok(found)
    }

    fn compare(&mut self, model: &Model, made: &MadeBy) {
        if made.digest.as_ref() != Some(&model.digest) {
            self.changed.push(model.table.clone());
        }
        let is_given = |name: &String| model.select.columns().iter().any(|column| column.name == *name);
        let unfilled = made.columns.iter().filter(|name| !is_given(name));
        self.unfilled.extend(unfilled.map(|name| format!("{}.{name}", model.table)));
    }

    /// Records, before the first row of an increment, that tables will have rows of more than one definition.
    pub(super) async fn begin(&self, job: &EntityJob) -> Result<()> {
        if self.changed.is_empty() && self.unknown.is_empty() {
            return Ok(());
        }
        let mut connection = job.pool.get().await?;
        let tx = begin(&mut connection).await?;
        self.note_part(&tx, &job.entity).await?;
        tx.commit().await
    }

    /// Records that some of the rows are made by the models as they are now.
    pub(super) async fn note_part(&self, tx: &Transaction<'_>, entity: &Entity) -> Result<()> {
        for model in &entity.models {
            if self.changed.contains(&model.table) {
                note(tx, entity, model, None).await?;
            } else if self.unknown.contains(&model.table) {
                note(tx, entity, model, Some(&model.digest)).await?;
            }
        }
        Ok(())
    }

    /// Adds to a summary what differed, and logs what stays so.
    pub(super) fn report(self, summary: &mut TransformSummary) {
        if !self.changed.is_empty() && !summary.has_all_rows {
            tracing::warn!(
                entity = summary.entity,
                tables = self.changed.join(", "),
                "rows were made by an older definition; evo transform {} --full-refresh makes all of them again",
                summary.entity
            );
        }
        for column in &self.unfilled {
            tracing::warn!(entity = summary.entity, column, "no model fills this column any more: it keeps its values");
        }
        for column in &summary.absent_columns {
            tracing::warn!(entity = summary.entity, column, "the model gives a column that its table lacks: left out");
        }
        summary.changed_definitions = self.changed;
        summary.unfilled_columns = self.unfilled;
    }
}

/// Records that all rows of the entity's core tables are made by the models as they are now.
pub(super) async fn note_current(tx: &Transaction<'_>, entity: &Entity) -> Result<()> {
    for model in &entity.models {
        note(tx, entity, model, Some(&model.digest)).await?;
    }
    Ok(())
}

async fn note(tx: &Transaction<'_>, entity: &Entity, model: &Model, digest: Option<&str>) -> Result<()> {
    let columns: Vec<String> = model.select.columns().iter().map(|column| column.name.clone()).collect();
    definitions::note(tx, (&model.table, &entity.name), digest, &columns).await
}
