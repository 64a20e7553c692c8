//! The entities that can be generated, and how many records of each there are.

use std::fmt;

/// An entity that can be generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Entity {
    /// People with contracts.
    Members,
    /// Sales with their items and receivables.
    Sales,
    /// Passages through turnstiles.
    Entries,
    /// People who may become members.
    Prospects,
}

impl Entity {
    /// All entities, in the order in which they are written.
    pub const ALL: [Entity; 4] = [Entity::Members, Entity::Sales, Entity::Entries, Entity::Prospects];

    /// The name in paths and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Entity::Members => "members",
            Entity::Sales => "sales",
            Entity::Entries => "entries",
            Entity::Prospects => "prospects",
        }
    }

    /// Records of a full object, unless the plan has another number.
    pub fn part_records(self) -> u64 {
        match self {
            Entity::Members => 2_000,
            Entity::Sales | Entity::Prospects => 5_000,
            Entity::Entries => 10_000,
        }
    }
}

impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How many records of each entity the first run holds; the other entities refer to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Records(pub [u64; 4]);

impl Records {
    /// The number of records of `entity`.
    pub fn of(&self, entity: Entity) -> u64 {
        self.0[entity as usize]
    }

    /// Sets the records of `entity`.
    pub fn set(&mut self, entity: Entity, records: u64) {
        self.0[entity as usize] = records;
    }
}

impl Default for Records {
    /// A lake that is written in seconds and loaded in less than a minute.
    fn default() -> Self {
        Self([5_000, 20_000, 50_000, 1_500])
    }
}
