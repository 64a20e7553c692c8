//! Whose tables they are.

use crate::entity::Entity;
use crate::transform::dimension::Dimension;

/// The entities and dimensions of the command.
pub(super) struct Owners<'a> {
    pub(super) entities: Vec<&'a Entity>,
    dimensions: Vec<&'a Dimension>,
}

impl<'a> Owners<'a> {
    pub(super) fn of((entities, dimensions): (Vec<&'a Entity>, Vec<&'a Dimension>)) -> Self {
        Self { entities, dimensions }
    }

    /// Their tables, qualified.
    pub(super) fn tables(&self) -> Vec<String> {
        let models = |e: &&Entity| e.models.iter().map(|m| m.table.clone()).collect::<Vec<_>>();
        let of_entities = self.entities.iter().flat_map(|e| std::iter::once(e.staging.table.clone()).chain(models(e)));
        of_entities.chain(self.dimensions.iter().map(|d| d.table.clone())).collect()
    }

    /// Their names.
    pub(super) fn names(&self) -> Vec<&'a str> {
        let entities = self.entities.iter().map(|e| e.name.as_str());
        entities.chain(self.dimensions.iter().map(|d| d.name.as_str())).collect()
    }

    /// The name of a table's owner, and whether full refreshes make a new generation of the table.
    pub(super) fn owner(&self, table: &str) -> (Option<&'a str>, bool) {
        if let Some(dimension) = self.dimensions.iter().find(|d| d.table == table) {
            return (Some(&dimension.name), false);
        }
        let has_model = |e: &&&Entity| e.models.iter().any(|m| m.table == table);
        if let Some(entity) = self.entities.iter().find(has_model) {
            return (Some(&entity.name), true);
        }
        (self.entities.iter().find(|e| e.staging.table == table).map(|e| e.name.as_str()), false)
    }
}
