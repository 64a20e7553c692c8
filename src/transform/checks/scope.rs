//! Which rows of core are checked.

use crate::entity::{Entity, Model};
use crate::ids::BatchId;
use crate::sql::{fill, ident, literal, qualified};
use crate::transform::staged::array;

/// Which rows of core are checked.
#[derive(Debug, Clone)]
pub enum Scope {
    /// The tables as readers see them.
    Serving,
    /// The rows, in the tables as readers see them, that an increment may have changed.
    Changed(Changed),
    /// A generation that readers do not see yet.
    Generation(Vec<Leaf>),
}

/// The rows of documents that came with some batches, and what an increment knows of them.
#[derive(Debug, Clone, Default)]
pub struct Changed {
    /// The batches.
    pub batches: Vec<BatchId>,
    /// Tables of which all these rows are known to have their parents.
    pub with_parents: Vec<String>,
    /// Tables in which all these rows were there before.
    pub without_new_rows: Vec<String>,
}

/// A table of a generation that readers do not see yet.
#[derive(Debug, Clone)]
pub struct Leaf {
    /// The core table, as the model names it.
    pub table: String,
    /// The new table; qualified and quoted.
    pub new: String,
    /// The partition that it is to replace; qualified and quoted.
    pub replaces: String,
    /// All of its rows are known to have their parents.
    pub has_parents: bool,
}

impl Scope {
    /// The rows of a core table that are checked, as a relation.
    pub(super) fn rows(&self, entity: &Entity, model: &Model) -> String {
        let Scope::Changed(changed) = self else { return self.all(&model.table) };
        fill(
            sql_file!("transform/changed_rows.sql").trim_end(),
            &[
                ("table", &qualified(&model.table)),
                ("parent", &ident(&model.parent_key)),
                ("key", &ident(&entity.staging.key_column)),
                ("staging", &qualified(&entity.staging.table)),
                ("batches", &array(&changed.batches)),
            ],
        )
    }

    /// A whole core table as a relation.
    pub(super) fn all(&self, table: &str) -> String {
        let Scope::Generation(leaves) = self else { return qualified(table) };
        let leaves = leaves.iter().filter(|leaf| leaf.table == table);
        let selects: Vec<String> = leaves.map(|leaf| format!("select * from {}", leaf.new)).collect();
        format!("({})", selects.join(" union all "))
    }

    /// Whether all rows of a table that are checked are known to have their parents.
    pub(super) fn has_parents(&self, table: &str) -> bool {
        match self {
            Scope::Serving => false,
            Scope::Changed(changed) => changed.with_parents.iter().any(|name| name == table),
            Scope::Generation(leaves) => leaves.iter().filter(|leaf| leaf.table == table).all(|leaf| leaf.has_parents),
        }
    }

    /// Whether no row of a table is new among those that are checked.
    pub(super) fn has_no_new_rows(&self, table: &str) -> bool {
        matches!(self, Scope::Changed(changed) if changed.without_new_rows.iter().any(|name| name == table))
    }

    /// The leaf tables as a relation `(table_name text, part oid)`. Those of a generation as they will be
    /// after the swap: a single year is checked together with the others.
    pub(in crate::transform) fn leaves(&self, entity: &Entity) -> String {
        let leaves: &[Leaf] = if let Scope::Generation(leaves) = self { leaves } else { &[] };
        let serving = |model: &Model| {
            let replaced = leaves.iter().filter(|leaf| leaf.table == model.table);
            let replaced: Vec<String> = replaced.map(|leaf| format!("{}::regclass", literal(&leaf.replaces))).collect();
            fill(
                sql_file!("transform/leaves.sql").trim_end(),
                &[("table", &literal(&model.table)), ("replaced", &replaced.join(", "))],
            )
        };
        let new = |leaf: &Leaf| format!("select {}, {}::regclass::oid", literal(&leaf.table), literal(&leaf.new));
        let selects = entity.models.iter().map(serving).chain(leaves.iter().map(new));
        format!("({})", selects.collect::<Vec<_>>().join(" union all "))
    }
}
