//! How the key of a document is read, and the time that may be part of it.

use serde::Deserialize;

/// How the key of a document is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyRule {
    /// A field of the document.
    Field(String, KeyType),
    /// Several fields that together are unique: an MD5 over all of them as a uuid. None may be missing.
    Fields(Vec<String>),
    /// MD5 over these fields joined with `|`, first 15 hex digits, modulo 10^15: a bigint. The first field
    /// must not be missing.
    Digest(Vec<String>),
}

/// The type of the key column of a staging table, and of the column of each core table that holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyType {
    /// bigint
    Integer,
    /// text in the collation "C"
    Text,
    /// uuid
    Uuid,
}

impl KeyRule {
    /// The fields that it reads.
    pub fn fields(&self) -> Vec<String> {
        match self {
            Self::Field(field, _) => vec![field.clone()],
            Self::Fields(fields) | Self::Digest(fields) => fields.clone(),
        }
    }

    /// The type of the keys that it gives.
    pub fn key_type(&self) -> KeyType {
        match self {
            Self::Field(_, key_type) => *key_type,
            Self::Fields(_) => KeyType::Uuid,
            Self::Digest(_) => KeyType::Integer,
        }
    }
}

impl KeyType {
    /// The words for them in a declaration.
    pub const NAMES: [(&'static str, Self); 3] =
        [("integer", Self::Integer), ("text", Self::Text), ("uuid", Self::Uuid)];

    /// Its name in SQL.
    pub fn sql(self) -> &'static str {
        match self {
            Self::Integer => "bigint",
            Self::Text => "text",
            Self::Uuid => "uuid",
        }
    }

    /// A column of this type.
    pub fn column(self) -> &'static str {
        match self {
            Self::Integer | Self::Uuid => self.sql(),
            Self::Text => "text collate \"C\"",
        }
    }

    /// What the names of temporary tables with such a key end in: a session keeps its temporary tables.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Integer => "",
            Self::Text => "_text",
            Self::Uuid => "_uuid",
        }
    }

    /// The server's hash of a key with 32 bits, which takes a key, and with 64 bits, which takes a seed too.
    pub fn hashes(self) -> (&'static str, &'static str) {
        match self {
            Self::Integer => ("hashint8", "hashint8extended"),
            Self::Text => ("hashtext", "hashtextextended"),
            Self::Uuid => ("uuid_hash", "uuid_hash_extended"),
        }
    }

    /// A key as the first part of `evo.issues.key_text`, which separates its parts by commas.
    pub fn part(self, key: &str) -> String {
        match self {
            Self::Integer | Self::Uuid => format!("{key}::text"),
            Self::Text => format!("replace(replace({key}, '%', '%25'), ',', '%2C')"),
        }
    }
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

/// The time that tells the versions of a document apart, where staging keeps each of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// Column of type timestamptz, part of the primary key of staging and of each history table: since when
    /// the version counts.
    pub column: String,
    /// Fields of the document that hold the local time; the first one with a value counts.
    pub fields: Vec<String>,
}

impl History {
    /// The column of a history table until when a version counts: null for the newest one.
    pub const ENDS: &'static str = "valid_to";
}

/// The second part of a key in staging: a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyTime<'a> {
    /// Its column of type timestamptz.
    pub column: &'a str,
    /// Fields of the document that hold the local time; the first one with a value counts.
    pub fields: &'a [String],
}

/// The time that a partition covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PartitionBy {
    /// A calendar year of the entity's zone.
    Year,
}
