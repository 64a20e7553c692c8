//! The numbers that address rows of the ledger and the objects of a batch.
//!
//! Each has a type of its own, so that a batch, an object and a fencing token cannot be passed in each
//! other's place. `ledger/sent.rs` makes them parameters and columns of statements.
//!
//! And the id of a document, which its source gives: [`RowKey`].

use std::fmt;

use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_128;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident($inner:ty);)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

ids! {
    /// A row of `evo.batches`.
    BatchId(i64);
    /// A row of `evo.objects`: one version of one object of the lake.
    ObjectId(i64);
    /// A row of `evo.extractions`.
    ExtractionId(i64);
    /// A row of `evo.windows`.
    WindowId(i64);
    /// A row of `evo.rejects`.
    RejectId(i64);
    /// A row of `evo.lakes`.
    LakeId(i32);
    /// A row of `evo.runs`: one execution of a command.
    ExecutionId(Uuid);
    /// The fencing token of a batch or a window. Each claim and each attempt raises it, and what was begun
    /// under an older token changes nothing.
    Fence(i32);
    /// The position of an object in its batch, from 0, in the order of [`crate::bronze::order`].
    ObjectNo(i32);
}

/// A key as the sets of seen keys hold it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeenKey {
    /// An integer itself, or the digest of any other key and of one with a time.
    pub key: i64,
    /// Where it lies among others: its time in microseconds since 1970, or the same as `key`.
    pub place: i64,
}

impl Default for LakeId {
    /// The first lake that a ledger meets.
    fn default() -> Self {
        Self(1)
    }
}

impl ExecutionId {
    /// The id of no execution, for a dry run, which records nothing.
    pub const NONE: Self = Self(Uuid::nil());

    /// A new id. Later executions have greater ones (UUID version 7).
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }
}

impl Default for ExecutionId {
    fn default() -> Self {
        Self::new()
    }
}

impl ObjectNo {
    /// The number of the object at `index`.
    pub fn at(index: usize) -> Self {
        Self(i32::try_from(index).unwrap_or(i32::MAX))
    }

    /// The index of the object in its batch.
    pub fn index(self) -> usize {
        self.0.unsigned_abs() as usize
    }
}

/// The id of a document: what the key column of its staging table holds. The ids of an entity are all of one
/// kind, and sort as the server sorts them (texts by their bytes).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RowKey {
    /// A bigint.
    Integer(i64),
    /// A text, in the collation "C".
    Text(Box<str>),
    /// A uuid, or the digest of several fields.
    Uuid(Uuid),
}

impl RowKey {
    /// A number that no other id of the entity has: the id itself, or 128 bits of a digest of a text.
    pub fn identity(&self) -> [u64; 2] {
        let number = match self {
            Self::Integer(id) => return [0, id.cast_unsigned()],
            Self::Text(text) => xxh3_128(text.as_bytes()),
            Self::Uuid(id) => id.as_u128(),
        };
        [(number >> 64) as u64, number as u64]
    }
}

impl RowKey {
    /// The id as a part of a list that commas separate: as in `evo.issues.key_text` and on the command line.
    pub fn part(&self) -> String {
        match self {
            Self::Text(text) => text.replace('%', "%25").replace(',', "%2C"),
            Self::Integer(_) | Self::Uuid(_) => self.to_string(),
        }
    }
}

impl fmt::Display for RowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(id) => id.fmt(f),
            Self::Text(text) => text.fmt(f),
            Self::Uuid(id) => id.fmt(f),
        }
    }
}
