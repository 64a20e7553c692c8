//! TableStatements that a new table is given after it is full.

/// A statement about a new table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    pub text: String,
    /// A `set local …` that goes in front of it; may be empty.
    pub setting: String,
    /// It depends on what the new table has already (grants): when one of these changes, all of them run
    /// again.
    pub is_repeated: bool,
}

impl Statement {
    /// Whether it builds an index that takes no key twice.
    pub(super) fn is_unique_index(&self) -> bool {
        self.text.starts_with("create unique index ")
    }
}

impl From<String> for Statement {
    fn from(text: String) -> Self {
        Self { text, setting: String::new(), is_repeated: false }
    }
}

/// All statements that make a new table like the one it replaces.
#[derive(Debug)]
pub(super) struct TableStatements {
    /// Build an index each; may run side by side.
    pub indexes: Vec<Statement>,
    /// Follow the indexes, one after the other: constraints, grants, policies, triggers, comments …
    pub rest: Vec<Statement>,
}

impl TableStatements {
    pub(super) fn all(&self) -> Vec<Statement> {
        [&self.indexes[..], &self.rest].concat()
    }
}
