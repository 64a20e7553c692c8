//! The keys of a chunk, in a temporary table.

use crate::entity::Entity;

/// The name of the temporary table with the keys of a chunk.
pub(super) fn changed_table(entity: &Entity) -> String {
    format!("evo_changed{}", entity.key_type().suffix())
}
