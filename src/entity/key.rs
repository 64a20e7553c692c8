//! How the key of a document is read, and by which time staging is partitioned.

use serde::Deserialize;

/// How the bigint key of a document is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyRule {
    /// An integer field of the document.
    Field(String),
    /// MD5 over these fields joined with `|`, first 15 hex digits, modulo 10^15. The first field must not be
    /// missing.
    Digest(Vec<String>),
}

/// The time column by which the staging table is partitioned.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Partition {
    /// Column of type timestamptz, part of the primary key.
    pub column: String,
    /// Field of the document that holds the local time.
    pub field: String,
    /// The time that a partition covers.
    pub by: PartitionBy,
}

/// The time that a partition covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PartitionBy {
    /// A calendar year of the entity's zone.
    Year,
}
